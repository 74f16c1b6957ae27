// A router with NAT in an engine: guests on ports g1 and g2 of one bridge, the rest on port u1 of another. From the configuration to
// frames; neighbours are known.

import { parseConfig, type SwitchConfigInput } from '../../../src/config/schema.ts';
import { COLUMN } from '../../../src/frame/frame_batch.ts';
import type { Offload } from '../../../src/port/memory.ts';
import { NatView } from '../../../src/switch/nat_view.ts';
import { PORT } from '../../../src/table/counters.ts';
import { DROPS } from '../../../src/table/drops.ts';
import { Neighbours } from '../../../src/table/neighbours.ts';
import { configOf } from '../engine/rig.ts';
import { lawViolations, openBench } from '../engine/stubs.ts';
import { number, tell } from './packets.ts';

export const OUTSIDE = '192.0.2.1';
export const SERVER = '198.51.100.7';
export const GUESTS = ['10.0.1.5', '10.0.1.6'];
const LAN_MAC = [2, 0, 0, 0, 0, 1];
const UP_MAC = [2, 0, 0, 0, 0, 2];
const text = (mac: number[]) => mac.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
/** By port: who is there. */
const MACS: Record<string, number[]> = {
  g1: [2, 0, 0, 0, 1, 5],
  g2: [2, 0, 0, 0, 1, 6],
  u1: [2, 0, 0, 0, 2, 9],
};

const bridges = { lan: { ports: { g1: {}, g2: {} } }, wan: { ports: { u1: {} } } };

type Router = NonNullable<SwitchConfigInput['routers']>[string];
export type NatRules = NonNullable<Router['nat']>;

/** With what is left to network cards. */
export interface OffloadedPacket {
  bytes: Uint8Array;
  offload: Required<Offload>;
}

export class NatWorld {
  private readonly neighbours = new Neighbours(Neighbours.allocate(5));
  private readonly bench = openBench(bridges, { neighbours: this.neighbours });
  now = 1_000_000;
  view: NatView | undefined;

  constructor(nat: NatRules, connections?: Router['connections']) {
    this.configure(nat, connections);
    const { port } = this.bench;
    const know = (name: string, address: string, mac: number[]) => {
      const view = new DataView(Uint8Array.from(mac).buffer);
      this.neighbours.set4(port(name), number(address), view.getUint16(0), view.getInt32(2));
    };
    know('r1.lan', GUESTS[0], MACS.g1);
    know('r1.lan', GUESTS[1], MACS.g2);
    know('r1.up', '192.0.2.254', MACS.u1);
  }

  configure(nat: NatRules, connections?: Router['connections'], outside = OUTSIDE): void {
    const router: Router = {
      interfaces: {
        lan: { bridge: 'lan', address: ['10.0.1.1/24'], mac: text(LAN_MAC) },
        up: { bridge: 'wan', address: [`${outside}/24`], mac: text(UP_MAC) },
      },
      routes: [{ to: '0.0.0.0/0', via: '192.0.2.254' }],
      nat,
      ...(connections && { connections }),
    };
    const config = parseConfig({ ...configOf(bridges), routers: { r1: router } });
    const { topology } = this.bench.compiler.compile(config);
    this.bench.engine.swap(topology);
    const table = topology.routers?.nat;
    this.view = table ? new NatView(table, this.bench.compiler.nat) : undefined;
  }

  /** Polls in which nothing comes. */
  wait(seconds: number): void {
    for (let n = 0; n < 20; n++) {
      this.now += seconds * 50;
      this.bench.engine.poll(this.now);
    }
  }

  /** What left after the last `send`. */
  sent(): OffloadedPacket[] {
    const { sink } = this.bench;
    return sink.bytes.map((bytes, n) => {
      const columns = sink.columns[n];
      return {
        bytes: bytes.subarray(14),
        offload: {
          gsoType: columns[COLUMN.gsoType],
          gsoSize: columns[COLUMN.gsoSize],
          csumStart: columns[COLUMN.csumStart],
          csumOffset: columns[COLUMN.csumOffset],
        },
      };
    });
  }

  /** Packets of one poll into a port; what leaves where, and drops. Both laws hold. */
  send(port: string, ...packets: (Uint8Array | OffloadedPacket)[]): string[] {
    const { engine, source, sink, counters, compiler } = this.bench;
    const ports = compiler.ports.length;
    const before = counters.values.slice(0, counters.port(ports));
    sink.sent.clear();
    sink.bytes.length = 0;
    sink.ports.length = 0;
    sink.columns.length = 0;
    for (const packet of packets) {
      const { bytes, offload } = packet instanceof Uint8Array ? { bytes: packet } : packet;
      const to = port === 'u1' ? UP_MAC : LAN_MAC;
      source.add(this.bench.port(port), Uint8Array.from([...to, ...MACS[port], 8, 0, ...bytes]), offload);
    }
    this.now += 1;
    engine.poll(this.now);
    for (let n = 0; engine.isBusy && n < 20; n++) engine.poll(this.now);
    const wrong = lawViolations(counters, true, ports);
    if (wrong.length > 0) throw new Error(wrong.join(', '));
    const lines = sink.bytes.map(
      (bytes, n) => `${compiler.ports.name(sink.ports[n])}: ${tell(bytes.subarray(14))}`,
    );
    for (let one = 0; one < ports; one++) {
      for (const [code, { name }] of DROPS.entries()) {
        const at = counters.port(one) + PORT.drops + code;
        if (counters.values[at] > before[at]) lines.push(`${compiler.ports.name(one)} drops: ${name}`);
      }
    }
    return lines;
  }
}
