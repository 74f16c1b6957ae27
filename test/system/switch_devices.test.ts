// The library's switch on real TAPs: what its status says when somebody else changes or deletes them, and what a switch
// that fails to open leaves behind.

import { closeSync, openSync, readFileSync } from 'node:fs';
import { Switch, type SwitchConfigInput } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { openTap } from '../../src/sys/tap.ts';
import { closeFd } from '../../src/sys/wake.ts';
import { frame } from '../support/frames.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { check } from '../support/process.ts';
import { sendFrames } from '../support/traffic.ts';

needs();

type Bridge = NonNullable<SwitchConfigInput['bridges']>[string];
type Ports = NonNullable<Bridge['ports']>;
const configOf = (ports: Ports, bridge: Bridge = {}): SwitchConfigInput => ({
  version: 1,
  bridges: { br0: { local: false, ports, ...bridge } },
});
const tunnel = (keys: object = {}) => ({
  type: 'vxlan' as const,
  remote_learning: true,
  vni: 1,
  local: '127.0.0.1',
  dst_port: 14_789,
  ...keys,
});
const delay = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function open(config: SwitchConfigInput): Promise<Switch> {
  const taploom = await Switch.open(config, { threaded: false });
  onTestFinished(() => taploom.close());
  return taploom;
}

async function twoHosts(): Promise<{ names: string[]; ports: Ports }> {
  const lab = await openLab();
  const names = (await lab.netnsList(['a', 'b'])).map(({ name }) => name);
  return {
    names,
    ports: { tla: { type: 'tap', netns: names[0] }, tlb: { type: 'tap', netns: names[1] } },
  };
}

test('a namespace that is deleted before anybody looked costs nothing', async () => {
  const { names, ports } = await twoHosts();
  const taploom = await open(configOf(ports));
  await check(['ip', 'netns', 'del', names[0]]);
  expect(taploom.ports().map(({ name }) => name)).toEqual(['tla', 'tlb']);
  await check(['ip', 'netns', 'add', names[0]]); // the lab removes it
});

test('a deleted namespace is not kept alive by being looked at, and its name can be used again', async () => {
  const { names, ports } = await twoHosts();
  const taploom = await open(configOf(ports));
  taploom.ports();
  await check(['ip', 'netns', 'del', names[0]]);
  await check(['ip', 'netns', 'add', names[0]]);
  const results = await taploom.apply(configOf({ tlb: ports.tlb }));
  expect(results.every(({ ok }) => ok)).toBe(true);
  await taploom.apply(configOf(ports));
  const at = (name: string) => taploom.ports().find((port) => port.name === name);
  expect(at('tla')).toMatchObject({ state: 'up', queueDropped: 0 });
  await check(['ip', '-n', names[0], 'link', 'set', 'tla', 'down']);
  expect(at('tla')?.state).toBe('down');
});

test('the digest of the ports stays the same while nothing happens, and changes with a state and with drops', async () => {
  const lab = await openLab();
  const namespaces = await lab.netnsList(['a', 'b']);
  for (const one of namespaces) await one.withoutIpv6();
  const names = namespaces.map(({ name }) => name);
  const tap = (netns: string) => ({ type: 'tap' as const, netns });
  const taploom = await open(configOf({ tla: tap(names[0]), tlb: tap(names[1]) }));
  const before = taploom.portsDigest();
  expect(taploom.portsDigest()).toBe(before);
  await check(['ip', '-n', names[0], 'link', 'set', 'tla', 'down']);
  const down = taploom.portsDigest();
  expect(down).not.toBe(before);
  await check(['ip', '-n', names[1], 'addr', 'add', '10.99.0.2/24', 'dev', 'tlb']);
  await check(['ip', 'netns', 'exec', names[1], 'ping', '-c1', '-W1', '10.99.0.1']).catch(() => {});
  taploom.poll();
  expect(taploom.portsDigest()).not.toBe(down);
});

test('an interface that was down is up again without a frame being sent', async () => {
  const { names, ports } = await twoHosts();
  const taploom = await open(configOf(ports));
  const state = () => taploom.ports().find(({ name }) => name === 'tla')?.state;
  await check(['ip', '-n', names[0], 'link', 'set', 'tla', 'down']);
  // Router solicitations and the like of the other host go out on it and fail.
  for (let n = 0; n < 20; n++) {
    await check(['ip', 'netns', 'exec', names[1], 'ping', '-c1', '-W1', '-I', 'tlb', 'ff02::1']).catch(
      () => {},
    );
    taploom.poll(0);
    if ((taploom.ports()[0].counters.transmitDropped.port_down ?? 0) > 0) break;
  }
  expect(state()).toBe('down');
  await check(['ip', '-n', names[0], 'link', 'set', 'tla', 'up']);
  await delay(1100);
  expect(state()).toBe('up');
});

test('frames that a full TAP queue lost are told', async () => {
  const netns = await (await openLab()).netns('a');
  await netns.withoutIpv6();
  const taploom = await open(configOf({ tla: { type: 'tap' as const, netns: netns.name } }));
  expect(taploom.ports()[0].queueDropped).toBe(0);
  // Nobody polls, and the queue has room for 1,000 frames.
  await sendFrames(netns, 'tla', [
    { hex: frame({ to: 'ff:ff:ff:ff:ff:ff', from: '02:00:00:00:00:0a' }), count: 1500 },
  ]);
  await delay(1100);
  const [{ queueDropped, counters }] = taploom.ports();
  expect(queueDropped).toBe((await netns.link('tla')).stats64.tx.dropped);
  expect(queueDropped).toBeGreaterThanOrEqual(400);
  expect(counters.receivedFrames).toBe(0);
});

test('a tunnel lowers its neighbours; one that is gone is passed over, one that refuses is reported apart', async () => {
  const { names, ports } = await twoHosts();
  const taploom = await open(configOf({ ports: { type: 'memory' }, ...ports }));
  const gone = taploom.ports().find(({ name }) => name === 'tla');
  expect(gone).toBeDefined();
  await check(['ip', '-n', names[0], 'link', 'del', 'tla']);
  taploom.poll(0);
  taploom.poll(0);
  const results = await taploom.apply(configOf({ ports: { type: 'memory' }, ...ports, vx: tunnel() }));
  expect(results).toEqual([{ op: 'add', kind: 'port', path: 'bridges.br0.ports.vx', ok: true }]);
  expect(taploom.ports().find(({ name }) => name === 'tlb')?.mtu).toBe(1450);
});

test('an interface that refuses its MTU is reported at its own path, and the rest is in force', async () => {
  const { names, ports } = await twoHosts();
  const local = { netns: names[0] };
  const wide = { wide: { type: 'memory', mtu: 65_535 } } as const;
  const config = (ports: Ports): SwitchConfigInput => ({ version: 1, bridges: { br0: { local, ports } } });
  const taploom = await open(config({ ...ports, ...wide }));
  // The bridge's own interface takes the least MTU of its ports, and a TAP has at most 65,521.
  expect(await taploom.apply(config(wide))).toMatchObject([
    { op: 'delete', path: 'bridges.br0.ports.tla', ok: true },
    { op: 'delete', path: 'bridges.br0.ports.tlb', ok: true },
    { op: 'set', kind: 'port', path: 'bridges.br0.local', ok: false },
  ]);
  expect(Object.keys(taploom.config.bridges.br0.ports)).toEqual(['wide']);
});

test('a switch that cannot be opened removes the persistent TAPs that it made, and leaves others', async () => {
  const lab = await openLab();
  const netns = await lab.netns('a');
  closeFd(openTap({ name: 'old', netns: netns.name, persist: true }).fd);
  const keep = { type: 'tap' as const, netns: netns.name, persist: true };
  const bad = tunnel({ local: '192.0.2.77' });
  const attempt = Switch.open(configOf({ old: keep, made: keep, bad }), { threaded: false });
  await expect(attempt).rejects.toMatchObject({ code: 'not_applied' });
  expect(await netns.hasLink('made')).toBe(false);
  expect(await netns.hasLink('old')).toBe(true);
});

test('an adopted interface keeps its MTU, and the switch respects it', async () => {
  const netns = await (await openLab()).netns('a');
  const { fd } = openTap({ name: 'vm', netns: netns.name, mtu: 1280 });
  onTestFinished(() => closeFd(fd));
  const taploom = await open(configOf({ mine: { type: 'tap', fd }, other: { type: 'memory' } }));
  expect(taploom.ports().map(({ mtu }) => mtu)).toEqual([1280, 1500]);
  const { counters } = taploom.ports()[0];
  const frame = new Uint8Array(14 + 1281).fill(0xff, 0, 6).fill(2, 6, 7).fill(8, 12, 13);
  taploom.memoryPort('other').send(frame);
  taploom.poll(0);
  taploom.poll(0);
  expect(counters.copies).toBe(0);
  expect(taploom.ports()[0].counters.transmitDropped).toEqual({ too_big: 1 });
});

test('an adopted descriptor may be closed by its owner: no frame gets into the file that has its number next', async () => {
  const lab = await openLab();
  const netns = await lab.netns('a');
  const { fd } = openTap({ name: 'vm', netns: netns.name });
  const taploom = await open(configOf({ mine: { type: 'tap', fd }, other: { type: 'memory' } }));
  closeFd(fd);
  const file = openSync(`${lab.dir}/next`, 'w');
  onTestFinished(() => closeSync(file));
  expect(file).toBe(fd);
  taploom.memoryPort('other').send(new Uint8Array(60).fill(0xff, 0, 6).fill(2, 6, 7).fill(8, 12, 13));
  taploom.poll(0);
  taploom.poll(0);
  expect(taploom.ports()[0].counters.transmittedFrames).toBe(1);
  expect(readFileSync(`${lab.dir}/next`)).toHaveLength(0);
  await taploom.close();
  expect(await netns.hasLink('vm')).toBe(false);
});

test('while many devices are opened or closed, others are served', async () => {
  const netns = await (await openLab()).netns('a');
  const names = Array.from({ length: 16 }, (_, n) => `tl${n}`);
  const taploom = await open(configOf({}));
  const turnsDuring = async (work: Promise<unknown>): Promise<number> => {
    let turns = 0;
    let isDone = false;
    void work.finally(() => {
      isDone = true;
    });
    for (; !isDone; turns++) await new Promise((done) => setImmediate(done));
    await work;
    return turns;
  };
  const ports = Object.fromEntries(names.map((name) => [name, { type: 'tap' as const, netns: netns.name }]));
  expect(await turnsDuring(taploom.apply(configOf(ports)))).toBeGreaterThanOrEqual(names.length);
  expect(await turnsDuring(taploom.apply(configOf({})))).toBeGreaterThanOrEqual(names.length);
  expect(await netns.hasLink('tl0')).toBe(false);
});

test('beside a tunnel the kernel makes super-frames that fit one message, and without it those of before', async () => {
  const { names, ports } = await twoHosts();
  const gso = async (n: number, name: string) => {
    const json = await check(['ip', '-n', names[n], '-d', '-j', 'link', 'show', 'dev', name]);
    return (JSON.parse(json) as { gso_max_size: number }[])[0].gso_max_size;
  };
  const taploom = await open(configOf({ ...ports, vx0: tunnel() }));
  // 44 segments of 1,398 bytes, and what TCP leaves free; 46 would not fit the 65,507 bytes of a datagram.
  expect(await gso(0, 'tla')).toBe(44 * 1398 + 400);
  expect(await gso(1, 'tlb')).toBe(44 * 1398 + 400);
  await taploom.apply(configOf(ports));
  expect(await gso(0, 'tla')).toBe(65_536);
});
