// Where packets of routers go: what the data plane would find in the tables that are in force, for the control plane.

import { find4, find6 } from '../table/lpm.ts';
import type { Neighbours } from '../table/neighbours.ts';
import { ROUTE, type RouterTable } from '../table/router_table.ts';
import { type IpBytes, ipv4Number } from '../wire/ip_address.ts';
import type { Mac } from '../wire/mac.ts';

export interface Hop {
  /** Number of an interface, and of its port. */
  interface: number;
  port: number;
  /** Undefined: the destination itself. */
  via: IpBytes | undefined;
}

export interface Path {
  route: number;
  kind: keyof typeof ROUTE;
  hops: Hop[];
}

const KINDS = Object.entries(ROUTE).map(([name, kind]) => [kind, name] as const);

/** The route for what comes in by an interface; undefined: there is none. */
export function pathOf(table: RouterTable, from: number, to: IpBytes): Path | undefined {
  const { lpm } = table;
  const own = table.table[from];
  const route =
    to.length === 4
      ? find4(lpm, own, ipv4Number(to) | 0)
      : find6(lpm, own, new DataView(to.buffer, to.byteOffset, 16), 0);
  if (route === 0) return undefined;
  const kind = KINDS.find(([number]) => number === table.kind[route])?.[1] as keyof typeof ROUTE;
  const first = table.hopAt[route];
  const hops = Array.from({ length: table.hopCount[route] }, (_, n): Hop => hopOf(table, first + n));
  return { route, kind, hops };
}

export function hopOf(table: RouterTable, hop: number): Hop {
  const number = table.hopInterface[hop];
  return { interface: number, port: table.port[number], via: viaOf(table, hop) };
}

function viaOf({ hopFamily, hopAddress }: RouterTable, hop: number): IpBytes | undefined {
  if (hopFamily[hop] === 0 || hopFamily[hop] === undefined) return undefined;
  const bytes = addressAt(hopAddress, 4 * hop);
  return hopFamily[hop] === 4 ? bytes.subarray(12) : bytes;
}

/** The source of what an interface says in a family; undefined: it has no address of it. */
export function addressOf(table: RouterTable, own: number, family: 4 | 16): IpBytes | undefined {
  const words = family === 16 ? addressAt(table.address6, 4 * own) : undefined;
  if (words !== undefined) return words.some((byte) => byte !== 0) ? words : undefined;
  const address = table.address4[own];
  if (address === 0) return undefined;
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
}

export function macOf(table: RouterTable, own: number): Mac {
  return { hi: table.macHi[own], lo: table.macLo[own] };
}

/** Of a neighbour behind a port, as the data plane knows it. */
export function neighbourMac(neighbours: Neighbours, port: number, address: IpBytes): Mac | undefined {
  const out = new Int32Array(2);
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  const slot =
    address.length === 4
      ? neighbours.find4(port, view.getInt32(0), out, 0)
      : neighbours.find6(
          port,
          view.getInt32(0),
          view.getInt32(4),
          view.getInt32(8),
          view.getInt32(12),
          out,
          0,
        );
  return slot < 0 ? undefined : { hi: out[0], lo: out[1] };
}

function addressAt(words: Int32Array, at: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < 4; word++) view.setInt32(4 * word, words[at + word]);
  return bytes;
}
