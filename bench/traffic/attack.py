"""Sends the same raw frames over and over: usage `attack.py DEVICE SECONDS RATE`, one frame in hexadecimal a line on standard input.

Prints `ready`, and at the end how many were sent. RATE is frames a second; a TAP whose queue is full loses them without a word.
"""

import socket
import sys
import time

device, seconds, rate = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
frames = [bytes.fromhex(line) for line in sys.stdin if line.strip()]
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind((device, 0))
print('ready', flush=True)
start = time.monotonic()
sent = 0
while (passed := time.monotonic() - start) < seconds:
    for _ in range(max(0, min(200, int(passed * rate) - sent))):
        try:
            sock.send(frames[sent % len(frames)])
        except OSError:
            pass
        sent += 1
    time.sleep(0.001)
print(sent, flush=True)
