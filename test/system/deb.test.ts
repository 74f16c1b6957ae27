// The Debian package and the container image that is made of it, each on a copy of this system.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { Chroot } from '../support/chroot.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { check, runCommand } from '../support/process.ts';

needs('dpkg-deb', 'dpkg-gencontrol', 'lintian', 'unshare', 'chroot', 'man', 'systemd-analyze');

const SCRIPT = fileURLToPath(new URL('../../scripts/deb.mjs', import.meta.url));
const CONTAINERFILE = fileURLToPath(new URL('../../packaging/Containerfile', import.meta.url));
let deb: string;

beforeAll(async () => {
  const text = await check([process.execPath, SCRIPT], { timeoutMs: 120_000 });
  deb = text.trim().split('\n').at(-1) as string;
});

/** Where Node did not come as a package, one that is nothing but its name and a link to it. */
async function withNode(lab: Lab, machine: Chroot): Promise<void> {
  if ((await runCommand(['dpkg-query', '-W', 'nodejs'])).code === 0) return;
  const folder = join(lab.dir, 'nodejs');
  mkdirSync(join(folder, 'DEBIAN'), { recursive: true });
  const fields = [
    `Version: ${process.versions.node}`,
    'Architecture: all',
    'Maintainer: nobody',
    'Description: Node',
  ];
  writeFileSync(join(folder, 'DEBIAN/control'), `Package: nodejs\n${fields.join('\n')}\n`);
  await check(['dpkg-deb', '--build', folder]);
  await machine.check(['dpkg', '-i', `${folder}.deb`]);
  await machine.sh(`test -e /usr/bin/node || ln -s '${process.execPath}' /usr/bin/node`);
}

test('lintian finds no error', async () => {
  await check(['lintian', '--allow-root', '--fail-on', 'error', deb], { timeoutMs: 120_000 });
});

test('it installs, runs and upgrades; removal takes kept interfaces along, purge leaves nothing', async () => {
  const lab = await openLab();
  const host = await lab.netns('host');
  const machine = await Chroot.open(lab, host);
  const dpkg = (...args: string[]) => machine.check(['dpkg', ...args], { timeoutMs: 30_000 });
  await withNode(lab, machine);
  const install = ['-i', deb];
  await dpkg(...install);

  expect(await machine.sh('taploomd --version; taploom-brctl --version; taploom --help')).toMatch(
    /^taploomd \d.*\nbridge-utils, .*\nUsage: taploom /,
  );
  expect(await machine.sh('man -w taploom taploomd taploom-brctl taploom-bridge')).toMatch(
    /man1\/taploom\.1\.gz\n.*man8\/taploomd\.8\.gz\n.*man8\/taploom-brctl\.8\.gz\n.*man8\/taploom-bridge\.8\.gz\n/,
  );
  const shells = ['bash -n /usr/share/bash-completion/completions/taploomd'];
  shells.push('zsh -n /usr/share/zsh/vendor-completions/_taploom');
  shells.push('fish -n /usr/share/fish/vendor_completions.d/taploom-brctl.fish');
  await machine.sh(shells.join(' && '));
  expect(await machine.sh('/usr/lib/taploom/taploom-bridge-helper --help')).toMatch(
    /^usage: taploom-bridge-helper /,
  );
  expect(await machine.sh('id -un taploom; id -gn taploom')).toBe('taploom\ntaploom\n');
  expect(await machine.sh('systemctl is-enabled taploom.service')).toBe('enabled\n');
  await machine.sh('systemd-analyze verify taploom.service');

  const start = [
    'taploomd',
    '--config',
    '/etc/taploom/taploom.yaml',
    '--state',
    '/var/lib/taploom/state.json',
  ];
  await machine.sh('install -d -o taploom /var/lib/taploom /run/taploom');
  await host.ip('link set lo up');
  const daemon = lab.spawn(machine.inside([...start, '--socket-group', 'taploom']));
  await daemon.waitFor(/is ready/);
  await machine.sh('taploom bridge add br0');
  await daemon.stop('SIGKILL');
  await dpkg(...install);
  expect(await host.hasLink('br0')).toBe(true);

  expect(await dpkg('-r', 'taploom')).toMatch(/removed br0/);
  expect(await host.hasLink('br0')).toBe(false);
  await machine.sh('test -f /etc/taploom/taploom.yaml && test -d /var/lib/taploom && ! command -v taploom');

  await dpkg('-P', 'taploom');
  const left = (await machine.written()).filter((path) => path.includes('taploom'));
  expect(left.filter((path) => !path.startsWith('/var/cache/man/'))).toEqual([]); // pages that man has shown
  expect(await machine.sh('! getent passwd taploom && ! getent group taploom')).toBe('');
});

test('the last stage of the Containerfile installs the package, and its command needs no more than two capabilities', async () => {
  const linter = ['npm', 'exec', '--yes', '--prefer-offline', '--package=dockerfile-utils@0.16.3', '--'];
  await check([...linter, 'dockerfile-utils', 'lint', CONTAINERFILE], { timeoutMs: 30_000 });

  const text = readFileSync(CONTAINERFILE, 'utf8').replaceAll('\\\n', ' ');
  const last = text.slice(text.lastIndexOf('\nFROM '));
  const line = (name: string) => last.match(new RegExp(`^${name} (.*)$`, 'm'))?.[1] ?? '';
  const words = (name: string): string[] => JSON.parse(line(name));
  const lab = await openLab();
  const host = await lab.netns('host');
  const machine = await Chroot.open(lab, host);
  await withNode(lab, machine);
  await machine.check(['cp', deb, '/tmp']);
  // Without a network apt takes the lists that it has.
  await machine.sh(line('RUN'), { timeoutMs: 50_000 });
  await host.ip('link set lo up');
  const limits = ['setpriv', '--bounding-set=-all,+net_admin,+net_raw', '--inh-caps=-all', '--'];
  const daemon = lab.spawn(machine.inside([...limits, ...words('ENTRYPOINT'), ...words('CMD')]));
  await daemon.waitFor(/is ready/);
  await machine.sh('taploom bridge add br0');
  expect(await host.hasLink('br0')).toBe(true);
  expect(await daemon.stop(line('STOPSIGNAL') as NodeJS.Signals)).toBe(0);
});
