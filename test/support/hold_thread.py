# Stops the youngest thread of a process that waits in epoll, and no other, until this ends: `hold_thread.py PID`.

import ctypes, os, platform, sys, time

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
EPOLL = {'x86_64': ('232 ', '281 '), 'aarch64': ('22 ',)}[platform.machine()]

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
pid = sys.argv[1]
threads = sorted((int(tid) for tid in os.listdir(f'/proc/{pid}/task')), reverse=True)
waiting = next(tid for tid in threads if open(f'/proc/{pid}/task/{tid}/syscall').read().startswith(EPOLL))
for request in PTRACE_SEIZE, PTRACE_INTERRUPT:
    if libc.ptrace(request, waiting, None, None) != 0:
        raise OSError(ctypes.get_errno(), 'ptrace')
os.waitpid(waiting, 0x40000000)  # __WALL
print('held', flush=True)
time.sleep(60)
