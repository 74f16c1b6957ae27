"""One router advertisement of a default route, by the interface that is named."""

import socket
import struct
import sys

ROUTER_ADVERTISEMENT = 134
HOP_LIMIT = 64
LIFETIME_SECONDS = 1800

sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(sys.argv[1]))
message = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, HOP_LIMIT, 0, LIFETIME_SECONDS, 0, 0)
sender.sendto(message, ("ff02::1", 0))
