// The hot path's system calls: one native call waits and reads bursts from all ready fds into slots, one writes a
// whole list of descriptors. Both talk through typed arrays that native code shares; layouts in native/taploom.h.
//
//   bytes: | slot 0: headroom, frame | slot 1 ... | aux: whatever transmit pieces point to |
//   rx:    | source length flags tos family port address x4 scope ... |     a row of 16 words for each slot
//   tx:    | fd kind pieces (offset length) x3 sockaddr sockaddrLength tos result ... |   ... for each entry
//
// All memory is ordinary memory of this thread: a Buffer over shared memory cannot be passed on Node 20. One Burst
// belongs to one thread. A call costs 0.02 us on Node 20.20, system calls not counted (tl_nothing).

import { addressOf, aligned, HotCall } from './native.ts';
import { check } from './sys_error.ts';

/**
 * What an fd is, for add and for a transmit entry, whose `TX.fd` is the number of the device for `guest`. `segments` only for
 * the latter: a super-frame to a `udp` fd; `tunnelTap` only for the former: a TAP that was opened with a virtio-net header of
 * 24 bytes. The last three are connected sockets: a `stream` (see openStream) of frames, each behind its length; sequenced
 * `packets` and `datagrams`, each a frame.
 */
export const KIND = {
  tap: 1,
  udp: 2,
  wake: 3,
  packet: 4,
  segments: 5,
  tunnelTap: 6,
  guest: 7,
  stream: 8,
  packets: 9,
  datagrams: 10,
} as const;

/** Words of a row of `rx` and of `tx`. */
export const ROW = 16;

/** A received frame: word n of `rx[slot * ROW + n]`. */
export const RX = {
  /** The number that was given to add. */
  source: 0,
  /** Bytes at `slot * stride + headroom`: a frame without its virtio-net header, or a UDP payload. */
  length: 1,
  flags: 2,
  /** UDP: the outer TOS or traffic class. */
  tos: 3,
  /** UDP: AF_INET or AF_INET6; otherwise 0. */
  family: 4,
  /** UDP: the sender's port. */
  port: 5,
  /** UDP: the sender's address, 4 or 16 bytes in network order. */
  address: 6,
  /** UDP: zone of a link-local IPv6 sender. */
  scope: 10,
  /** UDP: the bytes are several datagrams of that length each, the last may be shorter (UDP_GRO); 0 = one datagram. */
  train: 11,
} as const;

/** Bit of RX.flags: the frame filled its slot, what did not fit is lost. */
export const TRUNCATED = 1;
/** Bit of RX.flags: a packet socket had the tag apart; with it the frame, and the header before it, begin 4 bytes earlier. */
export const TAGGED = 2;
/** Bit of RX.flags: there is no frame, only the news that the kernel could not hand one over, and threw it away. */
export const LOST = 4;

/** An entry to send: word n of `tx[entry * ROW + n]`. */
export const TX = {
  fd: 0,
  /** KIND.tap or KIND.packet (the first 12 bytes are the virtio-net header, or as many as the TAP has), KIND.udp or KIND.segments. */
  kind: 1,
  /** How many pieces: 1 to 3. */
  pieces: 2,
  /** Offset in `bytes` and length of the first piece, then of the second and the third. */
  piece: 3,
  /** UDP: offset in `bytes` of the destination's struct sockaddr (sockaddr.ts), and its length. */
  sockaddr: 9,
  sockaddrLength: 10,
  /** UDP: TOS or traffic class; -1 = the socket's own. */
  tos: 11,
  /** Written by transmit: bytes sent, or -errno (-EFAULT: an offset outside `bytes`). */
  result: 12,
  /**
   * Segments: payload bytes in each | inner protocol (TCP or UDP) << 16. The first piece is the tunnel header and all
   * inner headers, the second the payload. Native code patches a copy of the headers for each segment: lengths, IPv4
   * identification, sequence, flags, checksums. The checksum field holds the sum of the pseudo-header without length.
   */
  segment: 13,
  /** Segments: offset of the inner IP header in the first piece << 16 | that of TCP or UDP. */
  layers: 14,
  /**
   * Segments: 1 = hand all of them to the kernel at once (UDP_SEGMENT), 0 = one datagram at a time. If the kernel
   * refuses the former and takes the latter, native code writes -errno here.
   */
  udpSegment: 15,
} as const;

/** Most segments of one entry, and most bytes of its datagrams together: what one UDP_SEGMENT send may have. */
export const MAX_SEGMENTS = 64;
export const MAX_SEGMENT_BYTES = 65_507;

/** Monotonic ms of the last wait: its end and its beginning; and when the next is to end at the latest, also between two ms, 0 = any time. */
export const CLOCK = { now: 0, waitedFrom: 1, wakeAt: 2 } as const;
const CLOCKS = 3;

// Words of `struct tl_burst.words`.
const WORD = {
  slots: 0,
  stride: 1,
  headroom: 2,
  header: 3,
  bytes: 4,
  eventCapacity: 5,
  txCapacity: 6,
  first: 7,
  limit: 8,
  timeout: 9,
  eventCount: 10,
  txCount: 11,
  fd: 12,
  source: 13,
  kind: 14,
  uring: 15,
  join: 16,
  call: 25,
  owed: 26,
  device: 27,
} as const;
const WORDS = 28;

/** Of WORD.call. */
const CALL = { open: 0, close: 1, add: 2, remove: 3, receive: 4, transmit: 5, join: 6 } as const;

/** More than that at once wait for the next call. */
const EVENTS = 256;

export interface BurstOptions {
  slots: number;
  stride: number;
  /** At least vnetHeader. */
  headroom: number;
  /** Bytes of virtio-net header before each frame of every KIND.tap; packet sockets need 12, and 16 bytes of headroom. */
  vnetHeader: number;
  /** Rows of `tx`. */
  txCapacity: number;
  /**
   * By source, 4 bytes each: what its frames cost beyond being read, in bytes, for whoever shares out the turns. A source
   * pays with its next one.
   */
  owed?: Buffer;
  /** Runs of TAP frames go through io_uring if the kernel lets us. Default true. */
  uring?: boolean;
}

export class Burst {
  readonly bytes: Buffer;
  readonly slots: number;
  readonly txCapacity: number;
  readonly rx: Int32Array;
  readonly tx: Int32Array;
  /** Pairs [source, errno]. 0: an eventfd was signalled (and is drained). Otherwise the fd is dead and has been removed. */
  readonly events: Int32Array;
  private readonly words: Int32Array;
  /** Words of CLOCK: what the getters below read, for where their result would become a heap object. */
  readonly clock: Float64Array;
  private readonly owned: Buffer[];
  private readonly hotCall: HotCall;

  /** `bytes` holds the slots and behind them anything that transmit pieces may point to. */
  constructor(bytes: Buffer, options: BurstOptions) {
    const { slots, stride, headroom, vnetHeader, txCapacity } = options;
    if (headroom < vnetHeader || stride <= headroom || bytes.length < slots * stride) {
      throw new RangeError('Burst: the slots do not fit their headers or their Buffer');
    }
    this.bytes = bytes;
    this.slots = slots;
    this.txCapacity = txCapacity;
    const rx = aligned(slots * ROW * 4);
    const tx = aligned(txCapacity * ROW * 4);
    const events = aligned(EVENTS * 2 * 4);
    const words = aligned(WORDS * 4);
    const clock = aligned(CLOCKS * 8);
    this.rx = new Int32Array(rx.buffer);
    this.tx = new Int32Array(tx.buffer);
    this.events = new Int32Array(events.buffer);
    this.words = new Int32Array(words.buffer);
    this.clock = new Float64Array(clock.buffer);
    this.words[WORD.slots] = slots;
    this.words[WORD.stride] = stride;
    this.words[WORD.headroom] = headroom;
    this.words[WORD.header] = vnetHeader;
    this.words[WORD.bytes] = bytes.length;
    this.words[WORD.eventCapacity] = EVENTS;
    this.words[WORD.txCapacity] = txCapacity;
    this.words[WORD.uring] = options.uring === false ? 0 : 1;

    const owed = options.owed ?? aligned(4);
    this.words[WORD.owed] = owed.length / 4;
    const context = aligned(8 * 8); // struct tl_burst; the last pointer is native code's own
    this.owned = [bytes, rx, tx, events, words, clock, owed]; // native code knows only their addresses
    this.owned.forEach((buffer, i) => {
      context.writeBigUInt64LE(addressOf(buffer), i * 8);
    });
    this.hotCall = new HotCall('tl_burst_call', context);
    check(this.call(CALL.open), 'epoll_create1', 'Cannot create an epoll set');
  }

  /** Watches `fd`; `source` > 0 comes back in rows and events. Throws SysError (EEXIST, EBADF, EINVAL, ENOMEM). */
  add(fd: number, source: number, kind: number): void {
    this.words[WORD.fd] = fd;
    this.words[WORD.source] = source;
    this.words[WORD.kind] = kind;
    check(this.call(CALL.add), 'epoll_ctl', `Cannot watch file descriptor ${fd}`);
  }

  /** As `add`, of the rings of a guest: `fd` tells of kicks. */
  addGuest(fd: number, source: number, device: number): void {
    this.words[WORD.device] = device;
    this.add(fd, source, KIND.guest);
  }

  /** Nothing of `fd` is delivered from here on. Call it *before* the fd is closed. Unknown fds are ignored. */
  remove(fd: number): void {
    this.words[WORD.fd] = fd;
    this.call(CALL.remove);
  }

  /**
   * Waits up to `timeoutMs` (0 = only looks; never longer if frames are left over from the last call) and fills at
   * most `limit` slots from `firstSlot` on, at most 32 from each fd, and about 1 MiB. Returns the slots filled.
   */
  receive(firstSlot: number, limit: number, timeoutMs: number): number {
    this.words[WORD.first] = firstSlot;
    this.words[WORD.limit] = limit;
    this.words[WORD.timeout] = Math.ceil(timeoutMs); // rounded down, the last fraction would be spent spinning
    return this.call(CALL.receive);
  }

  /** Sends the first `count` rows of `tx` in order and writes a result into each. Never blocks. */
  transmit(count: number): void {
    this.words[WORD.txCount] = count;
    const error = this.call(CALL.transmit);
    if (error >= 0) return;
    // Nothing was sent (closed: EBADF), and the rows still hold the results of an earlier call.
    for (let n = 0; n < count; n++) this.tx[n * ROW + TX.result] = error;
  }

  /**
   * Joins TCP segments that lie `stride` bytes apart in `bytes`: moves the payloads of `count` frames together behind
   * the headers of the first, as far as their checksums are right. Returns how many it joined; the rest is untouched.
   *
   * @param at the first frame; `l3`, `l4` and `header`, its bytes before the payload, from there
   * @param l3 of an IPv4 header, -1 for IPv6
   * @param size of each payload, `last` of the last one
   * @param pseudo sum of the pseudo-header without length
   */
  join(
    at: number,
    stride: number,
    count: number,
    l3: number,
    l4: number,
    header: number,
    size: number,
    last: number,
    pseudo: number,
  ): number {
    const { words } = this;
    words[WORD.join] = at;
    words[WORD.join + 1] = stride;
    words[WORD.join + 2] = count;
    words[WORD.join + 3] = l3;
    words[WORD.join + 4] = l4;
    words[WORD.join + 5] = header;
    words[WORD.join + 6] = size;
    words[WORD.join + 7] = last;
    words[WORD.join + 8] = pseudo;
    return this.call(CALL.join);
  }

  /** What became of entry `n` of the last transmit: bytes sent, or -errno. */
  result(n: number): number {
    return this.tx[n * ROW + TX.result];
  }

  /** Whether io_uring is in use. */
  get hasUring(): boolean {
    return this.words[WORD.uring] === 1;
  }

  /** Pairs in `events` after receive. */
  get eventCount(): number {
    return this.words[WORD.eventCount];
  }

  /** Monotonic ms at the end of the last wait; the clock of monotonicMs. */
  get now(): number {
    return this.clock[CLOCK.now];
  }

  /** The same in whole seconds: a small integer, which can be passed on without becoming a heap object. */
  get second(): number {
    return Math.floor(this.clock[CLOCK.now] / 1000);
  }

  /** Monotonic ms at its beginning. */
  get waitedFrom(): number {
    return this.clock[CLOCK.waitedFrom];
  }

  private call(what: number): number {
    this.words[WORD.call] = what;
    return this.hotCall.call();
  }

  /** Frees the epoll set; the fds stay open. A closed Burst receives nothing. */
  close(): void {
    this.call(CALL.close);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
