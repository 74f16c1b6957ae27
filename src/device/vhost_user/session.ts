// What one front end says, from its connection to its end: negotiation, and what it means for the rings. No I/O: a message
// in, perhaps a reply out.
//
// A front end that breaks the protocol loses the connection (ProtocolError). What it merely asks in vain it is told, if
// it wants to know (REPLY_ACK).

import { MAX_REGIONS, RING_FD, type RingSetup, type VhostRings } from '../../sys/vhost.ts';
import {
  CONFIG_HEADER_LEN,
  CONFIG_MAX,
  type Header,
  LOG_LEN,
  MEM_REG_LEN,
  message,
  NEED_REPLY,
  PROTOCOL,
  REPLY,
  REQUEST,
  readLog,
  readU64,
  readVringAddr,
  readVringState,
  MAX_REGIONS as TABLE_REGIONS,
  U64_LEN,
  u64,
  VRING_ADDR_LEN,
  VRING_INDEX_MASK,
  VRING_NO_FD,
  VRING_STATE_LEN,
  type VringAddr,
  vringState,
} from '../../wire/vhost_user.ts';
import { FEATURE, STATUS } from '../../wire/virtio.ts';
import { memoryTrouble } from './breakage.ts';
import { answerConfig } from './config_space.ts';
import { has, PROTOCOL_FEATURES } from './features.ts';

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
  | 'setLog'
>;

export interface SessionOptions {
  pairs: number;
  features: bigint;
  mtu: number;
}

interface Ring {
  num: number;
  base: number;
  address: VringAddr | undefined;
  isKicked: boolean;
  isStarted: boolean;
  isEnabled: boolean;
}

interface Handler {
  /** Bytes of its payload; a range where it varies. */
  length: number | readonly [number, number];
  /** Descriptors that come with it, at most. */
  fds?: number;
  /** A reply, or 0 or -errno. */
  act(session: Session, payload: Buffer, fds: number[]): Buffer | number;
}

/** In a table: a number and padding come before the regions. Before the region of an addMemReg is padding alone. */
const REGIONS_AT = 8;
const REGION_LEN = MEM_REG_LEN - REGIONS_AT;

export class Session {
  private readonly rings: Rings;
  readonly options: SessionOptions;
  /** Those of virtio that the guest took. */
  features = 0n;
  private protocol = 0n;
  private status = 0;
  private readonly ring: Ring[];
  /** Why the guest's memory cannot be had. */
  trouble: string | undefined;
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
  take({ request, flags, size }: Header, payload: Buffer, fds: number[]): Buffer | undefined {
    const wantsReply = (flags & NEED_REPLY) !== 0 && has(this.protocol, PROTOCOL.replyAck);
    const done = (result: number) =>
      wantsReply ? message(request, u64(result === 0 ? 0n : 1n), REPLY) : undefined;
    const handler = HANDLERS.get(request);
    // Of a feature that was not negotiated, or newer: nobody waits for an answer but who says so.
    if (handler === undefined) return done(-1);
    const { length } = handler;
    const [least, most] = typeof length === 'number' ? [length, length] : length;
    if (size < least || size > most)
      throw new ProtocolError(`request ${request} with ${size} bytes of payload`);
    if (fds.length > (handler.fds ?? 0))
      throw new ProtocolError(`request ${request} with ${fds.length} descriptors`);
    const answer = handler.act(this, payload, fds);
    return typeof answer === 'number' ? done(answer) : message(request, answer, REPLY);
  }

  /** Stops everything, as at the end of the connection. */
  reset(): void {
    for (const index of this.ring.keys()) this.stop(index);
    for (const index of this.ring.keys()) this.enableRing(index, false);
    this.features = 0n;
    this.status = 0;
    this.needsReset = false;
    this.rings.setFeatures(0n);
  }

  end(): void {
    this.reset();
    for (const index of this.ring.keys()) this.rings.setFd(index, RING_FD.call, -1);
    for (const index of this.ring.keys()) this.rings.setFd(index, RING_FD.err, -1);
    this.rings.setLog(0n, 0n, -1);
    this.rings.setMemory(Buffer.alloc(0), []);
  }

  get statusByte(): number {
    return this.status | (this.needsReset && this.status !== 0 ? STATUS.needsReset : 0);
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
      for (const index of this.ring.keys()) this.enableRing(index, true);
    return this.rings.setFeatures(features);
  }

  setProtocol(features: bigint): number {
    if ((features & ~PROTOCOL_FEATURES) !== 0n) return -1;
    this.protocol = features;
    return 0;
  }

  setMemory(payload: Buffer, fds: readonly number[]): number {
    const count = payload.readUInt32LE(0);
    if (count > TABLE_REGIONS || payload.length < REGIONS_AT + count * REGION_LEN || fds.length !== count)
      throw new ProtocolError(`a table of ${count} regions with ${fds.length} descriptors`);
    return this.mapped(
      this.rings.setMemory(payload.subarray(REGIONS_AT, REGIONS_AT + count * REGION_LEN), fds),
    );
  }

  /** The descriptor is not needed: of old front ends none comes. */
  removeMemory(payload: Buffer): number {
    return this.rings.removeMemory(payload.subarray(REGIONS_AT));
  }

  addMemory(payload: Buffer, fds: readonly number[]): number {
    if (fds.length !== 1) throw new ProtocolError('a region without its descriptor');
    return this.mapped(this.rings.addMemory(payload.subarray(REGIONS_AT), fds[0]));
  }

  private mapped(result: number): number {
    this.trouble = result < 0 ? memoryTrouble(-result) : undefined;
    return result;
  }

  setNum(payload: Buffer): number {
    const { index, num } = readVringState(payload);
    this.ringAt(index).num = num;
    return 0;
  }

  setBase(payload: Buffer): number {
    const { index, num } = readVringState(payload);
    this.ringAt(index).base = num;
    return 0;
  }

  /** Of a ring that runs, too: with the dirty log the flags change. */
  setAddress(payload: Buffer): number {
    const address = readVringAddr(payload);
    const ring = this.ringAt(address.index);
    ring.address = address;
    return ring.isStarted
      ? this.rings.setRing(address.index, setupOf(ring, address))
      : this.tryStart(address.index);
  }

  setFd(which: number, payload: Buffer, fds: number[]): number {
    const value = readU64(payload);
    const index = Number(value & VRING_INDEX_MASK);
    const ring = this.ringAt(index);
    const hasNone = (value & VRING_NO_FD) !== 0n;
    if (fds.length !== (hasNone ? 0 : 1))
      throw new ProtocolError('a ring without the descriptor that it names');
    const result = this.rings.setFd(index, which, fds.pop() ?? -1);
    if (which !== RING_FD.kick || result !== 0) return result;
    // Without a descriptor it would have to be polled for ever.
    ring.isKicked = !hasNone;
    return this.tryStart(index);
  }

  getBase(payload: Buffer): Buffer {
    const { index } = readVringState(payload);
    this.ringAt(index);
    return vringState({ index, num: this.stop(index) });
  }

  enable(payload: Buffer): number {
    const { index, num } = readVringState(payload);
    this.ringAt(index);
    return this.enableRing(index, num === 1);
  }

  private enableRing(index: number, isOn: boolean): number {
    this.ring[index].isEnabled = isOn;
    return this.rings.enable(index, isOn);
  }

  /** The answer has no content: it says that from now on pages are noted. */
  setLog(payload: Buffer, fds: readonly number[]): Buffer | number {
    if (fds.length !== 1) return -1;
    const { size, offset } = readLog(payload);
    const result = this.rings.setLog(size, offset, fds[0]);
    return result < 0 ? result : Buffer.alloc(0);
  }

  announce(payload: Buffer): number {
    return this.rings.announce(payload);
  }

  /** Which rings run, as far as the front end is concerned. */
  isStarted(index: number): boolean {
    return this.ring[index].isStarted;
  }

  /** The first pair of rings is set up: the guest is there. */
  get isReady(): boolean {
    const [toGuest, fromGuest] = this.ring;
    return [toGuest, fromGuest].every(({ isStarted, isEnabled }) => isStarted && isEnabled);
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
    const result = this.rings.setRing(index, setupOf(ring, ring.address));
    if (result < 0) return result;
    ring.isStarted = true;
    return this.rings.start(index);
  }

  private stop(index: number): number {
    const base = this.rings.stop(index);
    this.rings.setFd(index, RING_FD.kick, -1);
    const { num, isEnabled } = this.ring[index];
    this.ring[index] = { ...newRing(), num, isEnabled };
    return base;
  }
}

function newRing(): Ring {
  return { num: 0, base: 0, address: undefined, isKicked: false, isStarted: false, isEnabled: false };
}

function setupOf({ num, base }: Ring, { descriptor, available, used }: VringAddr): RingSetup {
  return { num, base, desc: descriptor, avail: available, used };
}

const nothing = () => 0;
const ofRing =
  (which: number) =>
  (session: Session, payload: Buffer, fds: number[]): number =>
    session.setFd(which, payload, fds);

const HANDLERS = new Map<number, Handler>([
  [REQUEST.getFeatures, { length: 0, act: ({ options }) => u64(options.features) }],
  [
    REQUEST.setFeatures,
    { length: U64_LEN, act: (session, payload) => session.setFeatures(readU64(payload)) },
  ],
  [REQUEST.setOwner, { length: 0, act: nothing }],
  [REQUEST.resetOwner, { length: 0, act: nothing }],
  [
    REQUEST.setMemTable,
    {
      length: [REGIONS_AT, REGIONS_AT + TABLE_REGIONS * REGION_LEN],
      fds: TABLE_REGIONS,
      act: (session, payload, fds) => session.setMemory(payload, fds),
    },
  ],
  [
    REQUEST.setLogBase,
    { length: LOG_LEN, fds: 1, act: (session, payload, fds) => session.setLog(payload, fds) },
  ],
  [REQUEST.setLogFd, { length: 0, fds: 1, act: nothing }],
  [REQUEST.setVringNum, { length: VRING_STATE_LEN, act: (session, payload) => session.setNum(payload) }],
  [REQUEST.setVringAddr, { length: VRING_ADDR_LEN, act: (session, payload) => session.setAddress(payload) }],
  [REQUEST.setVringBase, { length: VRING_STATE_LEN, act: (session, payload) => session.setBase(payload) }],
  [REQUEST.getVringBase, { length: VRING_STATE_LEN, act: (session, payload) => session.getBase(payload) }],
  [REQUEST.setVringKick, { length: U64_LEN, fds: 1, act: ofRing(RING_FD.kick) }],
  [REQUEST.setVringCall, { length: U64_LEN, fds: 1, act: ofRing(RING_FD.call) }],
  [REQUEST.setVringErr, { length: U64_LEN, fds: 1, act: ofRing(RING_FD.err) }],
  [REQUEST.getProtocolFeatures, { length: 0, act: () => u64(PROTOCOL_FEATURES) }],
  [
    REQUEST.setProtocolFeatures,
    { length: U64_LEN, act: (session, payload) => session.setProtocol(readU64(payload)) },
  ],
  [REQUEST.getQueueNum, { length: 0, act: ({ options }) => u64(BigInt(options.pairs)) }],
  [REQUEST.setVringEnable, { length: VRING_STATE_LEN, act: (session, payload) => session.enable(payload) }],
  [REQUEST.sendRarp, { length: U64_LEN, act: (session, payload) => session.announce(payload) }],
  [REQUEST.netSetMtu, { length: U64_LEN, act: nothing }],
  [
    REQUEST.getConfig,
    {
      length: [CONFIG_HEADER_LEN, CONFIG_HEADER_LEN + CONFIG_MAX],
      act: ({ options }, payload) => answerConfig(payload, options),
    },
  ],
  [REQUEST.resetDevice, { length: 0, act: (session) => session.setStatus(0) }],
  [REQUEST.getMaxMemSlots, { length: 0, act: () => u64(BigInt(MAX_REGIONS)) }],
  [
    REQUEST.addMemReg,
    { length: MEM_REG_LEN, fds: 1, act: (session, payload, fds) => session.addMemory(payload, fds) },
  ],
  [
    REQUEST.remMemReg,
    { length: MEM_REG_LEN, fds: 1, act: (session, payload) => session.removeMemory(payload) },
  ],
  [
    REQUEST.setStatus,
    { length: U64_LEN, act: (session, payload) => session.setStatus(Number(readU64(payload) & 0xffn)) },
  ],
  [REQUEST.getStatus, { length: 0, act: ({ statusByte }) => u64(BigInt(statusByte)) }],
]);
