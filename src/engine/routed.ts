// The packets of one family that are for routers, in one batch: a list over which each step of routing is a pass of its own, so
// that memory is awaited for many at once. A packet is one line of words, as a frame is one row: with an array for each word,
// twelve of them, a pass had no registers left.

import { ROW } from '../frame/frame_batch.ts';

/** Words of a packet in `Routed.words`. */
export const ROUTED_WORDS = 16;

export const ROUTED = {
  /** The row that came in. It keeps its bytes until the packet goes on: what is decided is here. */
  row: 0,
  /** The interface to which it was sent. */
  from: 1,
  /** Byte offset of the IP header. */
  l3: 2,
  /** Bytes of the packet, without padding. */
  length: 3,
  /** 0, DOUBTFUL or DROPPED. */
  isDoubtful: 4,
  /** IPv4: where the packet goes, which NAT may change. */
  dst: 5,
  /** Its route, 0 = none. */
  route: 6,
  /** The interface by which it leaves, 0 = it is for the router itself, or NOWHERE; and the next hop there. */
  egress: 7,
  hop: 8,
  /** Of the neighbour: slot in Neighbours, -1 = not known; two words of its MAC. */
  neighbour: 9,
  mac: 10,
} as const;

/** Of `egress`: the packet does not go on, or has gone. */
export const NOWHERE = -1;
/** Of `isDoubtful`: its source, or its destination, is one that is to be looked at more closely; NAT has dropped it. */
export const DOUBTFUL = 1;
export const DROPPED = 2;

export class Routed {
  count = 0;
  readonly words: Int32Array;

  /** @param rows words of all rows, of which each may be one packet */
  constructor(rows: number) {
    this.words = new Int32Array((rows / ROW) * ROUTED_WORDS);
  }
}
