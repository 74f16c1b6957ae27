// A bench with routers: their table is built by hand, and interfaces are ports of their bridges without a device. Interfaces
// have the stations A, B, C ... as their MACs, in the order in which they are named.

import { LpmBuilder } from '../../../src/compile/lpm_builder.ts';
import { shared } from '../../../src/compile/shared.ts';
import type { Topology } from '../../../src/engine/topology.ts';
import { atOnce } from '../../../src/parts.ts';
import { Neighbours } from '../../../src/table/neighbours.ts';
import { INTERFACE, ROUTE, type RouterTable } from '../../../src/table/router_table.ts';
import { bytesAt, META, SlotRing } from '../../../src/table/slot_ring.ts';
import { parseIp } from '../../../src/wire/ip_address.ts';
import { mac } from './frame_text.ts';
import type { configOf } from './rig.ts';
import { type Bench, openBench } from './stubs.ts';

export interface InterfaceSpec {
  bridge: string;
  vlan?: number;
  address: string[];
  mtu?: number;
  table?: number;
  flags?: number;
}

export interface RouteSpec {
  to: string;
  via?: string[];
  interface?: string;
  kind?: keyof typeof ROUTE;
  table?: number;
}

export interface RouterSpec {
  interfaces: Record<string, InterfaceSpec>;
  routes?: RouteSpec[];
}

export interface RoutedBench extends Bench {
  neighbours: Neighbours;
  /** Says who has an address behind an interface. */
  know(name: string, address: string, station: string): void;
  /** What the host was given since. */
  punts(): { port: string; reason: number; tag: number; bytes: Uint8Array }[];
  table: RouterTable;
}

type Bridges = Parameters<typeof configOf>[0];

/** By interface name; names are unique over all routers. */
export function openRouted(bridges: Bridges, routers: RouterSpec[]): RoutedBench {
  const interfaces = routers.flatMap((router, r) =>
    Object.entries(router.interfaces).map(([name, spec]) => ({ name, r, ...spec })),
  );
  const complete = structuredClone(bridges);
  for (const [n, { name, bridge, vlan }] of interfaces.entries()) {
    const owner = complete[bridge] as { ports: Record<string, object>; static?: object[] };
    const silent = { learning: false, flood: false, bcast_flood: false, mcast_flood: false };
    owner.ports[name] = { ...silent, ...(vlan !== undefined && { vlan: { trunk: [vlan] } }) };
    const address = { mac: macText(n), port: name, ...(vlan !== undefined && { vlan }) };
    owner.static = [...(owner.static ?? []), address];
  }
  const neighbours = new Neighbours(Neighbours.allocate(5));
  const bench = openBench(complete, { neighbours });
  for (const { name } of interfaces) bench.engine.detach(bench.port(name));
  const topology = bench.topology(complete);
  const table = buildTable(bench, topology, routers, interfaces);
  bench.engine.swap({ ...topology, routers: table });
  const ring = new SlotRing(SlotRing.allocate());
  bench.engine.host.connect(ring.memory, SlotRing.allocate());
  return {
    ...bench,
    neighbours,
    table,
    know(name, address, station) {
      const bytes = parseIp(address) as Uint8Array;
      const view = new DataView(bytes.buffer);
      const macView = new DataView(Uint8Array.from(mac(station)).buffer);
      const [hi, lo] = [macView.getUint16(0), macView.getInt32(2)];
      if (bytes.length === 4) neighbours.set4(bench.port(name), view.getInt32(0), hi, lo);
      else neighbours.set6(bench.port(name), view, 0, hi, lo);
    },
    punts() {
      const found = [];
      for (let slot = ring.peek(); slot >= 0; slot = ring.peek()) {
        const words = ring.words.subarray(slot >> 2);
        found.push({
          port: bench.compiler.ports.name(words[META.port]) ?? '',
          reason: words[META.reason],
          tag: words[META.tag],
          bytes: ring.bytes.slice(bytesAt(slot), bytesAt(slot) + words[META.length]),
        });
        ring.release();
      }
      return found;
    },
  };
}

function macText(n: number): string {
  return mac(String.fromCharCode(65 + n))
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':');
}

interface Named extends InterfaceSpec {
  name: string;
  r: number;
}

function buildTable(
  bench: Bench,
  topology: Topology,
  routers: RouterSpec[],
  interfaces: Named[],
): RouterTable {
  const count = interfaces.length + 1;
  const arrays = shared({
    interfaceOf: [Uint16Array, topology.pvid.length],
    inDomain: [Uint16Array, topology.domainVid.length],
    nextInDomain: [Uint16Array, count],
    port: [Uint16Array, count],
    router: [Uint16Array, count],
    vid: [Uint16Array, count],
    macHi: [Uint16Array, count],
    macLo: [Int32Array, count],
    mtu: [Uint32Array, count],
    flags: [Uint16Array, count],
    table: [Uint16Array, count],
    address4: [Int32Array, count],
    address6: [Int32Array, 4 * count],
    linkLocal: [Int32Array, 4 * count],
  });
  const routes = new Routes();
  for (const [index, spec] of interfaces.entries()) {
    const number = index + 1;
    const port = bench.port(spec.name);
    const domain = bench.compiler.domains.find(spec.bridge, spec.vlan ?? 0) as number;
    arrays.interfaceOf[port] = number;
    arrays.nextInDomain[number] = arrays.inDomain[domain];
    arrays.inDomain[domain] = number;
    arrays.port[number] = port;
    arrays.router[number] = spec.r + 1;
    arrays.vid[number] = spec.vlan ?? 0;
    arrays.macHi[number] = 0x0200;
    arrays.macLo[number] = 65 + index;
    arrays.mtu[number] = spec.mtu ?? 1500;
    arrays.flags[number] = INTERFACE.ipv4 | INTERFACE.ipv6 | (spec.flags ?? 0);
    arrays.table[number] = spec.table ?? spec.r;
    arrays.linkLocal.set([0xfe80_0000 | 0, 0, 0, number], 4 * number);
    for (const text of spec.address) {
      const [address, bits] = text.split('/');
      const bytes = parseIp(address) as Uint8Array;
      const view = new DataView(bytes.buffer);
      if (bytes.length === 4) arrays.address4[number] ||= view.getInt32(0);
      else for (let k = 0; k < 4; k++) arrays.address6[4 * number + k] = view.getInt32(4 * k);
      const tables = new Set([
        spec.r,
        ...interfaces.filter(({ r }) => r === spec.r).map(({ table }) => table ?? spec.r),
      ]);
      for (const table of tables) {
        routes.add(table, address, Number(bits), ROUTE.forward, [{ number }]);
        routes.add(table, address, bytes.length * 8, ROUTE.local, [{ number }]);
        if (bytes.length === 4 && Number(bits) < 31)
          routes.add(table, broadcastOf(bytes, Number(bits)), 32, ROUTE.broadcast, [{ number }]);
      }
    }
  }
  const numberOf = (name: string) => interfaces.findIndex((one) => one.name === name) + 1;
  for (const [r, { routes: wanted = [] }] of routers.entries()) {
    for (const { to, via, interface: by, kind = 'forward', table = r } of wanted) {
      const [address, bits] = to.split('/');
      const hops = (via ?? (by === undefined ? [] : [''])).map((hop) => ({
        number: by === undefined ? reaching(interfaces, r, hop) : numberOf(by),
        ...(hop !== '' && { via: hop }),
      }));
      routes.add(table, address, Number(bits), ROUTE[kind], hops);
    }
  }
  return { ...arrays, ...routes.build(), nat: null };
}

/** The interface in whose subnet an IPv4 address is, or of whose IPv6 address it shares the first half. */
function reaching(interfaces: Named[], router: number, address: string): number {
  const bytes = parseIp(address) as Uint8Array;
  return (
    interfaces.findIndex(
      ({ r, address: own }) =>
        r === router &&
        own.some((text) => {
          const [at, bits] = text.split('/');
          const other = parseIp(at) as Uint8Array;
          const whole = Number(bits) >> 3;
          return other.length === bytes.length && other.subarray(0, whole).every((b, k) => b === bytes[k]);
        }),
    ) + 1
  );
}

function broadcastOf(bytes: Uint8Array, bits: number): string {
  const address = new DataView(bytes.buffer).getInt32(0) | (0xffff_ffff >>> bits);
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

class Routes {
  private readonly lpm = new LpmBuilder();
  private readonly kinds: number[] = [0];
  private readonly at: number[] = [0];
  private readonly counts: number[] = [0];
  private readonly hops: { number: number; via?: string }[] = [{ number: 0 }];
  private tables = 1;

  add(table: number, address: string, bits: number, kind: number, hops: { number: number; via?: string }[]) {
    const view = new DataView((parseIp(address) as Uint8Array).buffer);
    const route = this.kinds.length;
    this.kinds.push(kind);
    this.at.push(this.hops.length);
    this.counts.push(hops.length);
    this.hops.push(...hops);
    this.tables = Math.max(this.tables, table + 1);
    if (view.byteLength === 4) this.lpm.add4(table, view.getInt32(0), bits, route);
    else
      this.lpm.add6(
        table,
        view.getInt32(0),
        view.getInt32(4),
        view.getInt32(8),
        view.getInt32(12),
        bits,
        route,
      );
  }

  build() {
    const hopAddress = new Int32Array(4 * this.hops.length);
    const hopFamily = new Uint8Array(this.hops.length);
    for (const [n, { via }] of this.hops.entries()) {
      if (via === undefined) continue;
      const view = new DataView((parseIp(via) as Uint8Array).buffer);
      hopFamily[n] = view.byteLength === 4 ? 4 : 6;
      const words = view.byteLength / 4;
      for (let k = 0; k < words; k++) hopAddress[4 * n + 4 - words + k] = view.getInt32(4 * k);
    }
    return {
      lpm: atOnce(this.lpm.build(this.tables)),
      kind: Uint8Array.from(this.kinds),
      hopAt: Uint32Array.from(this.at),
      hopCount: Uint16Array.from(this.counts),
      hopInterface: Uint16Array.from(this.hops, ({ number }) => number),
      hopAddress,
      hopFamily,
    };
  }
}
