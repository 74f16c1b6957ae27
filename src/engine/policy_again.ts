// A SYN of a connection that is over, by FINs of both ends or RST: it begins another between the same ports, which rules are asked about
// as about any first packet, whichever end sends it. And a connection that earlier rules have let in, which may stay, or not.

import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { STATE } from '../table/connection_state.ts';
import { CONNECTION, type Connections, FLOW } from '../table/connections.ts';
import { firstOf, KIND, pairOf } from '../table/line_table.ts';
import type { PolicyTable } from '../table/policy_table.ts';
import { ACK, FIN, RST, SYN } from '../wire/tcp.ts';

/** Whether a packet of `line` begins another. @param flags those of TCP, 0 = it is of another protocol */
export function beginsAgain({ flows }: Connections, line: number, flags: number): boolean {
  if ((flags & (SYN | ACK | FIN | RST)) !== SYN) return false;
  return (flows.lines[line + CONNECTION.state] & FLOW.state) >= STATE.time_wait;
}

/** Ends the connection of `line`, unless another worker has done so. */
export function endLine(connections: Connections, line: number): void {
  const pair = pairOf(line);
  connections.take();
  try {
    const { lines, timers } = connections.flows;
    const state = lines[line + CONNECTION.state] & FLOW.state;
    if (timers[pair] !== 0 && lines[line + KIND] !== 0 && state >= STATE.time_wait)
      connections.remove(firstOf(pair));
  } finally {
    connections.release();
  }
}

/** Whether what `port` let in once stays let in. @param before as ADMITTED has it: it may be of the port that had the number before */
export function keeps({ keepsEstablished, since }: PolicyTable, before: number, port: number): boolean {
  return keepsEstablished && (before & PORT_MASK) === port && before >>> PORT_BITS >= since[port];
}
