// What the oracle shows to two switches: one bridge, and what happens on it, in no switch's own words. A seed makes it again.

import type { VlanConfig } from '../../../src/config/schema.ts';
import { TPIDS } from '../../../src/config/vlan_protocol.ts';
import type { Random } from '../engine/random.ts';
import * as frames from './frames.ts';

export interface ScenePort {
  name: string;
  /** Only on a VLAN-aware bridge. */
  vlan?: VlanConfig;
  isolated: boolean;
  hairpin: boolean;
  learning: boolean;
  /** Whether unknown addresses are flooded to it. */
  flood: boolean;
}

export interface SceneMirror {
  from?: string[];
  vlans?: number[];
  direction: 'in' | 'out' | 'both';
  to: string;
}

export interface SceneStatic {
  mac: string;
  /** 0 on a VLAN-unaware bridge. */
  vlan: number;
  port: string;
}

export type Step = { port: string; frames: readonly Buffer[] } | { seconds: number };

export interface Scene {
  isAware: boolean;
  /** Of a provider's edge: its trunks carry service tags of this kind, and other ports are ends of customers' tunnels. */
  provider?: '802.1Q' | '802.1ad';
  /** Seconds. */
  ageing: number;
  /** Most addresses; then no step depends on which are left. */
  limit?: number;
  ports: readonly ScenePort[];
  statics: readonly SceneStatic[];
  mirror?: SceneMirror;
  steps: readonly Step[];
}

/** What the other switch has. */
export interface Abilities {
  vlans: boolean;
  tunnels: boolean;
  /** Its clock can be turned. */
  clock: boolean;
  mirrors: boolean;
  limits: boolean;
  /** Linux' port flags: hairpin, learning, flood. */
  portFlags: boolean;
}

/** Of the VLANs that a port may be in; frames come in others, too. */
const VIDS = [1, 2, 3, 4094];
const STEPS = 150;

export function randomScene(random: Random, can: Abilities): Scene {
  const isAware = can.vlans && random.chance(0.75);
  const isFull = can.limits && random.chance(0.1);
  const names = Array.from({ length: random.between(2, 6) }, (_, n) => `p${n + 1}`);
  const provider =
    isAware && can.tunnels && random.chance(0.4) ? random.pick(['802.1Q', '802.1ad'] as const) : undefined;
  const isMirrored =
    can.mirrors && !isFull && provider === undefined && names.length > 2 && random.chance(0.3);
  const ports = names.map((name) => ({
    name,
    ...(provider !== undefined
      ? { vlan: randomService(random) }
      : isAware && random.chance(0.9)
        ? { vlan: randomVlan(random) }
        : {}),
    isolated: random.chance(0.2),
    hairpin: can.portFlags && random.chance(0.2),
    learning: !can.portFlags || random.chance(0.8),
    flood: !can.portFlags || random.chance(0.8),
  }));
  // Row 9 of docs/differences.md: time does not pass beside static entries.
  const hasStatics = !isFull && random.chance(0.5);
  const isTimed = can.clock && !isFull && !hasStatics;
  // Row 15: frames to stations that are known do not meet a tunnel that chooses.
  const isSelective = ports.some(
    ({ vlan }) => vlan !== undefined && 'tunnel' in vlan && typeof vlan.tunnel === 'object',
  );
  const watcher = ports[ports.length - 1];
  // Row 10.
  if (isMirrored) watcher.isolated = false;
  const others = isMirrored ? ports.slice(0, -1) : ports;
  return {
    isAware,
    ...(provider !== undefined ? { provider } : {}),
    ageing: random.between(15, 40),
    ...(isFull ? { limit: random.between(10, 14) } : {}),
    ports,
    statics: hasStatics ? randomStatics(random, others, isAware) : [],
    ...(isMirrored ? { mirror: randomMirror(random, others, watcher.name, isAware) } : {}),
    steps: Array.from({ length: STEPS }, () =>
      randomStep(random, names, isAware, isFull || isSelective, isTimed, provider),
    ),
  };
}

function randomVlan(random: Random): VlanConfig {
  const vids = random.some(VIDS, 0.6);
  if (vids.length === 0 || random.chance(0.5)) return { access: random.pick(VIDS) };
  return random.chance(0.5) ? { trunk: vids } : { trunk: vids, native: random.pick(VIDS) };
}

/** No access ports, row 16 of docs/differences.md, and no native VLANs, where row 4 would hide customers' tags. */
function randomService(random: Random): VlanConfig {
  if (random.chance(0.3)) return { trunk: random.some(VIDS, 0.8) };
  const vid = random.pick(VIDS.slice(0, 2));
  const customers = random.some(VIDS, 0.5);
  if (customers.length === 0 || random.chance(0.5)) return { tunnel: vid };
  return { tunnel: { [vid]: customers }, ...(random.chance(0.5) ? { native: vid } : {}) };
}

/** VLANs in which a port is. */
export function vidsOf({ vlan = { access: 1 } }: ScenePort): number[] {
  if ('access' in vlan) return [vlan.access];
  if ('tunnel' in vlan)
    return typeof vlan.tunnel === 'number' ? [vlan.tunnel] : Object.keys(vlan.tunnel).map(Number);
  return [...(vlan.trunk as number[]), ...(vlan.native === undefined ? [] : [vlan.native])];
}

function randomStatics(random: Random, ports: readonly ScenePort[], isAware: boolean): SceneStatic[] {
  const found = new Map<string, SceneStatic>();
  for (let n = random.between(1, 3); n > 0; n--) {
    const port = random.pick(ports);
    const vlan = isAware ? random.pick(vidsOf(port)) : 0;
    const mac = frames.macText(frames.station(random.between(1, frames.STATIONS)));
    found.set(`${vlan} ${mac}`, { mac, vlan, port: port.name });
  }
  return [...found.values()];
}

function randomMirror(
  random: Random,
  ports: readonly ScenePort[],
  to: string,
  isAware: boolean,
): SceneMirror {
  const from = random.some(ports, 0.5).map(({ name }) => name);
  return {
    ...(from.length > 0 ? { from } : {}),
    ...(isAware && random.chance(0.3) ? { vlans: random.some(VIDS, 0.9) } : {}),
    direction: random.pick(['in', 'out', 'both'] as const),
    to,
  };
}

function randomStep(
  random: Random,
  names: readonly string[],
  isAware: boolean,
  isFlooded: boolean,
  isTimed: boolean,
  provider: Scene['provider'],
): Step {
  if (isTimed && random.chance(0.05)) return { seconds: random.between(1, 25) };
  const make = isFlooded ? frames.anyStranger : frames.any;
  return {
    port: random.pick(names),
    frames: Array.from({ length: random.between(1, 6) }, () =>
      make(random, isAware ? VIDS : [], provider && TPIDS[provider]),
    ),
  };
}
