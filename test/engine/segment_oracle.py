"""Segments and completes frames with scapy: JSON cases on stdin, hexadecimal frames on stdout."""

import json
import sys

from scapy.all import IP, TCP, UDP, Ether, IPv6, Raw


def forget(packet):
    """Lengths and checksums are computed anew when the packet is built."""
    for layer, fields in ((IP, ("len", "chksum")), (IPv6, ("plen",)), (TCP, ("chksum",)), (UDP, ("len", "chksum"))):
        if layer in packet:
            for field in fields:
                delattr(packet[layer], field)
    return packet


def segments(packet, size):
    kind = TCP if TCP in packet else UDP
    data = packet[kind].payload.load
    for n, at in enumerate(range(0, len(data), size)):
        segment = packet.copy()
        segment[kind].remove_payload()
        segment[kind].add_payload(Raw(data[at : at + size]))
        if IP in segment:
            segment[IP].id = (packet[IP].id + n) % 65536
        if kind is TCP:
            segment[TCP].seq = (packet[TCP].seq + at) % 2**32
            flags = set(str(packet[TCP].flags))
            if n > 0:
                flags -= {"C"}
            if at + size < len(data):
                flags -= {"F", "P"}
            segment[TCP].flags = "".join(flags)
        yield bytes(forget(segment))


answers = []
for case in json.load(sys.stdin):
    packet = Ether(bytes.fromhex(case["frame"]))
    if case["size"]:
        answers.append([frame.hex() for frame in segments(packet, case["size"])])
    else:
        answers.append([bytes(forget(packet)).hex()])
json.dump(answers, sys.stdout)
