#!/bin/sh
# What udhcpc calls for whatever happens: tells the lease that it got.
[ "$1" = bound ] && echo "lease $ip ${mask:-24} ${router%% *} ${dns%% *}"
exit 0
