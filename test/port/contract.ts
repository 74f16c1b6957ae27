// What every device promises, whatever it stands on. A subject is a switch with one bridge, in it the device as port
// `dev` and a memory port `peer`; `inject` and `take` are the far side of the device.

import { expect, test } from 'vitest';
import type { Switch } from '../../src/switch/switch.ts';
import { build, type OffloadFrame, payloadOf, type Shape, verifies } from '../engine/offload_frames.ts';
import { Rig } from '../support/engine/rig.ts';

export interface Subject {
  taploom: Switch;
  /** Puts a frame on the wire, towards the switch. */
  inject(bytes: Uint8Array): void;
  /** Frames that came from the switch since the last call. */
  take(): Uint8Array[];
  /** Largest frame, without FCS. */
  maxFrame: number;
}

/** A device with an interface that can be taken down, and up again. */
export interface Interface extends Subject {
  down(): Promise<void>;
  up(): Promise<void>;
}

const DEADLINE_MS = 3000;

/** Polls until `done`, or for three seconds. */
async function until(taploom: Switch, done: () => boolean): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!done() && Date.now() < end) {
    taploom.poll(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function takeAll(subject: Subject, count: number): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  await until(subject.taploom, () => {
    frames.push(...subject.take());
    return frames.length >= count;
  });
  return frames;
}

/** Broadcast frames that tell their number and length in every byte. */
function numbered(n: number, length: number): Uint8Array {
  const bytes = payloadOf(length, n);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 7, 0x88, 0xb5, n]);
  return bytes;
}

const lengths = (max: number) => [60, 61, 64, 100, 255, 256, 257, 1000, max - 1, max];

const dev = (subject: Subject) => new Rig(subject.taploom).counters('dev');
const laws = (subject: Subject) => new Rig(subject.taploom).expectLaws();

export function contract(name: string, open: () => Promise<Subject>): void {
  test(`${name}: frames leave unchanged, in order, and counted`, async () => {
    const subject = await open();
    const sent = lengths(subject.maxFrame).map((length, n) => numbered(n, length));
    for (const frame of sent) subject.taploom.memoryPort('peer').send(frame);
    expect(await takeAll(subject, sent.length)).toEqual(sent);
    expect(dev(subject)).toMatchObject({
      copies: sent.length,
      transmittedFrames: sent.length,
      transmittedBytes: sent.reduce((sum, { length }) => sum + length, 0),
      transmittedSegments: 0,
      transmitDropped: {},
    });
    laws(subject);
  });

  test(`${name}: frames arrive unchanged, in order, and counted`, async () => {
    const subject = await open();
    const sent = lengths(subject.maxFrame).map((length, n) => numbered(n, length));
    for (const frame of sent) subject.inject(frame);
    const received: Uint8Array[] = [];
    const peer = subject.taploom.memoryPort('peer');
    await until(subject.taploom, () => {
      for (let frame = peer.receive(); frame !== undefined; frame = peer.receive())
        received.push(frame.bytes);
      return received.length >= sent.length;
    });
    expect(received).toEqual(sent);
    expect(dev(subject)).toMatchObject({
      receivedFrames: sent.length,
      receivedBytes: sent.reduce((sum, { length }) => sum + length, 0),
      forwarded: sent.length,
      receiveDropped: {},
      copies: 0,
    });
    laws(subject);
  });

  const kinds: Partial<Shape>[] = [
    { version: 4, protocol: 'tcp' },
    { version: 6, protocol: 'tcp' },
    { version: 4, protocol: 'udp' },
    { version: 6, protocol: 'udp' },
  ];

  test.each(kinds)(`${name}: a super-frame arrives as it is or in segments that verify, %o`, async (kind) => {
    const subject = await open();
    const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(5000), gsoSize: 1200, ...kind });
    const segments = await sendOffload(subject, frame, 5);
    expect(segments.every((bytes) => verifies(bytes, frame))).toBe(true);
    const payload = segments.flatMap((bytes) => [...bytes.subarray(frame.headerLength)]);
    expect(Uint8Array.from(payload)).toEqual(frame.shape.payload);
    expect(dev(subject)).toMatchObject({ copies: 1, transmittedFrames: 1, transmittedSegments: 5 });
    laws(subject);
  });

  test.each(kinds)(`${name}: a partial checksum is complete at the far side, %o`, async (kind) => {
    const subject = await open();
    const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(777), gsoSize: 0, ...kind });
    const [bytes] = await sendOffload(subject, frame, 1);
    expect(verifies(bytes, frame)).toBe(true);
    laws(subject);
  });

  test(`${name}: a frame larger than its MTU is dropped and counted`, async () => {
    const subject = await open();
    subject.taploom.memoryPort('peer').send(numbered(1, subject.maxFrame + 1));
    subject.taploom.memoryPort('peer').send(numbered(2, 60));
    expect(await takeAll(subject, 1)).toEqual([numbered(2, 60)]);
    expect(dev(subject).transmitDropped).toEqual({ too_big: 1 });
    laws(subject);
  });

  test(`${name}: far more frames than anybody takes cost frames, and nothing else`, async () => {
    const subject = await open();
    const peer = subject.taploom.memoryPort('peer');
    const COUNT = 4000;
    for (let n = 0; n < COUNT; ) {
      if (peer.send(numbered(n & 0xff, 200))) n++;
      else subject.taploom.poll(0);
    }
    // A device that holds frames back has settled the last of them some time later.
    await until(subject.taploom, () => {
      const { transmittedFrames, transmitDropped } = dev(subject);
      return transmittedFrames + (transmitDropped.queue_full ?? 0) >= COUNT;
    });
    const { copies, transmittedFrames, transmitDropped } = dev(subject);
    expect(copies).toBe(COUNT);
    expect(Object.keys(transmitDropped).filter((reason) => reason !== 'queue_full')).toEqual([]);
    expect(transmittedFrames).toBeGreaterThan(100);
    laws(subject);
    // And it still works.
    await takeAll(subject, COUNT);
    peer.send(numbered(3, 99));
    expect(await takeAll(subject, 1)).toEqual([numbered(3, 99)]);
  });
}

export function canBeDown(name: string, open: () => Promise<Interface>): void {
  test(`${name}: while it is down copies are dropped and counted, and afterwards it goes on`, async () => {
    const subject = await open();
    const { down, up, taploom } = subject;
    const state = () => taploom.ports().find((port) => port.name === 'dev')?.state;
    await down();
    taploom.memoryPort('peer').send(numbered(1, 60));
    await until(taploom, () => dev(subject).copies >= 1);
    expect(dev(subject).transmitDropped).toEqual({ port_down: 1 });
    expect(state()).toBe('down');
    await up();
    taploom.memoryPort('peer').send(numbered(2, 60));
    expect(await takeAll(subject, 1)).toEqual([numbered(2, 60)]);
    // It is looked at once a second.
    await expect.poll(state, { timeout: 3000 }).toBe('up');
    laws(subject);
  });
}

/** Whatever the device did with the request, the far side ends up with complete frames. */
async function sendOffload(subject: Subject, frame: OffloadFrame, count: number): Promise<Uint8Array[]> {
  const { bytes, gsoType, csumStart, csumOffset, shape } = frame;
  const request = shape.gsoSize === 0 ? {} : { gsoType, gsoSize: shape.gsoSize };
  subject.taploom.memoryPort('peer').send(bytes, { ...request, csumStart, csumOffset });
  return takeAll(subject, count);
}
