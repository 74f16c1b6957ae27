# Front ends of vhost-user that answer as fast as QEMU does, and have no guest: for how long a port takes to start. For each
# path on standard input it listens there, says so, goes as far as a guest's driver does, with a frame to send, and says when
# that was taken, in ns of the monotonic clock; `close` ends the last one.

import mmap
import os
import select
import socket
import struct
import sys
import time

MEMORY = 1 << 22
USER = 0x7F0000000000
RING = 256
RING_AT, AVAIL, USED = 0x10000, 0x1000, 0x2000  # a ring for each index, and what is where in it
FRAME_AT, FRAME = 0x100000, bytes(12) + bytes.fromhex('ffffffffffff02000000000188b5') + bytes(46)
TAKEN_WITHIN = 5  # s
GET_FEATURES, SET_FEATURES, SET_OWNER = 1, 2, 3
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL = 8, 9, 10, 12, 13
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE = 15, 16, 17, 18
GET_MAX_MEM_SLOTS, ADD_MEM_REG, SET_STATUS = 36, 37, 39
# As QEMU, it waits for answers to questions, and not for every message to be acknowledged.
PROTOCOL = 1 << 0 | 1 << 9 | 1 << 15 | 1 << 16  # mq, config, configure-mem-slots, status
FEATURES = 1 << 32 | 1 << 30 | 1 << 15  # version 1, protocol features, mergeable buffers


def start(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    name = os.path.basename(path)
    print('listening', name, flush=True)
    peer, _ = server.accept()
    memory = os.memfd_create('guest')
    os.ftruncate(memory, MEMORY)
    with mmap.mmap(memory, MEMORY) as at:
        at[FRAME_AT : FRAME_AT + len(FRAME)] = FRAME
        at[RING_AT : RING_AT + 16] = struct.pack('<QIHH', FRAME_AT, len(FRAME), 0, 0)
        at[RING_AT + AVAIL : RING_AT + AVAIL + 6] = struct.pack('<HHH', 0, 1, 0)
    wakes = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(4)]

    def tell(request, form='', *values, fds=()):
        payload = struct.pack('<' + form, *values)
        message = struct.pack('<III', request, 1, len(payload)) + payload
        socket.send_fds(peer, [message], fds)

    def ask(request):
        tell(request)
        return struct.unpack('<12xQ', peer.recv(20, socket.MSG_WAITALL))[0]

    features = ask(GET_FEATURES)
    tell(SET_PROTOCOL_FEATURES, 'Q', ask(GET_PROTOCOL_FEATURES) & PROTOCOL)
    ask(GET_QUEUE_NUM)
    ask(GET_MAX_MEM_SLOTS)
    tell(SET_OWNER)
    tell(SET_FEATURES, 'Q', features & FEATURES)
    tell(ADD_MEM_REG, 'QQQQQ', 0, 0, MEMORY, USER, 0, fds=[memory])
    for index in range(2):
        at = USER + RING_AT * index
        tell(SET_VRING_NUM, 'II', index, RING)
        tell(SET_VRING_BASE, 'II', index, 0)
        tell(SET_VRING_ADDR, 'IIQQQQ', index, 0, at, at + USED, at + AVAIL, 0)
        tell(SET_VRING_CALL, 'Q', index, fds=[wakes[2 * index]])
        tell(SET_VRING_KICK, 'Q', index, fds=[wakes[2 * index + 1]])
    for index in range(2):
        tell(SET_VRING_ENABLE, 'II', index, 1)
    tell(SET_STATUS, 'Q', 15)
    _, _, taken, kick = wakes
    os.eventfd_write(kick, 1)
    waiting = select.poll()
    waiting.register(taken, select.POLLIN)
    is_taken = waiting.poll(1000 * TAKEN_WITHIN)
    print('taken', name, time.monotonic_ns() if is_taken else 'never', flush=True)
    return [peer, server], [memory, *wakes]


sockets, descriptors = [], []
for line in sys.stdin:
    if line.strip() != 'close':
        sockets, descriptors = start(line.strip())
        continue
    for one in sockets:
        one.close()
    for descriptor in descriptors:
        os.close(descriptor)
