// The frames of one poll, as a struct of arrays over one preallocated Buffer.
//
//   bytes:  | slot 0                               | slot 1 ... | spare | aux (headers, segments) |
//           | HEADROOM | frame, up to FRAME_ROOM   |
//
// A source writes a frame into slot `i` and fills `start`, `length`, `ingress` and the offload columns. `classify`
// rewrites the columns so that they describe the *untagged* frame; from then on the bytes do not change, and an
// egress copy is a descriptor: 12 MAC bytes at `start`, the egress tag, and everything from `rest` on.
//
// The stride is not a multiple of 4,096: otherwise every frame's header lands in the same cache set.

/** Room before the frame for a virtio-net header of up to 24 bytes, and for alignment. */
export const HEADROOM = 64;
/** MAC header, two tags, and the largest IP packet. */
export const FRAME_ROOM = 14 + 8 + 65_535;
/** Slot distance in bytes: headroom + frame + outer headers, rounded so that (STRIDE mod 4096) = 192. */
export const STRIDE = 16 * 4096 + 192;

export class FrameBatch {
  /** Frames in this batch; slots 0 .. count-1 are in use. */
  count = 0;
  /** The first frame that the current poll has not replicated yet. */
  next = 0;

  /** Slots for received frames. One more, slot number `slots`, is spare: fault injection builds frames there. */
  readonly slots: number;
  /** Byte offset in `bytes` of the auxiliary area, and its size. */
  readonly aux: number;
  readonly auxLength: number;
  readonly bytes: Buffer;
  readonly view: DataView;

  /** Byte offset of the destination MAC in `bytes`. */
  readonly start: Uint32Array;
  /** Byte offset of the EtherType that follows the MACs and the stripped tag, if there was one. */
  readonly rest: Uint32Array;
  /** From a source: bytes received. After classify: bytes of the untagged frame, 12 + what follows `rest`. */
  readonly length: Uint32Array;
  /** Length on the wire as received, tag included: what the byte counters count. */
  readonly wireLength: Uint32Array;
  /** Next hop through which the frame would be answered: port, and behind a VXLAN port the remote. */
  readonly ingress: Int32Array;
  readonly domain: Int32Array;
  /** Ingress tag, TPID << 16 | TCI as int32; 0 = none, or left in the frame by a VLAN-unaware bridge. */
  readonly tag: Int32Array;
  /** virtio-net gso_type, 0 = none. */
  readonly gsoType: Uint8Array;
  readonly gsoSize: Uint16Array;
  /** Checksum to complete from here on; 0 = none. Offset from the frame's start, untagged after classify. */
  readonly csumStart: Uint16Array;
  readonly csumOffset: Uint16Array;
  /** Offset of the layer-3 header in the untagged frame: 14, or 18 or 22 behind tags that stay in the frame. */
  readonly l3: Uint8Array;
  /** GSO only: bytes before the payload (MAC, IP and TCP or UDP header) of the untagged frame. */
  readonly headerLength: Uint16Array;
  /** Layer-3 length that an egress MTU limits; for a GSO frame that of its largest segment. */
  readonly l3Length: Uint32Array;
  /** 0 = undecided, or what `decide` and earlier stages chose: see engine/dest.ts. */
  readonly dest: Int32Array;

  constructor(slots: number, auxLength: number) {
    this.slots = slots;
    this.aux = (slots + 1) * STRIDE;
    this.auxLength = auxLength;
    this.bytes = Buffer.alloc(this.aux + auxLength);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.start = new Uint32Array(slots + 1);
    this.rest = new Uint32Array(slots + 1);
    this.length = new Uint32Array(slots + 1);
    this.wireLength = new Uint32Array(slots + 1);
    this.ingress = new Int32Array(slots + 1);
    this.domain = new Int32Array(slots + 1);
    this.tag = new Int32Array(slots + 1);
    this.gsoType = new Uint8Array(slots + 1);
    this.gsoSize = new Uint16Array(slots + 1);
    this.csumStart = new Uint16Array(slots + 1);
    this.csumOffset = new Uint16Array(slots + 1);
    this.l3 = new Uint8Array(slots + 1);
    this.headerLength = new Uint16Array(slots + 1);
    this.l3Length = new Uint32Array(slots + 1);
    this.dest = new Int32Array(slots + 1);
  }

  /** Where a source puts the first byte of the frame in slot `i`. */
  frameAt(i: number): number {
    return i * STRIDE + HEADROOM;
  }

  clear(): void {
    this.count = 0;
    this.next = 0;
  }
}
