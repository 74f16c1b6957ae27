# A stand-in for a hypervisor with a guest that answers ARP and pings: fake_vmm.py ADDRESS HOW...
#
#   firecracker JSON            an entry of "network-interfaces": docs/network-setup.md and firecracker.yaml of Firecracker
#   cloud-hypervisor --net SPEC the option of cloud-hypervisor, with tap= or fd=
#   receive PATH                listens there, and waits for the TAP (SCM_RIGHTS)
import fcntl, json, os, re, select, socket, struct, sys

TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
IFF_TAP, IFF_MULTI_QUEUE, IFF_NO_PI, IFF_VNET_HDR = 2, 0x100, 0x1000, 0x4000
HEADER = 12


def open_tap(name, more=0):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | more
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return fd


def firecracker(text):
    entry = json.loads(text)
    assert set(entry) <= {"iface_id", "guest_mac", "host_dev_name", "rx_rate_limiter", "tx_rate_limiter"}, entry
    return entry["guest_mac"], [open_tap(entry["host_dev_name"])]


def cloud_hypervisor(option, spec):
    assert option == "--net"
    # A comma within brackets belongs to the value.
    net = dict(part.split("=", 1) for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", spec))
    assert set(net) <= {"tap", "fd", "mac", "num_queues"}, net
    pairs = int(net["num_queues"]) // 2
    if "fd" in net:
        fds = [int(fd) for fd in net["fd"].strip("[]").split(",")]
        assert len(fds) == pairs
        return net["mac"], fds
    return net["mac"], [open_tap(net["tap"], IFF_MULTI_QUEUE if pairs > 1 else 0) for _ in range(pairs)]


def receive(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    print("listening", flush=True)
    client, _ = server.accept()
    text, fds, _, _ = socket.recv_fds(client, 256, 8)
    print("received", text.decode(), len(fds), flush=True)
    return "02:00:00:00:00:0f", fds


def answer(frame, mac, address):
    """The frame that goes back, or None."""
    dst, src, kind = frame[:6], frame[6:12], frame[12:14]
    if kind == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == address:
        return src + mac + frame[12:20] + b"\0\2" + mac + address + frame[22:32]
    if kind == b"\x08\0" and dst == mac and frame[23] == 1 and frame[34] == 8 and frame[30:34] == address:
        sum = struct.unpack("!H", frame[36:38])[0] + 0x0800  # type 8 becomes 0
        sum = (sum & 0xFFFF) + (sum >> 16)
        ip = frame[14:26] + address + frame[26:30]
        return src + mac + kind + ip + b"\0\0" + struct.pack("!H", sum) + frame[38:]
    return None


address = socket.inet_aton(sys.argv[1])
how = {"firecracker": firecracker, "cloud-hypervisor": cloud_hypervisor, "receive": receive}[sys.argv[2]]
mac, fds = how(*sys.argv[3:])
mac = bytes.fromhex(mac.replace(":", ""))
for fd in fds:
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", HEADER))
    fcntl.ioctl(fd, TUNSETOFFLOAD, 0)
print("guest is ready", flush=True)
while True:
    for fd in select.select(fds, [], [])[0]:
        frame = os.read(fd, 65550)[HEADER:]
        reply = answer(frame, mac, address)
        if reply is not None:
            os.write(fd, bytes(HEADER) + reply)
