// Which rule of NAT is for a packet that begins a connection. Rules are asked in their order; the first that fits decides.

import type { Connections } from '../table/connections.ts';
import { type Flow, hasPorts, zoneOf } from '../table/flow.ts';
import { DST, otherOf } from '../table/line_table.ts';
import { MAPPING } from '../table/mappings.ts';
import { NAT_FLAG, NAT_RULE, type NatTable } from '../table/nat_table.ts';
import type { RouterTable } from '../table/router_table.ts';
import { PROTOCOL_ICMP } from '../wire/icmp.ts';

export const NO_RULE = -1;

/** What `seekDestination` did. */
export const SOUGHT = {
  /** It goes where it says. */
  nowhere: 0,
  translated: 1,
  /** To an address of NAT, where nobody is for it. */
  refused: 2,
} as const;

/** Sets the destination of `flow`, if a rule or a mapping has one for it. Of a router whose rules are `table`. `from`: the interface by which it came. */
export function seekDestination(
  flow: Flow,
  table: NatTable,
  router: RouterTable,
  from: number,
  connections: Connections,
): number {
  const zone = zoneOf(flow.kind);
  let result: number = SOUGHT.nowhere;
  for (let rule = table.first[zone]; rule < table.first[zone + 1]; rule++) {
    switch (table.kind[rule]) {
      case NAT_RULE.destination:
        if (!isToOutside(flow, table, rule, router)) break;
        if (isForPort(flow, table, rule)) return publish(flow, table, rule);
        if ((table.flags[rule] & NAT_FLAG.exclusive) !== 0) result = SOUGHT.refused;
        break;
      case NAT_RULE.one_to_one: {
        const { mask, to, address } = table;
        if (((flow.dst ^ to[rule]) & mask[rule]) !== 0) break;
        flow.setDestination(address[rule] | (flow.dst & ~mask[rule]), flow.ports & 0xffff);
        return translated(flow, table.id[rule]);
      }
      default: {
        const isExclusive = (table.flags[rule] & NAT_FLAG.exclusive) !== 0;
        const isOfPool = isExclusive && (flow.dst - table.to[rule]) >>> 0 < table.toCount[rule];
        if ((table.flags[rule] & NAT_FLAG.openToAll) !== 0 && findMapping(flow, table, rule, connections))
          return SOUGHT.translated;
        if (isOfPool || isPrivate(flow, table, rule, from)) result = SOUGHT.refused;
      }
    }
  }
  return result;
}

/** Whether the flow begins outside, and goes to what a source rule hides. */
function isPrivate(flow: Flow, table: NatTable, rule: number, from: number): boolean {
  if ((table.flags[rule] & NAT_FLAG.private) === 0) return false;
  if (((flow.dst ^ table.address[rule]) & table.mask[rule]) !== 0) return false;
  return table.via[rule] === 0 ? table.inside[from] === 0 : table.via[rule] === from;
}

/** The rule for the source of `flow`, which leaves by `egress`, or NO_RULE. */
export function seekSource(flow: Flow, table: NatTable, egress: number): number {
  const zone = zoneOf(flow.kind);
  for (let rule = table.first[zone]; rule < table.first[zone + 1]; rule++) {
    if (table.kind[rule] === NAT_RULE.destination) continue;
    if (((flow.src ^ table.address[rule]) & table.mask[rule]) !== 0) continue;
    if (table.protocol[rule] !== 0 && table.protocol[rule] !== flow.protocol) continue;
    const via = table.via[rule];
    if (via === 0 ? table.inside[egress] === 0 : via === egress) return rule;
  }
  return NO_RULE;
}

function publish(flow: Flow, table: NatTable, rule: number): number {
  const { to, toPort, portFirst, id } = table;
  const port = flow.ports & 0xffff;
  flow.setDestination(to[rule], toPort[rule] === 0 ? port : toPort[rule] + port - portFirst[rule]);
  return translated(flow, id[rule]);
}

function translated(flow: Flow, rule: number): number {
  flow.rule = rule;
  flow.guest = flow.newDst;
  return SOUGHT.translated;
}

function isToOutside(flow: Flow, table: NatTable, rule: number, router: RouterTable): boolean {
  if ((table.flags[rule] & NAT_FLAG.ownAddress) === 0)
    return ((flow.dst ^ table.address[rule]) & table.mask[rule]) === 0;
  const zone = zoneOf(flow.kind);
  for (let n = 1; n < router.address4.length; n++) {
    if (router.address4[n] === flow.dst && table.zone[n] === zone && table.inside[n] === 0) return true;
  }
  return false;
}

function isForPort(flow: Flow, table: NatTable, rule: number): boolean {
  const protocol = table.protocol[rule];
  if (protocol === 0) return true;
  const port = flow.ports & 0xffff;
  return protocol === flow.protocol && port >= table.portFirst[rule] && port <= table.portLast[rule];
}

/** Follows a mapping of the rule from outside. */
function findMapping(flow: Flow, table: NatTable, rule: number, { mappings }: Connections): boolean {
  if (!hasPorts(flow.protocol)) return false;
  const { lines } = mappings.table;
  const port = flow.protocol === PROTOCOL_ICMP ? flow.ports >>> 16 : flow.ports & 0xffff;
  const outside = mappings.findOutside(zoneOf(flow.kind), flow.protocol, flow.dst, port);
  if (outside === 0 || lines[otherOf(outside) + DST] !== table.id[rule]) return false;
  const inside = lines[outside + MAPPING.port];
  flow.newDst = lines[outside + MAPPING.address];
  if (flow.protocol === PROTOCOL_ICMP) flow.newPorts = (inside << 16) | (flow.ports & 0xffff);
  else flow.newPorts = (flow.newPorts & ~0xffff) | inside;
  flow.mapping = otherOf(outside);
  translated(flow, table.id[rule]);
  return true;
}
