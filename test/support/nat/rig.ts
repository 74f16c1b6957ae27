// NAT alone, between two interfaces of a router that is not there: `in` has guests (10.0.1.0/24), `out` the rest. What goes in
// comes out as text.

import { Nat } from '../../../src/engine/nat.ts';
import { DROPPED, NOWHERE, ROUTED, ROUTED_WORDS, Routed } from '../../../src/engine/routed.ts';
import { COLUMN, FrameBatch } from '../../../src/frame/frame_batch.ts';
import { DEST_DROP } from '../../../src/frame/hop.ts';
import { STATES, TIMEOUTS, timeoutsByState } from '../../../src/table/connection_state.ts';
import { Connections } from '../../../src/table/connections.ts';
import { DROPS } from '../../../src/table/drops.ts';
import { NAT_FLAG, NAT_RULE, type NatTable } from '../../../src/table/nat_table.ts';
import type { RouterTable } from '../../../src/table/router_table.ts';
import { number, tell } from './packets.ts';

export const OUTSIDE = '192.0.2.1';
export const GATEWAY = '10.0.1.1';
const IN = 1;
const OUT = 2;

export interface Rule {
  kind: keyof typeof NAT_RULE;
  /** `10.0.1.0/24`; of a destination an address, or '' for the router's own. */
  match: string;
  protocol?: number;
  ports?: [number, number];
  to?: string;
  toCount?: number;
  toPort?: number;
  flags?: number;
}

export function natTable(rules: readonly Rule[]): NatTable {
  const at = <T>(of: (rule: Rule, n: number) => T) => rules.map(of);
  const bits = ({ match }: Rule) => Number(match.split('/')[1] ?? 32);
  return {
    first: Uint16Array.of(0, 0, rules.length),
    limit: Uint32Array.of(0, 1e6),
    timeouts: Int32Array.of(...new Array(STATES).fill(0), ...timeoutsByState(TIMEOUTS)),
    memory: new SharedArrayBuffer(0),
    zone: Uint16Array.of(0, 1, 1),
    inside: Uint8Array.of(0, 1, 0),
    kind: Uint8Array.from(at(({ kind }) => NAT_RULE[kind])),
    id: Int32Array.from(at((_, n) => n + 1)),
    protocol: Uint8Array.from(at(({ protocol = 0 }) => protocol)),
    address: Int32Array.from(at(({ match }) => (match === '' ? 0 : number(match.split('/')[0])))),
    mask: Int32Array.from(at((rule) => (bits(rule) === 0 ? 0 : -1 << (32 - bits(rule))))),
    portFirst: Uint16Array.from(at(({ ports }) => ports?.[0] ?? 0)),
    portLast: Uint16Array.from(at(({ ports }) => ports?.[1] ?? 0)),
    via: new Uint16Array(rules.length),
    to: Int32Array.from(at(({ to }) => (to === undefined ? 0 : number(to)))),
    toCount: Uint32Array.from(at(({ to, toCount }) => toCount ?? (to === undefined ? 0 : 1))),
    toPort: Uint16Array.from(at(({ toPort = 0 }) => toPort)),
    flags: Uint8Array.from(
      at(
        ({ flags, kind, match }) =>
          flags ?? (kind === 'source' ? NAT_FLAG.sameForAll : match === '' ? NAT_FLAG.ownAddress : 0),
      ),
    ),
  };
}

export class NatRig {
  readonly batch = new FrameBatch(64, 1024);
  readonly clock = Float64Array.of(1_000_000);
  readonly connections: Connections;
  readonly nat: Nat;
  readonly router: RouterTable;

  constructor(rules: readonly Rule[], capacity = 1000, seed = 12345) {
    const memory = Connections.allocate(capacity, Int32Array.of(1, 2, 3, 4, 5, 6, 7, seed));
    const nat = natTable(rules);
    this.connections = new Connections(memory, nat);
    this.nat = new Nat(this.batch, this.connections, this.clock, seed);
    this.router = {
      interfaceOf: Uint16Array.of(0, IN, OUT),
      address4: Int32Array.of(0, number(GATEWAY), number(OUTSIDE)),
      nat,
    } as unknown as RouterTable;
  }

  wait(seconds: number): void {
    this.clock[0] += seconds * 1000;
    for (let n = 0; n < 100; n++) this.connections.sweep(Math.floor(this.clock[0] / 1000), 1000, 1e9);
  }

  /** A packet from guests. */
  out(...packets: Uint8Array[]): string[] {
    return this.pass(IN, packets);
  }

  /** A packet from outside. */
  in(...packets: Uint8Array[]): string[] {
    return this.pass(OUT, packets);
  }

  /** Packets of one poll, as they leave: `in udp 1.2.3.4:5 > 10.0.1.5:6`, `local ...`, or `drop reason`. */
  pass(ingress: number, packets: readonly Uint8Array[]): string[] {
    return this.passBytes(ingress, packets).map(({ where, bytes }) => `${where} ${tell(bytes)}`.trim());
  }

  /** @param csumOffset where the checksum is that is still to be completed, as of a virtio-net header */
  passBytes(
    ingress: number,
    packets: readonly Uint8Array[],
    csumOffset?: number,
  ): { where: string; bytes: Uint8Array }[] {
    const { batch, nat, router } = this;
    const { rows, view, bytes } = batch;
    batch.clear();
    const list = new Routed(rows.length);
    const { words } = list;
    list.count = packets.length;
    for (const [n, packet] of packets.entries()) {
      const row = batch.append(9, 14 + packet.length);
      const start = rows[row + COLUMN.start];
      rows[row + COLUMN.rest] = start + 12;
      rows[row + COLUMN.dest] = ingress;
      if (csumOffset !== undefined) {
        rows[row + COLUMN.csumStart] = 34;
        rows[row + COLUMN.csumOffset] = csumOffset;
      }
      view.setUint16(start + 12, 0x0800);
      bytes.set(packet, start + 14);
      const k = n * ROUTED_WORDS;
      words[k + ROUTED.row] = row;
      words[k + ROUTED.from] = ingress;
      words[k + ROUTED.l3] = start + 14;
      words[k + ROUTED.length] = Math.min(packet.length, view.getUint16(start + 14 + 2));
      words[k + ROUTED.isDoubtful] = 0;
      words[k + ROUTED.dst] = view.getInt32(start + 14 + 16);
    }
    nat.before(router, list);
    const isIn = (address: number) => address >>> 8 === 0x0a0001;
    for (let k = 0; k < packets.length * ROUTED_WORDS; k += ROUTED_WORDS) {
      const dst = words[k + ROUTED.dst];
      const isLocal = dst === number(OUTSIDE) || dst === number(GATEWAY);
      const egress = isLocal ? 0 : isIn(dst) ? IN : OUT;
      words[k + ROUTED.egress] = words[k + ROUTED.isDoubtful] === DROPPED ? NOWHERE : egress;
    }
    nat.after(router, list);
    return packets.map((packet, n) => {
      const row = words[n * ROUTED_WORDS + ROUTED.row];
      const dest = rows[row + COLUMN.dest];
      if ((dest & DEST_DROP) !== 0) return { where: `drop ${DROPS[dest & 0xfff].name}:`, bytes: packet };
      if (nat.isTranslated(row)) nat.rewrite(row, row);
      const at = rows[row + COLUMN.rest] + 2;
      return {
        where: ['local', 'in', 'out'][words[n * ROUTED_WORDS + ROUTED.egress]],
        bytes: Uint8Array.from(bytes.subarray(at, at + packet.length)),
      };
    });
  }
}
