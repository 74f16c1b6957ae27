// Mirrors: to a port, to the bridge's own interface, to a VLAN. Both laws are checked after every frame.

import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { configOf, openRig, ports } from '../support/engine/rig.ts';
import { lawViolations, openBench } from '../support/engine/stubs.ts';

const span = (mirror: Record<string, unknown>) => ({ m1: { to: 'mon', ...mirror } });

test('a port that is watched: what it sends and what it gets, once each', async () => {
  const rig = await openRig({
    br0: { mirrors: span({ from: ['p1'] }), ports: { ...ports(3), mon: {} } },
  });
  expect(rig.say('p1', 'a > *').sort()).toEqual(['mon: a > *', 'p2: a > *', 'p3: a > *']);
  expect(rig.say('p2', 'b > a').sort()).toEqual(['mon: b > a', 'p1: b > a']);
  expect(rig.say('p2', 'b > x').sort()).toEqual(['mon: b > x', 'p1: b > x', 'p3: b > x']);
  rig.say('p3', 'c > *');
  expect(rig.say('p2', 'b > c')).toEqual(['p3: b > c']);
  expect(rig.say('p1', 'a > b').sort()).toEqual(['mon: a > b', 'p2: a > b']);
});

test('between two watched ports a frame is copied once', async () => {
  const rig = await openRig({
    br0: { mirrors: span({ from: ['p1', 'p2'] }), ports: { ...ports(2), mon: {} } },
  });
  expect(rig.say('p1', 'a > *').sort()).toEqual(['mon: a > *', 'p2: a > *']);
});

test.each([
  ['in', ['mon: a > *', 'p2: a > *'], ['p1: b > a']],
  ['out', ['p2: a > *'], ['mon: b > a', 'p1: b > a']],
])('direction %s', async (direction, sent, got) => {
  const rig = await openRig({
    br0: { mirrors: span({ from: ['p1'], direction }), ports: { ...ports(2), mon: {} } },
  });
  expect(rig.say('p1', 'a > *').sort()).toEqual(sent);
  expect(rig.say('p2', 'b > a').sort()).toEqual(got);
});

test('the end of a mirror takes nothing in and gets nothing else', async () => {
  const rig = await openRig({
    br0: { mirrors: span({ from: ['p1'] }), ports: { ...ports(3), mon: {} } },
  });
  expect(rig.say('mon', 'm > *')).toEqual(['mon drops: port_blocked']);
  expect(await rig.fdb()).toEqual([]);
  expect(rig.say('p2', 'b > *').sort()).toEqual(['mon: b > *', 'p1: b > *', 'p3: b > *']); // by p1
  rig.say('p3', 'c > *');
  expect(rig.say('p2', 'b > c')).toEqual(['p3: b > c']);
});

test('in a VLAN-aware bridge copies are as received, or as they leave, and VLANs can be chosen', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      mirrors: span({ from: ['p1', 'p2'], vlans: [10] }),
      ports: {
        p1: { vlan: { access: 10 } },
        p2: { vlan: { trunk: [10, 20] } },
        p3: { vlan: { trunk: [20] } },
        p4: { vlan: { trunk: [10] } },
        mon: {},
      },
    },
  });
  expect(rig.say('p1', 'a > *').sort()).toEqual(['mon: a > *', 'p2: a > * vlan 10', 'p4: a > * vlan 10']);
  expect(rig.say('p2', 'b > * vlan 10 pcp 5').sort()).toContain('mon: b > * vlan 10 pcp 5');
  expect(rig.say('p2', 'b > * vlan 20')).toEqual(['p3: b > * vlan 20']);
  expect(rig.say('p4', 'd > a vlan 10').sort()).toEqual(['mon: d > a', 'p1: d > a']);
});

test('to a VLAN: every port of it, with its tag, and never what is in it already', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      mirrors: { m1: { to: { vlan: 99 } } },
      ports: {
        p1: { vlan: { access: 10 } },
        p2: { vlan: { access: 10 } },
        up: { vlan: { trunk: [10, 99] } },
        probe: { vlan: { access: 99 } },
      },
    },
  });
  expect(rig.say('p1', 'a > *').sort()).toEqual([
    'p2: a > *',
    'probe: a > *',
    'up: a > * vlan 10',
    'up: a > * vlan 99',
  ]);
  expect(rig.say('up', 'x > * vlan 99')).toEqual(['probe: x > *']);
});

test('the bridge’s own interface sees what passes others, and its own traffic once', () => {
  const bridges = { br0: { local: {}, mirrors: { m1: { to: 'br0' } }, ports: ports(2) } };
  const { engine, source, sink, port, counters } = openBench(bridges);
  engine.attach(port('br0'), sink);
  const say = (from: string, line: string) => {
    sink.sent.clear();
    source.add(port(from), line);
    engine.poll(1);
    expect(lawViolations(counters)).toEqual([]);
    return sink.sent.get(port('br0')) ?? [];
  };
  expect(say('p1', 'a > *')).toEqual(['a > *']); // as a member
  expect(say('p2', 'b > a')).toEqual(['b > a']); // between guests
  expect(say('p1', 'a > b')).toEqual(['a > b']);
  expect(say('p1', 'a > z')).toEqual(['a > z']); // flooded to it anyway
  expect(say('br0', 'h > a')).toEqual([]);
  expect(say('br0', 'h > *')).toEqual([]);
  expect(say('p1', 'a > h')).toEqual(['a > h']);
});

test('one of so many, and cut short', async () => {
  const rig = await openRig({
    br0: {
      mirrors: span({ from: ['p1'], direction: 'in', sample: 3, snaplen: 64 }),
      ports: { p1: {}, mon: {} },
    },
  });
  const seen = Array.from({ length: 9 }, () => rig.say('p1', 'a > * size 1000'));
  expect(seen.flat().filter((line) => line.startsWith('mon'))).toHaveLength(3);
  expect(seen.flat().filter((line) => line === 'mon: a > * size 64')).toHaveLength(3);
});

test('a watcher that is full or too narrow loses copies, is counted, and nobody else loses any', async () => {
  const bridge = {
    mirrors: span({ from: ['p1'], direction: 'in' }),
    ports: { p1: {}, p2: { mtu: 9000 }, mon: { mtu: 600 } },
  };
  const { engine, source, sink, port, counters } = openBench({ br0: bridge });
  source.add(port('p1'), 'a > * size 1400');
  engine.poll(1);
  expect(sink.sent.get(port('p2'))).toHaveLength(1);
  expect(sink.sent.has(port('mon'))).toBe(false);
  for (let n = 0; n < 3; n++) for (let k = 0; k < 64; k++) source.add(port('p1'), 'a > *');
  for (let n = 0; n < 4; n++) engine.poll(1);
  expect(sink.sent.get(port('p2'))).toHaveLength(193);
  expect(sink.sent.get(port('mon'))).toHaveLength(192);
  expect(lawViolations(counters)).toEqual([]);
});

test('a mirror that goes costs nothing any more', () => {
  const { engine, topology } = openBench({ br0: { mirrors: span({}), ports: { p1: {}, mon: {} } } });
  expect(engine.ingressPasses).toHaveLength(1);
  engine.swap(topology({ br0: { ports: { p1: {}, mon: {} } } }));
  expect(engine.ingressPasses).toHaveLength(0);
  expect(engine.egress.passes).toHaveLength(0);
});

test.each([
  [{ to: 'nosuch' }, 'to: bridge br0 has no port nosuch'],
  [{ from: ['nosuch'], to: 'p2' }, 'from: bridge br0 has no port nosuch'],
  [{ from: ['p2'], to: 'p2' }, 'from: p2 is where this mirror copies to'],
  [{ to: { vlan: 10 } }, 'to: bridge br0 does not filter VLANs'],
  [{ to: 'p2', vlans: [10] }, 'vlans: bridge br0 does not filter VLANs'],
  [{ to: { port: 'p1', remote: '192.0.2.1' } }, 'to: p1 is not a VXLAN port'],
  [{ to: 'p2', sample: 0 }, 'sample: 0 is not a number: one frame of so many'],
])('the configuration refuses %o', (mirror, problem) => {
  expect(() => parseConfig(configOf({ br0: { mirrors: { m1: mirror }, ports: ports(2) } }))).toThrow(problem);
});
