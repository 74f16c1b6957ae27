"""Joins a multicast group on an interface and counts its datagrams: group_receiver.py DEVICE GROUP [SOURCE]

Prints `joined`, and the count whenever it grows."""
import ipaddress
import socket
import struct
import sys

device, group, *source = sys.argv[1:]
family = socket.AF_INET6 if ":" in group else socket.AF_INET
level = socket.IPPROTO_IPV6 if ":" in group else socket.IPPROTO_IP
MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP = 42, 46


def storage(address):
    packed = ipaddress.ip_address(address).packed
    if family == socket.AF_INET6:
        return struct.pack("=HHI", family, 0, 0) + packed + bytes(128 - 24)
    return struct.pack("=HH", family, 0) + packed + bytes(128 - 8)


s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((group, 5555))
index = socket.if_nametoindex(device)
request = struct.pack("=I4x", index) + storage(group) + (storage(source[0]) if source else b"")
s.setsockopt(level, MCAST_JOIN_SOURCE_GROUP if source else MCAST_JOIN_GROUP, request)
print("joined", flush=True)
count = 0
while True:
    s.recv(2048)
    count += 1
    print(count, flush=True)
