// The captures that run, seen from the control plane: it makes their memory, tells the data plane, keeps up the sets of
// their ports while the configuration changes, and puts names to what comes out of the rings.

import type { Capture, CaptureDirection, CapturedFrame, CaptureOptions, LastDrop } from '../api.ts';
import { type CaptureSpec, MAX_CAPTURES } from '../engine/capture.ts';
import { TaploomError } from '../error.ts';
import { MAX_PORTS, NOBODY } from '../frame/hop.ts';
import { CaptureRing, DIRECTIONS } from '../table/capture_ring.ts';
import { DROPS } from '../table/drops.ts';
import { KEPT, LastDrops } from '../table/last_drops.ts';
import { checkBpf } from '../wire/bpf.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import { WallClock } from './wall_clock.ts';

/** tcpdump's: no frame is longer. */
export const MAX_SNAPLEN = 262_144;
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

export class CaptureRegistry {
  private readonly plane: PlaneClient;
  private readonly names: PortNames;
  private readonly workers: number;
  private readonly running = new Map<number, RunningCapture>();
  private nextId = 1;
  private isClosed = false;

  constructor(plane: PlaneClient, names: PortNames, workers: number) {
    this.plane = plane;
    this.names = names;
    this.workers = workers;
  }

  /** @throws TaploomError `invalid_option`, `no_such_bridge`, `no_such_port`, `capture_busy`, `closed` */
  async start(options: CaptureOptions): Promise<Capture> {
    if (this.isClosed) throw new TaploomError('closed', 'The switch is closed');
    const asked = checked(options, this.names);
    if (this.running.size >= MAX_CAPTURES) {
      throw new TaploomError('capture_busy', `There are ${MAX_CAPTURES} captures already: end one first`);
    }
    const rings = Array.from({ length: this.workers }, () => CaptureRing.allocate(MAX_PORTS));
    const id = this.nextId++;
    const ports = new Uint8Array(new SharedArrayBuffer(MAX_PORTS));
    const end = async () => {
      if (!this.running.delete(id)) return;
      // The data plane may be gone, and the capture with it.
      await this.plane.request({ kind: 'end_capture', id }).catch(() => {});
    };
    const capture = new RunningCapture(rings, ports, asked, this.names, end);
    this.running.set(id, capture);
    capture.select();
    const spec: CaptureSpec = {
      id,
      rings: rings.map(({ memory }) => memory),
      ports: ports.buffer as unknown as SharedArrayBuffer,
      directions: asked.directions.reduce((bits, direction) => bits | DIRECTIONS[direction], 0),
      program: asked.program === undefined ? null : asked.program,
      snaplen: asked.snaplen,
      count: asked.count,
    };
    try {
      await this.plane.request({ kind: 'capture', spec });
    } catch (error) {
      await capture.close();
      throw error;
    }
    return capture;
  }

  /** The configuration has changed. */
  select(): void {
    for (const capture of this.running.values()) capture.select();
  }

  async lastDrops(): Promise<LastDrop[]> {
    const answer = await this.plane.request({ kind: 'last_drops' });
    if (answer.kind !== 'last_drops') return [];
    const tables = answer.memories.map((memory) => new LastDrops(memory));
    const clock = new WallClock();
    const ports = [{ index: NOBODY, name: '' }, ...this.names.list()];
    return ports.flatMap(({ index, name }) => {
      const records = tables.flatMap((table) => table.read(index));
      records.sort((a, b) => a.time - b.time);
      return records.slice(-KEPT).map(({ code, time, length, bytes }) => ({
        time: clock.milliseconds(time),
        port: name,
        side: DROPS[code].side,
        reason: DROPS[code].name,
        help: DROPS[code].help,
        length,
        head: Buffer.from(bytes).toString('hex'),
      }));
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.running.values()].map((capture) => capture.close()));
  }
}

type Checked = Required<Pick<CaptureOptions, 'snaplen' | 'count' | 'directions'>> &
  Pick<CaptureOptions, 'bridge' | 'port' | 'program'>;

function checked(options: CaptureOptions, names: PortNames): Checked {
  const { bridge, port, directions = ['in', 'out'], program, snaplen = MAX_SNAPLEN, count = 0 } = options;
  if (bridge !== undefined && !names.hasBridge(bridge)) {
    throw new TaploomError('no_such_bridge', `There is no bridge ${bridge}`);
  }
  if (port !== undefined) {
    const isThere = names.list().some((one) => one.name === port && (bridge ?? one.bridge) === one.bridge);
    const where = bridge === undefined ? 'There is' : `Bridge ${bridge} has`;
    if (!isThere) throw new TaploomError('no_such_port', `${where} no port ${port}`);
  }
  const refuse = (what: string): never => {
    throw new TaploomError('invalid_option', what);
  };
  if (!Number.isInteger(snaplen) || snaplen < 1 || snaplen > MAX_SNAPLEN) {
    refuse(`snaplen: ${snaplen} is not a number of bytes (1-${MAX_SNAPLEN})`);
  }
  if (!Number.isInteger(count) || count < 0 || count > 0x7fff_ffff) {
    refuse(`count: ${count} is not a number of frames (1-${0x7fff_ffff})`);
  }
  const unknown = directions.find((direction) => !Object.hasOwn(DIRECTIONS, direction));
  if (unknown !== undefined) refuse(`directions: ${unknown} is not in, out or drop`);
  if (directions.length === 0) refuse('directions: name at least one of in, out and drop');
  const trouble = program === undefined ? null : checkBpf(program);
  if (trouble !== null) refuse(`program: ${trouble}`);
  return { bridge, port, directions, program, snaplen, count };
}

class RunningCapture implements Capture {
  private readonly rings: readonly CaptureRing[];
  private readonly ports: Uint8Array;
  private readonly asked: Checked;
  private readonly names: PortNames;
  private readonly end: () => Promise<void>;
  private readonly clock = new WallClock();
  /** Name of each port that was ever captured: what is still in a ring keeps it when the port goes. */
  private readonly seen = new Map<number, string>();
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
    const wanted = new Uint8Array(MAX_PORTS);
    // What belongs to no port is only for those who want everything.
    if (bridge === undefined && port === undefined) wanted[NOBODY] = 1;
    this.seen.set(NOBODY, '');
    for (const one of this.names.list()) {
      if (bridge !== undefined && one.bridge !== bridge) continue;
      if (port !== undefined && one.name !== port) continue;
      wanted[one.index] = 1;
      this.seen.set(one.index, one.name);
    }
    this.ports.set(wanted);
  }

  lost(): Record<string, number> {
    const lost: Record<string, number> = {};
    for (const [index, name] of this.seen) {
      const frames = this.rings.reduce((sum, ring) => sum + ring.lostOf(index), 0);
      if (frames > 0) lost[name] = (lost[name] ?? 0) + frames;
    }
    return lost;
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
    const port = this.seen.get(ring.port(at));
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
