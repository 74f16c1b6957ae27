// The neighbours of an interface of a router: who is behind which address, by ARP or neighbour discovery (RFC 4861 section 7.3;
// for ARP as Linux does it). Time is an argument.
//
//   packet -> incomplete --answer--> reachable --30 s--> stale --packets--> delay --5 s--> probe --answer--> reachable
//                 | 3 tries                                 | idle                              | 3 tries
//               failed                                     gone                               failed
//
// Anybody can make us ask for addresses that nobody has, and a guest can answer for many: so few may wait, and a guest that
// has more than its share goes first. Each state is a queue, since all that enter it stay for the same time.

import { formatIp, type IpBytes, parseIp } from '../../wire/ip_address.ts';
import { type Mac, setMac } from '../../wire/mac.ts';
import { type InterfaceSpec, NEIGHBOUR_STATES, type NeighbourSays, type NeighbourState } from './spec.ts';
import type { Waiting, WaitingRoom } from './waiting_room.ts';

/** RFC 4861 section 10: RETRANS_TIMER, MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT, DELAY_FIRST_PROBE_TIME, REACHABLE_TIME. */
const RETRANS = 1000;
const TRIES = 3;
const DELAY = 5000;
export const REACHABLE = 30_000;
/** Stale neighbours are looked at this often: whether packets go there. */
const LOOK = 5000;
/** A stale neighbour to whom no packet goes is forgotten. */
const IDLE = 600_000;
/** One who did not answer is shown for a while. */
const FAILED = 20_000;
/** Linux' locktime: of two who answer for an address at once, the first counts. */
const LOCK = 1000;
/** Packets that wait for a neighbour: those of a traceroute come all at once. */
const MAX_WAITING = 16;
/** Addresses that are being asked for, and as many that did not answer, of an interface. */
export const MAX_UNRESOLVED = 256;

export interface Neighbour {
  readonly key: string;
  readonly address: IpBytes;
  state: NeighbourState;
  mac: Mac | undefined;
  /** When the MAC address was heard last. */
  heardAt: number;
  /** When something is due; Infinity: never. */
  at: number;
  tries: number;
  slot: number;
  /** What waits for the answer, the oldest first. */
  frames: Uint8Array[];
}

/** What somebody says of an address. */
export interface Hearing {
  mac: Mac | undefined;
  /** It answers us alone: so packets reach it. */
  isSolicited: boolean;
  /** It counts more than what was known. */
  overrides: boolean;
  /** Worth to be remembered, also if nobody has asked. */
  creates: boolean;
}

export class NeighbourCache implements Waiting {
  readonly entries = new Map<string, Neighbour>();
  /** Frames that wait. */
  waiting = 0;
  /** Frames that waited in vain, or could not: there was no room, or newer ones came. */
  dropped = 0;
  private spec: InterfaceSpec;
  private readonly says: NeighbourSays;
  private readonly room: WaitingRoom;
  private readonly queues = Object.fromEntries(
    NEIGHBOUR_STATES.map((state) => [state, new Set<Neighbour>()]),
  ) as Record<NeighbourState, Set<Neighbour>>;
  private readonly durations: Record<NeighbourState, number>;
  private lookAt = Number.POSITIVE_INFINITY;

  /**
   * @param room that all interfaces share
   * @param reachable how long an answer counts, ms: 0.5 to 1.5 of REACHABLE at random, so that not all ask at once
   */
  constructor(
    spec: InterfaceSpec,
    says: NeighbourSays,
    room: WaitingRoom,
    now: number,
    reachable = REACHABLE,
  ) {
    this.room = room;
    this.spec = spec;
    this.says = says;
    this.durations = {
      incomplete: RETRANS,
      reachable,
      stale: IDLE,
      delay: DELAY,
      probe: RETRANS,
      failed: FAILED,
      permanent: Number.POSITIVE_INFINITY,
    };
    this.configure(spec, now);
  }

  get deadline(): number {
    let next = this.lookAt;
    for (const state of NEIGHBOUR_STATES) {
      for (const { at } of this.queues[state]) {
        next = Math.min(next, at);
        break; // the others follow
      }
    }
    return next;
  }

  configure(spec: InterfaceSpec, now: number): void {
    this.spec = spec;
    for (const entry of this.queues.permanent) if (!spec.statics.has(entry.key)) this.forget(entry);
    for (const [key, mac] of spec.statics) {
      const entry = this.entries.get(key) ?? this.make(key, parseIp(key) as IpBytes);
      this.setMac(entry, mac, now);
      this.enter(entry, 'permanent', now);
      this.deliver(entry);
    }
  }

  /** A frame, all but its destination MAC, should go to an address. Undefined: one that cannot wait. */
  resolve(address: IpBytes, frame: Uint8Array | undefined, now: number): void {
    const key = formatIp(address);
    const entry = this.entries.get(key) ?? this.make(key, address);
    if (frame === undefined) this.dropped++;
    else this.keep(entry, frame);
    // Found since the data plane looked.
    if (entry.mac !== undefined) this.deliver(entry);
    else if (entry.state !== 'incomplete' || entry.tries === 0) {
      entry.tries = 0;
      this.ask(entry, 'incomplete', now);
      this.bound('incomplete');
    }
  }

  hear(address: IpBytes, hearing: Hearing, now: number): void {
    const { mac, isSolicited, overrides } = hearing;
    const key = formatIp(address);
    const known = this.entries.get(key);
    if (known?.state === 'permanent') return;
    if (known?.mac === undefined) {
      if (mac === undefined || (known === undefined && !hearing.creates)) return;
      const entry = known ?? this.make(key, address);
      this.setMac(entry, mac, now);
      this.enter(entry, isSolicited ? 'reachable' : 'stale', now);
      this.deliver(entry);
      this.makeRoom(entry);
      return;
    }
    const before = known.mac;
    const isOther = mac !== undefined && !isSame(mac, before);
    if (isOther && (!overrides || now - known.heardAt < LOCK)) {
      if (known.state === 'reachable') this.enter(known, 'stale', now);
      return;
    }
    if (isOther) {
      this.setMac(known, mac, now);
      this.says.tell('changed', address, mac, before);
    }
    if (isSolicited) this.enter(known, 'reachable', now);
    else if (isOther) this.enter(known, 'stale', now);
    known.heardAt = now;
  }

  /** Does what is due. */
  tick(now: number): void {
    for (const state of NEIGHBOUR_STATES) {
      for (const entry of this.queues[state]) {
        if (entry.at > now) break;
        this.expire(entry, now);
      }
    }
    if (this.lookAt <= now) this.look(now);
  }

  /** Forgets who was found; what is being asked for stays. */
  flush(matches: (entry: Neighbour) => boolean): number {
    const found = [...this.entries.values()].filter(
      (entry) => entry.state !== 'permanent' && entry.state !== 'incomplete' && matches(entry),
    );
    for (const entry of found) this.forget(entry);
    return found.length;
  }

  close(): void {
    for (const entry of this.entries.values()) this.forget(entry);
  }

  private expire(entry: Neighbour, now: number): void {
    switch (entry.state) {
      case 'incomplete':
      case 'probe':
        if (entry.tries < TRIES) this.ask(entry, entry.state, now);
        else this.fail(entry, now);
        break;
      case 'reachable':
        if (entry.slot >= 0) this.says.takeUsed(entry.slot);
        this.enter(entry, 'stale', now);
        break;
      case 'delay':
        entry.tries = 0;
        this.ask(entry, 'probe', now);
        break;
      default:
        this.forget(entry);
    }
  }

  private look(now: number): void {
    for (const entry of this.queues.stale)
      if (entry.slot >= 0 && this.says.takeUsed(entry.slot)) this.enter(entry, 'delay', now);
    this.lookAt = this.queues.stale.size === 0 ? Number.POSITIVE_INFINITY : now + LOOK;
  }

  private ask(entry: Neighbour, state: 'incomplete' | 'probe', now: number): void {
    entry.tries++;
    this.enter(entry, state, now);
    this.says.ask(entry.address, entry.mac);
  }

  private fail(entry: Neighbour, now: number): void {
    const { address, mac } = entry;
    const frames = this.takeFrames(entry);
    entry.mac = undefined;
    this.release(entry);
    this.enter(entry, 'failed', now);
    this.bound('failed');
    if (mac !== undefined) this.says.tell('removed', address, mac, undefined);
    this.dropped += frames.length;
    for (const frame of frames) this.says.unreachable(address, frame);
  }

  private enter(entry: Neighbour, state: NeighbourState, now: number): void {
    this.queues[entry.state].delete(entry);
    entry.state = state;
    entry.at = now + this.durations[state];
    this.queues[state].add(entry);
    if (state === 'stale') this.lookAt = Math.min(this.lookAt, now + LOOK);
  }

  private make(key: string, address: IpBytes): Neighbour {
    const entry: Neighbour = {
      key,
      address,
      state: 'incomplete',
      mac: undefined,
      heardAt: 0,
      at: Number.POSITIVE_INFINITY,
      tries: 0,
      slot: -1,
      frames: [],
    };
    this.entries.set(key, entry);
    return entry;
  }

  private setMac(entry: Neighbour, mac: Mac, now: number): void {
    entry.mac = mac;
    entry.heardAt = now;
    entry.slot = this.says.found(entry.address, mac);
  }

  private deliver(entry: Neighbour): void {
    const { mac } = entry;
    if (mac === undefined) return;
    for (const frame of this.takeFrames(entry)) {
      setMac(new DataView(frame.buffer, frame.byteOffset), 0, mac.hi, mac.lo);
      this.says.deliver(frame);
    }
  }

  /** The newest count. */
  private keep(entry: Neighbour, frame: Uint8Array): void {
    if (entry.frames.length >= MAX_WAITING) this.drop(entry);
    entry.frames.push(frame);
    this.waiting++;
    this.room.enter(this);
  }

  dropOldest(): void {
    for (const entry of this.queues.incomplete) {
      if (entry.frames.length === 0) continue;
      this.drop(entry);
      return;
    }
  }

  private drop(entry: Neighbour): void {
    entry.frames.shift();
    this.dropped++;
    this.waiting--;
    this.room.leave(this, 1);
  }

  private takeFrames(entry: Neighbour): Uint8Array[] {
    const { frames } = entry;
    entry.frames = [];
    this.waiting -= frames.length;
    this.room.leave(this, frames.length);
    return frames;
  }

  /** Lets the oldest of those without an answer go. */
  private bound(state: 'incomplete' | 'failed'): void {
    const queue = this.queues[state];
    for (const entry of queue) {
      if (queue.size <= MAX_UNRESOLVED) return;
      this.forget(entry);
    }
  }

  /** Lets somebody go for a newcomer: one of a station that has more than a quarter of all, or who was heard of longest ago. */
  private makeRoom(newcomer: Neighbour): void {
    const excess = this.entries.size - this.spec.limit;
    if (excess <= 0) return;
    const greedy = this.greediest();
    for (const state of ['failed', 'stale', 'delay', 'probe', 'reachable'] as const) {
      for (const entry of this.queues[state]) {
        if (entry === newcomer) continue;
        if (greedy !== undefined && numberOf(entry.mac) !== greedy) continue;
        this.forget(entry);
        return;
      }
    }
  }

  private greediest(): number | undefined {
    const counts = new Map<number, number>();
    let most: number | undefined;
    let count = this.spec.limit / 4;
    for (const { mac } of this.entries.values()) {
      if (mac === undefined) continue;
      const number = numberOf(mac);
      const own = (counts.get(number) ?? 0) + 1;
      counts.set(number, own);
      if (own <= count) continue;
      most = number;
      count = own;
    }
    return most;
  }

  private forget(entry: Neighbour): void {
    this.dropped += this.takeFrames(entry).length;
    this.release(entry);
    this.queues[entry.state].delete(entry);
    this.entries.delete(entry.key);
  }

  private release(entry: Neighbour): void {
    if (entry.slot >= 0) this.says.lost(entry.slot);
    entry.slot = -1;
  }
}

/** 48 bits; there may be thousands to compare. */
function numberOf(mac: Mac | undefined): number {
  return mac === undefined ? -1 : mac.hi * 2 ** 32 + (mac.lo >>> 0);
}

function isSame(a: Mac, b: Mac): boolean {
  return a.hi === b.hi && a.lo === b.lo;
}
