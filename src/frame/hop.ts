// Where a frame goes: a next hop, a member list, or nowhere for a reason. All share one int32 column.
//
//   bit 31   30     29     28 .. 12   11 .. 0
//        0 | LIST | DROP |  remote   | port        a next hop has neither LIST nor DROP set, the last two have both
//
// Port 0 is nobody: it takes the counters of what cannot be put down to a port, such as a datagram for an unknown VNI.
// Remote 0 is the port itself; other remotes are rows of the VXLAN remote table.

export const PORT_BITS = 12;
export const MAX_PORTS = 1 << PORT_BITS;
export const PORT_MASK = MAX_PORTS - 1;
/** Port number of what belongs to no port. */
export const NOBODY = 0;
export const MAX_REMOTES = 1 << 17;

export const DEST_DROP = 1 << 29;
export const DEST_LIST = 1 << 30;
/** The frame has done its work here: another row goes on for it, or the host has it. */
export const DEST_CONSUMED = DEST_LIST | DEST_DROP;
/** Out through the next hop in the column `user`, whatever tables and port states say: what the host sends. */
export const DEST_DIRECT = DEST_CONSUMED | 1;
/** Low bits of a drop (the reason) or of a list (its row). */
export const DEST_VALUE = DEST_DROP - 1;

/** Whether a destination is a drop, and none of the others that have this bit. */
export function isDrop(dest: number): boolean {
  return (dest & DEST_CONSUMED) === DEST_DROP;
}

export function hop(port: number, remote: number): number {
  return (remote << PORT_BITS) | port;
}
