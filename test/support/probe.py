"""Asks hosts all the time, and measures how long they are silent: probe.py ADDRESS...

Each has a ping every 20 ms and a TCP connection to port 9, from which every byte must come back. A line on the standard input
is answered by a line of JSON, what there was since the last one; at the end of the input it ends.
"""

import asyncio
import json
import socket
import struct
import sys
import time

PORT = 9
PING_S = 0.02
MOMENT_MS = 60
MOST = 1000
CHUNK = 2048
CHUNK_S = 0.04
MOST_ON_THE_WAY = 1 << 20
# Its length has no factor of a segment's.
PATTERN = bytes((n * n) >> 3 & 0xFF for n in range(65521))


class Silences:
    """Times without an answer, longer than a moment, one that lasts included: [from, to] in ms since 1970."""

    def __init__(self):
        self.last = None
        self.found = []

    def heard(self):
        now = round(time.time() * 1000)
        self.note(now)
        self.last = now

    def note(self, now):
        if self.last is not None and now - self.last >= MOMENT_MS and len(self.found) < MOST:
            self.found.append([self.last, now])

    def take(self):
        self.note(round(time.time() * 1000))
        told = {"silences": self.found, "last": self.last or 0}
        self.found = []
        return told


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Pings:
    def __init__(self, address, ident):
        self.address, self.ident = address, ident
        self.silences = Silences()
        self.sent = self.answered = self.twice = self.sequence = 0
        self.open = set()

    def send(self, sock):
        self.sequence += 1
        rest = struct.pack("!HHI", self.ident, self.sequence & 0xFFFF, self.sequence)
        sum_ = checksum(struct.pack("!BBH", 8, 0, 0) + rest)
        try:
            sock.sendto(struct.pack("!BBH", 8, 0, sum_) + rest, (self.address, 0))
        except OSError:
            return  # no neighbour: it is silent
        self.sent += 1
        self.open.add(self.sequence)

    def take(self, sequence):
        if sequence in self.open:
            self.open.remove(sequence)
            self.answered += 1
            self.silences.heard()
        else:
            self.twice += 1

    def report(self):
        told = {"sent": self.sent, "answered": self.answered, "twice": self.twice, **self.silences.take()}
        self.sent = self.answered = self.twice = 0
        return told


class Connection:
    def __init__(self, address):
        self.address = address
        self.silences = Silences()
        self.sent = self.returned = self.told = 0
        self.error = None

    async def run(self):
        """Until the first byte came back the other end may be about to start."""
        while self.returned == 0:
            self.sent = 0
            try:
                reader, writer = await asyncio.open_connection(self.address, PORT)
                sending = asyncio.create_task(self.send(writer))
                try:
                    await self.receive(reader)
                finally:
                    sending.cancel()
                    writer.close()
            except OSError as error:
                self.error = str(error)
            await asyncio.sleep(CHUNK_S)

    async def send(self, writer):
        while True:
            if self.sent - self.returned < MOST_ON_THE_WAY:
                writer.write(piece(self.sent, CHUNK))
                self.sent += CHUNK
                await writer.drain()
            await asyncio.sleep(CHUNK_S)

    async def receive(self, reader):
        while data := await reader.read(1 << 16):
            if data != piece(self.returned, len(data)):
                raise OSError(f"other bytes at {self.returned} came back")
            self.returned += len(data)
            self.error = None
            self.silences.heard()
        raise OSError("closed by the other end")

    def report(self):
        told = {"returned": self.returned - self.told, "error": self.error, **self.silences.take()}
        self.told = self.returned
        return told


def piece(at, length):
    at %= len(PATTERN)
    return (PATTERN * (2 + length // len(PATTERN)))[at : at + length]


def hear(sock, pings):
    while True:
        try:
            data, (address, _) = sock.recvfrom(2048)
        except BlockingIOError:
            return
        kind, _, _, ident, _, sequence = struct.unpack("!BBHHHI", data[20:32]) if len(data) >= 32 else (8, 0, 0, 0, 0, 0)
        if kind == 0 and address in pings and ident == pings[address].ident:
            pings[address].take(sequence)


async def main(addresses):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.setblocking(False)
    pings = {address: Pings(address, 1000 + n) for n, address in enumerate(addresses)}
    connections = {address: Connection(address) for address in addresses}
    loop = asyncio.get_running_loop()
    loop.add_reader(sock, hear, sock, pings)
    tasks = [asyncio.create_task(one.run()) for one in connections.values()]

    async def pinging():
        while True:
            for one in pings.values():
                one.send(sock)
            await asyncio.sleep(PING_S)

    tasks.append(asyncio.create_task(pinging()))
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        told = {address: {"ping": pings[address].report(), "tcp": connections[address].report()} for address in addresses}
        print(json.dumps(told), flush=True)
    for task in tasks:
        task.cancel()


asyncio.run(main(sys.argv[1:]))
