// The captures that run, seen from the control plane: it makes their memory, tells the data plane, keeps up the sets of
// their ports while the configuration changes, and puts names to what comes out of the rings.

import type { Capture, CaptureOptions, LastDrop } from '../api.ts';
import { type CaptureSpec, MAX_CAPTURES } from '../engine/capture.ts';
import { TaploomError } from '../error.ts';
import { MAX_PORTS, NOBODY } from '../frame/hop.ts';
import { CaptureRing, DIRECTIONS } from '../table/capture_ring.ts';
import { DROPS } from '../table/drops.ts';
import { KEPT, LastDrops } from '../table/last_drops.ts';
import { checkBpf } from '../wire/bpf.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import { type Checked, type PortNames, RunningCapture } from './running_capture.ts';
import { WallClock } from './wall_clock.ts';

/** tcpdump's: no frame is longer. */
export const MAX_SNAPLEN = 262_144;

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
