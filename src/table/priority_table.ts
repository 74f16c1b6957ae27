// What the data plane knows of priorities: how ports read those of what comes in, and write those of what leaves. Each is four bits, as
// in a TCI: priority << 1 | drop eligible.

/** Of a row, where its port looks for the priority. */
export const TRUST = { none: 0, pcp: 1, dscp: 2 } as const;

/** Priorities with their drop eligibility. */
export const RANKS = 16;
/** In `dscpOf`: the DSCP stays. */
export const KEEP_DSCP = 255;

export interface PriorityTable {
  /** By port: its row for what comes in, and that for what leaves; 0 = as it is. */
  readonly in: Uint16Array;
  readonly out: Uint16Array;
  /** By row: of TRUST, and the priority of a frame that says none. */
  readonly trust: Uint8Array;
  readonly fallback: Uint8Array;
  /** By row and the four bits of the tag: the priority. By row and DSCP: the priority. */
  readonly pcps: Uint8Array;
  readonly dscps: Uint8Array;
  /** By row and priority: the four bits of the tag, and the DSCP, or KEEP_DSCP. */
  readonly tags: Uint8Array;
  readonly dscpOf: Uint8Array;
  readonly hasIn: boolean;
  readonly hasOut: boolean;
}

/** Of a TCI: its upper four bits. */
export const RANK_SHIFT = 12;

/** A tag as a port says its priority. @param n the port's row for what leaves */
export function tagOut({ tags }: PriorityTable, n: number, tag: number): number {
  const bits = tags[n * RANKS + ((tag >>> RANK_SHIFT) & 15)];
  return (tag & ~(15 << RANK_SHIFT)) | (bits << RANK_SHIFT);
}

/** The DSCP with which a port sends a packet that has `dscp`. @param tci in whose upper four bits the priority is */
export function dscpOut({ dscpOf }: PriorityTable, n: number, tci: number, dscp: number): number {
  const said = dscpOf[n * RANKS + (tci >>> RANK_SHIFT)];
  return said === KEEP_DSCP ? dscp : said;
}
