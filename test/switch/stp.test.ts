// Spanning tree in a whole switch: ports begin closed, open as the tree says, and no reconfiguration changes that.

import { expect, test } from 'vitest';
import { buildBpdu, PROVIDER_BRIDGE_GROUP } from '../../src/wire/bpdu.ts';
import { show } from '../support/engine/frame_text.ts';
import { configOf, openRig, type Rig } from '../support/engine/rig.ts';
import { NEIGHBOUR, PROPOSAL } from '../support/proposal.ts';

/** From a bridge that is better than ours, behind two of our ports. */
const bpdu = (port: number, group?: typeof PROVIDER_BRIDGE_GROUP) =>
  buildBpdu(NEIGHBOUR, { ...PROPOSAL, port }, group);

const EDGE = { stp: { edge: true } };
const RING = { stp: true, ports: { p1: {}, p2: {}, p3: EDGE, p4: EDGE } };

async function hear(rig: Rig): Promise<void> {
  for (const [port, number] of [
    ['p1', 0x8001],
    ['p2', 0x8002],
  ] as const) {
    rig.run(() => rig.taploom.memoryPort(port).send(bpdu(number)));
    await settle();
  }
}

/** Punts, states and flushes come in the control plane's own time. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

/** Without the BPDUs that go out meanwhile. */
const said = (rig: Rig, port: string, frame: string) =>
  rig.say(port, frame).filter((line) => !line.includes('01:80:c2'));

const stateOf = (rig: Rig, name: string) => rig.taploom.ports().find((port) => port.name === name)?.stp;

test('ports are closed until the tree opens them, through every reconfiguration, and open without it', async () => {
  const rig = await openRig({ br0: { stp: true, ports: { p1: {}, p2: {}, p3: {} } } });
  expect(said(rig, 'p3', 'a > *')).toEqual(['p3 drops: port_blocked']);
  await rig.taploom.apply(configOf({ br0: RING }));
  await settle();
  await hear(rig);
  expect(said(rig, 'p3', 'a > *')).toEqual(['p1: a > *', 'p4: a > *']);
  expect(said(rig, 'p2', 'b > *')).toEqual(['p2 drops: port_blocked']);
  expect(stateOf(rig, 'p2')).toMatchObject({ role: 'alternate', state: 'blocking' });

  await rig.taploom.apply(configOf({ br0: { ...RING, ageing_time: 7 } }));
  expect(said(rig, 'p3', 'a > *')).toEqual(['p1: a > *', 'p4: a > *']);

  const { stp: _, ...plain } = RING;
  await rig.taploom.apply(configOf({ br0: plain }));
  await settle();
  expect(said(rig, 'p3', 'a > *')).toEqual(['p1: a > *', 'p2: a > *', 'p4: a > *']);
  expect(stateOf(rig, 'p2')).toBeUndefined();
  // BPDUs are forwarded again.
  expect(rig.run(() => rig.taploom.memoryPort('p1').send(bpdu(1)))).toHaveLength(3);

  await rig.taploom.apply(configOf({ br0: RING }));
  expect(said(rig, 'p2', 'b > *')).toEqual(['p2 drops: port_blocked']);
});

test('a tree that is switched on and off at any moment leaves no port behind', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: {} } } });
  const trees = [
    true,
    false,
    { protocol: 'stp', forward_delay: 2 },
    false,
    true,
    { protocol: 'stp', forward_delay: 2 },
  ];
  for (const [n, stp] of trees.entries()) {
    await rig.taploom.apply(configOf({ br0: { stp, ports: { p1: {}, p2: {} } } }));
    rig.now += [0, 1, 3_000, 700, 5_000, 1][n];
    rig.run();
    if (n % 2 === 0) await settle();
  }
  for (let second = 0; second < 6; second++) {
    rig.now += 1_000;
    rig.run();
    await settle();
  }
  expect(['p1', 'p2'].map((port) => stateOf(rig, port)?.state)).toEqual(['forwarding', 'forwarding']);
  expect(said(rig, 'p1', 'a > *')).toEqual(['p2: a > *']);
});

test('a BPDU goes no further while a tree runs, whatever its tag', async () => {
  const ports = { p1: { vlan: { trunk: [10], native: 1 } }, p2: { vlan: { trunk: ['1-4094'] } } };
  const rig = await openRig({
    br0: { vlan_filtering: true, stp: true, ports: { ...ports, p3: { vlan: { access: 10 } } } },
  });
  await settle();
  const tagged = (tag: number) =>
    Uint8Array.from([...bpdu(1).slice(0, 12), 0x81, 0, tag >> 8, tag & 0xff, ...bpdu(1).slice(12)]);
  for (const frame of [bpdu(1), tagged(0), tagged(1), tagged(10), tagged(99)]) {
    const lines = rig.run(() => rig.taploom.memoryPort('p1').send(frame));
    expect(lines.filter((line) => line.includes('02:00:5e:00:00:01 >'))).toEqual([]);
    await settle();
  }
});

test('a port that opens forgets nothing, and one that closes forgets what it learned', async () => {
  const rig = await openRig({ br0: RING });
  await settle();
  await hear(rig);
  said(rig, 'p1', 'a > *');
  said(rig, 'p4', 'b > *');
  expect(await rig.fdb()).toHaveLength(2);
  await rig.taploom.apply(
    configOf({ br0: { ...RING, ports: { ...RING.ports, p1: { stp: { guard: 'bpdu' } } } } }),
  );
  await hear(rig);
  await settle();
  expect(stateOf(rig, 'p1')?.reason).toMatch(/^BPDU guard: it received a BPDU/);
  expect(await rig.fdb()).toEqual(['br0 vlan 0 02:00:00:00:00:62 p4']);
  // The other way to the root is open in the same moment.
  expect(said(rig, 'p3', 'c > *')).toEqual(['p2: c > *', 'p4: c > *']);
  expect(show(bpdu(1))).toContain('01:80:c2:00:00:00');
});

test('a port that BPDU guard closed is opened by hand, and closed by the next BPDU', async () => {
  const guarded = { stp: { edge: true, guard: 'bpdu' } };
  const rig = await openRig({ br0: { ...RING, ports: { ...RING.ports, p1: guarded } } });
  await settle();
  for (let round = 0; round < 2; round++) {
    await hear(rig);
    expect(stateOf(rig, 'p1')).toMatchObject({ role: 'disabled', state: 'disabled' });
    expect(await rig.taploom.enablePort('p1')).toBe(true);
    await settle();
    expect(stateOf(rig, 'p1')).toMatchObject({ role: 'designated', state: 'forwarding' });
  }
  expect(await rig.taploom.enablePort('p1')).toBe(false);
});

test('a port that is disabled for an error is down to the tree, and another way opens', async () => {
  const storm_control = { broadcast: { frames: 10 }, action: 'shutdown' as const };
  const rig = await openRig({
    br0: { ...RING, ports: { ...RING.ports, p1: { storm_control, error_recovery: 30 } } },
  });
  await settle();
  await hear(rig);
  await settle();
  expect(stateOf(rig, 'p1')).toMatchObject({ role: 'root', state: 'forwarding' });
  for (let n = 0; n < 3; n++) rig.say('p1', 'a > *');
  await settle();
  rig.run();
  await settle();
  expect(stateOf(rig, 'p1')).toMatchObject({ role: 'disabled' });
  expect(stateOf(rig, 'p2')).toMatchObject({ role: 'root', state: 'forwarding' });
  expect(said(rig, 'p3', 'c > *')).toEqual(['p2: c > *', 'p4: c > *']);
});

test('an aggregate is one port of the tree: BPDUs of its members are its own, and it says one', async () => {
  const bond = {
    type: 'aggregate',
    lacp: 'off',
    members: { m1: { type: 'memory' }, m2: { type: 'memory' } },
  };
  const rig = await openRig({ br0: { stp: true, ports: { bond, p2: {}, p3: EDGE, p4: EDGE } } });
  await settle();
  rig.run();
  await settle();
  rig.run(() => rig.taploom.memoryPort('m2').send(bpdu(1)));
  await settle();
  rig.run(() => rig.taploom.memoryPort('p2').send(bpdu(2)));
  await settle();
  expect(stateOf(rig, 'bond')).toMatchObject({ role: 'root', state: 'forwarding' });
  expect(stateOf(rig, 'p2')).toMatchObject({ role: 'alternate', state: 'blocking' });
  expect(stateOf(rig, 'm1')).toBeUndefined();
  expect(said(rig, 'p3', 'a > *').sort()).toEqual([expect.stringMatching(/^m[12]: a > \*$/), 'p4: a > *']);
});

test('a provider’s tree is its own: BPDUs of customers are frames of their VLAN', async () => {
  const tunnel = (vlan: number) => ({ vlan: { tunnel: vlan }, stp: { edge: true } });
  const core = { vlan: { trunk: [100, 200] } };
  const ports = { p1: core, p2: core, p3: tunnel(100), p4: tunnel(200) };
  const rig = await openRig({ s: { vlan_filtering: true, vlan_protocol: '802.1ad', stp: true, ports } });
  await settle();
  for (const [port, number] of [
    ['p1', 0x8001],
    ['p2', 0x8002],
  ] as const) {
    rig.run(() => rig.taploom.memoryPort(port).send(bpdu(number, PROVIDER_BRIDGE_GROUP)));
    await settle();
  }
  expect(stateOf(rig, 'p1')).toMatchObject({ role: 'root', state: 'forwarding' });
  expect(stateOf(rig, 'p2')).toMatchObject({ role: 'alternate', state: 'blocking' });
  rig.run(); // what the bridge itself has to say
  const lines = rig.run(() => rig.taploom.memoryPort('p3').send(bpdu(1)));
  expect(lines.map((line) => line.slice(0, 53))).toEqual([
    'p1: 02:00:5e:00:00:01 > 01:80:c2:00:00:00 svlan 100 "',
  ]);
  expect(stateOf(rig, 'p3')?.counters.bpdusReceived).toBe(0);

  // With customers' tags the bridge is a customer's.
  await rig.change(({ bridges }) => {
    bridges.s.vlan_protocol = '802.1Q';
  });
  await settle();
  rig.run(() => rig.taploom.memoryPort('p3').send(bpdu(1)));
  await settle();
  expect(stateOf(rig, 'p3')?.counters.bpdusReceived).toBe(1);
});
