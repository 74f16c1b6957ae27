// What the quickstart may do: the rights it needs, and how to come by them. Root does, and so does root of a user
// namespace of one's own (`unshare -rn`), which any user can be where the system allows it.

import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { SetupError } from './setup.mjs';

/** The user as the machine sees it: root of a user namespace is somebody else outside, and shares /tmp with him. */
export function realUser() {
  const [inside, outside] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/).map(Number);
  return process.getuid() - inside + outside;
}

/** Words that start this script as root. sudo resets PATH, so a Node from a version manager must come along. */
function sudoCommand() {
  const known = ['/usr/bin/node', '/usr/local/bin/node'].includes(process.execPath);
  return known ? 'sudo npm start' : 'sudo env "PATH=$PATH" npm start';
}

function hasCapability(bit) {
  const line = readFileSync('/proc/self/status', 'utf8').match(/^CapEff:\s*([0-9a-f]+)/m);
  return (BigInt(`0x${line[1]}`) >> BigInt(bit)) & 1n;
}

/** Whether root here is root of a user namespace only, as after `unshare -r`. */
function inUserNamespace() {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

function writable(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Throws a SetupError that says what is missing and what helps. */
export function checkRights() {
  const CAP_NET_ADMIN = 12;
  const CAP_SYS_ADMIN = 21;
  const missing = [];
  if (!hasCapability(CAP_NET_ADMIN)) missing.push('CAP_NET_ADMIN (to create TAP devices)');
  if (!hasCapability(CAP_SYS_ADMIN)) missing.push('CAP_SYS_ADMIN (to create network namespaces)');
  if (missing.length > 0) {
    throw new SetupError(
      `The quickstart creates network namespaces and TAP devices, and lacks the rights: ${missing.join(', ')}.\n` +
        `  as root:                        ${sudoCommand()}\n` +
        '  without root, in a sandbox:     unshare -rn npm start',
    );
  }
  if (!existsSync('/dev/net/tun')) {
    throw new SetupError(
      'There is no /dev/net/tun. Load the driver with `modprobe tun`; in a container add `--device /dev/net/tun`.',
    );
  }
  if (!writable('/dev/net/tun')) {
    throw new SetupError(
      `/dev/net/tun may not be opened by this user. As root: ${sudoCommand()}, or once: chmod 666 /dev/net/tun`,
    );
  }
}

/**
 * `ip netns` keeps its names in /run/netns, which in a user namespace belongs to somebody else. There this script
 * starts itself again with a private mount namespace and an empty /run.
 */
export function giveSelfAPrivateRun() {
  if (!inUserNamespace() || process.env.TAPLOOM_PRIVATE_RUN) return;
  const inner = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set dev lo up && exec "$@"';
  const args = ['-m', 'sh', '-c', inner, 'sh', process.execPath, process.argv[1]];
  const child = spawn('unshare', args, {
    stdio: 'inherit',
    env: { ...process.env, TAPLOOM_PRIVATE_RUN: '1' },
  });
  // Ctrl-C reaches the whole process group; a signal to this process alone must be passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.on('exit', (code) => {
      process.exitCode = code ?? 1;
      resolve(true);
    });
  });
}
