// Engines whose workload is the same but for one number that grows: VLANs, or the members of a flood. As in stations.ts,
// frames of 64 bytes lie in slots 64 KiB apart, and what leaves goes into a sink that forgets.

import { Compiler } from '../src/compile/compiler.ts';
import { parseConfig, type SwitchConfigInput } from '../src/config/schema.ts';
import { Engine } from '../src/engine/engine.ts';
import type { Source } from '../src/engine/port.ts';
import type { FrameBatch } from '../src/frame/frame_batch.ts';
import { Counters, PORT } from '../src/table/counters.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import { TAG_LEN, TPID_8021Q } from '../src/wire/vlan.ts';
import { Draw } from './draw.ts';
import { macLo, NullSink } from './stations.ts';

const FRAME_LEN = 60;
const MAC_HI = 0x0200;
/** Of the VLAN curve: a station of each group behind each port, so the FDB is the same however many VLANs there are. */
const VLAN_PORTS = 8;
const GROUPS = 4096;

/** An engine, and how many copies it has sent. */
export class GrowingEngine {
  readonly engine: Engine;
  private readonly counters: Counters;
  private readonly ports: number;

  constructor(bridge: NonNullable<SwitchConfigInput['bridges']>[string], source: Source) {
    const compiler = new Compiler();
    const config = parseConfig({ version: 1, bridges: { bench: { local: false, ...bridge } } });
    const { topology } = compiler.compile(config);
    this.ports = Object.keys(bridge.ports ?? {}).length;
    this.counters = Counters.allocate(this.ports + 1, 2);
    const seed = Int32Array.of(0x1f83_d9ab, 0x5be0_cd19, 0x9e37_79b9, 0x85eb_ca6b);
    this.engine = new Engine({ counters: this.counters, topology, seed });
    const sink = new NullSink();
    for (let port = 1; port <= this.ports; port++) this.engine.attach(port, sink);
    this.engine.addSource(source);
  }

  get copies(): number {
    let sum = 0;
    for (let port = 1; port <= this.ports; port++) {
      sum += this.counters.values[this.counters.port(port) + PORT.copies];
    }
    return sum;
  }
}

/** Unicast between 32,768 known stations in `vlans` VLANs, all of them on 8 trunks. */
export function vlanEngine(vlans: number): GrowingEngine {
  const draw = new Draw();
  let learned = 0;
  const write = (batch: FrameBatch, group: number, from: number, to: number) => {
    const { view } = batch;
    const at = batch.frameAt(batch.append(1 + from, FRAME_LEN + TAG_LEN));
    ethernet.setDst(view, at, MAC_HI, macLo(group * VLAN_PORTS + to));
    ethernet.setSrc(view, at, MAC_HI, macLo(group * VLAN_PORTS + from));
    view.setInt32(at + ethernet.MACS_LEN, (TPID_8021Q << 16) | (1 + (group % vlans)));
    ethernet.setEtherType(view, at + TAG_LEN, ethernet.TYPE_IPV4);
  };
  const source: Source = {
    receive(batch, limit) {
      while (limit-- > 0) {
        if (learned < GROUPS * VLAN_PORTS) {
          const port = learned % VLAN_PORTS;
          write(batch, Math.floor(learned++ / VLAN_PORTS), port, port);
        } else {
          const from = draw.below(VLAN_PORTS);
          write(batch, draw.below(GROUPS), from, (from + 1 + draw.below(VLAN_PORTS - 1)) % VLAN_PORTS);
        }
      }
    },
  };
  const vlan = { trunk: [vlans === 1 ? 1 : `1-${vlans}`] };
  const ports = memoryPorts(VLAN_PORTS, { vlan });
  const growing = new GrowingEngine({ vlan_filtering: true, fdb_limit: GROUPS * VLAN_PORTS, ports }, source);
  while (learned < GROUPS * VLAN_PORTS) growing.engine.poll(performance.now());
  return growing;
}

/** Broadcasts from one port to `members` others. */
export function floodEngine(members: number): GrowingEngine {
  const source: Source = {
    receive(batch, limit) {
      while (limit-- > 0) {
        const at = batch.frameAt(batch.append(1, FRAME_LEN));
        ethernet.setDst(batch.view, at, -1, 0xffff);
        ethernet.setSrc(batch.view, at, MAC_HI, macLo(0));
        ethernet.setEtherType(batch.view, at, ethernet.TYPE_IPV4);
      }
    },
  };
  return new GrowingEngine({ ports: memoryPorts(members + 1, {}) }, source);
}

function memoryPorts(count: number, common: object) {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`p${n + 1}`, { type: 'memory' as const, ...common }]),
  );
}
