#!/bin/sh
# Prints a golden file anew: its commands, run with iproute2 on a bridge of the kernel. As root, in a machine or a guest whose
# kernel has bridge VLAN filtering. Say which file.
set -eu
golden=$1
errors=$(mktemp)
ip link add tlbr type bridge vlan_filtering 1
for i in 1 2 3; do
  ip tuntap add tlb$i mode tap
  ip link set tlb$i master tlbr
done
sed -n 's/^\$ bridge //p' "$golden" | while read -r words; do
  echo "\$ bridge $words"
  code=0
  # shellcheck disable=SC2086 # words of a command line
  bridge $words 2>"$errors" || code=$?
  sed 's/^/! /' "$errors"
  echo "-> $code"
done
for i in 1 2 3; do ip link del tlb$i; done
ip link del tlbr
rm "$errors"
