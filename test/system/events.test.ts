// What a real taploomd tells of itself, as its users hear it: `taploom events`, and curl on the control socket.

import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { SwitchEvent } from '../../src/event.ts';
import { frame } from '../support/frames.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { sendFrames } from '../support/traffic.ts';

needs('curl', 'scapy', 'sysctl');

async function connect(bridge: object = {}, args: string[] = []) {
  const lab = await openLab();
  const [sw, ...hosts] = await lab.netnsList(['sw', 'a', 'b', 'c']);
  await Promise.all(hosts.map((host) => host.withoutIpv6()));
  const ports = Object.fromEntries(
    ['a', 'b'].map((name, i) => [name, { type: 'tap', netns: hosts[i].name }]),
  );
  const daemon = await Taploomd.start(
    lab,
    sw,
    {
      version: 1,
      bridges: { br0: { local: false, ...bridge, ports } },
    },
    { args },
  );
  const [a, b, c] = hosts;
  await Promise.all([a.up('a'), b.up('b')]);
  const stored = async (query = '') =>
    (await daemon.get<{ events: SwitchEvent[] }>(`/v1/events?follow=false${query}`)).events;
  /** Waits for an event of the log that `matches`. */
  const event = async (matches: object, query = ''): Promise<SwitchEvent> => {
    let found: SwitchEvent | undefined;
    await daemon.until(JSON.stringify(matches), async () => {
      found = (await stored(query)).find((one) =>
        Object.entries(matches).every(([key, value]) => one[key as keyof SwitchEvent] === value),
      );
      return found !== undefined;
    });
    return found as SwitchEvent;
  };
  return { lab, daemon, a, b, c, stored, event };
}

test('a change by curl tells of curl, its user, and what it did', async () => {
  const { daemon, sw, event, stored } = await connect().then((all) => ({ ...all, sw: all.daemon.where }));
  const body = '{"type":"memory"}';
  const url = 'http://taploom/v1/bridges/br0/ports/m1';
  await sw.check(['curl', '-sf', '--unix-socket', daemon.socket, '-X', 'PUT', '-d', body, url]);
  const added = await event({ type: 'port', change: 'added', port: 'm1' });
  expect(added).toMatchObject({ bridge: 'br0', message: 'port m1 was added to bridge br0' });
  const changes = await stored('&type=configuration');
  expect(changes.map((one) => one.type === 'configuration' && one.by.kind)).toEqual(['file', 'client']);
  expect(changes[1]).toMatchObject({
    by: { kind: 'client', uid: 0, gid: 0, user: 'root', command: expect.stringMatching(/^curl -sf --unix/) },
    actions: [{ op: 'add', kind: 'port', path: 'bridges.br0.ports.m1', ok: true }],
  });
  // and a line of the log
  expect(daemon.process.stderr).toMatch(/root \(uid 0\), process \d+ `curl .*changed the configuration: add/);
  await sw.check(['curl', '-sf', '--unix-socket', daemon.socket, '-X', 'DELETE', url]);
  await event({ type: 'port', change: 'removed', port: 'm1' });
});

test('who reads the file again is the file', async () => {
  const { daemon, stored } = await connect();
  await daemon.cli('bridge', 'set', 'br0', '--ageing-time', '77');
  daemon.process.kill('SIGHUP');
  await daemon.until('reloaded', async () => (await stored('&type=configuration')).length === 3);
  expect(await stored('&type=configuration')).toMatchObject([
    { by: { kind: 'file' } },
    { by: { kind: 'client', command: expect.stringContaining('taploom.js bridge set br0') } },
    { by: { kind: 'file', file: expect.stringMatching(/taploom\.yaml$/) } },
  ]);
});

test('a port that goes down, comes back and vanishes', async () => {
  const { a, event } = await connect();
  await setTimeout(2500); // the switch has seen that it is up
  await a.ip('link set dev a down');
  await event({ type: 'port', change: 'down', port: 'a' });
  await a.ip('link set dev a up');
  await event({ type: 'port', change: 'up', port: 'a' });
  await a.ip('link del dev a');
  await event({ type: 'port', change: 'gone', port: 'a' });
});

/** scapy's, a sender that is not ours. */
async function say(where: Netns, device: string, mac: string, count = 1): Promise<void> {
  const script = `from scapy.all import Ether, Raw, sendp
sendp(Ether(src='${mac}', dst='ff:ff:ff:ff:ff:ff', type=0x88b5) / Raw(b'x' * 46), iface='${device}', count=${count}, verbose=0)`;
  await where.check(['/usr/bin/python3', '-c', script]);
}

test('a station that moves, and then flaps, is told to who follows, whichever worker sees it', async () => {
  const { lab, daemon, a, b } = await connect({}, ['--workers', '2']);
  const follower = lab.spawn(
    [process.execPath, program('taploom'), 'events', '--follow', '--type', 'station', '--json'],
    { env: { TAPLOOM_SOCKET: daemon.socket } },
  );
  const mac = '02:00:00:00:00:aa';
  await say(a, 'a', mac);
  await say(b, 'b', mac);
  const [line] = await follower.waitFor(/^\{.*\}$/m);
  const { seq, time, message, ...fact } = JSON.parse(line) as SwitchEvent;
  expect(fact).toEqual({
    type: 'station',
    change: 'moved',
    bridge: 'br0',
    vlan: 0,
    mac,
    from: 'a',
    to: 'b',
  });
  expect(message).toBe(`station ${mac} moved from a to b`);
  const hex = frame({ to: 'ff:ff:ff:ff:ff:ff', from: mac });
  for (let n = 0; n < 10; n++) {
    await sendFrames(n % 2 === 0 ? a : b, n % 2 === 0 ? 'a' : 'b', [{ hex, count: 1 }]);
  }
  await follower.waitFor(/"change":"flapping"/, 5000);
  await follower.waitFor(/"change":"calm"/, 15_000);
  expect(follower.stdout.trim().split('\n').length).toBeLessThan(8);
});

test('a limit that is reached, and what is dropped, are told', async () => {
  const { a, event, stored } = await connect({ fdb_limit: 5 });
  for (let n = 0; n < 8; n++) {
    const hex = frame({ to: 'ff:ff:ff:ff:ff:ff', from: `02:00:00:00:01:0${n}` });
    await sendFrames(a, 'a', [{ hex, count: 1 }]);
  }
  const limit = await event({ type: 'limit' });
  expect(limit).toMatchObject({ limit: 'bridge_fdb_limit', bridge: 'br0', port: 'a', value: 5 });
  await sendFrames(a, 'a', [
    { hex: frame({ to: '02:00:00:00:00:01', from: '01:00:00:00:00:01' }), count: 9 },
  ]);
  const drop = await event({ type: 'drop', reason: 'bad_source' });
  expect(drop).toMatchObject({ bridge: 'br0', port: 'a', side: 'receive', frames: 9 });
  expect((await stored('&type=limit')).length).toBe(1);
});

test('events follow each other on a pipe as they come, and the command ends with the daemon', async () => {
  const { lab, daemon } = await connect();
  const env = { TAPLOOM_SOCKET: daemon.socket };
  const follower = lab.spawn(
    ['sh', '-c', `'${process.execPath}' '${program('taploom')}' events --follow | cat; exit 0`],
    { env },
  );
  await follower.waitFor(/port b was added/);
  await daemon.request('PUT', '/v1/bridges/br0/ports/m1', { type: 'memory' });
  await follower.waitFor(/ {2}port {11}m1 {15}port m1 was added to bridge br0\n/, 3000);
  await daemon.process.stop();
  await follower.exit(5000);
  expect(follower.stderr).toContain('closed the connection');
});
