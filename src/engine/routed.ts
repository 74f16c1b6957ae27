// The packets of one family that are for routers, in one batch: a compact list, over which each step of routing is a pass of
// its own, so that memory is awaited for many at once.

/** Of `isDoubtful`: its source, or its destination, is one that is to be looked at more closely; NAT has refused it. */
export const DOUBTFUL = 1;
export const REFUSED = 2;

/**
 * Arrays by place in the list. Rows keep their bytes until they go on: what is decided about them is here. Whoever works on a
 * list takes its arrays once, so that they are constants to V8.
 */
export class Routed {
  count = 0;
  /** The row that came in. */
  readonly row: Int32Array;
  /** The interface to which it was sent. */
  readonly from: Int32Array;
  /** Byte offset of the IP header. */
  readonly l3: Int32Array;
  /** Bytes of the packet, without padding. */
  readonly length: Int32Array;
  /** 0, DOUBTFUL or REFUSED. */
  readonly isDoubtful: Uint8Array;
  /** IPv4: where the packet goes, which NAT may change. */
  readonly dst: Int32Array;
  /** Its route, 0 = none. */
  readonly route: Int32Array;
  /** The interface by which it leaves, 0 = it is for the router itself, and the next hop there. */
  readonly egress: Int32Array;
  readonly hop: Int32Array;
  /** Of the neighbour: slot in Neighbours, -1 = not known; two words of its MAC. */
  readonly neighbour: Int32Array;
  readonly mac: Int32Array;

  constructor(capacity: number) {
    const words = () => new Int32Array(capacity);
    this.row = words();
    this.from = words();
    this.l3 = words();
    this.length = words();
    this.isDoubtful = new Uint8Array(capacity);
    this.dst = words();
    this.route = words();
    this.egress = words();
    this.hop = words();
    this.neighbour = words();
    this.mac = new Int32Array(2 * capacity);
  }
}
