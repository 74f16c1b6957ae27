// What every device promises, whatever it stands on: the suite that the project's own devices pass, for those of others and for
// wrappers. It knows no test runner: give it the `test` of yours, `node:test` or another.
//
//   deviceContract('udp', open, test)
//
// A subject is a switch of one bridge, in it the device as port `dev` and a memory port `peer`, without a local interface;
// `inject` and `take` are the far side of the device.

import assert from 'node:assert/strict';
import type { PortCounters } from '../api.ts';
import type { Switch } from '../switch/switch.ts';
import { build, type OffloadFrame, payloadOf, type Shape, verifies } from './offload_frame.ts';

/** What the suite tests: a switch with a device in one of its ports, and the other end of that. */
export interface Subject {
  /** Inline or threaded. The suite does not close it. */
  taploom: Switch;
  /** Puts a frame on the wire, towards the switch. */
  inject(bytes: Uint8Array): void;
  /** Frames that came from the switch since the last call. */
  take(): Uint8Array[];
  /** Largest frame, without FCS. */
  maxFrame: number;
  /** Default: the switch is inline, and polled. */
  isThreaded?: boolean;
}

/** A device with an interface that can be taken down, and up again. */
export interface Interface extends Subject {
  down(): Promise<void>;
  up(): Promise<void>;
}

/** `test` of your test runner. */
export type TestRunner = (name: string, run: () => Promise<void>) => unknown;

const DEADLINE_MS = 3000;
const LENGTHS = [60, 61, 64, 100, 255, 256, 257, 1000];

const KINDS: Partial<Shape>[] = [
  { version: 4, protocol: 'tcp' },
  { version: 6, protocol: 'tcp' },
  { version: 4, protocol: 'udp' },
  { version: 6, protocol: 'udp' },
];

/** Adds tests of what every device keeps: frames as they came, in order, counted once. */
export function deviceContract(name: string, open: () => Promise<Subject>, test: TestRunner): void {
  const promise = (what: string, keep: (subject: Subject) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const subject = await open();
      await keep(subject);
      requireLaws(subject.taploom);
    });

  promise('frames leave unchanged, in order, and counted', leaveUnchanged);
  promise('frames arrive unchanged, in order, and counted', arriveUnchanged);
  for (const kind of KINDS) {
    const words = `${kind.protocol} over IPv${kind.version}`;
    promise(`a super-frame arrives as it is or in segments that verify, ${words}`, (subject) =>
      segments(subject, kind),
    );
    promise(`a partial checksum is complete at the far side, ${words}`, (subject) => checksum(subject, kind));
  }
  promise('a frame larger than its MTU is dropped and counted', tooBig);
  promise('far more frames than anybody takes cost frames, and nothing else', flood);
}

/** Adds tests of a device whose link goes down and comes up. */
export function canBeDown(name: string, open: () => Promise<Interface>, test: TestRunner): void {
  test(`${name}: while it is down copies are dropped and counted, and afterwards it goes on`, async () => {
    const subject = await open();
    const { down, up, taploom } = subject;
    const state = () => taploom.ports().find((port) => port.name === 'dev')?.state;
    await down();
    taploom.memoryPort('peer').send(numbered(1, 60));
    await until(subject, () => dev(subject).copies >= 1);
    assert.deepEqual(dev(subject).transmitDropped, { port_down: 1 });
    assert.equal(state(), 'down');
    await up();
    taploom.memoryPort('peer').send(numbered(2, 60));
    assert.deepEqual(await takeAll(subject, 1), [numbered(2, 60)]);
    // It is looked at once a second.
    await until(subject, () => state() === 'up');
    assert.equal(state(), 'up');
    requireLaws(taploom);
  });
}

async function leaveUnchanged(subject: Subject): Promise<void> {
  const sent = lengths(subject).map((length, n) => numbered(n, length));
  for (const frame of sent) subject.taploom.memoryPort('peer').send(frame);
  assert.deepEqual(await takeAll(subject, sent.length), sent);
  const { copies, transmittedFrames, transmittedBytes, transmittedSegments, transmitDropped } = dev(subject);
  assert.deepEqual(
    { copies, transmittedFrames, transmittedBytes, transmittedSegments, transmitDropped },
    {
      copies: sent.length,
      transmittedFrames: sent.length,
      transmittedBytes: sum(sent.map(({ length }) => length)),
      transmittedSegments: 0,
      transmitDropped: {},
    },
  );
}

async function arriveUnchanged(subject: Subject): Promise<void> {
  const sent = lengths(subject).map((length, n) => numbered(n, length));
  for (const frame of sent) subject.inject(frame);
  const received: Uint8Array[] = [];
  const peer = subject.taploom.memoryPort('peer');
  await until(subject, () => {
    for (let frame = peer.receive(); frame !== undefined; frame = peer.receive()) received.push(frame.bytes);
    return received.length >= sent.length;
  });
  assert.deepEqual(received, sent);
  const { receivedFrames, receivedBytes, forwarded, receiveDropped, copies } = dev(subject);
  assert.deepEqual(
    { receivedFrames, receivedBytes, forwarded, receiveDropped, copies },
    {
      receivedFrames: sent.length,
      receivedBytes: sum(sent.map(({ length }) => length)),
      forwarded: sent.length,
      receiveDropped: {},
      copies: 0,
    },
  );
}

async function segments(subject: Subject, kind: Partial<Shape>): Promise<void> {
  const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(5000), gsoSize: 1200, ...kind });
  const pieces = await sendOffload(subject, frame, 5);
  assert.ok(
    pieces.every((bytes) => verifies(bytes, frame)),
    'a segment has a wrong checksum or length',
  );
  const payload = pieces.flatMap((bytes) => [...bytes.subarray(frame.headerLength)]);
  assert.deepEqual(Uint8Array.from(payload), frame.shape.payload);
  const { copies, transmittedFrames, transmittedSegments } = dev(subject);
  assert.deepEqual([copies, transmittedFrames, transmittedSegments], [1, 1, 5]);
}

async function checksum(subject: Subject, kind: Partial<Shape>): Promise<void> {
  const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(777), gsoSize: 0, ...kind });
  const [bytes] = await sendOffload(subject, frame, 1);
  assert.ok(verifies(bytes, frame), 'the checksum is wrong');
}

async function tooBig(subject: Subject): Promise<void> {
  subject.taploom.memoryPort('peer').send(numbered(1, subject.maxFrame + 1));
  subject.taploom.memoryPort('peer').send(numbered(2, 60));
  assert.deepEqual(await takeAll(subject, 1), [numbered(2, 60)]);
  assert.deepEqual(dev(subject).transmitDropped, { too_big: 1 });
}

async function flood(subject: Subject): Promise<void> {
  const peer = subject.taploom.memoryPort('peer');
  const COUNT = 4000;
  for (let n = 0; n < COUNT; ) {
    if (peer.send(numbered(n & 0xff, 200))) n++;
    else await move(subject, 0);
  }
  // A device that holds frames back has settled the last of them some time later.
  await until(subject, () => {
    const { transmittedFrames, transmitDropped } = dev(subject);
    return transmittedFrames + (transmitDropped.queue_full ?? 0) >= COUNT;
  });
  const { copies, transmittedFrames, transmitDropped } = dev(subject);
  assert.equal(copies, COUNT);
  assert.deepEqual(
    Object.keys(transmitDropped).filter((reason) => reason !== 'queue_full'),
    [],
  );
  assert.ok(transmittedFrames > 100, `only ${transmittedFrames} frames were transmitted`);
  // And it still works.
  await takeAll(subject, COUNT);
  peer.send(numbered(3, 99));
  assert.deepEqual(await takeAll(subject, 1), [numbered(3, 99)]);
}

/** Whatever the device did with the request, the far side ends up with complete frames. */
async function sendOffload(subject: Subject, frame: OffloadFrame, count: number): Promise<Uint8Array[]> {
  const { bytes, gsoType, csumStart, csumOffset, shape } = frame;
  const request = shape.gsoSize === 0 ? {} : { gsoType, gsoSize: shape.gsoSize };
  subject.taploom.memoryPort('peer').send(bytes, { ...request, csumStart, csumOffset });
  return takeAll(subject, count);
}

/** Both conservation laws, on every port: docs/architecture.md. @throws AssertionError */
export function requireLaws(taploom: Pick<Switch, 'ports'>): void {
  for (const { name, counters } of taploom.ports()) {
    const came = counters.receivedFrames + counters.injected + counters.generated + counters.recirculated;
    const frames =
      came - counters.forwarded - counters.consumed - sum(Object.values(counters.receiveDropped));
    const copies =
      counters.copies - counters.transmittedFrames - sum(Object.values(counters.transmitDropped));
    assert.deepEqual({ name, frames, copies }, { name, frames: 0, copies: 0 });
  }
}

/** Lets things happen until `done`, or for three seconds. */
async function until(subject: Subject, done: () => boolean): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!done() && Date.now() < end) await move(subject, 1);
}

async function move({ taploom, isThreaded = false }: Subject, patience: number): Promise<void> {
  if (!isThreaded) taploom.poll(patience);
  await new Promise((resolve) => setImmediate(resolve));
}

async function takeAll(subject: Subject, count: number): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  await until(subject, () => {
    // A Buffer is none to deepEqual.
    frames.push(...subject.take().map((bytes) => new Uint8Array(bytes)));
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

function lengths({ maxFrame }: Subject): number[] {
  return [...LENGTHS.filter((length) => length < maxFrame - 1), maxFrame - 1, maxFrame];
}

function dev({ taploom }: Subject): PortCounters {
  const port = taploom.ports().find(({ name }) => name === 'dev');
  assert.ok(port, 'the switch has no port dev');
  return port.counters;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
