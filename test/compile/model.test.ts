// What the compiler makes, beside a model that asks each port about each VLAN.

import { expect, test } from 'vitest';
import { type Compiled, Compiler } from '../../src/compile/compiler.ts';
import { type PortState, PortStates } from '../../src/compile/overlay.ts';
import { parseConfig, type SwitchConfig } from '../../src/config/schema.ts';
import {
  DOMAIN_SHIFT,
  extentOf,
  FORWARDING,
  HAIRPIN,
  ISOLATED,
  LEARNING,
  LOCKED,
  NO_BROADCAST,
  NO_MULTICAST,
  SPLIT_HORIZON,
  TELLS_MTU,
  TUNNEL,
  UNTAGGED,
  VLAN_STRIDE,
} from '../../src/engine/topology.ts';
import { PORT_BITS, PORT_MASK } from '../../src/frame/hop.ts';
import { Random } from '../support/engine/random.ts';
import { configOf } from '../support/engine/rig.ts';

const ROUNDS = 25;
const VIDS = 4096;
const NAMES = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
/** More runs than are filled at a time. */
const ODD = Array.from({ length: 400 }, (_, n) => 2 * n + 1);
const STATES: readonly PortState[] = ['blocking', 'learning', 'forwarding'];

test('random configurations compile to what a model makes of them, at once and with breaths', async () => {
  const random = new Random(1);
  const [compiler, other] = [new Compiler(), new Compiler()];
  for (let round = 0; round < ROUNDS; round++) {
    const config = parseConfig(configOf(randomBridges(random)));
    const states = randomStates(random);
    const compiled = compiler.compile(config, { states });
    for (const bridge of Object.keys(config.bridges)) {
      // Texts, since to compare a million values one by one takes a minute.
      expect(floodsOf(compiler, compiled, bridge)).toBe(modelFloods(config, bridge));
      for (const name of Object.keys(config.bridges[bridge].ports)) {
        const at = (compiler.ports.find(name) as number) * VLAN_STRIDE;
        const words = compiled.topology.vlan.subarray(at, at + VLAN_STRIDE);
        expect(words.join()).toBe(modelWords(config, bridge, name, compiler, states).join());
        const { from, to } = extentOf(compiled.topology.extent[at / VLAN_STRIDE]);
        const last = words.findLastIndex((word) => word !== 0);
        expect([from, to]).toEqual(last < 0 ? [0, 0] : [words.findIndex((word) => word !== 0), last + 1]);
      }
    }
    const breathed = await other.compileBreathing(config, { states });
    expect(textOf(breathed)).toBe(textOf(compiled));
    // The next but one lies where this one did.
    other.retire(breathed.topology);
  }
});

/** Of each VLAN, who gets what is for all, and who gets unknown unicast. */
function modelFloods(config: SwitchConfig, bridge: string): string {
  const { ports } = config.bridges[bridge];
  const lines: string[] = [];
  for (let vid = 0; vid < VIDS; vid++) {
    const inside = Object.keys(ports).filter((name) => how(config, bridge, name, vid) !== undefined);
    const hops = (names: string[]) => names.flatMap((name) => hopsOf(ports[name], name)).sort();
    const flooded = inside.filter((name) => ports[name].flood);
    if (inside.length > 0) lines.push(`${vid}: ${hops(inside)}; ${hops(flooded)}`);
  }
  return lines.join('\n');
}

function floodsOf(compiler: Compiler, { topology }: Compiled, bridge: string): string {
  const { hops, listAt, domainVid } = topology;
  const members = (list: number) =>
    [...hops.subarray(listAt[2 * list], listAt[2 * list + 1])]
      .map((hop) => `${compiler.ports.name(hop & PORT_MASK)} ${compiler.remote(hop >>> PORT_BITS)}`)
      .sort();
  return [...compiler.domains.ofBridge(bridge)]
    .filter((domain) => domain !== 0)
    .map((domain) => `${domainVid[domain]}: ${members(2 * domain)}; ${members(2 * domain + 1)}`)
    .join('\n');
}

function modelWords(
  config: SwitchConfig,
  bridge: string,
  name: string,
  { domains }: Compiler,
  states: PortStates,
): number[] {
  return Array.from({ length: VLAN_STRIDE }, (_, vid) => {
    const membership = how(config, bridge, name, vid);
    if (membership === undefined) return 0;
    const flags = flagsOf(config.bridges[bridge].ports[name], states.of(name, vid));
    return ((domains.find(bridge, vid) as number) << DOMAIN_SHIFT) | membership | flags;
  });
}

function textOf({ topology, remotes }: Compiled): string {
  return [
    ...Object.entries(topology),
    ...remotes.map(({ row, port, address }) => [row, port, address]),
  ].join();
}

type Port = SwitchConfig['bridges'][string]['ports'][string];

/** UNTAGGED, or 0 for tagged; undefined = the port does not carry the VLAN. */
function how({ bridges }: SwitchConfig, bridge: string, name: string, vid: number): number | undefined {
  const { vlan_filtering, ports } = bridges[bridge];
  const vlan = ports[name].vlan ?? { access: 1 };
  if (!vlan_filtering) return vid === 0 ? UNTAGGED : undefined;
  if ('access' in vlan) return vid === vlan.access ? UNTAGGED : undefined;
  if (vid === vlan.native) return UNTAGGED;
  return 'trunk' in vlan && vlan.trunk.some((item) => isIn(item, vid)) ? 0 : undefined;
}

function isIn(item: number | string, vid: number): boolean {
  if (typeof item === 'number') return item === vid;
  const [from, to] = item.split('-').map(Number);
  return from <= vid && vid <= to;
}

function flagsOf(port: Port, state: PortState): number {
  const isTunnel = port.type === 'vxlan';
  return (
    (state === 'forwarding' ? FORWARDING : 0) |
    (state !== 'blocking' && port.learning && !port.locked ? LEARNING : 0) |
    (port.locked ? LOCKED : 0) |
    (port.bcast_flood ? 0 : NO_BROADCAST) |
    (port.mcast_flood ? 0 : NO_MULTICAST) |
    (port.hairpin ? HAIRPIN : 0) |
    (port.isolated ? ISOLATED : 0) |
    (isTunnel ? TUNNEL | TELLS_MTU : 0) |
    (isTunnel && !port.hairpin ? SPLIT_HORIZON : 0)
  );
}

function hopsOf(port: Port, name: string): string[] {
  return port.type === 'vxlan' ? port.remotes.map((remote) => `${name} ${remote}`) : [`${name} undefined`];
}

function randomBridges(random: Random) {
  const bridges: Parameters<typeof configOf>[0] = {};
  const names = [...NAMES];
  for (const bridge of random.some(['br0', 'br1', 'br2'], 0.7)) {
    const isFiltering = random.chance(0.8);
    const ports = names
      .splice(0, random.between(0, 4))
      .map((name) => [name, randomPort(random, name, isFiltering)]);
    bridges[bridge] = { vlan_filtering: isFiltering, ports: Object.fromEntries(ports) };
  }
  return bridges;
}

function randomPort(random: Random, name: string, isFiltering: boolean) {
  const remotes = random.some(['192.0.2.2', '192.0.2.3', '192.0.2.4'], 0.6);
  return {
    ...(random.chance(0.3)
      ? { type: 'vxlan', vni: NAMES.indexOf(name), local: '192.0.2.1', remotes, remote_learning: true }
      : {}),
    ...(isFiltering && random.chance(0.8) ? { vlan: randomVlan(random) } : {}),
    flood: random.chance(0.7),
    learning: random.chance(0.7),
    hairpin: random.chance(0.2),
    isolated: random.chance(0.2),
    bcast_flood: random.chance(0.8),
    mcast_flood: random.chance(0.8),
    locked: random.chance(0.2),
  };
}

function randomVlan(random: Random) {
  if (random.chance(0.3)) return { access: random.pick([1, 7, 4094]) };
  const item = () => {
    const from = random.pick([1, 2, 7, 40, 4000, 4094]);
    return random.chance(0.5) ? from : `${from}-${random.between(from, 4094)}`;
  };
  const trunk = random.chance(0.3) ? ODD : Array.from({ length: random.between(1, 4) }, item);
  return random.chance(0.5) ? { trunk } : { trunk, native: random.pick([1, 7, 50, 4094]) };
}

function randomStates(random: Random): PortStates {
  const states = new PortStates();
  for (const name of random.some(NAMES, 0.4)) {
    if (random.chance(0.7)) states.set(name, undefined, random.pick(STATES));
    if (random.chance(0.7)) states.set(name, random.pick([0, 1, 7]), random.pick(STATES));
  }
  return states;
}
