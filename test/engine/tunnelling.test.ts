// Control protocols of customers, through the provider's network.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/yaml.ts';
import type { L2cpName } from '../../src/wire/l2cp.ts';
import { L2CP_NAMES } from '../../src/wire/l2cp.ts';
import { formatMac } from '../../src/wire/mac.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';
import { controlFrame, groupOf } from '../support/l2cp_frames.ts';

const TUNNEL_MAC = '01:00:0c:cd:cd:d0';
type Keys = Record<string, unknown>;

const customer = (protocols: readonly L2cpName[], keys: Keys = {}) => ({
  vlan: { tunnel: 100 },
  tunnel_protocols: protocols,
  ...keys,
});

/** A provider's edge: two ports of a customer, one that carries nothing of the kind, and the rest of the network. */
function edge(a: Keys, b: Keys = a, bridge: Keys = {}): Promise<Rig> {
  return openRig({
    br0: {
      vlan_filtering: true,
      ports: { a, b, plain: { vlan: { tunnel: 100 } }, up: { vlan: { trunk: [100] } } },
      ...bridge,
    },
  });
}

/** What comes out where, as `port: destination, tags`, and drops. */
function send(rig: Rig, port: string, frame: Uint8Array): string[] {
  const lines = rig.run(() => void rig.taploom.memoryPort(port).send(frame));
  return lines.map((line) => {
    const [, where, to, tags] = /^(\S+): \S+ > (\S+)((?: s?vlan \d+)*)/.exec(line) ?? [];
    return where === undefined ? line : `${where}: ${to}${tags}`;
  });
}

const tunnelled = (rig: Rig, name: string) =>
  rig.taploom.ports().find((port) => port.name === name)?.tunnelled;

test.each(L2CP_NAMES)(
  '%s crosses the network at the tunnel’s address, and the customer gets his own',
  async (name) => {
    const rig = await edge(customer([name]));
    expect(send(rig, 'a', controlFrame(name))).toEqual([
      `b: ${groupOf(name)}`,
      `plain: ${TUNNEL_MAC}`,
      `up: ${TUNNEL_MAC} vlan 100`,
    ]);
    const [other] = L2CP_NAMES.filter((one) => groupOf(one) !== groupOf(name));
    expect(send(rig, 'up', controlFrame(name, { dst: TUNNEL_MAC, tags: '81000064' }))).toEqual([
      `a: ${groupOf(name)}`,
      `b: ${groupOf(name)}`,
      `plain: ${TUNNEL_MAC}`,
    ]);
    expect(send(rig, 'up', controlFrame(other, { dst: TUNNEL_MAC, tags: '81000064' }))).toEqual([
      `plain: ${TUNNEL_MAC}`,
      'a drops: tunnel_protocol',
      'b drops: tunnel_protocol',
    ]);
    expect(tunnelled(rig, 'a')).toEqual({ [name]: { received: 1, transmitted: 1 } });
    expect(tunnelled(rig, 'b')).toEqual({ [name]: { received: 0, transmitted: 2 } });
    expect(tunnelled(rig, 'up')).toBeUndefined();
  },
);

test('every byte but the address is as the customer sent it, his tag and a long frame, too', async () => {
  const rig = await edge(customer(['pvst', 'lldp'], { vlan: { tunnel: { 100: [10] }, native: 100 } }));
  const long = new Uint8Array(1500);
  long.set(controlFrame('lldp'));
  for (let n = 60; n < long.length; n++) long[n] = n;
  for (const frame of [controlFrame('pvst', { tags: '8100600a' }), long]) {
    rig.taploom.memoryPort('a').send(frame);
    rig.taploom.poll(0, rig.now);
    const got = rig.received();
    expect(got.get('b')?.map(({ bytes }) => Buffer.from(bytes))).toEqual([Buffer.from(frame)]);
    const [{ bytes }] = got.get('up') ?? [];
    expect(Buffer.from(bytes.subarray(6, 12))).toEqual(Buffer.from(frame.subarray(6, 12)));
    expect(Buffer.from(bytes.subarray(16))).toEqual(Buffer.from(frame.subarray(12)));
  }
});

test('only what the list says, at the address of its protocol, is carried', async () => {
  const rig = await edge(customer(['stp', 'cdp']));
  expect(send(rig, 'a', controlFrame('lldp'))).toEqual(['a drops: reserved_group']);
  // Cisco's other protocols have the address of CDP, and no bridge of IEEE 802.1Q keeps it for itself.
  const [vtp] = [groupOf('vtp')];
  expect(send(rig, 'a', controlFrame('vtp'))).toEqual([`b: ${vtp}`, `plain: ${vtp}`, `up: ${vtp} vlan 100`]);
  expect(send(rig, 'a', controlFrame('stp', { dst: '01:80:c2:00:00:0e' }))).toEqual([
    'a drops: reserved_group',
  ]);
  expect(send(rig, 'a', controlFrame('stp', { dst: '02:00:00:00:00:62' }))[0]).toBe('b: b');
});

test('what is tunnelled is not what group_fwd_mask forwards, and a port that tunnels nothing does as before', async () => {
  const rig = await edge(customer(['lldp']), customer(['lldp']), { group_fwd_mask: 0x4000 });
  expect(send(rig, 'a', controlFrame('lldp'))).toContain(`up: ${TUNNEL_MAC} vlan 100`);
  expect(send(rig, 'plain', controlFrame('lldp'))).toContain(`up: ${groupOf('lldp')} vlan 100`);
});

test('the address of the tunnel from a customer is a loop, or forged', async () => {
  const rig = await edge(customer(['stp']));
  expect(send(rig, 'a', controlFrame('stp', { dst: TUNNEL_MAC }))).toEqual(['a drops: tunnel_mac']);
  expect(send(rig, 'a', controlFrame('stp', { dst: TUNNEL_MAC, tags: '8100000a' }))).toEqual([
    'a drops: tunnel_mac',
  ]);
  expect(rig.taploom.ports().find(({ name }) => name === 'a')?.state).toBe('up');
});

test('with shutdown it disables the port, as too many frames do', async () => {
  const shuts = { tunnel_protocols_action: 'shutdown', tunnel_protocols_limit: 1 };
  const rig = await edge(customer(['stp'], shuts));
  const stateOf = (name: string) => rig.taploom.ports().find((port) => port.name === name);
  send(rig, 'a', controlFrame('stp', { dst: TUNNEL_MAC }));
  for (let n = 0; n < 17; n++) send(rig, 'b', controlFrame('stp'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  rig.run();
  expect(stateOf('a')).toMatchObject({
    state: 'disabled',
    reason: expect.stringContaining("a frame with the bridge's tunnel_mac came in: a loop, or forged"),
    disabledBy: { tunnel_mac: 1 },
  });
  expect(stateOf('b')).toMatchObject({ state: 'disabled', disabledBy: { tunnel_limit: 1 } });
});

test('a port may send so many frames of each protocol a second', async () => {
  const rig = await edge(customer(['stp', 'lldp'], { tunnel_protocols_limit: 10 }));
  const said = (name: L2cpName, count: number) => {
    const before = tunnelled(rig, 'a')?.[name].received ?? 0;
    for (let n = 0; n < count; n++) send(rig, 'a', controlFrame(name));
    return (tunnelled(rig, 'a')?.[name].received ?? 0) - before;
  };
  expect(said('stp', 30)).toBe(16);
  expect(said('lldp', 30)).toBe(16);
  rig.now += 500;
  expect(said('stp', 30)).toBe(5);
  expect(rig.counters('a').receiveDropped).toEqual({ tunnel_limit: 53 });
});

test('who may not send does not by this way', async () => {
  const rig = await edge(customer(['stp'], { locked: true }), customer(['stp'], { stp: { edge: true } }));
  expect(send(rig, 'a', controlFrame('stp'))).toEqual(['a drops: locked']);
  await rig.taploom.setPortState('b', undefined, 'blocking');
  expect(send(rig, 'b', controlFrame('stp'))).toEqual(['b drops: port_blocked']);
  expect(send(rig, 'up', controlFrame('stp', { dst: TUNNEL_MAC, tags: '81000064' }))).toEqual([
    `a: ${groupOf('stp')}`,
    `plain: ${TUNNEL_MAC}`,
  ]);
});

test('a bridge may have another address for its tunnels', async () => {
  const mac = '03:00:00:00:00:01';
  const rig = await edge(customer(['lldp']), customer(['lldp']), { tunnel_mac: mac });
  expect(send(rig, 'a', controlFrame('lldp'))).toContain(`up: ${mac} vlan 100`);
  expect(send(rig, 'up', controlFrame('lldp', { dst: mac, tags: '81000064' }))).toContain(
    `a: ${groupOf('lldp')}`,
  );
  await rig.change(({ bridges }) => {
    bridges.br0.tunnel_mac = TUNNEL_MAC;
  });
  expect(send(rig, 'a', controlFrame('lldp'))).toContain(`up: ${TUNNEL_MAC} vlan 100`);
});

test('a provider’s tree and his customers’ do not hear each other, whatever the tags', async () => {
  const keys = { stp: { guard: 'filter' } };
  const rig = await edge(customer(['stp'], keys), customer(['stp'], keys), { stp: true });
  await new Promise((resolve) => setTimeout(resolve, 30));
  rig.run();
  expect(send(rig, 'a', controlFrame('stp'))).toEqual([`b: ${groupOf('stp')}`]);
  const status = rig.taploom.ports().find(({ name }) => name === 'a');
  expect(status?.stp?.counters).toMatchObject({ bpdusReceived: 0, bpdusSent: 0 });
});

test('a mirror sees what came from the customer and what he gets', async () => {
  const rig = await edge(customer(['lldp']), customer(['lldp']), {
    mirrors: { m: { from: ['a'], to: 'mon' } },
    ports: { a: customer(['lldp']), up: { vlan: { trunk: [100] } }, mon: { vlan: { trunk: [100] } } },
  });
  expect(send(rig, 'a', controlFrame('lldp'))).toEqual([
    `up: ${TUNNEL_MAC} vlan 100`,
    `mon: ${groupOf('lldp')}`,
  ]);
  expect(send(rig, 'up', controlFrame('lldp', { dst: TUNNEL_MAC, tags: '81000064' }))).toEqual([
    `a: ${groupOf('lldp')}`,
    `mon: ${groupOf('lldp')}`,
  ]);
});

test('a flood of tunnelled frames to many ports of a customer leaves each with his own', async () => {
  const ports = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`c${n}`, customer(L2CP_NAMES)]));
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: { ...ports, up: { vlan: { trunk: [100] } } } },
  });
  for (const name of [...L2CP_NAMES, ...L2CP_NAMES])
    rig.taploom.memoryPort('up').send(controlFrame(name, { dst: TUNNEL_MAC, tags: '81000064' }));
  rig.taploom.poll(0, rig.now);
  const got = rig.received();
  for (const port of Object.keys(ports)) {
    const groups = got.get(port)?.map(({ bytes }) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      return formatMac(view.getUint16(0), view.getInt32(2));
    });
    expect(groups).toEqual([...L2CP_NAMES, ...L2CP_NAMES].map(groupOf));
  }
  rig.expectLaws();
});

test('the example in the documentation does what the table beside it says', async () => {
  const page = readFileSync(new URL('../../docs/qinq.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('## Control protocols of customers'));
  const { edge } = loadConfig(/```yaml\n(.*?)```/s.exec(section)?.[1] ?? '', 'qinq.md').bridges;
  const ports = Object.entries(edge.ports).map(([name, { type: _, ...port }]) => [
    name,
    Object.fromEntries(Object.entries(port).filter(([key]) => /^(vlan|stp|tunnel_.*)$/.test(key))),
  ]);
  const rig = await openRig({
    edge: { vlan_filtering: true, stp: edge.stp, ports: Object.fromEntries(ports) },
  });
  for (const port of ['alice', 'carol', 'core'])
    await rig.taploom.setPortState(port, undefined, 'forwarding');
  rig.run(); // what the bridge has to say
  const fromCore = (vid: string) => controlFrame('stp', { dst: TUNNEL_MAC, tags: `8100${vid}` });
  expect(send(rig, 'alice', controlFrame('stp'))).toEqual([`core: ${TUNNEL_MAC} vlan 100`]);
  expect(send(rig, 'alice', controlFrame('lldp'))).toEqual([`core: ${TUNNEL_MAC} vlan 100`]);
  expect(send(rig, 'core', fromCore('0064'))).toEqual([`alice: ${groupOf('stp')}`]);
  expect(send(rig, 'core', fromCore('012c'))).toEqual(['carol drops: tunnel_protocol']);
  expect(send(rig, 'carol', controlFrame('lldp', { dst: TUNNEL_MAC }))).toEqual(['carol drops: tunnel_mac']);
});
