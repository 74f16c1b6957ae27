// Priorities: what a port reads, and what another writes.

import { expect, test } from 'vitest';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const VLAN = 10;
const trunk = { vlan: { trunk: [VLAN] } };

async function between(input: object, output: object, more: object = {}): Promise<Rig> {
  const ports = { p1: { ...trunk, qos: input }, p2: { ...trunk, qos: output }, ...more };
  return openRig({ br0: { vlan_filtering: true, ports } });
}

/** A broadcast with these four bits in its tag, or a packet behind it. */
function tagged(bits: number, packet?: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x81, 0, bits << 4, VLAN, 0x88, 0xb5]);
  if (packet === undefined) return bytes;
  bytes.set(packet[0] >>> 4 === 4 ? [8, 0] : [0x86, 0xdd], 16);
  const whole = new Uint8Array(18 + packet.length);
  whole.set(bytes.subarray(0, 18));
  whole.set(packet, 18);
  return whole;
}

function packet4(tos: number, payload = 40): Uint8Array {
  const bytes = new Uint8Array(20 + payload);
  const view = new DataView(bytes.buffer);
  ipv4.write(view, 0, tos, bytes.length, 64, 17, 0x0a00_0001, 0x0a00_0002);
  return bytes;
}

function packet6(trafficClass: number): Uint8Array {
  const bytes = new Uint8Array(80);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (6 << 28) | (trafficClass << 20) | 0x12345);
  bytes[6] = 59;
  return bytes;
}

/** What leaves through a port. */
function through(rig: Rig, frame: Uint8Array, port = 'p2'): Uint8Array {
  rig.taploom.memoryPort('p1').send(frame);
  rig.taploom.poll(0, rig.now);
  rig.expectLaws();
  const [left] = rig.received().get(port) ?? [];
  return left.bytes;
}

const bitsOf = (frame: Uint8Array) => frame[14] >>> 4;

test('a port that trusts nothing gives its own priority', async () => {
  const rig = await between({ trust: 'none', priority: 5 }, {});
  expect(bitsOf(through(rig, tagged(0)))).toBe(10);
  expect(bitsOf(through(rig, tagged(15)))).toBe(10);
});

test('a port that trusts DSCPs reads them by class selector, by RFC 8325 or by a map, and the rest is its priority', async () => {
  const EF = packet4(46 << 2);
  for (const [dscp_map, priority] of [
    [undefined, 5],
    ['rfc8325', 6],
    [{ 46: 7 }, 7],
    [{ 45: 7 }, 3],
  ] as const) {
    const rig = await between({ trust: 'dscp', priority: 3, ...(dscp_map && { dscp_map }) }, {});
    expect(bitsOf(through(rig, tagged(15, EF)))).toBe(priority << 1);
    expect(bitsOf(through(rig, tagged(15, packet6(46 << 2))))).toBe(priority << 1);
    expect(bitsOf(through(rig, tagged(15)))).toBe(6);
  }
});

test('code points of IEEE 802.1Q that say what may be dropped are read and written', async () => {
  const decoded = await between({ pcp_coding: '5p3d' }, {});
  const read = (bits: number) => bitsOf(through(decoded, tagged(bits)));
  // Table 6-3, PCP 0 to 7: 0 D, 0, 2 D, 2, 4 D, 4, 6, 7.
  expect([0, 2, 4, 6, 8, 10, 12, 14].map(read)).toEqual([1, 0, 5, 4, 9, 8, 12, 14]);
  const encoded = await between({}, { pcp_coding: '7p1d' });
  const written = (bits: number) => bitsOf(through(encoded, tagged(bits))) >>> 1;
  // Table 6-2: only 4 and 5 tell.
  expect([0, 1, 8, 9, 10, 11, 14].map(written)).toEqual([0, 0, 5, 4, 5, 4, 7]);
});

test('PCP and DEI of what leaves are those of the map', async () => {
  const rig = await between({}, { rewrite: { pcp: { 5: 2 }, dei: false } });
  expect([10, 11, 7].map((bits) => bitsOf(through(rig, tagged(bits))))).toEqual([4, 4, 6]);
});

test('DSCPs are rewritten with a right checksum, ECN and flow label stay, and other copies keep theirs', async () => {
  const rig = await between({ trust: 'none', priority: 5 }, { rewrite: { dscp: { 5: 46 } } }, { p3: trunk });
  for (const payload of [40, 1400]) {
    const frame = tagged(0, packet4((10 << 2) | 2, payload));
    rig.taploom.memoryPort('p1').send(frame);
    rig.taploom.poll(0, rig.now);
    const arrived = rig.received();
    const [two, three] = ['p2', 'p3'].map((port) => arrived.get(port)?.[0].bytes as Uint8Array);
    const view = new DataView(two.buffer, two.byteOffset);
    expect(two[19]).toBe((46 << 2) | 2);
    expect(ipv4.verifies(view, 18)).toBe(true);
    expect(three[19]).toBe((10 << 2) | 2);
    expect(two.subarray(34)).toEqual(frame.subarray(34));
    expect(three.subarray(18)).toEqual(frame.subarray(18));
  }
  const six = through(rig, tagged(0, packet6(3)));
  expect(new DataView(six.buffer, six.byteOffset).getUint32(18)).toBe(0x6bb1_2345 >>> 0);
  rig.expectLaws();
});

test('a frame to one port is rewritten, too, and its class is that of its new DSCP', async () => {
  const classes = [{ name: 'voice', match: { dscp: 46 } }];
  const output = { rewrite: { dscp: 'class_selector' }, shape: '100mbit', classes };
  const rig = await between({ trust: 'none', priority: 5 }, output);
  rig.taploom.memoryPort('p2').send(Uint8Array.from(tagged(0), (byte, n) => (n === 11 ? 2 : byte)));
  rig.run();
  const frame = tagged(0, packet4(0));
  frame.set([2, 0, 0, 0, 0, 2]);
  const left = through(rig, frame);
  expect(left[19]).toBe(40 << 2);
  expect(ipv4.verifies(new DataView(left.buffer, left.byteOffset), 18)).toBe(true);
  expect(rig.taploom.qos().queues.map((queue) => [queue.class, queue.sentFrames])).toContainEqual([
    'default',
    1,
  ]);
});

test('a packet behind more tags than one has room for stays as it is', async () => {
  const rig = await between({ trust: 'none', priority: 5 }, { rewrite: { dscp: { 5: 46 } } });
  const tags = new Uint8Array(4 * 200);
  for (let n = 0; n < 200; n++) tags.set([0x81, 0, 0, 5], 4 * n);
  const inner = packet4(0);
  const frame = new Uint8Array(18 + tags.length + inner.length);
  frame.set(tagged(0).subarray(0, 16));
  frame.set(tags, 16);
  frame.set([8, 0], 16 + tags.length);
  frame.set(inner, 18 + tags.length);
  const left = through(rig, frame);
  expect(left.subarray(16)).toEqual(frame.subarray(16));
});

test('in a bridge that filters no VLANs a port decides the class, whatever tag is in the frame', async () => {
  const qos = { shape: '100mbit', classes: [{ name: 'first', match: { pcp: 6 } }] };
  const rig = await openRig({
    br0: { ports: { p1: { qos: { trust: 'none', priority: 6 } }, p2: { qos }, p3: {} } },
  });
  const frame = tagged(0);
  expect(through(rig, frame)).toEqual(frame);
  const sent = () => rig.taploom.qos().queues.map((queue) => queue.sentFrames);
  expect(sent()).toEqual([1, 0]);
  rig.taploom.memoryPort('p3').send(tagged(0));
  rig.run();
  expect(sent()).toEqual([1, 1]);
});

test('a class takes what comes from the ports of a group', async () => {
  const qos = { shape: '100mbit', classes: [{ name: 'web', match: { group: ['web'] } }] };
  const rig = await openRig(
    { br0: { ports: { p1: { groups: ['web'] }, p2: { qos }, p3: {} } } },
    { groups: { web: {} } },
  );
  rig.taploom.memoryPort('p3').send(tagged(0));
  rig.run();
  const queues = () => rig.taploom.qos().queues.map((queue) => [queue.class, queue.sentFrames]);
  expect(queues()).toEqual([
    ['web', 0],
    ['default', 1],
  ]);
  const arp = tagged(0).subarray(0, 12);
  const frame = new Uint8Array(60);
  frame.set(arp);
  frame.set([8, 6, 0, 1, 8, 0, 6, 4, 0, 1], 12);
  rig.taploom.memoryPort('p1').send(frame);
  rig.run();
  expect(queues()).toEqual([
    ['web', 1],
    ['default', 1],
  ]);
});

test('a class takes what a rule of an access list marks', async () => {
  const qos = { shape: '100mbit', classes: [{ name: 'marked', match: { mark: [7, 9] } }] };
  const acls = {
    voice: [{ permit: { vlan: 10 }, mark: 7 }, { permit: { vlan: 20 }, mark: 8 }, { permit: 'any' }],
  };
  const vlan = { trunk: [10, 20, 30] };
  const rig = await openRig(
    { br0: { vlan_filtering: true, ports: { p1: { vlan, acls: { in: ['voice'] } }, p2: { vlan, qos } } } },
    { acls } as never,
  );
  for (const [vid, count] of [
    [10, 3],
    [20, 2],
    [30, 1],
  ])
    for (let n = 0; n < count; n++) rig.say('p1', `a > * vlan ${vid} "x"`);
  expect(rig.taploom.qos().queues.map((queue) => [queue.class, queue.sentFrames])).toEqual([
    ['marked', 3],
    ['default', 3],
  ]);
});
