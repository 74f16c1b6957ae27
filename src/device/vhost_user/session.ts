// What one front end says, from its connection to its end: negotiation, and what it means for the rings. No I/O: a message
// in, perhaps a reply out.
//
// A front end that breaks the protocol loses the connection (ProtocolError). What it merely asks in vain it is told, if
// it wants to know (REPLY_ACK).

import type { VhostRings } from '../../sys/vhost.ts';
import { MAX_REGIONS, RING_FD } from '../../sys/vhost.ts';
import {
  ADDRESS,
  ADDRESS_LEN,
  FEATURE,
  type Header,
  has,
  MAX_TABLE,
  NO_DESCRIPTOR,
  PROTOCOL,
  REGION_LEN,
  REGIONS_AT,
  REQUEST,
  RING_MASK,
  reply,
  ringState,
  u64,
} from '../../wire/vhost_user.ts';
import { answerConfig } from './config_space.ts';
import { PROTOCOL_FEATURES } from './features.ts';

/** The front end does not speak the protocol. */
export class ProtocolError extends Error {}

/** What it acts upon. */
export type Rings = Pick<
  VhostRings,
  | 'setFeatures'
  | 'setMemory'
  | 'addMemory'
  | 'removeMemory'
  | 'setRing'
  | 'setFd'
  | 'start'
  | 'stop'
  | 'enable'
  | 'announce'
>;

export interface SessionOptions {
  pairs: number;
  features: bigint;
  mtu: number;
}

interface Ring {
  num: number;
  base: number;
  address: { desc: bigint; avail: bigint; used: bigint } | undefined;
  isKicked: boolean;
  isStarted: boolean;
}

interface Handler {
  /** Bytes of its payload; a range where it varies. */
  length: number | readonly [number, number];
  /** Descriptors that come with it, at most. */
  fds?: number;
  /** A reply, or 0 or -errno. */
  act(this: Session, payload: Buffer, fds: number[]): Buffer | number;
}

/** Driver's status, virtio 1.2, 2.1. */
const NEEDS_RESET = 0x40;

export class Session {
  private readonly rings: Rings;
  readonly options: SessionOptions;
  /** Those of virtio that the guest took. */
  features = 0n;
  private protocol = 0n;
  private status = 0;
  private readonly ring: Ring[];
  /** A ring broke, and the guest should reset. */
  needsReset = false;

  constructor(rings: Rings, options: SessionOptions) {
    this.rings = rings;
    this.options = options;
    this.ring = Array.from({ length: 2 * options.pairs }, newRing);
  }

  /**
   * Takes a request, whose payload is whole. What is left in `fds` is nobody's. Returns the message to send, if any.
   * @throws ProtocolError
   */
  take({ request, needsReply, size }: Header, payload: Buffer, fds: number[]): Buffer | undefined {
    const handler = HANDLERS.get(request);
    if (handler === undefined) {
      if (needsReply && has(this.protocol, PROTOCOL.replyAck)) return reply(request, u64(1n));
      return undefined; // of a feature that was not negotiated, or newer: nobody waits for an answer
    }
    const [least, most] = typeof handler.length === 'number' ? [handler.length, handler.length] : handler.length;
    if (size < least || size > most)
      throw new ProtocolError(`request ${request} with ${size} bytes of payload`);
    if (fds.length > (handler.fds ?? 0))
      throw new ProtocolError(`request ${request} with ${fds.length} descriptors`);
    const answer = handler.act.call(this, payload, fds);
    if (typeof answer !== 'number') return reply(request, answer);
    if (needsReply && has(this.protocol, PROTOCOL.replyAck)) return reply(request, u64(answer === 0 ? 0n : 1n));
    return undefined;
  }

  /** Stops everything, as at the end of the connection. */
  reset(): void {
    for (const index of this.ring.keys()) this.stop(index);
    for (const index of this.ring.keys()) this.rings.enable(index, false);
    this.features = 0n;
    this.status = 0;
    this.needsReset = false;
    this.rings.setFeatures(0n);
  }

  end(): void {
    this.reset();
    for (const index of this.ring.keys()) this.rings.setFd(index, RING_FD.call, -1);
    for (const index of this.ring.keys()) this.rings.setFd(index, RING_FD.err, -1);
    this.rings.setMemory(Buffer.alloc(0), []);
  }

  get statusByte(): number {
    return this.status | (this.needsReset && this.status !== 0 ? NEEDS_RESET : 0);
  }

  setStatus(status: number): number {
    if (status === 0) this.reset();
    this.status = status;
    return 0;
  }

  setFeatures(features: bigint): number {
    if ((features & ~this.options.features) !== 0n) return -1;
    this.features = features;
    this.needsReset = false;
    // Without the protocol's own features a ring is enabled from the start.
    if (!has(features, FEATURE.protocolFeatures))
      for (const index of this.ring.keys()) this.rings.enable(index, true);
    return this.rings.setFeatures(features);
  }

  setProtocol(features: bigint): number {
    if ((features & ~PROTOCOL_FEATURES) !== 0n) return -1;
    this.protocol = features;
    return 0;
  }

  setMemory(payload: Buffer, fds: readonly number[]): number {
    const count = payload.readUInt32LE(0);
    if (count > MAX_TABLE || payload.length < REGIONS_AT + count * REGION_LEN || fds.length !== count)
      throw new ProtocolError(`a table of ${count} regions with ${fds.length} descriptors`);
    return this.rings.setMemory(payload.subarray(REGIONS_AT, REGIONS_AT + count * REGION_LEN), fds);
  }

  /** The descriptor is not needed: of old front ends none comes. */
  removeMemory(payload: Buffer): number {
    return this.rings.removeMemory(payload.subarray(REGIONS_AT));
  }

  addMemory(payload: Buffer, fds: readonly number[]): number {
    if (fds.length !== 1) throw new ProtocolError('a region without its descriptor');
    return this.rings.addMemory(payload.subarray(REGIONS_AT), fds[0]);
  }

  setNum(payload: Buffer): number {
    this.ringAt(payload.readUInt32LE(0)).num = payload.readUInt32LE(4);
    return 0;
  }

  setBase(payload: Buffer): number {
    this.ringAt(payload.readUInt32LE(0)).base = payload.readUInt32LE(4);
    return 0;
  }

  /** Of a ring that runs, too: with the dirty log the flags change. */
  setAddress(payload: Buffer): number {
    const index = payload.readUInt32LE(ADDRESS.index);
    const ring = this.ringAt(index);
    ring.address = {
      desc: payload.readBigUInt64LE(ADDRESS.desc),
      avail: payload.readBigUInt64LE(ADDRESS.avail),
      used: payload.readBigUInt64LE(ADDRESS.used),
    };
    return ring.isStarted ? this.rings.setRing(index, { ...ring, ...ring.address }) : this.tryStart(index);
  }

  setFd(which: number, payload: Buffer, fds: number[]): number {
    const value = payload.readBigUInt64LE(0);
    const index = Number(value & RING_MASK);
    const ring = this.ringAt(index);
    const hasNone = (value & NO_DESCRIPTOR) !== 0n;
    if (fds.length !== (hasNone ? 0 : 1)) throw new ProtocolError('a ring without the descriptor that it names');
    const result = this.rings.setFd(index, which, fds.pop() ?? -1);
    if (which !== RING_FD.kick || result !== 0) return result;
    // Without a descriptor it would have to be polled for ever.
    ring.isKicked = !hasNone;
    return this.tryStart(index);
  }

  getBase(payload: Buffer): Buffer {
    const index = payload.readUInt32LE(0);
    this.ringAt(index);
    return ringState(index, this.stop(index));
  }

  enable(payload: Buffer): number {
    const index = payload.readUInt32LE(0);
    this.ringAt(index);
    return this.rings.enable(index, payload.readUInt32LE(4) === 1);
  }

  announce(payload: Buffer): number {
    return this.rings.announce(payload);
  }

  /** Which rings run, as far as the front end is concerned. */
  isStarted(index: number): boolean {
    return this.ring[index].isStarted;
  }

  private ringAt(index: number): Ring {
    const ring = this.ring[index];
    if (ring === undefined) throw new ProtocolError(`ring ${index}, of ${this.ring.length}`);
    return ring;
  }

  /** Size, addresses and kick come in any order. */
  private tryStart(index: number): number {
    const ring = this.ring[index];
    if (ring.isStarted || !ring.isKicked || ring.address === undefined || ring.num === 0) return 0;
    const result = this.rings.setRing(index, { ...ring, ...ring.address });
    if (result < 0) return result;
    ring.isStarted = true;
    return this.rings.start(index);
  }

  private stop(index: number): number {
    const base = this.rings.stop(index);
    this.rings.setFd(index, RING_FD.kick, -1);
    this.ring[index] = { ...newRing(), num: this.ring[index].num };
    return Math.max(0, base);
  }
}

function newRing(): Ring {
  return { num: 0, base: 0, address: undefined, isKicked: false, isStarted: false };
}

const done = () => 0;
const HANDLERS = new Map<number, Handler>([
  [REQUEST.getFeatures, { length: 0, act() { return u64(this.options.features); } }],
  [REQUEST.setFeatures, { length: 8, act(payload) { return this.setFeatures(payload.readBigUInt64LE(0)); } }],
  [REQUEST.setOwner, { length: 0, act: done }],
  [REQUEST.resetOwner, { length: 0, act: done }],
  [
    REQUEST.setMemTable,
    {
      length: [REGIONS_AT, REGIONS_AT + MAX_TABLE * REGION_LEN],
      fds: MAX_TABLE,
      act(payload, fds) { return this.setMemory(payload, fds); },
    },
  ],
  [REQUEST.setVringNum, { length: 8, act(payload) { return this.setNum(payload); } }],
  [REQUEST.setVringAddr, { length: ADDRESS_LEN, act(payload) { return this.setAddress(payload); } }],
  [REQUEST.setVringBase, { length: 8, act(payload) { return this.setBase(payload); } }],
  [REQUEST.getVringBase, { length: 8, act(payload) { return this.getBase(payload); } }],
  [
    REQUEST.setVringKick,
    { length: 8, fds: 1, act(payload, fds) { return this.setFd(RING_FD.kick, payload, fds); } },
  ],
  [
    REQUEST.setVringCall,
    { length: 8, fds: 1, act(payload, fds) { return this.setFd(RING_FD.call, payload, fds); } },
  ],
  [
    REQUEST.setVringErr,
    { length: 8, fds: 1, act(payload, fds) { return this.setFd(RING_FD.err, payload, fds); } },
  ],
  [REQUEST.getProtocolFeatures, { length: 0, act: () => u64(PROTOCOL_FEATURES) }],
  [
    REQUEST.setProtocolFeatures,
    { length: 8, act(payload) { return this.setProtocol(payload.readBigUInt64LE(0)); } },
  ],
  [REQUEST.getQueueNum, { length: 0, act() { return u64(BigInt(this.options.pairs)); } }],
  [REQUEST.setVringEnable, { length: 8, act(payload) { return this.enable(payload); } }],
  [REQUEST.sendRarp, { length: 8, act(payload) { return this.announce(payload); } }],
  [REQUEST.netSetMtu, { length: 8, act: done }],
  [
    REQUEST.getConfig,
    { length: [12, 12 + 256], act(payload) { return answerConfig(payload, this.options); } },
  ],
  [
    REQUEST.resetDevice,
    { length: 0, act() { this.reset(); return 0; } },
  ],
  [REQUEST.getMaxMemSlots, { length: 0, act: () => u64(BigInt(MAX_REGIONS)) }],
  [
    REQUEST.addMemReg,
    { length: REGIONS_AT + REGION_LEN, fds: 1, act(payload, fds) { return this.addMemory(payload, fds); } },
  ],
  [
    REQUEST.remMemReg,
    { length: REGIONS_AT + REGION_LEN, fds: 1, act(payload) { return this.removeMemory(payload); } },
  ],
  [
    REQUEST.setStatus,
    { length: 8, act(payload) { return this.setStatus(Number(payload.readBigUInt64LE(0) & 0xffn)); } },
  ],
  [REQUEST.getStatus, { length: 0, act() { return u64(BigInt(this.statusByte)); } }],
]);
