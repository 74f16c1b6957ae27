// Connections move to memory of another size, with their mappings, counters and ages. For a change of limits, while all workers stand
// still: 0.3 s for 200,000.

import { ADMITTED, CONNECTION, type Connections, FLOW } from './connections.ts';
import { Flow, OF, protocolOf, zoneOf } from './flow.ts';
import { DST, firstOf, KIND, otherOf, PORTS, pairOf, SRC } from './line_table.ts';
import { MAPPING } from './mappings.ts';
import type { WideAddresses } from './wide_addresses.ts';

/** What does not fit is ended. */
export function moveConnections(from: Connections, to: Connections): void {
  const { flows } = from;
  const moved = moveMappings(from, to);
  for (let pair = 1; pair < flows.high; pair++) {
    if (flows.timers[pair] !== 0)
      copyConnection(from, firstOf(pair), to, moved.get(flows.notes[pair * 2]) ?? 0);
  }
  for (const mapping of moved.values()) to.mappings.forgetUnused(mapping);
}

/** Returns the first line of the copy, or REFUSED. */
export function copyConnection(from: Connections, first: number, to: Connections, mapping: number): number {
  const { lines, notes } = from.flows;
  const flow = new Flow();
  const isOfPolicy = from.wide !== null;
  if (from.wide !== null && to.wide !== null) beginAnew(flow, from, first, to.wide);
  else flow.begin(lines[first + KIND], lines[first + PORTS], lines[first + SRC], lines[first + DST]);
  if (!isOfPolicy) {
    flow.newSrc = lines[first + CONNECTION.newSrc];
    flow.newDst = lines[first + CONNECTION.newDst];
    flow.newPorts = lines[first + CONNECTION.newPorts];
  }
  flow.rule = isOfPolicy ? 0 : lines[first + CONNECTION.rule];
  flow.mapping = mapping;
  flow.guest = from.mappings.table.lines[notes[pairOf(first) * 2 + 1] + DST];
  const line = to.open(flow, lines[first + CONNECTION.state] & FLOW.state, lines[first + CONNECTION.seen]);
  if (line <= 0) return line;
  copyAccount(from, first, to, line);
  copyAccount(from, otherOf(first), to, otherOf(line));
  if (isOfPolicy) {
    copyWindow(from, first, to, line);
    copyWindow(from, otherOf(first), to, otherOf(line));
  }
  return line;
}

/** Of policy. What stands for an address of IPv6 is another hash there. */
function beginAnew(flow: Flow, { flows, wide }: Connections, first: number, to: WideAddresses): void {
  const { lines } = flows;
  const kind = lines[first + KIND];
  const is6 = (kind & 0xff) === OF.flow6;
  if (is6) wide?.read(pairOf(first), flow.addresses);
  const src = is6 ? to.hashOf(flow.addresses, 0) : lines[first + SRC];
  const dst = is6 ? to.hashOf(flow.addresses, 4) : lines[first + DST];
  flow.begin(kind, lines[first + PORTS], src, dst);
  flow.guestZone = 0;
  flow.entry = lines[first + ADMITTED.entry];
  flow.exit = lines[first + ADMITTED.exit];
}

/** By line in the old memory: the line in the new. */
function moveMappings({ mappings: { table } }: Connections, to: Connections): Map<number, number> {
  const { lines } = table;
  const moved = new Map<number, number>();
  for (let pair = 1; pair < table.high; pair++) {
    const line = firstOf(pair);
    const kind = lines[line + KIND];
    if ((kind & 0xff) !== OF.inside) continue;
    const { address, port } = MAPPING;
    const made = to.mappings.add(
      zoneOf(kind),
      protocolOf(kind),
      lines[line + DST],
      lines[line + SRC],
      lines[line + PORTS],
      lines[line + address],
      lines[line + port],
    );
    if (made !== 0) moved.set(line, made);
  }
  return moved;
}

/** What engine/tcp_window.ts keeps, in words that are addresses of NAT. */
function copyWindow(from: Connections, line: number, to: Connections, newLine: number): void {
  for (const word of [CONNECTION.newPorts, CONNECTION.sums, CONNECTION.rule])
    to.flows.lines[newLine + word] = from.flows.lines[line + word];
}

/** State and time, packets and bytes, and when it was opened. */
function copyAccount(from: Connections, line: number, to: Connections, newLine: number): void {
  const source = from.flows.lines;
  const target = to.flows.lines;
  for (let word = CONNECTION.state; word < CONNECTION.bytes + 2; word++)
    target[newLine + word] = source[line + word];
  target[newLine + CONNECTION.opened] = source[line + CONNECTION.opened];
}
