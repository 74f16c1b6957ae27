"""Takes ICMP errors in a capture apart with scapy: usage `pcap_errors.py FILE`, a JSON list on standard output."""

import json
import sys

from scapy.all import ICMP, IP, Ether, ICMPv6PacketTooBig, IPv6, rdpcap


def rebuilt(packet):
    """The same frame with all checksums computed anew, up to the quotation, which has its own."""
    copy = packet.copy()
    if IP in copy:
        del copy[IP].chksum
        del copy[ICMP].chksum
    else:
        del copy[ICMPv6PacketTooBig].cksum
    return bytes(copy)


answers = []
for packet in rdpcap(sys.argv[1]):
    if IP in packet and ICMP in packet and packet[ICMP].type == 3:
        ip, error, mtu = packet[IP], packet[ICMP], packet[ICMP].nexthopmtu
    elif ICMPv6PacketTooBig in packet:
        ip, error, mtu = packet[IPv6], packet[ICMPv6PacketTooBig], packet[ICMPv6PacketTooBig].mtu
    else:
        continue
    # The raw bytes: scapy would shorten a quotation that is cut off.
    quoted = error.payload
    answers.append(
        {
            "src": ip.src,
            "dst": ip.dst,
            "from": packet[Ether].src,
            "to": packet[Ether].dst,
            "type": error.type,
            "code": error.code,
            "mtu": mtu,
            "quotedSrc": quoted.src,
            "quotedDst": quoted.dst,
            "isValid": rebuilt(packet) == bytes(packet),
        }
    )
json.dump(answers, sys.stdout)
