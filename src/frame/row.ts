// What is known of a frame: the words of its row, see frame_batch.ts.

/** Words in a row. */
export const ROW = 16;

/** What the words of a row are. */
export const COLUMN = {
  /** Byte offset of the destination MAC in `bytes`. */
  start: 0,
  /** Byte offset of the EtherType that follows the MACs and the stripped tag, if there was one. */
  rest: 1,
  /** From a source: bytes received. After classify: bytes of the untagged frame, 12 + what follows `rest`. */
  length: 2,
  /** Next hop through which the frame would be answered: port, and behind a VXLAN port the remote. */
  ingress: 3,
  /** 0 = undecided, or what `decide` and earlier stages chose: see hop.ts. */
  dest: 4,
  /** Domain << 16 | flags of the ingress port in it: the word of Topology.vlan. */
  domain: 5,
  /** VLAN of the domain, with PCP and DEI of the ingress tag: the TCI with which the frame would leave tagged. */
  tci: 6,
  /** virtio-net gso_type, 0 = none, and payload bytes per segment. */
  gsoType: 7,
  gsoSize: 8,
  /** Checksum to complete from here on; 0 = none. Offset from the frame's start, untagged after classify. */
  csumStart: 9,
  csumOffset: 10,
  /** GSO only: bytes before the payload (MAC, IP and TCP or UDP header) of the untagged frame. */
  headerLength: 11,
  /** Port of the device that received it: counters and punts. `ingress` is where it came from logically. */
  source: 12,
  /** Offsets of layers 3 and 4 and the protocol, for stages that parse: 0 = not parsed yet. */
  layers: 13,
  /** Bits of MARK. */
  mark: 14,
  /** Of whoever decided; with DEST_DIRECT the next hop. */
  user: 15,
} as const;

/** Bits of the column `mark`, 0 in a received frame. */
export const MARK = {
  /** The verdict is final: nobody decides again, only membership is checked again. */
  decided: 1,
  /** Other rows or queued copies use the same bytes: whoever rewrites them calls `own` first. */
  shared: 2,
  /** The host has a copy, or said it: whoever it reaches beside, it is not lost. */
  punted: 4,
  /** The switch itself says it, and no guest's word is in it: neither policed, nor asked about by access lists. */
  said: 8,
  /** The host has let it in: it is not trapped again. */
  relayed: 0x100,
  /** A tunnel of protocols carries the frame: it goes on in a row of its own. */
  tunnelled: 0x200,
  /** A hook made it: no hook sees it. */
  generated: 0x400,
  /** Its priority is that of `tci`, whatever a tag says that is still in the frame. */
  ranked: 0x800,
  /** How often the frame was recirculated, counted in these bits. */
  round: 0xf0,
  /** What an access list's rule has marked it with, see `ruleMark`. */
  rule: 0xff_0000,
} as const;
/** Largest mark of a rule. */
export const MAX_RULE_MARK = 255;
const RULE_SHIFT = 16;
/** One of `round`, and how many its bits can count. */
export const ROUND_ONE = 0x10;
export const MAX_ROUNDS = 15;

/** The mark that the rule of an access list gave a frame, by its column `mark`: 1 to MAX_RULE_MARK, 0 = none. */
export function ruleMark(mark: number): number {
  return (mark & MARK.rule) >>> RULE_SHIFT;
}

/** The column `mark` with another mark of a rule. */
export function withRuleMark(mark: number, rule: number): number {
  return (mark & ~MARK.rule) | (rule << RULE_SHIFT);
}
