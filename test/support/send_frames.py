"""Sends raw frames: usage `send_frames.py DEVICE`, one `COUNT HEX` a line on standard input.

In bursts of 100 with a pause, because a TAP queues 1,000 frames and drops the next without telling the sender.
"""

import socket
import sys
import time

BURST = 100

sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind((sys.argv[1], 0))
sent = 0
for line in sys.stdin:
    count, digits = line.split()
    frame = bytes.fromhex(digits)
    for _ in range(int(count)):
        sock.send(frame)
        sent += 1
        if sent % BURST == 0:
            time.sleep(0.005)
