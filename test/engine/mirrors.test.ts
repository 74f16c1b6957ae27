// Mirrors: to a port, to the bridge's own interface, to a VLAN. Both laws are checked after every frame.

import { expect, test } from 'vitest';
import { remoteName } from '../../src/compile/names.ts';
import { parseConfig } from '../../src/config/schema.ts';
import type { EgressQueue } from '../../src/engine/port.ts';
import { COLUMN } from '../../src/frame/frame_batch.ts';
import { hop } from '../../src/frame/hop.ts';
import { bytesAt, META, SEND, SlotRing } from '../../src/table/slot_ring.ts';
import { parse } from '../support/engine/frame_text.ts';
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
      group_fwd_mask: 0x4000,
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
  // Also through the port that it came from: the watcher may be there.
  expect(rig.say('up', 'b > a vlan 10').sort()).toEqual(['p1: b > a', 'probe: b > a', 'up: b > a vlan 99']);
  // Not what the next switch would take for its neighbour's.
  expect(rig.say('p1', 'a > 01:80:c2:00:00:0e').sort()).toEqual([
    'p2: a > 01:80:c2:00:00:0e',
    'up: a > 01:80:c2:00:00:0e vlan 10',
  ]);
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

// The frames of the tests have the EtherType 0x88b5, which is for experiments.
test('a filter chooses frames, and only those count for the sample', async () => {
  const rig = await openRig({
    br0: {
      mirrors: span({ from: ['p1'], filter: 'ether host 02:00:00:00:00:61 and greater 200', sample: 2 }),
      ports: { p1: {}, p2: {}, mon: {} },
    },
  });
  const seen = (line: string) => rig.say('p1', line).filter((copy) => copy.startsWith('mon'));
  expect(seen('a > * size 300')).toEqual([]);
  expect(seen('a > * size 100')).toEqual([]);
  expect(seen('c > * size 300')).toEqual([]);
  expect(seen('a > * size 300')).toEqual(['mon: a > * size 300']);
});

test('a filter sees a frame as received, and one that it refuses then as it leaves', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      mirrors: span({ filter: 'vlan 10 and ether proto 0x88b5' }),
      ports: {
        p1: { vlan: { access: 10 } },
        p2: { vlan: { trunk: [10, 20] } },
        p3: { vlan: { access: 10 } },
        mon: {},
      },
    },
  });
  const seen = (port: string, line: string) => rig.say(port, line).filter((copy) => copy.startsWith('mon'));
  expect(seen('p1', 'a > *')).toEqual(['mon: a > * vlan 10']); // through p2
  expect(seen('p2', 'b > * vlan 10')).toEqual(['mon: b > * vlan 10']);
  expect(seen('p2', 'b > * vlan 20')).toEqual([]);
  expect(seen('p1', 'a > a')).toEqual([]);
  rig.say('p3', 'c > *');
  expect(seen('p1', 'a > c')).toEqual([]); // without a tag on both sides
});

test('filters of many mirrors are each their own', async () => {
  const rig = await openRig({
    br0: {
      mirrors: {
        m1: { from: ['p1'], filter: 'ether src 02:00:00:00:00:61', to: 'mon' },
        m2: { from: ['p1'], to: 'mon2' },
        m3: { from: ['p1'], filter: 'not ether src 02:00:00:00:00:61', to: 'mon3' },
      },
      ports: { p1: {}, mon: {}, mon2: {}, mon3: {} },
    },
  });
  expect(rig.say('p1', 'a > *').sort()).toEqual(['mon2: a > *', 'mon: a > *', 'p1 drops: no_destination']);
  expect(rig.say('p1', 'b > *').sort()).toEqual(['mon2: b > *', 'mon3: b > *', 'p1 drops: no_destination']);
});

test('a flood through a watched port is mirrored without a tag where it leaves without one', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      mirrors: span({ from: ['p1'], direction: 'out' }),
      ports: {
        p1: { vlan: { access: 10 } },
        p2: { vlan: { trunk: [10] } },
        p3: { vlan: { trunk: [10] } },
        mon: { vlan: { access: 10 } }, // which does not matter: it is the watcher's alone
      },
    },
  });
  const sent = ['mon: b > *', 'p1: b > *', 'p3: b > * vlan 10'];
  expect(rig.say('p2', 'b > * vlan 10').sort()).toEqual(sent);
  expect(rig.say('p2', 'b > x vlan 10').sort()).toEqual(sent.map((line) => line.replace('*', 'x')));
});

test('two switches that mirror to each other through a tunnel do not do so for ever', () => {
  const vx = { type: 'vxlan', vni: 1, local: '192.0.2.1', remotes: ['192.0.2.2'] };
  const mirrors = { m1: { to: { port: 'vx', remote: '192.0.2.9' } } };
  const { engine, source, sink, port, counters, compiler } = openBench({
    br0: { mirrors, ports: { p1: {}, vx } },
  });
  const say = (from: number) => {
    sink.sent.clear();
    source.add(from, 'a > *');
    engine.poll(1);
    expect(lawViolations(counters)).toEqual([]);
    return (sink.sent.get(port('vx')) ?? []).length;
  };
  const remote = (address: string) =>
    hop(port('vx'), compiler.remotes.find(remoteName('vx', address)) as number);
  expect(say(port('p1'))).toBe(2); // to the remote that has it anyway, and to the watcher
  expect(say(remote('192.0.2.2'))).toBe(1);
  expect(say(remote('192.0.2.9'))).toBe(0);
});

test('what the switch makes is mirrored in every poll that a batch takes', () => {
  const bridges = { br0: { mirrors: span({ from: ['p1'], direction: 'out' }), ports: { p1: {}, mon: {} } } };
  const { engine, sink, port, topology: compile } = openBench(bridges);
  const { batch, egress } = engine;
  const topology = compile(bridges);
  for (const polls of [1, 2, 3]) {
    const row = batch.make();
    batch.bytes.set(parse('s > a'), batch.frameAt(row));
    batch.describe(row, batch.frameAt(row), port('p1'), 60);
    batch.rows[row + COLUMN.rest] = batch.frameAt(row) + 12;
    batch.rows[row + COLUMN.tci] = 0;
    egress.push(topology, egress.queueOf[port('p1')] as EgressQueue, row, port('p1'), 0, 0);
    egress.finish(topology);
    batch.forgetMade();
    expect(sink.sent.get(port('mon'))).toHaveLength(polls);
  }
});

test('mirrors that come and go leave the stations where they are', async () => {
  const bridge = { ports: { ...ports(2), p3: {}, mon: {} } };
  const rig = await openRig({ br0: bridge });
  rig.say('p1', 'a > *');
  for (const mirrors of [span({ from: ['p1', 'p2'] }), span({ filter: 'arp' }), {}]) {
    await rig.taploom.apply(parseConfig(configOf({ br0: { ...bridge, mirrors } })));
    const seen = rig.say('p2', 'b > a').filter((line) => !line.startsWith('mon'));
    expect(seen).toEqual(['p1: b > a']);
  }
  expect(rig.say('mon', 'm > a')).toEqual(['p1: m > a']);
});

test.each([
  ['in', 1, 0],
  ['out', 0, 1],
])(
  'direction %s: LLDP that the host takes is received, what it sends only leaves',
  (direction, heard, said) => {
    const bridges = {
      br0: { mirrors: span({ from: ['p1'], direction }), ports: { p1: { lldp: true }, mon: {} } },
    };
    const { engine, source, sink, port, counters } = openBench(bridges);
    const fromHost = new SlotRing(SlotRing.allocate());
    engine.host.connect(SlotRing.allocate(), fromHost.memory);
    engine.addSource(engine.host);
    source.add(port('p1'), 'a > 01:80:c2:00:00:0e');
    engine.poll(1);
    expect(sink.sent.get(port('mon')) ?? []).toHaveLength(heard);
    const slot = fromHost.reserve();
    fromHost.bytes.set(parse('s > 01:80:c2:00:00:0e'), bytesAt(slot));
    fromHost.words[(slot >> 2) + META.length] = 60;
    fromHost.words[(slot >> 2) + META.port] = port('p1');
    fromHost.words[(slot >> 2) + META.reason] = SEND;
    fromHost.commit();
    engine.poll(2);
    expect(sink.sent.get(port('p1'))).toEqual(['s > 01:80:c2:00:00:0e']);
    expect(sink.sent.get(port('mon')) ?? []).toHaveLength(heard + said);
    expect(lawViolations(counters)).toEqual([]);
  },
);

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
  [
    { to: 'p2', filter: 'tcp[13] & 2 != 0' },
    'm1.filter: "tcp[13] & 2 != 0" is not a filter: "tcp[13]" is not understood',
  ],
  [{ to: 'p2', filter: '' }, 'm1.filter: "" is not a filter: it ends too early; docs/capture.md lists'],
  [{ to: 'p2', filter: 80 }, "m1.filter: 80 is not a filter in tcpdump's language"],
  [{ to: 'p2', sample: 0 }, 'sample: 0 is not a number: one frame of so many'],
])('the configuration refuses %o', (mirror, problem) => {
  expect(() => parseConfig(configOf({ br0: { mirrors: { m1: mirror }, ports: ports(2) } }))).toThrow(problem);
});
