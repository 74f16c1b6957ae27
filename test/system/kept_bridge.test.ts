// The interface of a bridge outlives the daemon with what the host gave it, and goes when nobody wants it any more.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { program, Taploomd } from '../support/taploomd.ts';

needs();

const EMPTY = { version: 1 };
const node = (name: string, ...args: string[]) => [process.execPath, program(name), ...args];

async function setUp() {
  const lab = await openLab();
  const [sw, host] = await lab.netnsList(['sw', 'host']);
  const state = join(lab.dir, 'state.json');
  const start = (options = ['--state', state]) => Taploomd.start(lab, sw, EMPTY, { args: options });
  return { lab, sw, host, state, start };
}

const brctl = (sw: Netns, daemon: Taploomd, ...words: string[]) =>
  sw.check(node('brctl', ...words), { env: { TAPLOOM_SOCKET: daemon.socket } });

async function routes(sw: Netns): Promise<string> {
  return sw.check(['ip', 'route', 'show', 'default']);
}

async function end(daemon: Taploomd, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  await daemon.process.stop(signal, 20_000);
}

test('addresses, routes and traffic of a brctl bridge survive restarts and kill -9; delbr removes it', async () => {
  const { sw, host, start } = await setUp();
  let daemon = await start();
  await sw.ip(`link add eth0 type veth peer name e netns ${host.name}`, 'link set eth0 up');
  await host.up('e', '10.0.0.1/24');
  await brctl(sw, daemon, 'addbr', 'br0');
  await brctl(sw, daemon, 'addif', 'br0', 'eth0');
  await sw.ip(
    'addr add 10.0.0.9/24 dev br0',
    'addr add fd00::9/64 dev br0 nodad',
    'route add default via 10.0.0.1',
  );
  const before = (await sw.link('br0')).address;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await end(daemon, signal);
    expect((await sw.link('br0')).flags).toEqual(expect.arrayContaining(['UP', 'NO-CARRIER']));
    daemon = await start();
    expect((await sw.link('br0')).address).toBe(before);
    expect(await sw.check(['ip', '-br', 'addr', 'show', 'br0'])).toMatch(/10\.0\.0\.9\/24 fd00::9\/64/);
    expect(await routes(sw)).toMatch(/via 10\.0\.0\.1 dev br0/);
    await host.check(['ping', '-c1', '-W5', '10.0.0.9']);
  }
  await brctl(sw, daemon, 'delbr', 'br0');
  expect(await sw.hasLink('br0')).toBe(false);
  await sw.ip('link add br0 type bridge'); // the way back is free
  await end(daemon);
});

test('an orphan goes at the next start of the same state, and nobody else touches it', async () => {
  const { lab, sw, state, start } = await setUp();
  const daemon = await start();
  await sw.check(node('taploom', '--socket', daemon.socket, 'bridge', 'add', 'br0'));
  await sw.check(node('taploom', '--socket', daemon.socket, 'bridge', 'add', 'br1', '--persist', 'off'));
  await sw.ip('tuntap add theirs mode tap', 'link set theirs alias "a bridge"');
  await end(daemon);
  expect(await sw.hasLink('br1')).toBe(false);
  expect((await sw.check(['ip', 'link', 'show', 'br0'])).trim()).toMatch(
    `alias taploom bridge br0 of ${state}`,
  );

  const other = await start(['--state', join(lab.dir, 'other.json')]);
  expect(await sw.hasLink('br0')).toBe(true);
  await end(other);
  await sw.check(['rm', state]);
  const same = await start();
  expect(await sw.hasLink('br0')).toBe(false);
  expect(await sw.hasLink('theirs')).toBe(true);
  await end(same);
});

test('taploomd --cleanup removes what no daemon holds, and says what one holds', async () => {
  const { sw, start } = await setUp();
  const daemon = await start();
  await sw.check(node('taploom', '--socket', daemon.socket, 'bridge', 'add', 'br0'));
  await sw.ip('tuntap add theirs mode tap');
  const held = await sw.run(node('taploomd', '--cleanup'));
  expect(held).toMatchObject({ code: 1, stderr: expect.stringMatching(/^br0 is in use, by the daemon of /) });
  expect(await sw.hasLink('br0')).toBe(true);
  await end(daemon);
  expect(await sw.run(node('taploomd', '--cleanup'))).toMatchObject({ code: 0, stdout: 'removed br0\n' });
  expect(await sw.hasLink('br0')).toBe(false);
  expect(await sw.hasLink('theirs')).toBe(true);
});

test('persist is switched on and off while frames flow, and a TAP of that name which is not ours is left', async () => {
  const { sw, start } = await setUp();
  await sw.ip('tuntap add br1 mode tap', 'link set br1 up', 'addr add 10.1.0.1/24 dev br1');
  const daemon = await start();
  const taploom = (...words: string[]) =>
    sw.check(node('taploom', '--socket', daemon.socket, 'bridge', ...words));
  await taploom('add', 'br0', '--persist', 'off');
  await taploom('add', 'br1');
  const index = async () => (await sw.check(['ip', '-o', 'link', 'show', 'br0'])).split(':')[0];
  const before = await index();
  await taploom('set', 'br0', '--persist', 'on');
  expect(await index()).toBe(before);
  expect(await sw.check(['ip', '-d', 'link', 'show', 'br0'])).toMatch(/persist on/);
  await taploom('set', 'br0', '--persist', 'off');
  await taploom('del', 'br1');
  expect(await sw.hasLink('br1')).toBe(true);
  await end(daemon);
  expect(await sw.hasLink('br0')).toBe(false);
  expect(await sw.check(['ip', '-br', 'addr', 'show', 'br1'])).toMatch(/10\.1\.0\.1/);
});
