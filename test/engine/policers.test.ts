import { expect, test } from 'vitest';
import { openRig, type Rig } from '../support/engine/rig.ts';

const many = (rig: Rig, count: number, line: string) =>
  Array.from({ length: count }, () => rig.say('p1', line)).flat();
const arrived = (lines: string[]) => lines.filter((line) => line.startsWith('p2:')).length;

test('what a port sends beyond its rate is dropped before anything is learned of it, and passes again later', async () => {
  const police = { in: { rate: '100pps', burst: 5 } };
  const rig = await openRig({ br0: { ports: { p1: { qos: { police } }, p2: {} } } });
  expect(arrived(many(rig, 8, 'a > * "x"'))).toBe(5);
  expect(rig.counters('p1').receiveDropped).toEqual({ policed_receive: 3 });
  rig.say('p1', 'c > * "x"');
  expect((await rig.fdb()).join()).not.toContain('63');
  rig.now += 30;
  expect(arrived(many(rig, 8, 'a > * "x"'))).toBe(3);
});

test.each([
  ['1kpps', 200],
  ['100pps', 100],
])('without a burst, at %s, %i frames may come at once', async (rate, burst) => {
  const rig = await openRig({ br0: { ports: { p1: { qos: { police: { in: rate } } }, p2: {} } } });
  expect(arrived(many(rig, burst + 20, 'a > * "x"'))).toBe(burst);
});

test('what would leave beyond the rate of a port is dropped there, and only there', async () => {
  const police = { out: { rate: '8kbit', burst: '200b' } };
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { qos: { police } }, p3: {} } } });
  const lines = many(rig, 4, 'a > * "x"');
  // A frame of the rig has 60 bytes.
  const more = many(rig, 4, 'a > * "x"');
  expect(arrived([...lines, ...more])).toBe(3);
  expect([...lines, ...more].filter((line) => line.startsWith('p3:'))).toHaveLength(8);
  expect(rig.counters('p2')).toMatchObject({
    copies: 8,
    transmittedFrames: 3,
    transmitDropped: { policed: 5 },
  });
});

test('between rate and peak frames are marked as drop eligible', async () => {
  const police = { in: { rate: '10pps', burst: 2, peak: '20pps', peak_burst: 4, exceed: 'dei' } };
  const vlan = { trunk: [10] };
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: { p1: { vlan, qos: { police } }, p2: { vlan } } },
  });
  const lines = many(rig, 6, 'a > * vlan 10 "x"');
  expect(arrived(lines)).toBe(4);
  expect(lines.filter((line) => line.includes('dei'))).toHaveLength(2);
  expect(rig.counters('p1').receiveDropped).toEqual({ policed_receive: 2 });
});

test('a super-frame counts as its segments', async () => {
  const police = { in: { rate: '100pps', burst: 10 } };
  const rig = await openRig({ br0: { ports: { p1: { qos: { police } }, p2: {} } } });
  const { build, payloadOf } = await import('../../src/testing/offload_frame.ts');
  const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(6000), gsoSize: 1000 } as never);
  const offload = {
    gsoType: frame.gsoType,
    gsoSize: 1000,
    csumStart: frame.csumStart,
    csumOffset: frame.csumOffset,
  };
  rig.run(() => rig.taploom.memoryPort('p1').send(frame.bytes, offload));
  rig.run(() => rig.taploom.memoryPort('p1').send(frame.bytes, offload));
  expect(rig.counters('p1').receiveDropped).toEqual({ policed_receive: 1 });
});

test('a change of the rate leaves what the port owes', async () => {
  const police = { in: { rate: '1pps', burst: 2 } };
  const rig = await openRig({ br0: { ports: { p1: { qos: { police } }, p2: {} } } });
  expect(arrived(many(rig, 4, 'a > * "x"'))).toBe(2);
  await rig.change(({ bridges }) => {
    (bridges.br0.ports.p1 as { qos: unknown }).qos = {
      police: { in: { rate: '1pps', burst: 3, exceed: 'pass' } },
    };
  });
  expect(arrived(many(rig, 4, 'a > * "x"'))).toBe(1);
});

test('a rate in bits counts tags and the headers of all segments of a super-frame', async () => {
  const vlan = { trunk: [10] };
  const of = (burst: string) => ({ vlan, qos: { police: { in: { rate: '8kbit', burst } } } });
  const rig = await openRig({ br0: { vlan_filtering: true, ports: { p1: of('180b'), p2: { vlan } } } });
  // 60 bytes and a tag: three would fit without it.
  expect(arrived(many(rig, 3, 'a > * vlan 10 "x"'))).toBe(2);

  const { build, payloadOf } = await import('../../src/testing/offload_frame.ts');
  const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(6000), gsoSize: 1000 } as never);
  const { gsoType, csumStart, csumOffset } = frame;
  // Two fit as they are, but not with five more headers of 54 bytes each.
  const plain = await openRig({
    br0: { ports: { p1: { qos: { police: { in: { rate: '8kbit', burst: '12300b' } } } }, p2: {} } },
  });
  for (let n = 0; n < 2; n++)
    plain.run(() =>
      plain.taploom.memoryPort('p1').send(frame.bytes, { gsoType, gsoSize: 1000, csumStart, csumOffset }),
    );
  expect(plain.counters('p1').receiveDropped).toEqual({ policed_receive: 1 });
});

test('a frame that leaves without a tag is not marked, and gets none', async () => {
  const police = { out: { rate: '10pps', burst: 1, peak: '20pps', peak_burst: 3, exceed: 'dei' } };
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { qos: { police } } } } });
  const [green, ...yellow] = many(rig, 3, 'a > * "x"').filter((line) => line.startsWith('p2:'));
  expect(yellow).toEqual([green, green]);
});
