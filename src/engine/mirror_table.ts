// The mirrors of a topology as flat arrays in shared memory.

/** Mirrors of a switch: bits of a word. The configuration's limit is the same. */
export const MAX_MIRRORS = 16;
/** Words of a bitmap of VLANs. */
export const VLAN_WORDS = 128;

/** Opcode, jump if true, jump if false, operand. */
export const BPF_WORDS = 4;

/** What the words of a mirror are. */
export const MIRROR = {
  /** To: a next hop, or with RSPAN_TO the flood list of a domain. */
  to: 0,
  /** TO.* */
  kind: 1,
  /** VLAN of the copies, for TO.vlan. */
  vid: 2,
  /** One frame of so many. */
  sample: 3,
  /** Most bytes of a copy. */
  snaplen: 4,
  /** Whether only the VLANs of its bitmap are mirrored. */
  byVlan: 5,
  /** Its BPF program in `filters`: the first instruction, and how many; none = every frame. */
  filterAt: 6,
  filterLength: 7,
} as const;
export const MIRROR_WORDS = 8;

/** What a mirror copies to. */
export const TO = {
  /** A port that is nothing else. */
  port: 0,
  /** The bridge's own interface. */
  local: 1,
  /** Every port of a VLAN (RSPAN). */
  vlan: 2,
} as const;

/** All mirrors of a topology. */
export interface MirrorTable {
  /** By port: bits of the mirrors that copy what it receives, and what leaves through it. */
  readonly in: Uint16Array;
  readonly out: Uint16Array;
  /** MIRROR_WORDS words each. */
  readonly words: Int32Array;
  /** VLAN_WORDS words each. */
  readonly vlans: Int32Array;
  /** BPF_WORDS words for each instruction. */
  readonly filters: Int32Array;
}
