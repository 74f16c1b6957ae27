"""Sends UDP datagrams that must not be fragmented until the kernel refuses them: usage `udp_pmtu.py ADDRESS SIZE`.

Prints how many it took before EMSGSIZE; 0 = none was refused.
"""

import errno
import socket
import sys
import time

IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2

address, size = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
sock = socket.socket(family, socket.SOCK_DGRAM)
if family == socket.AF_INET:
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
else:
    sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
sock.connect((address, 9))
refused = 0
for n in range(1, 50):
    try:
        sock.send(bytes(size))
    except OSError as error:
        if error.errno == errno.EMSGSIZE:
            refused = n
            break
        if error.errno != errno.ECONNREFUSED:
            raise
    time.sleep(0.05)
print(refused)
