# Runs a command as systemd would by a service unit: its user, capabilities, address families, namespaces and system
# calls. `confine.py UNIT COMMAND...`, as root. Filters are libseccomp's, as systemd's are.

import ctypes, errno, os, re, socket, subprocess, sys

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EQ, MASKED_EQ = 4, 7  # enum scmp_compare
CLONE = dict(cgroup=0x02000000, ipc=0x08000000, mnt=0x00020000, pid=0x20000000, user=0x10000000, uts=0x04000000,
             net=0x40000000)


class Compare(ctypes.Structure):
    _fields_ = [('arg', ctypes.c_uint), ('op', ctypes.c_int), ('a', ctypes.c_uint64), ('b', ctypes.c_uint64)]


seccomp = ctypes.CDLL('libseccomp.so.2')
seccomp.seccomp_init.restype = ctypes.c_void_p


def install(default, rules):
    """Rules: (action, system call, comparisons). Names that this architecture lacks are skipped, as systemd does."""
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(default)))
    for action, name, compares in rules:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            continue
        array = (Compare * len(compares))(*compares)
        result = seccomp.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, len(compares), array)
        if result != 0:
            raise OSError(-result, f'seccomp rule for {name}')
    result = seccomp.seccomp_load(context)
    if result != 0:
        raise OSError(-result, 'seccomp_load')


def expand(names):
    """@sets to system calls, by the systemd that is here."""
    for name in names:
        if not name.startswith('@'):
            yield name
            continue
        text = subprocess.check_output(['systemd-analyze', 'syscall-filter', name], text=True)
        yield from expand(re.findall(r'^    ([@\w-]+)$', text, re.M))


unit = dict(line.split('=', 1) for line in open(sys.argv[1]) if re.match(r'\w+=', line))
words = lambda key: unit[key].split()
user = os.environ.get('AS_USER', '65534')  # nobody, where the unit's is not installed
caps = lambda key: ','.join(['-all'] + ['+' + word.lower().removeprefix('cap_') for word in words(key)])

if sys.argv[2] != '--confined':
    assert unit['User'].strip() != 'root'
    os.execvp('setpriv', [
        'setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups', '--no-new-privs',
        '--bounding-set=' + caps('CapabilityBoundingSet'), '--inh-caps=' + caps('AmbientCapabilities'),
        '--ambient-caps=' + caps('AmbientCapabilities'), '--',
        sys.executable, __file__, sys.argv[1], '--confined', *sys.argv[2:]])

calls = sorted(set(expand(words('SystemCallFilter'))) | set(expand(['@default'])))
deny = lambda error: ERRNO | error
# One filter each: a call has to pass them all.
families = sorted(getattr(socket, family) for family in words('RestrictAddressFamilies'))
gaps = [n for n in range(46) if n not in families]
install(ALLOW, [(deny(errno.EAFNOSUPPORT), 'socket', [Compare(0, EQ, n, 0)]) for n in gaps])
kinds = [flag for name, flag in CLONE.items() if name not in words('RestrictNamespaces')]
install(ALLOW, [(deny(errno.EPERM), name, [Compare(arg, MASKED_EQ, flag, flag)])
                for name, arg in [('unshare', 0), ('clone', 0), ('setns', 1)] for flag in kinds] +
        [(deny(errno.EPERM), 'setns', [Compare(1, EQ, 0, 0)])])
install(deny(errno.EPERM), [(ALLOW, name, []) for name in calls])
os.execvp(sys.argv[3], sys.argv[3:])
