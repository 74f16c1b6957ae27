// The fast way through security groups: packets of connections that both ends have let in, of IPv4 with TCP or UDP, whole, without
// options, which change no state. Everything else is left to policy.ts, which knows all there is to know; so this may leave what it wants.
//
//   read    headers -> key, hash; the word of the index is only loaded      no loop waits for memory: docs/decisions.md
//   judge   word -> line: its key, its port and rules, its state, compared without a branch; counted
//   gate    a copy may leave by the port that its line names
//
// A closure, so that its arrays are constants to V8, as those of stages.ts.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { STATE } from '../table/connection_state.ts';
import { ADMITTED, CONNECTION, type Connections, FLOW } from '../table/connections.ts';
import { kindOf, OF } from '../table/flow.ts';
import type { LineTable } from '../table/line_table.ts';
import type { PolicyTable } from '../table/policy_table.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { ANY_EXIT, type PolicyRows, ROW_STATE } from './policy_rows.ts';
import { COPY, COPY_WORDS, type EgressQueue } from './port.ts';

/** Words of a packet that is looked up. */
const SOUGHT = { kind: 0, ports: 1, src: 2, dst: 3, hash: 4, word: 5, state: 6, row: 7 } as const;
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
const ENDING = tcp.SYN | tcp.FIN | tcp.RST;

export interface Known {
  /** Rows that are left to the thorough one. */
  readonly left: Int32Array;
  /** Looks at the rows number `from` to `to` - 1 of a list. Returns how many are left. */
  find(
    list: Int32Array,
    from: number,
    to: number,
    table: PolicyTable,
    connections: Connections,
    second: number,
  ): number;
  /** The first copy of a queue, from number `from` on, that may not leave as it is: its number, or how many there are. */
  firstToAsk(queue: EgressQueue, from: number, generation: number): number;
}

/** @param policyRows what is found out */
export function createKnown(batch: FrameBatch, { state, line, exit }: PolicyRows): Known {
  const { view, rows } = batch;
  const capacity = rows.length / ROW;
  const left = new Int32Array(capacity);
  const sought = new Int32Array(capacity * SOUGHT_WORDS);
  /** Words of the index of connections, by hash: those that were of use. */
  const near = new Int32Array(NEAR);
  /** Places in `sought` of those that are not there. */
  const far = new Int32Array(capacity);
  /** Words that were read only to have them in the cache. */
  const seen = new Int32Array(capacity);
  let leftCount = 0;
  let farCount = 0;

  function find(
    list: Int32Array,
    from: number,
    to: number,
    table: PolicyTable,
    connections: Connections,
    second: number,
  ): number {
    leftCount = 0;
    farCount = 0;
    const count = read(list, from, to, table.domains, connections.flows);
    if (farCount > 0) fetch(connections.flows);
    judge(count, table.generation << PORT_BITS, connections, second);
    return leftCount;
  }

  function read(list: Int32Array, from: number, to: number, domains: Uint8Array, flows: LineTable): number {
    let at = 0;
    for (let n = from; n < to; n++) {
      const row = list[n];
      const zone = rows[row + COLUMN.domain] >>> 16;
      if (rows[row + COLUMN.dest] !== 0 || domains[zone] === 0) {
        state[row >> 4] = ROW_STATE.free;
        exit[row >> 4] = ANY_EXIT;
        continue;
      }
      const rest = rows[row + COLUMN.rest];
      const more = view.getInt32(rest + AT.protocol);
      const total = Math.min(view.getInt32(rest + AT.total) >>> 16, batch.headLength(row) - HEADER_LEN);
      const isPlain = view.getInt32(rest) >>> 8 === PLAIN_IPV4 && (more & FRAGMENT) === 0;
      const protocol = more & 0xff;
      let next: number = STATE.udp;
      if (isPlain && protocol === ipv4.PROTOCOL_TCP && total >= ipv4.HEADER_LEN + tcp.HEADER_LEN) {
        // With a flag that changes the state it is no state at all.
        next = STATE.established | ((view.getUint8(rest + AT.flags) & ENDING) << 8);
      } else if (!isPlain || protocol !== ipv4.PROTOCOL_UDP || total < ipv4.HEADER_LEN + udp.HEADER_LEN) {
        left[leftCount++] = row;
        continue;
      }
      const kind = kindOf(zone, protocol, OF.flow4);
      const src = view.getInt32(rest + AT.src);
      const dst = view.getInt32(rest + AT.dst);
      const ports = view.getInt32(rest + AT.ports);
      const hash = flows.hash(kind, ports, src, dst);
      sought[at | SOUGHT.kind] = kind;
      sought[at | SOUGHT.ports] = ports;
      sought[at | SOUGHT.src] = src;
      sought[at | SOUGHT.dst] = dst;
      sought[at | SOUGHT.hash] = hash;
      const word = near[hash >>> NEAR_SHIFT];
      sought[at | SOUGHT.word] = word;
      far[farCount] = at;
      if (!flows.isFor(word, hash)) farCount++;
      sought[at | SOUGHT.state] = next;
      sought[at | SOUGHT.row] = row;
      at += SOUGHT_WORDS;
    }
    return at;
  }

  function fetch(flows: LineTable): void {
    for (let n = 0; n < farCount; n++) {
      sought[far[n] | SOUGHT.word] = flows.peek(flows.home(sought[far[n] | SOUGHT.hash]));
    }
    for (let n = 0; n < farCount; n++) {
      const at = far[n];
      const hash = sought[at | SOUGHT.hash];
      const word = flows.wordFor(sought[at | SOUGHT.word], hash);
      sought[at | SOUGHT.word] = word;
      near[hash >>> NEAR_SHIFT] = word;
    }
    for (let n = 0; n < farCount; n++) seen[n] = flows.lines[flows.lineOf(sought[far[n] | SOUGHT.word])];
  }

  function judge(end: number, base: number, connections: Connections, second: number): void {
    const { sums, flows } = connections;
    const { lines } = flows;
    for (let at = 0; at < end; at += SOUGHT_WORDS) {
      const row = sought[at | SOUGHT.row];
      const found = flows.lineOf(sought[at | SOUGHT.word]);
      const mine = base | (rows[row + COLUMN.ingress] & PORT_MASK);
      const difference =
        flows.difference(
          found,
          sought[at | SOUGHT.kind],
          sought[at | SOUGHT.ports],
          sought[at | SOUGHT.src],
          sought[at | SOUGHT.dst],
        ) |
        (lines[found + ADMITTED.entry] ^ mine) |
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
      state[row >> 4] = ROW_STATE.known;
      line[row >> 4] = found;
      exit[row >> 4] = lines[found + ADMITTED.exit];
    }
  }

  function firstToAsk({ copies, count }: EgressQueue, from: number, generation: number): number {
    const base = generation << PORT_BITS;
    for (let n = from; n < count; n++) {
      const at = n * COPY_WORDS;
      const may = exit[copies[at + COPY.row] >> 4];
      if (may !== ANY_EXIT && may !== (base | (copies[at + COPY.hop] & PORT_MASK))) return n;
    }
    return count;
  }

  return { left, find, firstToAsk };
}
