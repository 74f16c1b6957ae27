"""The far ends of a kernel bridge's ports: sends frames and tells what came out, one JSON request a line on standard input,
one answer a line on descriptor 3.

    ["send", PORT, [HEX, ...], [PORT, ...]]   ->  {PORT: [HEX, ...], ...}
    ["table", BRIDGE]                         ->  [[MAC, PORT NUMBER, IS LOCAL], ...]

Ports are devices e1, e2, ..., of which the bridge has those that are listed; e0 is for marks. Behind the frames a mark goes to each port, to an address that is
there for that, and ends the waiting: on one processor frames do not overtake each other.
"""

import array
import fcntl
import json
import os
import select
import socket
import struct
import sys

MARK = bytes.fromhex('02ff0000000088b7') + bytes(46)
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
STATUS_VLAN_VALID = 0x10
SIOCDEVPRIVATE = 0x89F0
BRCTL_GET_FDB_ENTRIES = 18
ENTRY = struct.Struct('6sBBIBBH')
MOST_ENTRIES = 1024

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def open_port(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((name, 0))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.setblocking(False)
    return sock


def receive(sock):
    """The next frame, with the tag that the kernel took off put back; None if there is none."""
    try:
        frame, control, _, _ = sock.recvmsg(65536, 256)
    except BlockingIOError:
        return None
    for level, kind, data in control:
        if level != SOL_PACKET or kind != PACKET_AUXDATA:
            continue
        status, _, _, _, _, tci, tpid = struct.unpack('IIIHHHH', data[:20])
        if status & STATUS_VLAN_VALID:
            frame = frame[:12] + struct.pack('!HH', tpid, tci) + frame[12:]
    return frame


ports = {name: open_port(name) for name in sys.argv[1:]}


def mark(name):
    return bytes([2, 254, 0, 0, 0, int(name[1:])]) + MARK


def send(port, frames, names):
    for digits in frames:
        ports[port].send(bytes.fromhex(digits))
    for name in names:
        ports['e0'].send(mark(name))
    seen = {name: [] for name in names}
    waiting = dict((ports[name], name) for name in seen)
    while waiting:
        ready = select.select(list(waiting), [], [], 5)[0]
        if not ready:
            raise TimeoutError(f'no mark at {sorted(waiting.values())}')
        for sock in ready:
            frame = receive(sock)
            if frame == mark(waiting[sock]):
                del waiting[sock]
            elif frame is not None:
                seen[waiting[sock]].append(frame.hex())
    while receive(ports['e0']) is not None:
        pass
    return seen


def table(bridge):
    room = array.array('B', bytes(ENTRY.size * MOST_ENTRIES))
    words = array.array('L', [BRCTL_GET_FDB_ENTRIES, room.buffer_info()[0], MOST_ENTRIES, 0])
    request = struct.pack('16sP', bridge.encode(), words.buffer_info()[0]) + bytes(16)  # struct ifreq has 40 bytes
    fcntl.ioctl(ports['e0'], SIOCDEVPRIVATE, request)
    found = []
    for at in range(0, len(room), ENTRY.size):
        mac, low, is_local, _, high, _, _ = ENTRY.unpack_from(room, at)
        if mac != bytes(6) or low or high:
            found.append([mac.hex(':'), low | high << 8, is_local])
    return found


with os.fdopen(3, 'w') as out:
    for line in sys.stdin:
        name, *args = json.loads(line)
        out.write(json.dumps({'send': send, 'table': table}[name](*args)) + '\n')
        out.flush()
