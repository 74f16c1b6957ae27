// What protocols store while a topology is in force: a port that blocks, learns, and forwards again.

import { expect, onTestFinished, test, vi } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { PortStates } from '../../src/compile/overlay.ts';
import { FORWARDING, LEARNING, storeState } from '../../src/engine/topology.ts';
import type { Switch } from '../../src/switch/switch.ts';
import { configOf, openRig, ports } from '../support/engine/rig.ts';
import { lawViolations, openBench } from '../support/engine/stubs.ts';

test('a port that blocks takes nothing in and lets nothing out, and a port that learns lets nothing out either', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  await rig.taploom.setPortState('p2', undefined, 'blocking');
  expect(rig.say('p1', 'a > *')).toEqual(['p3: a > *']);
  expect(rig.say('p2', 'b > *')).toEqual(['p2 drops: port_blocked']);
  expect(await rig.fdb()).toEqual(['br0 vlan 0 02:00:00:00:00:61 p1']);
  await rig.taploom.setPortState('p2', undefined, 'learning');
  expect(rig.say('p2', 'b > *')).toEqual(['p2 drops: port_blocked']);
  expect(await rig.fdb()).toContain('br0 vlan 0 02:00:00:00:00:62 p2');
  expect(rig.say('p1', 'a > b')).toEqual(['p1 drops: port_blocked']);
  await rig.taploom.setPortState('p2', undefined, 'forwarding');
  expect(rig.say('p1', 'a > b')).toEqual(['p2: a > b']);
});

test('a state holds in its VLAN, and an access port that blocks is no unknown VLAN', async () => {
  const trunk = { vlan: { trunk: [10, 20] } };
  const rig = await openRig({ br0: { vlan_filtering: true, ports: { p1: trunk, p2: trunk } } });
  await rig.taploom.setPortState('p2', 20, 'blocking');
  expect(rig.say('p1', 'a > * vlan 10')).toEqual(['p2: a > * vlan 10']);
  expect(rig.say('p1', 'a > * vlan 20')).toEqual(['p1 drops: no_destination']);
  expect(rig.say('p2', 'b > * vlan 20')).toEqual(['p2 drops: port_blocked']);
  expect(rig.say('p2', 'b > * vlan 30')).toEqual(['p2 drops: vlan_not_allowed']);
});

test('a reconfiguration does not unblock a port, and another port of its name begins anew', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  await rig.taploom.setPortState('p2', undefined, 'blocking');
  await rig.taploom.apply(configOf({ br0: { ageing_time: 20, ports: ports(3) } }));
  expect(rig.say('p1', 'a > *')).toEqual(['p3: a > *']);
  await rig.taploom.apply(configOf({ br0: { ports: { p1: {}, p3: {} } } }));
  await rig.taploom.apply(configOf({ br0: { ports: ports(3) } }));
  expect(rig.say('p1', 'a > *').sort()).toEqual(['p2: a > *', 'p3: a > *']);
});

test('a state that changes while a change is under way is in force after it', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  const change = rig.taploom.apply(configOf({ br0: { ageing_time: 20, ports: ports(3) } }));
  await rig.taploom.setPortState('p2', undefined, 'blocking');
  await change;
  expect(rig.say('p1', 'a > *')).toEqual(['p3: a > *']);
});

test('a state that changes while a topology is compiled is in force after it', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  // Ports whose words are written already when others have their turn.
  const long = vi.spyOn(Compiler.prototype, 'compileBreathing').mockImplementation(async function (
    this: Compiler,
    ...input
  ) {
    const compiled = this.compile(...input);
    await rig.taploom.setPortState('p2', undefined, 'blocking');
    return compiled;
  });
  onTestFinished(() => long.mockRestore());
  await rig.taploom.apply(configOf({ br0: { ageing_time: 20, ports: ports(3) } }));
  expect(long).toHaveBeenCalled();
  expect(rig.say('p1', 'a > *')).toEqual(['p3: a > *']);
});

test('frames that wait go by the new state after a barrier', () => {
  const { engine, source, sink, port, topology, counters } = openBench({ br0: { ports: ports(3) } });
  const inForce = topology({ br0: { ports: ports(3) } });
  engine.swap(inForce);
  // More than one poll replicates: flooded frames of 64 KiB.
  for (let n = 0; n < 64; n++) source.add(port('p1'), `a > * size 65000`);
  engine.poll(1);
  expect(engine.isBusy).toBe(true);
  storeState(inForce, port('p1'), undefined, 0);
  engine.recheck();
  sink.sent.clear();
  while (engine.isBusy) engine.poll(1);
  expect([...sink.sent.values()].flat()).toEqual([]);
  expect(lawViolations(counters)).toEqual([]);
});

test('with threads it is certain when the promise resolves', async () => {
  const built: typeof Switch = (await import('taploom')).Switch;
  const lab = await built.open(configOf({ br0: { ports: ports(2) } }), { workers: 2 });
  onTestFinished(() => lab.close());
  for (let round = 0; round < 5; round++) {
    await lab.setPortState('p1', undefined, 'blocking');
    const before = lab.ports()[0].counters.receiveDropped.port_blocked ?? 0;
    lab.memoryPort('p1').send(Uint8Array.from({ length: 60 }, (_, n) => (n < 6 ? 0xff : n === 6 ? 2 : 0)));
    await expect
      .poll(() => lab.ports()[0].counters.receiveDropped.port_blocked ?? 0, { timeout: 3000 })
      .toBe(before + 1);
    await lab.setPortState('p1', undefined, 'forwarding');
  }
  expect(lab.memoryPort('p2').receive()).toBeUndefined();
});

test('the overlay knows VLANs one by one, and all', () => {
  const states = new PortStates();
  states.set('p1', 10, 'blocking');
  states.set('p1', undefined, 'learning');
  expect(states.of('p1', 10)).toBe('learning');
  states.set('p1', 20, 'blocking');
  expect([states.of('p1', 10), states.of('p1', 20), states.of('p2', 20)]).toEqual([
    'learning',
    'blocking',
    'forwarding',
  ]);
  states.forget('p1');
  expect(states.of('p1', 20)).toBe('forwarding');
  expect(FORWARDING & LEARNING).toBe(0);
});
