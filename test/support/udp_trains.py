"""Trains of datagrams, which leave as one super-frame (UDP_SEGMENT), there and back.

    udp_trains.py serve ADDRESS PORT         sends back what comes, a train at once
    udp_trains.py ask ADDRESS PORT SOURCE    prints how many of the datagrams of a train came back as they were
"""

import socket
import sys

UDP_SEGMENT = 103
SIZE = 1400
COUNT = 40
TRAIN = b''.join(bytes([n]) * SIZE for n in range(COUNT))

mode, *words = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
sock.settimeout(10)


def collect():
    found, peer = {}, None
    try:
        while len(found) < COUNT:
            data, peer = sock.recvfrom(65536)
            found[data[0]] = data
    except TimeoutError:
        pass
    return found, peer


if mode == 'serve':
    sock.bind((words[0], int(words[1])))
    print('ready', flush=True)
    found, peer = collect()
    sock.sendto(b''.join(found[n] for n in sorted(found)), peer)
else:
    sock.bind(('0.0.0.0', int(words[2])))
    sock.sendto(TRAIN, (words[0], int(words[1])))
    found, _ = collect()
    print(sum(data == TRAIN[n * SIZE : (n + 1) * SIZE] for n, data in found.items()))
