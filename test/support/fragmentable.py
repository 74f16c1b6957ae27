"""Sends super-frames that no packet socket can be told of: usage `fragmentable.py TAP COUNT`; the TAP exists.

UDP that asks to be fragmented (UFO): the kernel takes it from a TAP and has no word for it in a virtio-net header any
more. UDP super-frames are the same to kernels before Linux 6.2. Between them go as many ordinary frames.
"""

import fcntl
import os
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
NEEDS_CSUM, GSO_UDP = 1, 3
PAYLOAD, FRAGMENT = 3000, 1000

tap = os.open("/dev/net/tun", os.O_RDWR)
flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", sys.argv[1].encode(), flags))
macs = bytes.fromhex("ffffffffffff" "02000000000c")
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + PAYLOAD, 0, 0, 64, 17, 0, b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02")
udp = struct.pack("!HHHH", 1000, 2000, 8 + PAYLOAD, 0)
offload = struct.pack("<BBHHHH", NEEDS_CSUM, GSO_UDP, 42, FRAGMENT, 34, 6)
strange = offload + macs + b"\x08\x00" + ip + udp + bytes(PAYLOAD)
ordinary = bytes(10) + macs + b"\x88\xb5" + bytes(46)
for _ in range(int(sys.argv[2])):
    os.write(tap, ordinary)
    os.write(tap, strange)
