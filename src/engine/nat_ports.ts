// Which outside address and port a new connection gets. By default an inside address and port keeps its outside one for all
// destinations (RFC 4787 REQ-1), and its own port where that is free (REQ-3: and in the range below 1024, or above), of UDP one of
// the same parity (REQ-4). Where no port is free, one that others use towards other destinations, as Linux does.
//
// A guest may have SHARE times as many ports as are free: who takes many leaves some for others.

import type { Connections } from '../table/connections.ts';
import { answerPorts, type Flow, hasPorts, zoneOf } from '../table/flow.ts';
import { MAPPING } from '../table/mappings.ts';
import { NAT_FLAG, NAT_RULE, type NatTable } from '../table/nat_table.ts';
import { PROTOCOL_ICMP } from '../wire/icmp.ts';
import { PROTOCOL_UDP } from '../wire/ipv4.ts';

/** Ports that are tried for one connection. */
const TRIES = 64;
/** Addresses of a pool that are tried: the first is the same for all connections of a guest (REQ-2). */
const ADDRESS_TRIES = 4;
const SHARE = 8;
const FIRST_USER_PORT = 1024;
const LAST_PORT = 0xffff;

export class NatPorts {
  private readonly connections: Connections;
  /** State of a xorshift generator: ports are not to be guessed (RFC 6056). */
  private random: number;

  /** @param seed any number but 0 */
  constructor(connections: Connections, seed: number) {
    this.connections = connections;
    this.random = seed;
  }

  /**
   * Sets the source of `flow` by a rule; `own` is the address of the interface by which it leaves. Under the lock. False:
   * there is no port left for it.
   */
  choose(flow: Flow, table: NatTable, rule: number, own: number): boolean {
    const count = table.toCount[rule];
    const port = flow.newPorts >>> 16;
    const id = table.id[rule];
    if (flow.rule === 0) flow.rule = id;
    const isShared = (table.flags[rule] & NAT_FLAG.sameForAll) !== 0 && hasPorts(flow.protocol);
    if (isShared && this.follow(flow, port, id)) return true;
    const isPair = table.kind[rule] === NAT_RULE.one_to_one;
    const start = isPair ? (flow.src & ~table.mask[rule]) >>> 0 : count > 1 ? spread(flow.src) % count : 0;
    const tries = isPair ? 1 : Math.min(Math.max(count, 1), ADDRESS_TRIES);
    for (let n = 0; n < tries; n++) {
      const address = count === 0 ? own : (table.to[rule] + ((start + n) % count)) | 0;
      if (address === 0) return false;
      if (this.at(flow, address, port, table, rule, isShared)) return true;
    }
    return false;
  }

  /** Sets the source of `flow` to an outside address that it goes to itself. Under the lock. */
  hairpin(flow: Flow, address: number): boolean {
    const port = flow.newPorts >>> 16;
    if (hasPorts(flow.protocol)) return this.overload(flow, address, port, FIRST_USER_PORT, LAST_PORT);
    flow.setSource(address, port);
    return this.isFree(flow);
  }

  /** Uses the mapping that the inside address and port already has. */
  private follow(flow: Flow, port: number, id: number): boolean {
    const { mappings } = this.connections;
    const mapping = mappings.find(zoneOf(flow.kind), flow.protocol, flow.src, port, id);
    if (mapping === 0) return false;
    const { lines } = mappings.table;
    flow.setSource(lines[mapping + MAPPING.address], lines[mapping + MAPPING.port]);
    flow.mapping = this.isFree(flow) ? mapping : 0;
    return flow.mapping !== 0;
  }

  private at(
    flow: Flow,
    address: number,
    port: number,
    table: NatTable,
    rule: number,
    isShared: boolean,
  ): boolean {
    if (!hasPorts(flow.protocol)) {
      flow.setSource(address, port);
      return this.isFree(flow);
    }
    let first = table.portFirst[rule];
    let last = table.portLast[rule];
    if (flow.protocol === PROTOCOL_ICMP) {
      first = 0;
      last = LAST_PORT;
    } else if (first === 0) {
      first = port < FIRST_USER_PORT ? 1 : FIRST_USER_PORT;
      last = port < FIRST_USER_PORT ? FIRST_USER_PORT - 1 : LAST_PORT;
    }
    if (isShared && this.take(flow, table.id[rule], address, port, first, last)) return true;
    return this.overload(flow, address, port, first, last);
  }

  /** A port that nobody else has, as the flow's mapping. */
  private take(flow: Flow, id: number, address: number, port: number, first: number, last: number): boolean {
    const { mappings } = this.connections;
    const zone = zoneOf(flow.kind);
    const free = last - first + 1 - mappings.portsTaken(zone, flow.protocol, address);
    const guest = mappings.guest(zone, flow.src);
    if (guest === 0) return false;
    const isGreedy = mappings.portsOf(guest) >= free * SHARE;
    mappings.forgetIdle(guest);
    if (isGreedy) return false;
    const start = this.startFor(flow, port, first, last);
    for (let n = 0; n < TRIES; n++) {
      const candidate = candidateAt(n, flow, port, start, first, last);
      if (mappings.findOutside(zone, flow.protocol, address, candidate) !== 0) continue;
      flow.setSource(address, candidate);
      if (!this.isFree(flow)) continue;
      flow.mapping = mappings.add(zone, flow.protocol, id, flow.src, port, address, candidate);
      return flow.mapping !== 0;
    }
    return false;
  }

  /** A port that others may use towards other destinations. */
  private overload(flow: Flow, address: number, port: number, first: number, last: number): boolean {
    const start = this.startFor(flow, port, first, last);
    for (let n = 0; n < TRIES; n++) {
      flow.setSource(address, candidateAt(n, flow, port, start, first, last));
      if (this.isFree(flow)) return true;
    }
    return false;
  }

  /** Whether answers to the flow are nobody else's. */
  private isFree(flow: Flow): boolean {
    const answers = answerPorts(flow.protocol, flow.newPorts);
    return this.connections.flows.find(flow.kind, answers, flow.newDst, flow.newSrc) === 0;
  }

  /** Where in the range to begin, at random. */
  private startFor(flow: Flow, port: number, first: number, last: number): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    const start = (x >>> 0) % (last - first + 1);
    const isOther = flow.protocol === PROTOCOL_UDP && ((first + start) ^ port) & 1;
    return isOther ? start ^ 1 : start;
  }
}

/** The port that is tried as number `n`: first its own, if it is in the range. */
function candidateAt(
  n: number,
  flow: Flow,
  port: number,
  start: number,
  first: number,
  last: number,
): number {
  if (n === 0 && port >= first && port <= last) return port;
  const step = flow.protocol === PROTOCOL_UDP ? 2 : 1;
  return first + ((start + n * step) % (last - first + 1));
}

/** An address, so mixed that neighbours are far apart; not below 0. */
function spread(address: number): number {
  return Math.imul(address ^ (address >>> 16), 0x9e37_79b1) >>> 1;
}
