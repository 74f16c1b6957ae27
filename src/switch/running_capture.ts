// One capture that runs: which numbers its ports have while the configuration changes, and what comes out of its rings,
// with names.

import { setImmediate as breath } from 'node:timers/promises';
import type { Capture, CaptureDirection, CapturedFrame, CaptureOptions } from '../api.ts';
import { MAX_PORTS, NOBODY } from '../frame/hop.ts';
import { type CaptureRing, DIRECTIONS } from '../table/capture_ring.ts';
import { DROPS } from '../table/drops.ts';
import { WallClock } from './wall_clock.ts';

/** A reader that waits looks this often all the same, ms: a bound for a wake-up that is lost. */
const LOOK_INTERVAL = 250;
/** Bytes and frames handed out at once: a fraction of a millisecond of the main thread. */
const BATCH_BYTES = 256 * 1024;
const BATCH_FRAMES = 256;

/** What captures need to know of the configuration in force. */
export interface PortNames {
  /** All ports: index and name, and the bridge's name. */
  list(): { index: number; name: string; bridge: string }[];
  hasBridge(name: string): boolean;
}

/** Options with their defaults. */
export type Checked = Required<Pick<CaptureOptions, 'snaplen' | 'count' | 'directions'>> &
  Pick<CaptureOptions, 'bridge' | 'port' | 'program'>;

export class RunningCapture implements Capture {
  private readonly rings: readonly CaptureRing[];
  private readonly ports: Uint8Array;
  private readonly asked: Checked;
  private readonly names: PortNames;
  private readonly end: () => Promise<void>;
  private readonly clock = new WallClock();
  /** Number of a port, and its age, as one number -> its name: what is in a ring keeps it when the port goes. */
  private readonly seen = new Map<number, string>();
  /** What was lost on ports that went, by name, and what their numbers had lost by then. */
  private readonly settled = new Map<string, number>();
  private readonly ages = new Map<number, number>();
  /** The ports that are captured now. */
  private current: ReadonlyMap<number, string> = new Map();
  private readonly lostBefore = new Float64Array(MAX_PORTS);
  private isClosed = false;
  private delivered = 0;

  constructor(
    rings: readonly CaptureRing[],
    ports: Uint8Array,
    asked: Checked,
    names: PortNames,
    end: () => Promise<void>,
  ) {
    this.rings = rings;
    this.ports = ports;
    this.asked = asked;
    this.names = names;
    this.end = end;
  }

  get snaplen(): number {
    return this.asked.snaplen;
  }

  /** Which ports it is about, in the configuration in force. */
  select(): void {
    const { bridge, port } = this.asked;
    const wanted = new Map<number, string>();
    // What belongs to no port is only for those who want everything.
    if (bridge === undefined && port === undefined) wanted.set(NOBODY, '');
    for (const one of this.names.list()) {
      if (bridge !== undefined && one.bridge !== bridge) continue;
      if (port !== undefined && one.name !== port) continue;
      wanted.set(one.index, one.name);
    }
    for (const index of this.current.keys()) if (!wanted.has(index)) this.ports[index] = 0;
    for (const [index, name] of wanted) {
      const before = this.current.get(index);
      if (before === name) continue;
      if (before !== undefined) this.settle(index, before);
      const age = ((this.ages.get(index) ?? 0) % 255) + 1;
      this.ages.set(index, age);
      this.seen.set((index << 8) | age, name);
      this.ports[index] = age;
    }
    for (const [index, name] of this.current) if (!wanted.has(index)) this.settle(index, name);
    this.current = wanted;
  }

  lost(): Record<string, number> {
    const lost = new Map(this.settled);
    for (const [index, name] of this.current) {
      const frames = this.lostAt(index) - this.lostBefore[index];
      if (frames > 0) lost.set(name, (lost.get(name) ?? 0) + frames);
    }
    return Object.fromEntries(lost);
  }

  /** The port goes: what was lost until now was its own. */
  private settle(index: number, name: string): void {
    const total = this.lostAt(index);
    const frames = total - this.lostBefore[index];
    this.lostBefore[index] = total;
    if (frames > 0) this.settled.set(name, (this.settled.get(name) ?? 0) + frames);
  }

  private lostAt(index: number): number {
    return this.rings.reduce((sum, ring) => sum + ring.lostOf(index), 0);
  }

  async *batches(): AsyncGenerator<CapturedFrame[]> {
    const { count } = this.asked;
    try {
      for (;;) {
        const isLast = this.isClosed;
        const frames = this.read();
        if (frames.length > 0) {
          this.delivered += frames.length;
          yield frames;
          // A reader that keeps up would never let others have this thread.
          await breath();
        } else if (isLast) return;
        else await Promise.race(this.rings.map((ring) => ring.changed(LOOK_INTERVAL)));
        if (count > 0 && this.delivered >= count) return;
      }
    } finally {
      await this.close();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<CapturedFrame> {
    for await (const frames of this.batches()) yield* frames;
  }

  async close(): Promise<void> {
    await this.end();
    this.isClosed = true;
    for (const ring of this.rings) ring.notify();
  }

  /** What is in the rings, as much as goes in one piece, in the order of time. */
  private read(): CapturedFrame[] {
    const { rings, asked, clock } = this;
    const most = asked.count > 0 ? Math.min(BATCH_FRAMES, asked.count - this.delivered) : BATCH_FRAMES;
    const frames: CapturedFrame[] = [];
    clock.follow();
    for (let bytes = 0; bytes < BATCH_BYTES && frames.length < most; ) {
      const ring = oldest(rings);
      if (ring === undefined) break;
      const at = ring.peek();
      const frame = this.frame(ring, at);
      bytes += ring.captured(at);
      ring.release(at);
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  private frame(ring: CaptureRing, at: number): CapturedFrame | undefined {
    const port = this.seen.get((ring.port(at) << 8) | ring.age(at));
    if (port === undefined) return undefined;
    const reason = ring.reason(at);
    const drop = reason === 0 ? undefined : DROPS[reason - 1];
    return {
      time: this.clock.nanoseconds(ring.time(at)),
      port,
      direction: directionOf(ring.direction(at)),
      ...(drop !== undefined && { reason: drop.name, side: drop.side }),
      length: ring.length(at),
      bytes: ring.bytes.slice(at, at + ring.captured(at)),
    };
  }
}

function oldest(rings: readonly CaptureRing[]): CaptureRing | undefined {
  let found: CaptureRing | undefined;
  let time = Number.POSITIVE_INFINITY;
  for (const ring of rings) {
    const at = ring.peek();
    if (at < 0 || ring.time(at) >= time) continue;
    time = ring.time(at);
    found = ring;
  }
  return found;
}

function directionOf(bit: number): CaptureDirection {
  return bit === DIRECTIONS.in ? 'in' : bit === DIRECTIONS.out ? 'out' : 'drop';
}
