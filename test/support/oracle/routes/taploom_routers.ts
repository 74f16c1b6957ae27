// A scene of routers in Taploom: an engine with memory ports, from the configuration on. Neighbours are known.

import { Compiler } from '../../../../src/compile/compiler.ts';
import { parseConfig, type SwitchConfigInput } from '../../../../src/config/schema.ts';
import { COLUMN } from '../../../../src/frame/frame_batch.ts';
import { PORT } from '../../../../src/table/counters.ts';
import { DROPS } from '../../../../src/table/drops.ts';
import { Neighbours } from '../../../../src/table/neighbours.ts';
import { parseIp } from '../../../../src/wire/ip_address.ts';
import { configOf } from '../../engine/rig.ts';
import { type Bench, lawViolations, openBench } from '../../engine/stubs.ts';
import { type RoutedScene, TABLE } from './routed_scene.ts';
import { address4, address6, isEdge, neighboursOf, routerHost, routerMac } from './routed_world.ts';
import { frameOf, requestOf, toVnet } from './vnet_frames.ts';

/** Of ports: what an interface allows is the question. */
const PORT_MTU = 9216;

export class TaploomRouters {
  private readonly bench: Bench;
  private now = 1_000_000;

  constructor(scene: RoutedScene) {
    const { networks, routers, silent } = scene;
    const bridges = Object.fromEntries(
      networks.map((network) => [
        `n${network.number}`,
        { ports: isEdge(network) ? { [`h${network.number}`]: { mtu: PORT_MTU } } : {} },
      ]),
    );
    const neighbours = new Neighbours(Neighbours.allocate(5));
    const compiler = new Compiler();
    const config = parseConfig({ ...configOf(bridges), routers: routersOf(scene) });
    const { topology } = compiler.compile(config);
    this.bench = openBench(bridges, { neighbours, compiler, topology });
    for (const { number: r } of routers) {
      for (const network of networks.filter((one) => one.routers.includes(r))) {
        const port = this.bench.port(`r${r}.n${network.number}`);
        for (const { address, mac } of neighboursOf(network, r, silent)) know(neighbours, port, address, mac);
      }
    }
  }

  /** What was dropped until now, and where. */
  drops(): string[] {
    const { counters, compiler } = this.bench;
    const lines: string[] = [];
    for (let port = 0; port < compiler.ports.length; port++) {
      for (const [code, { name }] of DROPS.entries()) {
        const count = counters.values[counters.port(port) + PORT.drops + code];
        if (count > 0) lines.push(`${compiler.ports.name(port)} dropped ${count}: ${name}`);
      }
    }
    return lines;
  }

  /** All of them in one poll. */
  send(port: string, frames: readonly Buffer[]): Map<string, string[]> {
    const { engine, source, sink, counters, compiler } = this.bench;
    sink.bytes.length = 0;
    sink.ports.length = 0;
    sink.columns.length = 0;
    for (const frame of frames) source.add(this.bench.port(port), frameOf(frame), requestOf(frame));
    this.now += 1000;
    engine.poll(this.now);
    for (let turns = 0; engine.isBusy; turns++) {
      if (turns === 1000) throw new Error('the engine does not come to an end');
      engine.poll(this.now);
    }
    const wrong = lawViolations(counters, true, compiler.ports.length);
    if (wrong.length > 0) throw new Error(wrong.join(', '));
    const egress = new Map<string, string[]>();
    for (const [n, bytes] of sink.bytes.entries()) {
      const name = compiler.ports.name(sink.ports[n]) ?? '';
      const { gsoType, gsoSize, csumStart, csumOffset } = COLUMN;
      const columns = sink.columns[n];
      const request = {
        gsoType: columns[gsoType],
        gsoSize: columns[gsoSize],
        csumStart: columns[csumStart],
        csumOffset: columns[csumOffset],
      };
      egress.set(name, [...(egress.get(name) ?? []), toVnet(bytes, request).toString('hex')]);
    }
    return egress;
  }
}

function routersOf({ networks, routers }: RoutedScene): NonNullable<SwitchConfigInput['routers']> {
  return Object.fromEntries(
    routers.map(({ number: r, routes, reversePath, tabled = [] }) => {
      const interfaces = networks
        .filter((network) => network.routers.includes(r))
        .map(({ number: n, mtu, isNarrow }) => {
          const address = [
            `${address4(n, routerHost(r))}/24`,
            ...(isNarrow ? [] : [`${address6(n, routerHost(r))}/64`]),
          ];
          const keys = { bridge: `n${n}`, address, mtu, mac: routerMac(r, n), reverse_path: reversePath[n] };
          return [`n${n}`, tabled.includes(n) ? { ...keys, table: TABLE } : keys] as const;
        });
      return [`r${r}`, { interfaces: Object.fromEntries(interfaces), routes }];
    }),
  );
}

function know(neighbours: Neighbours, port: number, address: string, mac: string): void {
  const bytes = parseIp(address) as Uint8Array;
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const macView = new DataView(Uint8Array.from(Buffer.from(mac.replaceAll(':', ''), 'hex')).buffer);
  const [hi, lo] = [macView.getUint16(0), macView.getInt32(2)];
  if (bytes.length === 4) neighbours.set4(port, view.getInt32(0), hi, lo);
  else neighbours.set6(port, view, 0, hi, lo);
}
