// Many clients at once, and many that mean no good: time and memory stay bounded.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Journal } from '../../../src/control/journal.ts';
import { Commit } from '../../../src/protocol/dhcp/commit.ts';
import { MAX_LEASES } from '../../../src/protocol/dhcp/pool.ts';
import { DhcpServer } from '../../../src/protocol/dhcp/server.ts';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { clientFrame, clientMessage, guestMac } from '../../wire/dhcp4/messages.ts';
import { ip, SUBNET, World } from './world.ts';

const WIDE = {
  ...SUBNET,
  network: ip('10.0.0.0'),
  prefix: 8,
  ranges: [{ first: ip('10.0.1.0'), last: ip('10.255.255.254') }],
};
const settings = { address: ip('10.0.0.1'), subnets: [WIDE] };

test('a thousand clients that come at once have their leases within five seconds of CPU', () => {
  const world = new World(settings);
  const start = process.cpuUsage();
  for (let n = 1; n <= 1000; n++) world.say('discover', n);
  const offers = world.pass(300);
  expect(offers.length).toBe(1000);
  const addresses = offers.map(({ message }) => {
    const ack = world.select(message.mac.lo, message.yiaddr, {}, settings.address);
    expect(ack?.message.type).toBe('ack');
    return message.yiaddr;
  });
  expect(new Set(addresses).size).toBe(1000);
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1e6).toBeLessThan(5);
});

test('a thousand leases at once share their writes to the disk, and no answer leaves before', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'taploom-leases-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const journal = new Journal(join(directory, 'leases'));
  const writes = new Set<Promise<void>>();
  const flushed = () => {
    const write = journal.flushed();
    writes.add(write);
    return write;
  };
  let lines: string[] = [];
  const sent: boolean[] = [];
  const isStored = (port: string) => lines.some((line) => line.includes(`"port":"${port}"`));
  const commit = new Commit(
    'br0',
    { put: (key, value) => journal.put(key, value), flushed },
    () => 0,
    ({ port }) => {
      if (lines.length === 0) lines = readFileSync(journal.file, 'utf8').split('\n');
      sent.push(isStored(port));
    },
  );
  const world = new World({ ...settings, probe: false, rapidCommit: true });
  const bytes = (n: number) => {
    return clientFrame(clientMessage({ mac: guestMac(n) }, [[OPTION.rapidCommit, new Uint8Array()]]));
  };
  const outcomes = Array.from({ length: 1000 }, (_, n) => {
    return world.server.received({ port: `p${n}.`, vlan: 0, tag: 0, bytes: bytes(n + 1), at: world.now });
  });
  await Promise.all(outcomes.map((outcome) => commit.take(outcome)));
  expect([sent.length, sent.every((isThere) => isThere), writes.size]).toEqual([1000, true, 1]);
  await journal.close();
});

test('a subnet remembers so many leases, and gives those again that ended first', () => {
  const world = new World(settings);
  const lease = {
    state: 'ended',
    port: 'p1',
    relayed: false,
    hostName: '',
    verified: true,
    since: 0,
  } as const;
  const leases = Array.from({ length: MAX_LEASES }, (_, n) => {
    return { ...lease, address: ip('10.1.0.0') + n, client: `mac ${n}`, mac: String(n), until: 1000 - n };
  });
  world.server = new DhcpServer(world.settings, leases, world.now);
  const offered = [1, 2].map((n) => world.offer(n)?.message.yiaddr);
  expect(offered).toEqual([ip('10.1.255.255'), ip('10.1.255.254')]);
  expect(world.server.leases().length).toBe(MAX_LEASES);
});

test('leases that are over all at once end a bounded number at a time', () => {
  const world = new World(settings);
  const lease = {
    state: 'bound',
    port: 'p1',
    relayed: false,
    hostName: '',
    verified: true,
    since: 0,
  } as const;
  const leases = Array.from({ length: 5000 }, (_, n) => {
    return { ...lease, address: ip('10.1.0.0') + n, client: `mac ${n}`, mac: String(n), until: 2000 };
  });
  world.server = new DhcpServer(world.settings, leases, world.now);
  world.now = 2000;
  const ended: number[] = [];
  while (world.server.deadline() <= world.now) ended.push(world.server.tick(world.now).events.length);
  expect(ended).toEqual(new Array(5).fill(1000));
});
