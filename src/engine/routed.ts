// The packets of one family that are for routers, in one batch: a compact list, over which each step of routing is a pass of
// its own, so that memory is awaited for many at once.

/** Arrays by place in the list. Rows keep their bytes until they go on: what is decided about them is here. */
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
  /** Not 0: its source, its destination or its options are to be looked at more closely. */
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

  add(row: number, from: number, l3: number, length: number, isDoubtful: boolean, dst: number): void {
    const n = this.count++;
    this.row[n] = row;
    this.from[n] = from;
    this.l3[n] = l3;
    this.length[n] = length;
    this.isDoubtful[n] = isDoubtful ? 1 : 0;
    this.dst[n] = dst;
  }

  /** Moves what is at place `n`, and goes on by a hop, to `to`, which is not behind it. */
  keep(n: number, to: number, hop: number, egress: number): void {
    this.hop[to] = hop;
    this.egress[to] = egress;
    if (n === to) return;
    this.row[to] = this.row[n];
    this.from[to] = this.from[n];
    this.l3[to] = this.l3[n];
    this.length[to] = this.length[n];
    this.dst[to] = this.dst[n];
    // `isDoubtful` has done its work.
  }
}
