// A bench with routers. Interfaces have the stations A, B, C ... as their MACs, in the order in which they are named.

import { Compiler } from '../../../src/compile/compiler.ts';
import { parseConfig, type SwitchConfigInput } from '../../../src/config/schema.ts';
import { Neighbours } from '../../../src/table/neighbours.ts';
import type { RouterTable } from '../../../src/table/router_table.ts';
import { bytesAt, META, SlotRing } from '../../../src/table/slot_ring.ts';
import { parseIp } from '../../../src/wire/ip_address.ts';
import { formatMac, parseMac } from '../../../src/wire/mac.ts';
import { mac } from './frame_text.ts';
import { configOf } from './rig.ts';
import { type Bench, openBench } from './stubs.ts';

type Bridges = Parameters<typeof configOf>[0];
export type Routers = NonNullable<SwitchConfigInput['routers']>;

export interface RoutedBench extends Bench {
  neighbours: Neighbours;
  table: RouterTable;
  /** Says who has an address behind an interface, by its port. */
  know(port: string, address: string, station: string): void;
  /** What the host was given since. */
  punts(): { port: string; reason: number; tag: number; bytes: Uint8Array }[];
}

export function openRouted(bridges: Bridges, routers: Routers): RoutedBench {
  const named = structuredClone(routers);
  let letter = 65;
  for (const { interfaces = {} } of Object.values(named))
    for (const one of Object.values(interfaces)) {
      const mac = textOf(String.fromCharCode(letter++));
      if (one.anycast !== true) one.mac ??= mac;
    }
  const neighbours = new Neighbours(Neighbours.allocate(5));
  const compiler = new Compiler();
  const { topology } = compiler.compile(parseConfig({ ...configOf(bridges), routers: named }));
  const bench = openBench(bridges, { neighbours, compiler, topology });
  const ring = new SlotRing(SlotRing.allocate());
  bench.engine.host.connect(ring.memory, SlotRing.allocate());
  return {
    ...bench,
    neighbours,
    table: topology.routers as RouterTable,
    know(port, address, station) {
      const view = new DataView((parseIp(address) as Uint8Array).buffer);
      const { hi, lo } = parseMac(textOf(station)) ?? { hi: 0, lo: 0 };
      if (view.byteLength === 4) neighbours.set4(bench.port(port), view.getInt32(0), hi, lo);
      else neighbours.set6(bench.port(port), view, 0, hi, lo);
    },
    punts() {
      const found = [];
      for (let slot = ring.peek(); slot >= 0; slot = ring.peek()) {
        const words = ring.words.subarray(slot >> 2);
        found.push({
          port: compiler.ports.name(words[META.port]) ?? '',
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

function textOf(station: string): string {
  const view = new DataView(Uint8Array.from(mac(station)).buffer);
  return formatMac(view.getUint16(0), view.getInt32(2));
}
