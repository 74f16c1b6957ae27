"""The far ends of a bridge's links: sends frames, and tells which links each came out of. One JSON request a line on standard input,
one answer a line on descriptor 3.

    [FROM, HEX]   ->  [TO, ...]

Arguments are devices, each with a mark: it goes behind a frame, and comes out of all other links behind it.
"""

import json
import os
import select
import socket
import sys

PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263

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


def run(link, digits):
    frame = bytes.fromhex(digits)
    links[link].send(frame)
    links[link].send(marks[link])
    waiting = set(names) - {link}
    seen = []
    while waiting:
        ready = select.select(list(by_socket), [], [], 5)[0]
        if not ready:
            raise TimeoutError(f'no mark came out of {waiting}')
        for sock in ready:
            while True:
                try:
                    got = sock.recv(65536)
                except BlockingIOError:
                    break
                if got == marks[link]:
                    waiting.discard(by_socket[sock])
                elif got == frame:
                    seen.append(by_socket[sock])
    return seen


with os.fdopen(3, 'w') as out:
    for line in sys.stdin:
        out.write(json.dumps(run(*json.loads(line))) + '\n')
        out.flush()
