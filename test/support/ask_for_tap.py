# Calls taploom-bridge-helper as QEMU does: ask_for_tap.py HELPER OPTIONS... A descriptor that comes is told by name and flags,
# and held until standard input ends. The exit code is the helper's.
import fcntl, socket, struct, subprocess, sys

TUNGETIFF = 0x800454D2

own, theirs = socket.socketpair()
theirs.set_inheritable(True)
ended = subprocess.run([*sys.argv[1:], f"--fd={theirs.fileno()}"], close_fds=False)
theirs.close()
if ended.returncode == 0:
    data, fds, _, _ = socket.recv_fds(own, 16, 4)
    name, flags = struct.unpack("16sH22x", fcntl.ioctl(fds[0], TUNGETIFF, bytes(40)))
    print(len(data), len(fds), name.rstrip(b"\0").decode(), hex(flags), flush=True)
    sys.stdin.read()
sys.exit(ended.returncode)
