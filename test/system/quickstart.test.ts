// `npm start` as a newcomer meets it. It uses fixed names, so the test gives it a machine of its own.

import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { Machine } from '../support/machine.ts';
import { needs } from '../support/needs.ts';
import { type Background, check } from '../support/process.ts';

needs('unshare', 'setpriv', 'curl', 'ps', 'dnsmasq', 'nft', 'udhcpc');

const DONE = /namespaces and devices are gone/;
const RUNNING = /Metrics: +curl (http\S+)/;

const startMachine = async () => Machine.start(await openLab());

/** With a way out, to a router that answers for all names; and with few programs, if `path` is the search path. */
async function startMachineWithWayOut(): Promise<{ machine: Machine; path: string }> {
  const lab = await openLab();
  const machine = await Machine.start(lab);
  const router = await lab.netns('router');
  await router.ip(`link add r0 type veth peer name up0 netns ${machine.holder.pid}`);
  await router.up('r0', '203.0.113.1/24');
  const words = '-d -C /dev/null --no-resolv --user=root --interface=r0 --address=/#/192.0.2.80';
  await router.spawn(['dnsmasq', ...words.split(' ')]).waitFor(/started/);
  const resolvers = join(lab.dir, 'resolv.conf');
  writeFileSync(resolvers, 'nameserver 203.0.113.1\n');
  await check(machine.inside('mount', '--bind', resolvers, '/etc/resolv.conf'));
  for (const line of [
    'addr add 203.0.113.2/24 dev up0',
    'link set up0 up',
    'route add default via 203.0.113.1',
  ])
    await check(machine.inside('ip', ...line.split(' ')));
  const path = join(lab.dir, 'bin');
  mkdirSync(path);
  for (const name of ['sh', 'env', 'node', 'npm', 'ip', 'nsenter'])
    symlinkSync((await check(['which', name])).trim(), join(path, name));
  return { machine, path };
}

const forwarding = async (machine: Machine) =>
  (await check(machine.inside('cat', '/proc/sys/net/ipv4/conf/up0/forwarding'))).trim();

function expectNat(start: Background, client: string): void {
  expect(start.stdout).toMatch(/^NAT +10\.98\.100\.0\/24 behind up0/m);
  expect(start.stdout).toMatch(new RegExp(`^DHCP g1 has 10\\.98\\.100\\.2 by ${client};`, 'm'));
  expect(start.stdout).toMatch(/^ping g1 -> 10\.98\.100\.1, its gateway: 3 of 3/m);
  expect(start.stdout).toMatch(/^name guest\.taploom1\.internal, itself: 10\.98\.100\.2$/m);
  expect(start.stdout).toMatch(/^name example\.com, .*: 192\.0\.2\.80$/m);
  expect(start.stdout).toMatch(/^ping g1 -> 203\.0\.113\.1, .*: 3 of 3/m);
  expect(start.stdout).not.toContain('In its way');
}

/** `npm start`, or the words of `wrap` before it. */
const npmStart = (machine: Machine, ...wrap: string[]): Background =>
  machine.spawn([...wrap, 'npm', 'start']);

async function namespaces(machine: Machine): Promise<string[]> {
  return (await check(machine.inside('ip', 'netns', 'list'))).split('\n').filter((line) => line !== '');
}

const curl = (machine: Machine, url: string): Promise<string> => check(machine.inside('curl', '-s', url));

test('npm start shows ping, TCP and metrics, and Ctrl-C removes everything it made', async () => {
  const machine = await startMachine();
  const start = npmStart(machine);
  const [, url] = await start.waitFor(RUNNING, 30_000);
  expect(start.stdout).toMatch(/ping h1 -> 10\.99\.0\.2( +\d+\.\d+ ms){5}\n/);
  const gigabits = Number(start.stdout.match(/TCP .* ([\d.]+) Gb\/s/)?.[1]);
  expect(gigabits).toBeGreaterThan(1);
  const firstPing = Number(start.stdout.match(/First answer ([\d.]+) s/)?.[1]);
  expect(firstPing).toBeLessThan(2);
  expect(start.stdout).toMatch(/NAT +is not shown: this machine has no default route/);
  await start.waitFor(/^h2 +up +\d/m);
  expect(await curl(machine, url)).toMatch(
    /taploom_port_receive_packets_total\{bridge="taploom0",port="h1"\} [1-9]/,
  );
  expect(await namespaces(machine)).toHaveLength(2);

  await start.stop('SIGINT', 10_000);
  expect(start.stdout).toMatch(DONE);
  expect(await namespaces(machine)).toEqual([]);
  expect(await check(machine.inside('ip', '-o', 'link'))).not.toMatch(/taploom0|h1|h2/);
});

test('after a kill -9 the next npm start cleans up and works; one that runs is not disturbed', async () => {
  const { machine, path } = await startMachineWithWayOut();
  const first = npmStart(machine);
  await first.waitFor(RUNNING, 30_000);

  expectNat(first, 'udhcpc');
  expect(await forwarding(machine)).toBe('1');

  const rival = npmStart(machine);
  expect(await rival.exit(20_000)).toBe(1);
  expect(rival.stderr).toMatch(/Another `npm start` is running/);
  expect(first.running).toBe(true);

  // npm and the script, which have no chance to clean up; the daemon is left over as well.
  const family = await descendants(first.pid);
  const victims = family.filter(
    ({ command }) => /npm|start\.mjs/.test(command) && !command.includes('taploomd'),
  );
  expect(victims.length).toBeGreaterThanOrEqual(2);
  for (const { pid } of victims) process.kill(pid, 'SIGKILL');
  await first.exited;
  expect(await namespaces(machine)).toHaveLength(3);

  // Its guest has no DHCP client either.
  const second = machine.spawn(['npm', 'start'], { PATH: path });
  await second.waitFor(RUNNING, 30_000);
  expect(second.stdout).toMatch(/earlier start left behind/);
  expect(second.stdout).not.toMatch(/9477 is taken/);
  expectNat(second, "npm start's own client");
  await second.stop('SIGINT', 10_000);
  expect(await namespaces(machine)).toEqual([]);
  expect(await forwarding(machine)).toBe('0');
  expect(await check(machine.inside('nft', 'list', 'ruleset'))).toBe('');
  for (const { pid, command } of family) expect(existsSync(`/proc/${pid}`), command).toBe(false);
});

interface Descendant {
  pid: number;
  command: string;
}

/** A process and all below it. */
async function descendants(root: number): Promise<Descendant[]> {
  const rows = (await check(['ps', '-eo', 'pid,ppid,args'])).trim().split('\n').slice(1);
  const all = rows.map((row) => {
    const [pid, parent, ...command] = row.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), command: command.join(' ') };
  });
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

test('whoever reads only its first lines leaves nothing behind either', async () => {
  const machine = await startMachine();
  const start = npmStart(machine, 'sh', '-c', '"$@" | head -n 5; echo read', 'sh');
  await start.waitFor(/^read$/m, 60_000);
  await expect.poll(() => namespaces(machine), { timeout: 30_000, interval: 500 }).toEqual([]);
});

test('Ctrl-C amid the demonstration leaves nothing behind either', async () => {
  const machine = await startMachine();
  const start = npmStart(machine);
  await start.waitFor(/First answer/, 30_000);
  await start.stop('SIGINT', 10_000);
  expect(start.stdout).toMatch(DONE);
  expect(await namespaces(machine)).toEqual([]);
});

test('an occupied metrics port is named, and another one used', async () => {
  const machine = await startMachine();
  const occupy = `require('net').createServer().listen(9477, '127.0.0.1', () => console.log('occupied'))`;
  const other = machine.spawn([process.execPath, '-e', occupy]);
  await other.waitFor(/occupied/);
  const start = npmStart(machine);
  const [, url] = await start.waitFor(RUNNING, 30_000);
  expect(start.stdout).toMatch(/9477 is taken/);
  expect(url).not.toMatch(/:9477/);
  expect(await curl(machine, url)).toMatch(/taploom_build_info/);
  await start.stop('SIGINT', 10_000);
  await other.stop();
});

const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

test('without rights it says what is missing and what helps', async () => {
  const machine = await startMachine();
  const start = npmStart(machine, ...NOBODY);
  expect(await start.exit(20_000)).toBe(1);
  expect(start.stderr).toMatch(/CAP_NET_ADMIN/);
  expect(start.stderr).toMatch(/sudo/);
  expect(start.stderr).toMatch(/unshare -rn npm start/);
});

test('an ordinary user can run it with unshare -rn', async () => {
  const machine = await startMachine();
  // As distributions have it: anybody may open /dev/net/tun.
  const device = 'mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200';
  await check(machine.inside('sh', '-c', device));
  const start = npmStart(machine, ...NOBODY, 'unshare', '-rn');
  await start.waitFor(RUNNING, 30_000);
  expect(start.stdout).toMatch(/ping h1 -> 10\.99\.0\.2( +\d+\.\d+ ms){5}\n/);
  expect(start.stdout).toMatch(/NAT +is not shown: a sandbox \(unshare -rn\) has no way out/);
  await start.stop('SIGINT', 10_000);
  expect(start.stdout).toMatch(DONE);
});
