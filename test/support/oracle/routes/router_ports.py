"""The hosts around routers of the kernel: sends frames and tells what came out, one JSON request a line on standard input, one
answer a line on descriptor 3. Before each frame is a virtio_net_hdr.

    [PORT, [HEX, ...], MS]   ->  {PORT: [HEX, ...], ...}      what came until nothing had come for so many ms
"""

import json
import os
import select
import socket
import sys

PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def open_port(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.bind((name, 0))
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    sock.setblocking(False)
    return sock


ports = {name: open_port(name) for name in sys.argv[1:]}
names = {sock: name for name, sock in ports.items()}


def send(port, frames, ms):
    for digits in frames:
        ports[port].send(bytes.fromhex(digits))
    seen = {name: [] for name in ports}
    while True:
        ready = select.select(list(names), [], [], ms / 1000)[0]
        if not ready:
            return seen
        for sock in ready:
            seen[names[sock]].append(sock.recv(1 << 17).hex())


with os.fdopen(3, 'w') as out:
    for line in sys.stdin:
        out.write(json.dumps(send(*json.loads(line))) + '\n')
        out.flush()
