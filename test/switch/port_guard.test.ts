// Ports that are disabled for an error, in a switch without threads whose clock the test turns.

import { expect, test } from 'vitest';
import { probeToken } from '../../src/wire/loop_probe.ts';
import { openRig, ports, type Rig } from '../support/engine/rig.ts';

/** Lets promises of the guard go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

async function states(rig: Rig): Promise<string[]> {
  await settled();
  return rig.taploom.ports().map(({ name, state }) => `${name} ${state}`);
}

/** Probes that were sent since the last time, by port. */
function probes(rig: Rig): Map<string, Uint8Array[]> {
  rig.taploom.poll(0, rig.now);
  rig.taploom.poll(0, rig.now);
  return new Map(
    [...rig.received()].map(([port, frames]) => [port, frames.map(({ bytes }) => bytes).filter(isProbe)]),
  );
}

function isProbe(frame: Uint8Array): boolean {
  const isTagged = frame[12] === 0x81;
  return (
    probeToken(isTagged ? Uint8Array.of(...frame.subarray(0, 12), ...frame.subarray(16)) : frame) !==
    undefined
  );
}

async function receive(rig: Rig, port: string, frame: Uint8Array): Promise<void> {
  rig.taploom.memoryPort(port).send(frame);
  for (let n = 0; n < 5; n++) {
    rig.taploom.poll(0, rig.now);
    await settled();
  }
}

test('a storm disables a port that says so, which forgets its stations and is tried again', async () => {
  const storm_control = { broadcast: { frames: 10 }, action: 'shutdown' };
  const rig = await openRig({ br0: { ports: { p1: { storm_control, error_recovery: 30 }, p2: {} } } });
  rig.say('p2', 'z > *');
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: storm_broadcast']);
  expect(await states(rig)).toEqual(['p1 disabled', 'p2 up']);
  expect(rig.taploom.ports()[0]).toMatchObject({
    reason: 'more frames than its storm_control allows; it is tried again after 30 s without that',
    disabledBy: { storm: 1 },
  });
  expect(await rig.fdb()).toEqual(['br0 vlan 0 02:00:00:00:00:7a p2']);
  expect(rig.say('p1', 'a > z')).toEqual(['p1 drops: port_blocked']);
  expect(rig.say('p2', 'z > a')).toEqual(['p2 drops: no_destination']);
  rig.now += 29_000;
  rig.run();
  expect(await states(rig)).toEqual(['p1 disabled', 'p2 up']);
  rig.now += 1_001;
  rig.run();
  expect(await states(rig)).toEqual(['p1 up', 'p2 up']);
  expect(rig.say('p1', 'a > z')).toEqual(['p2: a > z']);
});

test('one address too many disables a port, and no reconfiguration enables it but that of its control', async () => {
  const rig = await openRig({
    br0: { ports: { p1: { fdb_limit: 1, fdb_limit_action: 'shutdown' }, p2: {} } },
  });
  rig.say('p1', 'a > x');
  expect(rig.say('p1', 'b > x')).toEqual(['p1 drops: address_limit']);
  expect(await states(rig)).toEqual(['p1 disabled', 'p2 up']);
  await rig.change((config) => {
    config.bridges.br0.ports.p1.hairpin = true;
  });
  expect(rig.say('p1', 'a > x')).toEqual(['p1 drops: port_blocked']);
  await rig.change((config) => {
    config.bridges.br0.ports.p1.fdb_limit_action = 'ignore';
  });
  expect(await states(rig)).toEqual(['p1 up', 'p2 up']);
  expect(rig.say('p1', 'a > x')).toEqual(['p1: a > x', 'p2: a > x']);
});

test('a disabled port is enabled by hand before its time, and disabled again by the same error', async () => {
  const storm_control = { broadcast: { frames: 10 }, action: 'shutdown' };
  const rig = await openRig({ br0: { ports: { p1: { storm_control }, p2: {} } } });
  const events: string[] = [];
  rig.taploom.events.listen((event) => events.push(event.message));
  for (let round = 1; round <= 2; round++) {
    rig.now += 1_000;
    rig.say('p1', 'a > *');
    rig.say('p1', 'a > *');
    expect(await states(rig)).toEqual(['p1 disabled', 'p2 up']);
    expect(await rig.taploom.enablePort('p1')).toBe(true);
    expect(await states(rig)).toEqual(['p1 up', 'p2 up']);
    expect(rig.say('p1', 'a > x')).toEqual(['p2: a > x']);
    expect(rig.taploom.ports()[0].disabledBy).toEqual({ storm: round });
  }
  expect(events.filter((message) => message === 'port p1 was enabled by hand')).toHaveLength(2);
  expect(await rig.taploom.enablePort('p1')).toBe(false);
  await expect(rig.taploom.enablePort('p9')).rejects.toMatchObject({ code: 'no_such_port' });
});

test('a disabled port comes back in the states that a protocol gave it meanwhile', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      ports: ports(2, {
        vlan: { trunk: [10, 20] },
        fdb_limit: 1,
        fdb_limit_action: 'shutdown',
        error_recovery: 5,
      }),
    },
  });
  rig.say('p1', 'a > x vlan 10');
  rig.say('p1', 'b > x vlan 10');
  await settled();
  await rig.taploom.setPortState('p1', undefined, 'forwarding');
  await rig.taploom.setPortState('p1', 20, 'blocking');
  expect(rig.say('p1', 'a > x vlan 10')).toEqual(['p1 drops: port_blocked']);
  rig.now += 6_000;
  rig.run();
  await settled();
  expect(rig.say('p1', 'a > x vlan 10')).toEqual(['p2: a > x vlan 10']);
  expect(rig.say('p1', 'a > x vlan 20')).toEqual(['p1 drops: port_blocked']);
});

test('a probe that comes back on another port disables the later of both, as long as the loop lasts', async () => {
  const rig = await openRig({ br0: { ports: ports(3, { loop_detection: true, error_recovery: 2 }) } });
  const first = probes(rig);
  const [probe] = first.get('p1') as Uint8Array[];
  expect([...first.values()].map((sent) => sent.length)).toEqual([1, 1, 1]);
  await receive(rig, 'p2', probe);
  expect(await states(rig)).toEqual(['p1 up', 'p2 disabled', 'p3 up']);
  expect(rig.taploom.ports()[1].reason).toMatch(/^a loop with port p1: its probe came back;/);
  expect(rig.say('p1', 'a > *')).toEqual(['p3: a > *']);
  for (let second = 0; second < 5; second++) {
    rig.now += 1000;
    const [again] = probes(rig).get('p1') as Uint8Array[];
    await receive(rig, 'p2', again);
    expect(await states(rig)).toEqual(['p1 up', 'p2 disabled', 'p3 up']);
  }
  rig.now += 2001;
  rig.run();
  expect(await states(rig)).toEqual(['p1 up', 'p2 up', 'p3 up']);
});

test('the probe of a port without a native VLAN is tagged, and comes back tagged', async () => {
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: ports(1, { loop_detection: true, vlan: { trunk: [30, 20] } }) },
  });
  const [probe] = probes(rig).get('p1') as Uint8Array[];
  expect(Buffer.from(probe.subarray(12, 18)).toString('hex')).toBe('8100001488b7');
  await receive(rig, 'p1', probe);
  expect(rig.taploom.ports()[0].reason).toMatch(/^a loop behind it/);
});

test("probes of others pass, and two switches in a ring see each other's", async () => {
  const rig = await openRig({
    br0: { ports: ports(2, { loop_detection: true }) },
    br1: { ports: { q1: { loop_detection: true }, q2: { loop_detection: true } } },
  });
  const sent = probes(rig);
  // p1 and q1 are two ends of a cable, and so are q2 and p2.
  await receive(rig, 'q1', (sent.get('p1') as Uint8Array[])[0]);
  const [passed] = (rig.received().get('q2') ?? []).map(({ bytes }) => bytes);
  expect(probeToken(passed)).toEqual(probeToken((sent.get('p1') as Uint8Array[])[0]));
  await receive(rig, 'p2', passed);
  expect(await states(rig)).toEqual(['p1 up', 'p2 disabled', 'q1 up', 'q2 up']);
});

test('without loop detection nothing is sent, and a disabled port is told as an event and in metrics', async () => {
  const storm_control = { multicast: { frames: 1 }, action: 'shutdown' };
  const rig = await openRig({ br0: { ports: { p1: { storm_control, error_recovery: 5 }, p2: {} } } });
  expect([...probes(rig).values()].flat()).toEqual([]);
  const events: string[] = [];
  rig.taploom.events.listen(({ type, message }) => {
    if (type === 'port') events.push(message);
  });
  rig.say('p1', 'a > 01:00:5e:00:00:01');
  rig.say('p1', 'a > 01:00:5e:00:00:01');
  await settled();
  rig.taploom.events.look({ now: rig.now });
  rig.now += 5_001;
  rig.run();
  await settled();
  rig.taploom.events.look({ now: rig.now });
  expect(events).toEqual([
    'port p1 is disabled: more frames than its storm_control allows; it is tried again after 5 s without that',
    'port p1 is up',
  ]);
});
