// The host that a TUN's other end would be, had it a MAC: answers ARP and neighbour solicitations for the addresses of the
// other end, hears who has which address here, and asks for those that it does not know.
//
//   hear <- copies for the port            what it says waits in `frames` until the port's turn to receive: `take`
//   resolve <- packets from the TUN
//
// What it says is bounded: a frame for each that it heard, a question a second for each address, ROOM at once.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { MAPPED, TunStations } from '../table/tun_stations.ts';
import * as arp from '../wire/arp.ts';
import { HEADER_LEN, isGroup, MACS_LEN, srcHi, srcLo, TYPE_ARP, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as neighbour from '../wire/neighbour.ts';
import { copyWords } from './copy_words.ts';
import type { TunDeviceSpec } from './tun_spec.ts';

/** Frames that wait, and bytes of each. */
const ROOM = 64;
const FRAME = 96;
/** A station is asked again after so many seconds, and after twice as many not believed to be there any more (RFC 4861 section 10: REACHABLE_TIME). */
const STALE = 30;
const FORGOTTEN = 2 * STALE;
/** Addresses for which it remembers when it has asked, and words of each. */
const ASKED = 256;
const ASKED_WORDS = 5;
/** Words of an address with its prefix. */
export const ADDRESS_WORDS = 5;
const LINK_LOCAL = 0xfe80_0000 | 0;
/** ff02::1 and ff02::1:ff00:0 (RFC 4291 section 2.7.1). */
const GROUP = 0xff02_0000 | 0;
const SOLICITED_NODE = 0xff00_0000 | 0;

export class TunStation {
  /** What `resolve` found. */
  hi = 0;
  lo = 0;
  private readonly spec: TunDeviceSpec;
  private readonly stations: TunStations;
  private readonly frames = new Uint8Array(ROOM * FRAME);
  private readonly view = new DataView(this.frames.buffer);
  private readonly lengths = new Uint8Array(ROOM);
  private first = 0;
  private count = 0;
  private readonly asked = new Int32Array(ASKED * ASKED_WORDS);
  /** Its link-local address (RFC 4291 appendix A). */
  private readonly own: Int32Array;

  constructor(spec: TunDeviceSpec) {
    this.spec = spec;
    this.stations = new TunStations(spec.stations, spec.seed);
    const { hi, lo } = spec;
    this.own = Int32Array.of(
      LINK_LOCAL,
      0,
      ((hi ^ 0x0200) << 16) | ((lo >>> 16) & 0xff00) | 0xff,
      0xfe00_0000 | (lo & 0xff_ffff) | 0,
    );
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** Moves the oldest frame that waits to `at`, where there is room; returns its length, 0 = none. */
  take(view: DataView, at: number): number {
    if (this.count === 0) return 0;
    const length = this.lengths[this.first];
    copyWords(this.view, this.first * FRAME, view, at, length);
    this.first = (this.first + 1) % ROOM;
    this.count--;
    return length;
  }

  /** Takes note of a copy for the port, if it is about addresses. False: it is for what is behind the TUN. Relies on `classify`. */
  hear({ view, rows }: FrameBatch, row: number, end: number, second: number): boolean {
    const at = rows[row + COLUMN.rest] - MACS_LEN;
    const type = view.getUint16(at + MACS_LEN);
    if (type === TYPE_ARP) {
      if (arp.isWhole(view, at, end)) this.hearArp(view, at, second);
      return true;
    }
    if (type !== TYPE_IPV6) return false;
    const ip = at + HEADER_LEN;
    const message = neighbour.typeOf(view, ip, end);
    if (message < 0) return false;
    this.hearNeighbour(view, rows[row + COLUMN.start], ip, message, second);
    return true;
  }

  /** Finds who has the address of four words, into `hi` and `lo`. False: nobody is known, and has been asked for. */
  resolve(a: number, b: number, c: number, d: number, second: number): boolean {
    const { stations } = this;
    const age = stations.find(a, b, c, d) ? second - stations.second : FORGOTTEN;
    if (age < FORGOTTEN) {
      this.hi = stations.hi;
      this.lo = stations.lo;
      if (age >= STALE && this.mayAsk(a, b, c, d, second)) this.ask(a, b, c, d, this.hi, this.lo);
      return true;
    }
    if (this.mayAsk(a, b, c, d, second)) {
      if (isMapped(a, b, c)) this.ask(a, b, c, d, 0xffff, -1);
      else this.ask(a, b, c, d, 0x3333, SOLICITED_NODE | (d & 0xff_ffff));
    }
    return false;
  }

  private hearArp(view: DataView, at: number, second: number): void {
    const sender = arp.sender(view, at);
    const hi = arp.senderHi(view, at);
    const lo = arp.senderLo(view, at);
    const target = arp.target(view, at);
    if (isGroup(hi) || this.isOurs(0, 0, MAPPED, sender)) return;
    if (sender !== 0) this.stations.learn(0, 0, MAPPED, sender, hi, lo, second);
    if (arp.operation(view, at) !== arp.REQUEST || !this.isOurs(0, 0, MAPPED, target)) return;
    const room = this.room(arp.FRAME_LEN);
    if (room >= 0) arp.write(this.view, room, arp.REPLY, this.spec.hi, this.spec.lo, target, hi, lo, sender);
  }

  private hearNeighbour(view: DataView, macs: number, ip: number, message: number, second: number): void {
    const hi = srcHi(view, macs);
    const lo = srcLo(view, macs);
    const target = neighbour.targetAt(ip);
    const about = message === neighbour.ADVERTISEMENT ? target : ip + ipv6.SRC;
    const a = view.getInt32(about);
    const b = view.getInt32(about + 4);
    const c = view.getInt32(about + 8);
    const d = view.getInt32(about + 12);
    if (this.isOurs(a, b, c, d)) return;
    const isSomebody = ipv6.isHost(view, about);
    if (isSomebody) this.stations.learn(a, b, c, d, hi, lo, second);
    if (message === neighbour.SOLICITATION) this.advertise(view, ip, target, isSomebody, hi, lo);
  }

  /** Answers a solicitation for `target`. Who is nobody yet looks whether somebody has the address, and all hear the answer (RFC 4861 section 7.2.4). */
  private advertise(
    view: DataView,
    ip: number,
    target: number,
    isSomebody: boolean,
    hi: number,
    lo: number,
  ): void {
    const a = view.getInt32(target);
    const b = view.getInt32(target + 4);
    const c = view.getInt32(target + 8);
    const d = view.getInt32(target + 12);
    if (!this.isOurs(a, b, c, d)) return;
    const room = this.room(neighbour.FRAME_LEN);
    if (room < 0) return;
    const answer = room + HEADER_LEN;
    put(this.view, answer + ipv6.SRC, a, b, c, d);
    put(this.view, neighbour.targetAt(answer), a, b, c, d);
    if (isSomebody) {
      const to = ip + ipv6.SRC;
      put(
        this.view,
        answer + ipv6.DST,
        view.getInt32(to),
        view.getInt32(to + 4),
        view.getInt32(to + 8),
        view.getInt32(to + 12),
      );
    } else put(this.view, answer + ipv6.DST, GROUP, 0, 0, 1);
    const flags = neighbour.OVERRIDE | (isSomebody ? neighbour.SOLICITED : 0);
    const toHi = isSomebody ? hi : 0x3333;
    neighbour.write(
      this.view,
      room,
      neighbour.ADVERTISEMENT,
      flags,
      this.spec.hi,
      this.spec.lo,
      toHi,
      isSomebody ? lo : 1,
    );
  }

  private ask(a: number, b: number, c: number, d: number, hi: number, lo: number): void {
    const { spec, view } = this;
    if (isMapped(a, b, c)) {
      const room = this.room(arp.FRAME_LEN);
      if (room >= 0) arp.write(view, room, arp.REQUEST, spec.hi, spec.lo, this.sourceFor(d), hi, lo, d);
      return;
    }
    const room = this.room(neighbour.FRAME_LEN);
    if (room < 0) return;
    const ip = room + HEADER_LEN;
    put(view, ip + ipv6.SRC, this.own[0], this.own[1], this.own[2], this.own[3]);
    put(view, neighbour.targetAt(ip), a, b, c, d);
    if (isGroup(hi)) put(view, ip + ipv6.DST, GROUP, 0, 1, SOLICITED_NODE | (d & 0xff_ffff));
    else put(view, ip + ipv6.DST, a, b, c, d);
    neighbour.write(view, room, neighbour.SOLICITATION, 0, spec.hi, spec.lo, hi, lo);
  }

  /** Who asks for `address`: the address of ours in its subnet, or nobody (RFC 5227 section 1.1). */
  private sourceFor(address: number): number {
    const { addresses } = this.spec;
    for (let n = 0; n < addresses.length; n += ADDRESS_WORDS)
      if (isWithin(addresses, n, 0, 0, MAPPED, address)) return addresses[n + 3];
    return 0;
  }

  private isOurs(a: number, b: number, c: number, d: number): boolean {
    const { addresses } = this.spec;
    const { own } = this;
    if (d === own[3] && c === own[2] && b === own[1] && a === own[0]) return true;
    for (let n = 0; n < addresses.length; n += ADDRESS_WORDS) {
      if (addresses[n + 3] !== d || addresses[n + 2] !== c || addresses[n + 1] !== b) continue;
      if (addresses[n] === a) return true;
    }
    return false;
  }

  private mayAsk(a: number, b: number, c: number, d: number, second: number): boolean {
    const { asked } = this;
    const at = ((d ^ (d >>> 8) ^ c) & (ASKED - 1)) * ASKED_WORDS;
    const isSame = asked[at] === a && asked[at + 1] === b && asked[at + 2] === c && asked[at + 3] === d;
    if (isSame && asked[at + 4] === second) return false;
    asked[at] = a;
    asked[at + 1] = b;
    asked[at + 2] = c;
    asked[at + 3] = d;
    asked[at + 4] = second;
    return true;
  }

  /** Where the next frame of `length` bytes goes, or -1. */
  private room(length: number): number {
    if (this.count === ROOM) return -1;
    const n = (this.first + this.count++) % ROOM;
    this.lengths[n] = length;
    return n * FRAME;
  }
}

/** Whether an address is within the prefix of address `n`. */
export function isWithin(
  addresses: Int32Array,
  n: number,
  a: number,
  b: number,
  c: number,
  d: number,
): boolean {
  const bits = addresses[n + 4];
  return (
    ((addresses[n] ^ a) & mask(bits)) === 0 &&
    ((addresses[n + 1] ^ b) & mask(bits - 32)) === 0 &&
    ((addresses[n + 2] ^ c) & mask(bits - 64)) === 0 &&
    ((addresses[n + 3] ^ d) & mask(bits - 96)) === 0
  );
}

function mask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}

export function isMapped(a: number, b: number, c: number): boolean {
  return (a | b) === 0 && c === MAPPED;
}

function put(view: DataView, at: number, a: number, b: number, c: number, d: number): void {
  view.setInt32(at, a);
  view.setInt32(at + 4, b);
  view.setInt32(at + 8, c);
  view.setInt32(at + 12, d);
}
