"""The far ends of a judge's links: sends steps of frames, and tells which links each came out of. One JSON request a line on standard
input, one answer a line on descriptor 3.

    [[FROM, [HEX, ...]], ...]   ->  [[[TO, DSCP], ...], ...]

Arguments are devices, each with a mark: it goes behind the frames of a step, and comes out of all other links behind them.
"""

import json
import os
import select
import socket
import sys

PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
FRAGMENT = 44
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


def dscp_of(frame):
    if frame[12:14] == b'\x08\x00':
        return frame[15] >> 2
    if frame[12:14] == b'\x86\xdd':
        return ((frame[14] & 15) << 2) | (frame[15] >> 6)
    raise ValueError(f'not of IP: {frame.hex()}')


def identity_of(frame):
    """Of its datagram, as far as a judge keeps it that cuts anew what it has put together. None: not of IP."""
    if frame[12:14] == b'\x08\x00':
        return frame[26:34] + frame[18:20]
    if frame[12:14] == b'\x86\xdd':
        return frame[22:54] + bytes([frame[20] == FRAGMENT])
    return None


def run(link, frames):
    # A judge that puts fragments together lets go of those that lack some after a while: they are of an earlier step.
    own = set()
    for digits in frames:
        frame = bytes.fromhex(digits)
        own.add(identity_of(frame))
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
                    frame = sock.recv(65536)
                except BlockingIOError:
                    break
                if frame[30:34] == MARK_TO:
                    waiting.discard(by_socket[sock])
                elif identity_of(frame) in own:
                    seen.append([by_socket[sock], dscp_of(frame)])
    return seen


with os.fdopen(3, 'w') as out:
    for line in sys.stdin:
        out.write(json.dumps([run(*step) for step in json.loads(line)]) + '\n')
        out.flush()
