"""The far ends of a forwarder's links: sends frames and tells what came out, one JSON request a line on standard input, one answer
a line on descriptor 3.

    [FROM, [HEX, ...]]   ->  [[TO, HEX], ...]

Arguments are devices, each with a mark: it goes behind the frames, and the forwarder sends it on as it is, by whichever link. What
comes by one link is not overtaken there.
"""

import json
import os
import select
import socket
import sys

PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
MARK_TO = bytes([203, 0, 113, 253])

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def open_link(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((name, 0))
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setblocking(False)
    return sock


names = sys.argv[1::2]
marks = dict(zip(names, map(bytes.fromhex, sys.argv[2::2])))
links = {name: open_link(name) for name in names}
by_socket = {sock: name for name, sock in links.items()}


def run(link, frames):
    for digits in frames:
        links[link].send(bytes.fromhex(digits))
    links[link].send(marks[link])
    seen = []
    while True:
        ready = select.select(list(by_socket), [], [], 5)[0]
        if not ready:
            raise TimeoutError('no mark came out')
        done = False
        for sock in ready:
            while True:
                try:
                    frame = sock.recv(65536)
                except BlockingIOError:
                    break
                if frame[30:34] == MARK_TO:
                    done = True
                elif frame[12:14] == b'\x08\x00':
                    seen.append([by_socket[sock], frame.hex()])
        if done:
            return seen


with os.fdopen(3, 'w') as out:
    for line in sys.stdin:
        out.write(json.dumps(run(*json.loads(line))) + '\n')
        out.flush()
