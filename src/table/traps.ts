// The bits of Topology.traps: reserved group addresses by their last digit, then EtherTypes.

export const TRAP = {
  /** 01:80:C2:00:00:0E, nearest bridge: LLDP (802.1AB clause 7.1). */
  lldp: 14,
} as const;

/** The first bit of those that name EtherTypes, and how many these are. */
export const FIRST_TYPE = 16;
export const TRAP_TYPES = 8;
export const TRAPS = FIRST_TYPE + TRAP_TYPES;
