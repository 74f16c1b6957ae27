// The fast way through security groups: packets of connections that both ends have let in, of IPv4 with TCP or UDP, whole, without
// options, which change no state. Everything else is left to policy.ts, which knows all there is to know; so this may leave what it wants.
//
//   read    headers -> key, hash                    short loops: many loads are under way at once
//   look    hash -> line at hand, which is touched; fetch: by the index
//   judge   line: key, port and rules, state, compared without a branch; counted
//   gate    a copy may leave by the port that its line names
//
// A closure, so that its arrays are constants to V8, as those of stages.ts.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { STATE } from '../table/connection_state.ts';
import { ADMITTED, CONNECTION, type Connections, FLOW } from '../table/connections.ts';
import { kindOf, OF } from '../table/flow.ts';
import { type LineTable, lineHash, SEED_WORDS } from '../table/line_table.ts';
import type { PolicyTable } from '../table/policy_table.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { ANY_EXIT, type PolicyRows, ROW_STATE } from './policy_rows.ts';
import { COPY, COPY_WORDS, type EgressQueue } from './port.ts';
import { DOMAIN_SHIFT } from './topology.ts';

/** Words of a packet that is looked up. */
const SOUGHT = { kind: 0, ports: 1, src: 2, dst: 3, hash: 4, line: 5, state: 6, row: 7 } as const;
const SOUGHT_WORDS = 8;
/** EtherType, version and length of the header, as the upper three bytes of a word. */
const PLAIN_IPV4 = 0x080045;
/** MF and the offset. */
const FRAGMENT = 0x3fff_0000;
/** From the EtherType: type of service, total length and id; fragment, TTL and protocol; addresses; ports; TCP's flags. */
const AT = { total: 4, protocol: 8, src: 14, dst: 18, ports: 22, flags: 35 } as const;
/** Words that are at hand, 64 KiB: the index has room for all connections that may be, so what is in use of it lies far apart. */
const NEAR = 16_384;
const NEAR_SHIFT = 32 - Math.log2(NEAR);
/** What 16 bits can name. */
const MAX_DOMAINS = 65_536;
const ENDING = tcp.SYN | tcp.FIN | tcp.RST;

export interface Known {
  /** Rows that are left to the thorough one. */
  readonly left: Int32Array;
  /** Other rules, or other memory. */
  load(table: PolicyTable, connections: Connections): void;
  /** Looks at the fresh rows number `from` to `to` - 1, or those of the batch's list. Returns how many are left. */
  find(isListed: boolean, from: number, to: number, second: number): number;
  /** Whether a line is still the one of a row that was found here. */
  isOf(line: number, row: number): boolean;
  /** The first copy of a queue, from number `from` on, that may not leave as it is: its number, or how many there are. */
  firstToAsk(queue: EgressQueue, from: number): number;
}

/** @param policyRows what is found out */
export function createKnown(batch: FrameBatch, { state, line, exit }: PolicyRows): Known {
  const { view, rows, list } = batch;
  const capacity = rows.length / ROW;
  const left = new Int32Array(capacity);
  const sought = new Int32Array(capacity * SOUGHT_WORDS);
  /** Words of the index of connections, by hash: those that were of use. */
  const near = new Int32Array(NEAR);
  /** Places in `sought` of those that are not there. */
  const far = new Int32Array(capacity);
  /** Words that were read only to have them in the cache. */
  const seen = new Int32Array(capacity);
  /** By domain: whether anybody is asked there. */
  const isAsked = new Uint8Array(MAX_DOMAINS);
  const factors = new Int32Array(SEED_WORDS);
  let leftCount = 0;
  let base = 0;
  let connections: Connections | null = null;

  function load(table: PolicyTable, other: Connections): void {
    isAsked.fill(0).set(table.domains);
    base = table.generation << PORT_BITS;
    if (connections === other) return;
    connections = other;
    factors.set(other.flows.factors);
    near.fill(0);
  }

  function find(isListed: boolean, from: number, to: number, second: number): number {
    leftCount = 0;
    if (connections === null) return 0;
    const end = read(isListed, from, to);
    const { flows } = connections;
    const missed = look(end, flows);
    if (missed > 0) fetch(missed, flows);
    judge(end, connections, second);
    return leftCount;
  }

  function read(isListed: boolean, from: number, to: number): number {
    let at = 0;
    for (let n = from; n < to; n++) {
      const row = isListed ? list[n] : n * ROW;
      const zone = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
      if (rows[row + COLUMN.dest] !== 0 || isAsked[zone] === 0) {
        state[row >> 4] = ROW_STATE.free;
        exit[row >> 4] = ANY_EXIT;
        continue;
      }
      const rest = rows[row + COLUMN.rest];
      const more = view.getInt32(rest + AT.protocol);
      const total = Math.min(view.getInt32(rest + AT.total) >>> 16, batch.headLength(row) - HEADER_LEN);
      const protocol = more & 0xff;
      const isOther = ((view.getInt32(rest) >>> 8) ^ PLAIN_IPV4) | (more & FRAGMENT);
      const next = isOther === 0 ? stateOf(protocol, total, rest) : STATE.none;
      if (next === STATE.none) {
        left[leftCount++] = row;
        continue;
      }
      const kind = kindOf(zone, protocol, OF.flow4);
      const src = view.getInt32(rest + AT.src);
      const dst = view.getInt32(rest + AT.dst);
      const ports = view.getInt32(rest + AT.ports);
      sought[at | SOUGHT.kind] = kind;
      sought[at | SOUGHT.ports] = ports;
      sought[at | SOUGHT.src] = src;
      sought[at | SOUGHT.dst] = dst;
      sought[at | SOUGHT.hash] = lineHash(factors, kind, ports, src, dst);
      sought[at | SOUGHT.state] = next;
      sought[at | SOUGHT.row] = row;
      at += SOUGHT_WORDS;
    }
    return at;
  }

  /** The state that a connection of such a packet has, and keeps. */
  function stateOf(protocol: number, total: number, rest: number): number {
    if (protocol === ipv4.PROTOCOL_TCP) {
      if (total < ipv4.HEADER_LEN + tcp.HEADER_LEN) return STATE.none;
      // With a flag that changes the state it is no state at all.
      return STATE.established | ((view.getUint8(rest + AT.flags) & ENDING) << 8);
    }
    return protocol === ipv4.PROTOCOL_UDP && total >= ipv4.HEADER_LEN + udp.HEADER_LEN
      ? STATE.udp
      : STATE.none;
  }

  /** Returns how many have no line at hand. */
  function look(end: number, flows: LineTable): number {
    const { lines } = flows;
    let missed = 0;
    for (let at = 0; at < end; at += SOUGHT_WORDS) {
      const hash = sought[at | SOUGHT.hash];
      const found = flows.lineIfFor(near[hash >>> NEAR_SHIFT], hash);
      sought[at | SOUGHT.line] = found;
      far[missed] = at;
      if (found === 0) missed++;
      seen[at >> 3] = lines[found];
    }
    return missed;
  }

  function fetch(missed: number, flows: LineTable): void {
    const { lines } = flows;
    for (let n = 0; n < missed; n++) {
      sought[far[n] | SOUGHT.line] = flows.peek(flows.home(sought[far[n] | SOUGHT.hash]));
    }
    for (let n = 0; n < missed; n++) {
      const at = far[n];
      const hash = sought[at | SOUGHT.hash];
      const word = flows.wordFor(sought[at | SOUGHT.line], hash);
      near[hash >>> NEAR_SHIFT] = word;
      sought[at | SOUGHT.line] = flows.lineOf(word);
    }
    for (let n = 0; n < missed; n++) seen[n] = lines[sought[far[n] | SOUGHT.line]];
  }

  function judge(end: number, { sums, flows }: Connections, second: number): void {
    const { lines } = flows;
    const mine = base;
    for (let at = 0; at < end; at += SOUGHT_WORDS) {
      const row = sought[at | SOUGHT.row];
      const found = sought[at | SOUGHT.line];
      const entry = mine | (rows[row + COLUMN.ingress] & PORT_MASK);
      // Read before the key and once more behind it: the line may become another connection's in between.
      const before = lines[found + ADMITTED.entry];
      const exitBefore = lines[found + ADMITTED.exit];
      const difference =
        (before ^ entry) |
        flows.difference(
          found,
          sought[at | SOUGHT.kind],
          sought[at | SOUGHT.ports],
          sought[at | SOUGHT.src],
          sought[at | SOUGHT.dst],
        ) |
        (lines[found + ADMITTED.entry] ^ entry) |
        ((lines[found + CONNECTION.state] & FLOW.state) ^ sought[at | SOUGHT.state]);
      if (difference !== 0) {
        near[sought[at | SOUGHT.hash] >>> NEAR_SHIFT] = 0;
        left[leftCount++] = row;
        continue;
      }
      if (lines[found + CONNECTION.seen] !== second) lines[found + CONNECTION.seen] = second;
      const packets = (found + CONNECTION.packets) >> 1;
      sums[packets] += 1;
      sums[packets + 1] += rows[row + COLUMN.length];
      state[row >> 4] = ROW_STATE.quick;
      line[row >> 4] = found;
      exit[row >> 4] = exitBefore;
    }
  }

  function isOf(found: number, row: number): boolean {
    const rest = rows[row + COLUMN.rest];
    const protocol = view.getInt32(rest + AT.protocol) & 0xff;
    const kind = kindOf(rows[row + COLUMN.domain] >>> DOMAIN_SHIFT, protocol, OF.flow4);
    const ports = view.getInt32(rest + AT.ports);
    const src = view.getInt32(rest + AT.src);
    return connections?.flows.difference(found, kind, ports, src, view.getInt32(rest + AT.dst)) === 0;
  }

  function firstToAsk({ copies, count }: EgressQueue, from: number): number {
    for (let n = from; n < count; n++) {
      const at = n * COPY_WORDS;
      const may = exit[copies[at + COPY.row] >> 4];
      if (may !== ANY_EXIT && may !== (base | (copies[at + COPY.hop] & PORT_MASK))) return n;
    }
    return count;
  }

  return { left, load, find, isOf, firstToAsk };
}
