// VLAN tag, IEEE 802.1Q clause 9. The caller has checked that TAG_LEN bytes are present at `at`.
//
//   | TPID, 16 bits | PCP, 3 | DEI, 1 | VID, 12 |
//                   '--------- TCI ------------'
//
// A tag on its way through the switch is one int32, TPID << 16 | TCI, so that `write` is one store; 0 is no tag.

export const TAG_LEN = 4;
/** Destination and source, which a tag is behind. */
const MACS_LEN = 12;

/** Customer tag, 802.1Q. */
export const TPID_8021Q = 0x8100;
/** Service tag, 802.1ad. */
export const TPID_8021AD = 0x88a8;
/** What switches put before a customer's tag when 802.1ad was not there yet. Linux does not know it as a tag. */
export const TPID_9100 = 0x9100;

/** Reserved for implementations (802.1Q table 9-2); never valid on the wire. */
export const VID_RESERVED = 4095;

/** Linux' VLAN_MAX_DEPTH: how many tags in a row are looked through before a frame counts as nonsense. */
export const MAX_DEPTH = 8;

export const VID_MASK = 0x0fff;
const PCP_DEI = 0xf000;

/** The frame with a tag, TPID << 16 | TCI, behind its MACs; 0 = none. For the control plane. */
export function withTag(frame: Uint8Array, tag: number): Uint8Array {
  if (tag === 0) return frame;
  const tagged = new Uint8Array(frame.length + TAG_LEN);
  tagged.set(frame.subarray(0, MACS_LEN));
  new DataView(tagged.buffer).setInt32(MACS_LEN, tag);
  tagged.set(frame.subarray(MACS_LEN), MACS_LEN + TAG_LEN);
  return tagged;
}

export function isTpid(type: number): boolean {
  return type === TPID_8021Q || type === TPID_8021AD;
}

/** Also of a tag that Linux does not know. */
export function isTag(type: number): boolean {
  return isTpid(type) || type === TPID_9100;
}

/** The whole tag at `at` as int32. */
export function read(view: DataView, at: number): number {
  return view.getInt32(at);
}

export function write(view: DataView, at: number, tag: number): void {
  view.setInt32(at, tag);
}

export function tag(tpid: number, tci: number): number {
  return (tpid << 16) | tci;
}

export function tpid(tag: number): number {
  return tag >>> 16;
}

/** These accept a tag or its TCI alone. */
export function vid(tci: number): number {
  return tci & VID_MASK;
}

export function pcp(tci: number): number {
  return (tci >>> 13) & 7;
}

export function dei(tci: number): number {
  return (tci >>> 12) & 1;
}

/** The same priority in another VLAN. */
export function withVid(tci: number, vid: number): number {
  return (tci & ~VID_MASK) | vid;
}

/** PCP and DEI without a VLAN: what survives of a tag whose VID is not carried on. */
export function priority(tci: number): number {
  return tci & PCP_DEI;
}

/**
 * Walks tags from the EtherType field at `at`: returns the offset of the first EtherType that is not a TPID, or -1 if
 * the frame ends (at `end`) before one is complete, or there are more than eight tags.
 */
export function skip(view: DataView, at: number, end: number): number {
  for (let depth = 0; depth <= MAX_DEPTH; depth++, at += TAG_LEN) {
    if (at + 2 > end) return -1;
    if (!isTpid(view.getUint16(at))) return at;
  }
  return -1;
}

/**
 * Bytes of the priority tags (VID 0) in a row at the EtherType field `at`: to a host such a frame is one without tags. -1 if
 * there are more than eight.
 */
export function priorityTags(view: DataView, at: number, end: number): number {
  for (let length = 0; length <= MAX_DEPTH * TAG_LEN; length += TAG_LEN) {
    const next = at + length;
    if (next + TAG_LEN > end || !isTpid(view.getUint16(next)) || vid(view.getUint16(next + 2)) !== 0)
      return length;
  }
  return -1;
}
