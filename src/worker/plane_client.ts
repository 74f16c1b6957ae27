// The control plane's end of the data plane: the same requests, answered inline or by the thread.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Topology } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import { closeFd, createWake, signalWake } from '../sys/wake.ts';
import type { Counters } from '../table/counters.ts';
import { Neighbours } from '../table/neighbours.ts';
import { SlotRing } from '../table/slot_ring.ts';
import { DataPlane } from './data_plane.ts';
import type { Answer, Envelope, HostRings, News, Request, Team, ThreadData } from './messages.ts';

export interface PlaneClient {
  /** Rings of each worker to the host. */
  readonly toHost: readonly SlotRing[];
  /** What routers know of their neighbours. */
  readonly neighbours: Neighbours;
  /** The ring from the host to the worker that receives from a port. */
  fromHost(port: number): SlotRing;
  /** Carried out between two polls. */
  request(body: Request): Promise<Answer>;
  /** Makes the data plane look now at a port that no file descriptor wakes. Callable from anywhere, cheap. */
  wake(port: number): void;
  /** Inline only. */
  poll(patience: number, now?: number): void;
  /** Inline only: when `poll` has something to send, ms. */
  deadline(): number;
  close(): Promise<void>;
}

/** After a change that failed halfway: some worker may have taken in a device that is about to be closed. */
export async function withdraw(plane: PlaneClient, ports: number[]): Promise<void> {
  try {
    await plane.request({ kind: 'remove', ports });
  } catch {
    await plane.close(); // it failed: now nobody writes any more
  }
}

export class InlinePlane implements PlaneClient {
  readonly toHost: readonly SlotRing[];
  readonly neighbours: Neighbours;
  private readonly fromRing: SlotRing;
  private readonly plane: DataPlane;
  private isClosed = false;

  constructor(counters: Counters, topology: Topology, seed: Int32Array, onNews: (news: News) => void) {
    const host = hostRings();
    this.neighbours = newNeighbours(seed);
    const { memory } = this.neighbours;
    this.plane = new DataPlane(counters, topology, seed, onNews, { host, neighbours: memory });
    this.toHost = [new SlotRing(host.toHost)];
    this.fromRing = new SlotRing(host.fromHost);
  }

  fromHost(): SlotRing {
    return this.fromRing;
  }

  async request(body: Request): Promise<Answer> {
    return body.kind === 'load_hooks' ? this.plane.loadHooks(body.hooks) : this.plane.answer(body);
  }

  wake(): void {}

  poll(patience: number, now?: number): void {
    if (this.isClosed) throw new TaploomError('closed', 'The switch is closed');
    this.plane.poll(patience, now);
  }

  deadline(): number {
    return this.plane.deadline();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.plane.close();
  }
}

interface Pending {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** Threads that run. One listener for all: more than ten on one event make Node print a warning. */
const living = new Set<ThreadPlane>();

/** For a thread to start and to end, ms: a bound for what should not happen. */
const LAST_WAIT = 2000;

// process.exit() would wait for the threads, and they sleep. It stops a thread wherever it is, and while that loads an
// addon the process aborts (Node 20), so they must have ended by themselves.
function stopAll(): void {
  for (const plane of living) plane.stop();
  for (const plane of living) plane.awaitEnd(LAST_WAIT);
}

/** A thread with a file refuses `--input-type`, which it would inherit from `node --input-type=module -e ...`. */
function execArgvForFile(): string[] | undefined {
  return process.execArgv.some((arg) => arg.startsWith('--input-type')) ? [] : undefined;
}

type Incoming = News | (Envelope<Answer> & { error?: undefined }) | { id: number; error: string };

export class ThreadPlane implements PlaneClient {
  readonly toHost: readonly SlotRing[];
  readonly neighbours: Neighbours;
  private readonly fromRing: SlotRing;
  private readonly worker: Worker;
  private readonly port: MessagePort;
  private readonly wakeFd: number;
  private readonly pending = new Map<number, Pending>();
  private readonly exited: Promise<void>;
  private readonly ended = new Int32Array(new SharedArrayBuffer(4));
  private nextId = 1;
  private failure: Error | null = null;
  private isToStop = false;

  /**
   * @param onFailure the thread died, or ended unasked; every further request is refused with this error
   * @param team where it is one of several
   */
  constructor(
    counters: Counters,
    topology: Topology,
    seed: Int32Array,
    onNews: (news: News) => void,
    onFailure: (error: Error) => void,
    team?: Team,
  ) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const host = hostRings();
    this.toHost = [new SlotRing(host.toHost)];
    this.fromRing = new SlotRing(host.fromHost);
    this.neighbours = team === undefined ? newNeighbours(seed) : new Neighbours(team.neighbours);
    this.wakeFd = createWake();
    const data: ThreadData = {
      counters: counters.memory,
      maxBridges: counters.maxBridges,
      topology,
      seed,
      wakeFd: this.wakeFd,
      ended: this.ended,
      host,
      neighbours: this.neighbours.memory,
      team,
    };
    // Compiled, in its folder beside this one, bundled or not; as TypeScript where Node itself strips types.
    const file = import.meta.url.endsWith('.ts') ? '../worker/thread.ts' : '../worker/thread.js';
    try {
      this.worker = new Worker(new URL(file, import.meta.url), {
        name: 'taploom',
        execArgv: execArgvForFile(),
        workerData: { ...data, channel: port2 },
        transferList: [port2],
      });
    } catch (error) {
      port1.close();
      closeFd(this.wakeFd);
      throw error;
    }
    this.port.on('message', (message: Incoming) => this.receive(message, onNews));
    // While the thread lives it keeps the process alive, not the channel.
    this.port.unref();
    const fail = (error: Error) => {
      this.failure = error;
      for (const { reject } of this.pending.values()) reject(error);
      this.pending.clear();
    };
    this.worker.on('error', (error) => {
      fail(error as Error);
      onFailure(error as Error);
    });
    this.exited = new Promise((resolve) => {
      this.worker.once('exit', () => {
        const isUnasked = this.failure === null && !this.isToStop;
        fail(this.failure ?? endOf(isUnasked));
        if (isUnasked) onFailure(endOf(isUnasked));
        living.delete(this);
        if (living.size === 0) process.off('exit', stopAll);
        this.port.close();
        closeFd(this.wakeFd);
        resolve();
      });
    });
    if (living.size === 0) process.on('exit', stopAll);
    living.add(this);
  }

  request(body: Request): Promise<Answer> {
    if (this.failure !== null) return Promise.reject(this.failure);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.port.ref();
      this.port.postMessage({ id, body });
      signalWake(this.wakeFd);
    });
  }

  fromHost(): SlotRing {
    return this.fromRing;
  }

  wake(): void {
    if (this.failure === null) signalWake(this.wakeFd);
  }

  poll(): void {
    throw new TaploomError('threaded', 'poll() is for a switch that was opened with { threaded: false }');
  }

  deadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.isToStop = true;
    if (this.failure === null) await this.request({ kind: 'stop' }).catch(() => {});
    await this.exited;
  }

  /** Tells the thread to end, without waiting for it. */
  stop(): void {
    this.isToStop = true;
    this.port.postMessage({ id: 0, body: { kind: 'stop' } });
    signalWake(this.wakeFd);
  }

  /** Blocks until the thread is done with native code, at most `ms`. */
  awaitEnd(ms: number): void {
    Atomics.wait(this.ended, 0, 0, ms);
  }

  private receive(message: Incoming, onNews: (news: News) => void): void {
    if ('kind' in message) {
      onNews(message);
      return;
    }
    const pending = this.pending.get(message.id);
    this.pending.delete(message.id);
    if (this.pending.size === 0) this.port.unref();
    if (message.error !== undefined) pending?.reject(new TaploomError('data_plane', message.error));
    else pending?.resolve(message.body);
  }
}

export function newNeighbours(seed: Int32Array): Neighbours {
  return new Neighbours(Neighbours.allocate(seed[1] ^ seed[2]));
}

function hostRings(): HostRings {
  return { toHost: SlotRing.allocate(), fromHost: SlotRing.allocate() };
}

function endOf(isUnasked: boolean): TaploomError {
  return isUnasked
    ? new TaploomError('data_plane', 'The data plane has ended unasked')
    : new TaploomError('closed', 'The switch is closed');
}
