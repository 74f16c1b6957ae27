import { expect, test } from 'vitest';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const many = (rig: Rig, count: number, line: string, port = 'p1') =>
  Array.from({ length: count }, () => rig.say(port, line)).flat();
const arrived = (lines: string[], port = 'p2') => lines.filter((line) => line.startsWith(`${port}:`)).length;

/** A broadcast of IPv4 with this DSCP. */
function packet(dscp: number): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 0x61, 8, 0]);
  ipv4.write(new DataView(bytes.buffer), 14, dscp << 2, 46, 64, 17, 0x0a00_0001, 0x0a00_00ff);
  return bytes;
}

test('a frame is metered by the first policer of the list that takes it, others by none', async () => {
  const police = {
    in: [
      { rate: '10pps', burst: 2, match: { vlan: '10-19', pcp: 5 } },
      { rate: '10pps', burst: 3, match: { vlan: [10, 20] } },
    ],
  };
  const vlan = { trunk: [10, 20, 30] };
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: { p1: { vlan, qos: { police } }, p2: { vlan } } },
  });
  expect(arrived(many(rig, 5, 'a > * vlan 10 pcp 5 "x"'))).toBe(2);
  expect(arrived(many(rig, 5, 'a > * vlan 10 "x"'))).toBe(3);
  // What the second has given to VLAN 10 it has not for VLAN 20.
  expect(arrived(many(rig, 5, 'a > * vlan 20 pcp 5 "x"'))).toBe(0);
  expect(arrived(many(rig, 5, 'a > * vlan 30 "x"'))).toBe(5);
  expect(rig.counters('p1').receiveDropped).toEqual({ policed_receive: 10 });
  rig.now += 200;
  expect(arrived(many(rig, 5, 'a > * vlan 20 "x"'))).toBe(2);
  expect(rig.taploom.qos().policers).toEqual([
    {
      ...{ bridge: 'br0', port: 'p1', direction: 'in', rate: '10pps', match: 'pcp 5, vlan 10-19' },
      ...{ green: 2, yellow: 0, red: 3 },
    },
    expect.objectContaining({ match: 'vlan 10+20', green: 5, red: 10 }),
  ]);
});

test('of what leaves, by the group of the port that it came from; the last takes the rest, in three colours', async () => {
  const police = {
    out: [
      { rate: '10pps', burst: 1, match: { group: 'guests' } },
      { rate: '10pps', burst: 2, peak: '20pps', peak_burst: 4, exceed: 'dei' },
    ],
  };
  const vlan = { trunk: [10] };
  const groups = ['guests'];
  const rig = await openRig(
    {
      br0: {
        vlan_filtering: true,
        ports: { p1: { vlan, groups }, p2: { vlan, qos: { police } }, p3: { vlan } },
      },
    },
    { groups: { guests: { in: 'any', out: 'any' } } },
  );
  expect(arrived(many(rig, 4, 'a > * vlan 10 "x"'))).toBe(1);
  const lines = many(rig, 6, 'c > * vlan 10 "x"', 'p3');
  expect(arrived(lines)).toBe(4);
  expect(lines.filter((line) => line.startsWith('p2:') && line.includes('dei'))).toHaveLength(2);
  expect(rig.counters('p2').transmitDropped).toEqual({ policed: 5 });
  expect(
    rig.taploom.qos().policers.map(({ match, green, yellow, red }) => [match, green, yellow, red]),
  ).toEqual([
    ['group guests', 1, 0, 3],
    ['rest', 2, 2, 2],
  ]);
});

test('a policer keeps what it owes when others of its list come and go', async () => {
  const own = { rate: '1pps', burst: 2, match: { dscp: 46 } };
  const before = { rate: '1pps', burst: 9, match: { pcp: 7 } };
  const rig = await openRig({ br0: { ports: { p1: { qos: { police: { in: [own] } } }, p2: {} } } });
  const packets = () =>
    Array.from({ length: 4 }, () => rig.run(() => rig.taploom.memoryPort('p1').send(packet(46)))).flat();
  expect(arrived(packets())).toBe(2);
  await rig.change(({ bridges }) => {
    (bridges.br0.ports.p1 as { qos: unknown }).qos = {
      police: { in: [own, before].map((one) => ({ ...one, exceed: 'pass' })) },
    };
  });
  expect(arrived(packets())).toBe(0);
  expect(arrived(many(rig, 4, 'a > * "x"'))).toBe(4);
});

test('of what leaves, by the mark of a rule', async () => {
  const police = { out: [{ rate: '10pps', burst: 2, match: { mark: 7 } }] };
  const rig = await openRig(
    {
      br0: { ports: { p1: { acls: { in: ['marks'] } }, p2: { qos: { police } } } },
    },
    { acls: { marks: [{ permit: { from_mac: '02:00:00:00:00:61' }, mark: 7 }, { permit: 'any' }] } } as never,
  );
  expect(arrived(many(rig, 5, 'a > * "x"'))).toBe(2);
  expect(arrived(many(rig, 5, 'b > * "x"'))).toBe(5);
});
