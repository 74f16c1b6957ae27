"""Sends COUNT datagrams to a group, from an interface: group_sender.py DEVICE GROUP COUNT"""
import socket
import sys
import time

device, group, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in group else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
if family == socket.AF_INET6:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 4)
else:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
for n in range(count):
    s.sendto(b"%d" % n, (group, 5555))
    time.sleep(0.001)
