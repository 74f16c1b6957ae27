// The hot path's system calls: one native call waits and reads bursts from all ready fds into slots, one writes a
// whole list of descriptors. Both talk through typed arrays that native code shares; layouts in native/taploom.h.
//
//   bytes: | slot 0: headroom, frame | slot 1 ... | aux: whatever transmit pieces point to |
//   rx:    | source length flags tos family port address x4 scope ... |     a row of 16 words for each slot
//   tx:    | fd kind pieces (offset length) x3 sockaddr sockaddrLength tos result ... |   ... for each entry
//
// All memory is ordinary memory of this thread: a Buffer over shared memory cannot be passed on Node 20. One Burst
// belongs to one thread. A call costs 0.36 us on Node 20.20 beside its system calls (tl_nothing, 2-core VM).

import { addressOf, aligned, HotCall } from './native.ts';
import { check } from './sys_error.ts';

/** What an fd is, for add and for a transmit entry. */
export const KIND_TAP = 1;
export const KIND_UDP = 2;
export const KIND_WAKE = 3;

/** Words of a row of `rx` and of `tx`. */
export const ROW = 16;

/** rx: the cookie given to add. */
export const RX_SOURCE = 0;
/** rx: bytes at `slot * stride + headroom`: a frame without its virtio-net header, or a UDP payload. */
export const RX_LENGTH = 1;
export const RX_FLAGS = 2;
/** rx, UDP: the outer TOS or traffic class. */
export const RX_TOS = 3;
/** rx, UDP: AF_INET or AF_INET6; 0 for a TAP. */
export const RX_FAMILY = 4;
export const RX_PORT = 5;
/** rx, UDP: sender's address in network order, as bytes of 1 or 4 words. */
export const RX_ADDRESS = 6;
/** rx, UDP: zone of a link-local IPv6 sender. */
export const RX_SCOPE = 10;
/** Flag: the frame filled its slot, and the rest of it is lost. */
export const RX_TRUNCATED = 1;

export const TX_FD = 0;
/** tx: KIND_TAP (virtio-net header first) or KIND_UDP. */
export const TX_KIND = 1;
/** tx: 1 to 3. */
export const TX_PIECES = 2;
/** tx: offset in bytes, length; then the same for the second and the third piece. */
export const TX_PIECE = 3;
/** tx, UDP: offset in bytes of a struct sockaddr (see sockaddr.ts), and its length. */
export const TX_SOCKADDR = 9;
export const TX_SOCKADDR_LENGTH = 10;
/** tx, UDP: TOS or traffic class, -1 = the socket's. */
export const TX_TOS = 11;
/** tx, written by transmit: bytes sent, or -errno (-EFAULT: an offset outside bytes). */
export const TX_RESULT = 12;

// Words of `struct tl_burst.words`.
const SLOTS = 0;
const STRIDE = 1;
const HEADROOM = 2;
const HEADER = 3;
const BYTES = 4;
const EVENT_CAPACITY = 5;
const TX_CAPACITY = 6;
const FIRST = 7;
const LIMIT = 8;
const TIMEOUT = 9;
const EVENT_COUNT = 10;
const TX_COUNT = 11;
const FD = 12;
const SOURCE = 13;
const KIND = 14;
const WORDS = 16;

/** More than that at once wait for the next call. */
const EVENTS = 256;

export interface BurstOptions {
  slots: number;
  stride: number;
  /** At least vnetHeader. */
  headroom: number;
  /** Bytes of virtio-net header before each frame of every TAP. */
  vnetHeader: number;
  /** Rows of `tx`. */
  txCapacity: number;
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
  private readonly clock: Float64Array;
  private readonly owned: Buffer[];
  private readonly callAdd: HotCall;
  private readonly callRemove: HotCall;
  private readonly callReceive: HotCall;
  private readonly callTransmit: HotCall;
  private readonly callClose: HotCall;

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
    const clock = aligned(2 * 8);
    this.rx = new Int32Array(rx.buffer);
    this.tx = new Int32Array(tx.buffer);
    this.events = new Int32Array(events.buffer);
    this.words = new Int32Array(words.buffer);
    this.clock = new Float64Array(clock.buffer);
    this.words[SLOTS] = slots;
    this.words[STRIDE] = stride;
    this.words[HEADROOM] = headroom;
    this.words[HEADER] = vnetHeader;
    this.words[BYTES] = bytes.length;
    this.words[EVENT_CAPACITY] = EVENTS;
    this.words[TX_CAPACITY] = txCapacity;

    const context = aligned(7 * 8); // struct tl_burst; the last pointer is native code's own
    this.owned = [bytes, rx, tx, events, words, clock]; // native code knows only their addresses
    this.owned.forEach((buffer, i) => {
      context.writeBigUInt64LE(addressOf(buffer), i * 8);
    });
    this.callAdd = new HotCall('tl_burst_add', context);
    this.callRemove = new HotCall('tl_burst_remove', context);
    this.callReceive = new HotCall('tl_burst_receive', context);
    this.callTransmit = new HotCall('tl_burst_transmit', context);
    this.callClose = new HotCall('tl_burst_close', context);
    check(new HotCall('tl_burst_open', context).call(), 'epoll_create1', 'Cannot create an epoll set');
  }

  /** Watches `fd`; `source` > 0 comes back in rows and events. Throws SysError (EEXIST, EBADF, EINVAL, ENOMEM). */
  add(fd: number, source: number, kind: number): void {
    this.words[FD] = fd;
    this.words[SOURCE] = source;
    this.words[KIND] = kind;
    check(this.callAdd.call(), 'epoll_ctl', `Cannot watch file descriptor ${fd}`);
  }

  /** Nothing of `fd` is delivered from here on. Call it *before* the fd is closed. Unknown fds are ignored. */
  remove(fd: number): void {
    this.words[FD] = fd;
    this.callRemove.call();
  }

  /**
   * Waits up to `timeoutMs` (0 = only looks; never longer if frames are left over from the last call) and fills at
   * most `limit` slots from `firstSlot` on, at most 32 from each fd. Returns the slots filled.
   */
  receive(firstSlot: number, limit: number, timeoutMs: number): number {
    this.words[FIRST] = firstSlot;
    this.words[LIMIT] = limit;
    this.words[TIMEOUT] = Math.ceil(timeoutMs); // rounded down, the last fraction would be spent spinning
    return this.callReceive.call();
  }

  /** Sends the first `count` rows of `tx` in order and writes a result into each. Never blocks. */
  transmit(count: number): void {
    this.words[TX_COUNT] = count;
    this.callTransmit.call();
  }

  /** Pairs in `events` after receive. */
  get eventCount(): number {
    return this.words[EVENT_COUNT];
  }

  /** Monotonic ms at the end of the last wait; the clock of monotonicMs. */
  get now(): number {
    return this.clock[0];
  }

  /** Monotonic ms at its beginning. */
  get waitedFrom(): number {
    return this.clock[1];
  }

  /** Frees the epoll set; the fds stay open. A closed Burst receives nothing. */
  close(): void {
    this.callClose.call();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
