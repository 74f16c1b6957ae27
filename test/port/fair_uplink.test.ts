// Two ports and an uplink that takes less than they send: one has eight flows, the other has one. Who gets what of 50 Mb/s?

import { expect, test } from 'vitest';
import { KeyedFlowHash } from '../../src/wire/keyed_flow_hash.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const MBIT = 125; // bytes a ms
const SIZE = 1000;
const MANY = 8;

interface Share {
  /** Mb/s of each of the eight flows, and of the single one. */
  many: number[];
  single: number;
  /** ms that the slowest frame of the single flow took, by the millisecond. */
  slowest: number;
}

/** By this one, of which all random numbers of the switch are made, no two of the flows meet in one queue. */
const APART = 1;

async function open(classes: object[], randomByte = APART): Promise<Rig> {
  const uplink = { qos: { shape: { rate: '50mbit', burst: '1ms' }, classes } };
  const rig = await openRig(
    { br0: { ports: { crowd: { groups: ['crowd'] }, loner: { groups: ['loner'] }, uplink } } },
    { groups: { crowd: { in: 'any' }, loner: { in: 'any' } } },
    randomByte,
  );
  rig.say('uplink', 'u > *');
  return rig;
}

/** A packet of UDP to the station behind the uplink, which says when it was sent. */
function packet(flow: number, now: number): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set([2, 0, 0, 0, 0, 0x75, 2, 0, 0, 0, 0, 1 + flow, 8, 0, 0x45, 0]);
  view.setUint16(16, SIZE - 14);
  bytes.set([64, 17], 22);
  view.setUint32(26, 0x0a00_0001);
  view.setUint32(30, 0x0a00_0002);
  view.setUint16(34, 7000 + flow);
  view.setUint16(36, 9);
  view.setFloat64(42, now);
  return bytes;
}

/** Each of the eight flows offers 25 Mb/s, and the single one so much. What is counted begins when the queue is full. */
function share(rig: Rig, offered: number, ms = 250): Share {
  const bytes = new Array<number>(MANY + 1).fill(0);
  let slowest = 0;
  let due = 0;
  for (let t = -150; t < ms; t++) {
    for (let flow = 0; flow < MANY; flow++)
      for (let n = 0; n < 3; n++) rig.taploom.memoryPort('crowd').send(packet(flow, rig.now));
    for (due += offered * MBIT; due >= SIZE; due -= SIZE)
      rig.taploom.memoryPort('loner').send(packet(MANY, rig.now));
    rig.now += 1;
    for (let n = 0; n < 4; n++) rig.taploom.poll(0, rig.now);
    for (const { bytes: frame } of rig.received().get('uplink') ?? []) {
      const view = new DataView(frame.buffer, frame.byteOffset);
      const flow = view.getUint16(34) - 7000;
      if (t < 0) continue;
      bytes[flow] += frame.length;
      if (flow === MANY) slowest = Math.max(slowest, rig.now - view.getFloat64(42));
    }
  }
  rig.expectLaws();
  const rates = bytes.map((all) => all / ms / MBIT);
  return { many: rates.slice(0, MANY), single: rates[MANY], slowest };
}

const sum = (all: number[]) => all.reduce((before, one) => before + one, 0);

test('in a fair class a flow has the share of a flow, whatever port it comes from, and the uplink stays busy', async () => {
  const { many, single } = share(await open([{ name: 'all', fair: true }]), 50);
  for (const rate of [...many, single]) {
    expect(rate).toBeGreaterThan((50 / 9) * 0.93);
    expect(rate).toBeLessThan((50 / 9) * 1.07);
  }
  expect(sum(many) + single).toBeGreaterThan(50 * 0.98);
});

test('a flow that asks for less than its share gets all of it at once', async () => {
  const { single, slowest, many } = share(await open([{ name: 'all', fair: true }]), 4);
  expect(single).toBeGreaterThan(4 * 0.98);
  expect(slowest).toBeLessThanOrEqual(4);
  expect(sum(many)).toBeGreaterThan(46 * 0.97);
});

test('with a class for each group the two ports have halves, and what one leaves the other borrows', async () => {
  const of = (group: string) => ({ name: group, match: { group }, fair: true });
  const { many, single } = share(await open([of('crowd'), of('loner')]), 50);
  expect(single).toBeGreaterThan(25 * 0.97);
  expect(single).toBeLessThan(25 * 1.03);
  for (const rate of many) expect(rate).toBeGreaterThan((25 / MANY) * 0.9);
  const left = share(await open([of('crowd'), of('loner')]), 10);
  expect(left.single).toBeGreaterThan(10 * 0.98);
  expect(sum(left.many)).toBeGreaterThan(40 * 0.97);
});

test('with a queue for each port the two have halves, too, and what one leaves the other has', async () => {
  const classes = [{ name: 'all', fair: 'ports' }];
  const { many, single } = share(await open(classes), 50);
  expect(single).toBeGreaterThan(25 * 0.97);
  expect(single).toBeLessThan(25 * 1.03);
  expect(sum(many) + single).toBeGreaterThan(50 * 0.98);
  const left = share(await open(classes), 10);
  expect(left.single).toBeGreaterThan(10 * 0.98);
  expect(left.slowest).toBeLessThanOrEqual(4);
  expect(sum(left.many)).toBeGreaterThan(40 * 0.97);
});

test('which flows meet in one queue is up to the random numbers of the switch', async () => {
  const queue = (byte: number, flow: number) => {
    const word = Math.imul(byte, 0x0101_0101);
    const bytes = packet(flow, 0);
    return new KeyedFlowHash(word, word).of(new DataView(bytes.buffer), 0, 12, SIZE) & 1023;
  };
  const flows = Array.from({ length: MANY + 1 }, (_, flow) => flow);
  const queues = (byte: number) => flows.map((flow) => queue(byte, flow));
  expect(new Set(queues(APART)).size).toBe(MANY + 1);
  const isMet = (byte: number) =>
    new Set(queues(byte)).size === MANY && queues(byte).indexOf(queue(byte, MANY)) < MANY;
  const byte = Array.from({ length: 255 }, (_, n) => n + 1).find(isMet) as number;
  const { many, single } = share(await open([{ name: 'all', fair: true }], byte), 50);
  const met = many[queues(byte).indexOf(queue(byte, MANY))];
  expect(met + single).toBeGreaterThan((50 / MANY) * 0.93);
  expect(met + single).toBeLessThan((50 / MANY) * 1.07);
});

test('without fairness who sends most has most', async () => {
  const { many, single } = share(await open([{ name: 'all' }]), 10);
  expect(single).toBeLessThan(5);
  expect(sum(many)).toBeGreaterThan(45);
});
