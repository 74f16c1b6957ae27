// A guest and its hypervisor, in one object: the front end of vhost-user, the driver of a virtio network device, and memory
// to share, for whoever has no QEMU at hand. It sends and receives frames through any back end, and outlives the back end's
// restart, as guests do. `lies.ts` makes it a hostile one.

import { unlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { unixAccept, unixConnect, unixListen } from '../../sys/rights.ts';
import { SocketWatch } from '../../sys/socket_watch.ts';
import { SysError } from '../../sys/sys_error.ts';
import { closeFd, drainWake } from '../../sys/wake.ts';
import { FEATURE } from '../../wire/virtio.ts';
import { TesterError } from '../tester_error.ts';
import { type DeviceOptions, GuestDevice } from './device.ts';
import { DirtyLog } from './dirty_log.ts';
import { FrontEnd } from './front_end.ts';
import type { GuestRegion } from './guest_memory.ts';
import { InflightMemory } from './inflight.ts';
import {
  type Agreement,
  type FeatureName,
  negotiate,
  type ProtocolName,
  USUAL_FEATURES,
  USUAL_PROTOCOL,
} from './negotiation.ts';
import type { ReceivedFrame } from './receive_queue.ts';
import { startDevice, stopRings, tellLog, tellPlugged, tellUnplugged } from './start.ts';
import { FINISHED, type FrameHeader } from './transmit_queue.ts';

/** How a fake guest connects, and what card it has. */
export interface FakeGuestOptions extends Partial<Omit<DeviceOptions, 'features'>> {
  /** Of the Unix socket. */
  path: string;
  /** Whether the guest connects, or listens and is connected to. Default `client`. */
  mode?: 'client' | 'server';
  /** What it asks for; what the back end does not have is left out. */
  features?: readonly FeatureName[];
  protocol?: readonly ProtocolName[];
  /** How long it waits for the back end. Default 5000. */
  timeoutMs?: number;
}

/** How a fake guest sends a frame. */
export interface SendOptions {
  /** Pair of queues. Default 0. */
  queue?: number;
  header?: FrameHeader;
  /** Bytes of each buffer; 0, the default: one buffer. */
  piece?: number;
}

const DEFAULTS = {
  mode: 'client',
  features: USUAL_FEATURES,
  protocol: USUAL_PROTOCOL,
  timeoutMs: 5000,
  queuePairs: 1,
  ringSize: 256,
  maxFrame: 65_550,
  receiveBuffer: 0,
  receivePieces: 1,
  memoryRegions: 1,
} as const;
const RETRY_MS = 20;
const EAGAIN = 11;
const NOT_YET = new Set(['ENOENT', 'ECONNREFUSED', 'EAGAIN']);

/** A guest with a virtio network card, as a vhost-user front end over memory of its own: docs/fake-guest.md. */
export class FakeGuest {
  readonly options: Required<FakeGuestOptions>;
  /** What was agreed with the back end, at the last connection. */
  agreement!: Agreement;
  device!: GuestDevice;
  backEnd!: FrontEnd;
  private readonly watch = new SocketWatch();
  private readonly listener: number;
  private readonly inflight = new InflightMemory();
  private readonly waiting = new Set<() => void>();
  /** Frames that were still in the rings when a connection ended. */
  private readonly kept: ReceivedFrame[] = [];
  private log: DirtyLog | undefined;
  private bases: number[] | undefined;
  private isClosed = false;

  private constructor(options: Required<FakeGuestOptions>) {
    this.options = options;
    this.listener = options.mode === 'server' ? unixListen(options.path) : -1;
    if (this.listener >= 0) this.watch.add(this.listener, () => this.tell());
  }

  /** Connects, or waits until somebody does, and starts the device. Rejects with TesterError, BackEndError, SysError. */
  static async open(options: FakeGuestOptions): Promise<FakeGuest> {
    const guest = new FakeGuest({ ...DEFAULTS, ...options });
    try {
      await guest.connect();
      return guest;
    } catch (error) {
      guest.close();
      throw error;
    }
  }

  has(feature: FeatureName): boolean {
    return (this.agreement.features & FEATURE[feature]) !== 0n;
  }

  get isConnected(): boolean {
    return this.backEnd?.isOpen === true;
  }

  /**
   * A new connection with the same rings: a guest whose back end was started again. Frames that the old one had not
   * used are the new one's.
   */
  async connect(): Promise<void> {
    this.disconnect();
    if (this.device !== undefined) this.settle();
    const { features, protocol } = this.options;
    const fd = await this.socket();
    this.backEnd = new FrontEnd(fd);
    this.watch.add(fd, () => this.hear());
    this.agreement = await negotiate(this.backEnd, features, protocol);
    const isNew = this.device === undefined;
    if (isNew) this.build();
    await this.inflight.restore(this.backEnd, this.agreement, this.device);
    const bases = this.bases ?? this.device.vrings.map(({ ring }) => (isNew ? firstBase(this) : ring.base));
    this.bases = undefined;
    await startDevice(this.backEnd, this.agreement, this.device, bases);
    if (isNew) for (const { ring } of this.device.vrings) ring.wantCalls(false);
  }

  /** Ends the connection, as a hypervisor that was killed does. The guest keeps its memory. */
  disconnect(): void {
    if (this.backEnd === undefined) return;
    if (this.backEnd.isOpen) this.watch.drop(this.backEnd.fd);
    this.backEnd.close();
  }

  /** Stops all rings in good order; `start` goes on with them. */
  async stop(): Promise<void> {
    this.bases = await stopRings(this.backEnd, this.device);
  }

  async start(): Promise<void> {
    const bases = this.bases ?? this.device.vrings.map(({ ring }) => ring.base);
    this.bases = undefined;
    await startDevice(this.backEnd, this.agreement, this.device, bases);
  }

  /** false: the ring is full, or the guest closed. */
  send(frame: Uint8Array, { queue = 0, header = FINISHED, piece = 0 }: SendOptions = {}): boolean {
    if (this.isClosed) return false;
    const isSent = this.device.transmitters[queue].send(frame, header, piece);
    this.device.publish(2 * queue + 1);
    return isSent;
  }

  /** The next frame of any queue, or undefined. Throws DeviceError if the device did what it must not. */
  receive(): ReceivedFrame | undefined {
    return this.isClosed ? undefined : (this.kept.shift() ?? this.take());
  }

  /** As `receive`, but waits for a frame. */
  async next(timeoutMs = 5000): Promise<ReceivedFrame | undefined> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      if (this.isClosed) return undefined;
      for (const { ring } of this.device.receivers) ring.wantCalls(true);
      const frame = this.receive();
      const left = end - performance.now();
      if (frame !== undefined || left <= 0) return frame;
      await this.news(left);
    }
  }

  /** Memory that is plugged in while the guest runs; it is there for `unplug`, and for whoever writes rings by hand. */
  async plug(bytes: number): Promise<GuestRegion> {
    const region = this.device.memory.add(bytes);
    await tellPlugged(this.backEnd, this.agreement, this.device.memory.regions, region);
    return region;
  }

  async unplug(region: GuestRegion): Promise<void> {
    this.device.memory.remove(region);
    await tellUnplugged(this.backEnd, this.agreement, this.device.memory.regions, region);
    region.memory.close();
  }

  /** The back end notes from here on which pages it writes, as for a live migration. */
  async startLog(): Promise<DirtyLog> {
    this.log = new DirtyLog(this.device.memory.end);
    await tellLog(this.backEnd, this.agreement, this.device, this.log.memory);
    return this.log;
  }

  async stopLog(): Promise<void> {
    await tellLog(this.backEnd, this.agreement, this.device, undefined);
    this.log?.close();
    this.log = undefined;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.disconnect();
    this.watch.close();
    if (this.listener >= 0) {
      closeFd(this.listener);
      unlinkSync(this.options.path);
    }
    this.inflight.close();
    this.log?.close();
    this.device?.close();
    this.tell();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private build(): void {
    const { queuePairs } = this.options;
    if (queuePairs > this.agreement.queuePairs) {
      const most = this.agreement.queuePairs;
      throw new TesterError('too_many_queues', `The back end has ${most} pairs of queues, not ${queuePairs}`);
    }
    this.device = new GuestDevice({ ...this.options, features: this.agreement.features });
    for (const { call } of this.device.vrings) this.watch.add(call, () => this.called(call));
  }

  /** Takes all that was used, so that the next back end can be told where that ends. */
  private settle(): void {
    for (let frame = this.take(); frame !== undefined; frame = this.take()) this.kept.push(frame);
    for (const transmitter of this.device.transmitters) transmitter.reclaim();
  }

  private take(): ReceivedFrame | undefined {
    const { receivers } = this.device ?? { receivers: [] };
    for (const [queue, receiver] of receivers.entries()) {
      const frame = receiver.receive();
      if (frame === undefined) continue;
      this.device.publish(2 * queue);
      return frame;
    }
    return undefined;
  }

  private async socket(): Promise<number> {
    const { path, mode, timeoutMs } = this.options;
    const end = performance.now() + timeoutMs;
    for (;;) {
      const fd = mode === 'client' ? unixConnect(path) : unixAccept(this.listener);
      if (fd >= 0) return fd;
      const error = new SysError(-fd, 'connect', `Cannot reach a vhost-user back end at ${path}`);
      const isHopeless = mode === 'client' ? !NOT_YET.has(error.code) : fd !== -EAGAIN;
      if (isHopeless || performance.now() > end) throw error;
      await (mode === 'client' ? sleep(RETRY_MS) : this.news(end - performance.now()));
    }
  }

  /** Something happened on a socket or a call descriptor, or time is over. */
  private news(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const told = (): void => {
        clearTimeout(timer);
        this.waiting.delete(told);
        resolve();
      };
      const timer = setTimeout(told, Math.max(1, timeoutMs));
      this.waiting.add(told);
    });
  }

  private hear(): void {
    const { backEnd } = this;
    backEnd.poll();
    if (!backEnd.isOpen) this.watch.drop(backEnd.fd);
    this.tell();
  }

  private called(call: number): void {
    drainWake(call);
    this.tell();
  }

  private tell(): void {
    for (const told of [...this.waiting]) told();
  }
}

/** Of a ring that nobody has used: packed rings begin with both wrap counters set. */
function firstBase(guest: FakeGuest): number {
  return guest.has('ringPacked') ? 0x8000_8000 : 0;
}
