// What the tests of src/sys share: TAPs that a kernel bridge connects, so that a frame written into one TAP can be
// read from the others, and a Burst with a Buffer of its own.

import { onTestFinished } from 'vitest';
import { Burst, type BurstOptions, KIND, ROW, RX, TX } from '../../src/sys/burst.ts';
import { monotonicMs } from '../../src/sys/clock.ts';
import { openTap, type TapDevice, type TapOptions } from '../../src/sys/tap.ts';
import { closeFd } from '../../src/sys/wake.ts';
import type { Lab } from '../support/lab.ts';
import type { Netns } from '../support/netns.ts';

export const STRIDE = 4096 + 192;
export const HEADROOM = 64;
export const HEADER = 12;

/** A file descriptor that the current test owns. */
export function owned<T extends { fd: number }>(device: T): T {
  onTestFinished(() => closeQuietly(device.fd));
  return device;
}

/** Closes what the test may have closed itself. */
export function closeQuietly(fd: number): void {
  try {
    closeFd(fd);
  } catch {
    // It was closed in the test.
  }
}

export function tap(options: TapOptions): TapDevice {
  return owned(openTap(options));
}

/** TAPs t0, t1, ... in a new namespace without IPv6 (nothing but the test's frames), on one kernel bridge. */
export async function bridgedTaps(
  lab: Lab,
  count: number,
  options: Partial<TapOptions> = {},
): Promise<{ netns: Netns; taps: TapDevice[] }> {
  const netns = await lab.netns('sys');
  await netns.withoutIpv6();
  const taps = Array.from({ length: count }, (_, i) => tap({ name: `t${i}`, netns: netns.name, ...options }));
  await netns.ip(
    'link add sw type bridge mcast_snooping 0',
    'link set sw up',
    ...taps.map((one) => `link set ${one.name} master sw`),
  );
  return { netns, taps };
}

export function burst(options: Partial<BurstOptions> = {}, auxLength = 1 << 16): Burst {
  const all = {
    slots: 64,
    stride: STRIDE,
    headroom: HEADROOM,
    vnetHeader: HEADER,
    txCapacity: 2048,
    ...options,
  };
  const made = new Burst(Buffer.alloc(all.slots * all.stride + auxLength), all);
  onTestFinished(() => made.close());
  return made;
}

/** Broadcast, EtherType for local experiments, payload n, n + 1, ... */
export function frame(length: number, n = 0): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.fill(0xff, 0, 6);
  bytes.set([0x02, 0, 0, 0, 0, 1, 0x88, 0xb5], 6);
  for (let i = 14; i < length; i++) bytes[i] = n + i - 14;
  return bytes;
}

/** Puts pieces into aux and an entry for them into the list. Returns the offset behind them. */
export function entry(b: Burst, row: number, fd: number, pieces: readonly Buffer[], at: number): number {
  const word = row * ROW;
  b.tx.fill(0, word, word + ROW);
  b.tx[word + TX.fd] = fd;
  b.tx[word + TX.kind] = KIND.tap;
  b.tx[word + TX.pieces] = pieces.length;
  b.tx[word + TX.tos] = -1;
  let end = at;
  pieces.forEach((piece, i) => {
    piece.copy(b.bytes, end);
    b.tx[word + TX.piece + 2 * i] = end;
    b.tx[word + TX.piece + 2 * i + 1] = piece.length;
    end += piece.length;
  });
  return end;
}

/** Sends `count` copies of a frame into a TAP; all must be taken. */
export function inject(b: Burst, fd: number, count: number, bytes: Buffer = frame(60)): void {
  const aux = b.slots * STRIDE;
  for (let i = 0; i < count; i++) entry(b, i, fd, [Buffer.alloc(HEADER), bytes], aux);
  b.transmit(count);
  for (let i = 0; i < count; i++) {
    if (b.result(i) !== HEADER + bytes.length) throw new Error(`frame ${i} was not taken: ${b.result(i)}`);
  }
}

/** The bytes of a slot that was just received. */
export function received(b: Burst, slot: number): Buffer {
  const at = slot * STRIDE + HEADROOM;
  return Buffer.from(b.bytes.subarray(at, at + b.rx[slot * ROW + RX.length]));
}

/**
 * How many calls it takes to wait for 30 ms in which nothing comes: 1, or a few more, because the kernel interrupts the
 * thread to end the io_uring of an earlier test. An fd that is always ready takes thousands.
 */
export function callsWhileQuiet(b: Burst): number {
  const end = monotonicMs() + 30;
  let calls = 0;
  for (let left = 30; left > 0; left = end - monotonicMs()) {
    calls++;
    const count = b.receive(0, b.slots, left);
    if (count !== 0 || b.eventCount > 0) throw new Error(`${count} frames, events ${eventList(b)}`);
  }
  return calls;
}

export function sources(b: Burst, count: number): number[] {
  return Array.from({ length: count }, (_, slot) => b.rx[slot * ROW + RX.source]);
}

export function eventList(b: Burst): [number, number][] {
  return Array.from({ length: b.eventCount }, (_, i) => [b.events[2 * i], b.events[2 * i + 1]]);
}
