// What the oracle shows to two switches: one bridge, and what happens on it, in no switch's own words. A seed makes it again.

import type { VlanConfig } from '../../../src/config/schema.ts';
import { TPIDS } from '../../../src/config/vlan_protocol.ts';
import type { Random } from '../engine/random.ts';
import * as frames from './frames.ts';
import * as groups from './group_frames.ts';

export interface ScenePort {
  name: string;
  /** Only on a VLAN-aware bridge. */
  vlan?: VlanConfig;
  isolated: boolean;
  hairpin: boolean;
  learning: boolean;
  /** Whether unknown addresses are flooded to it. */
  flood: boolean;
  mcast_flood: boolean;
  bcast_flood: boolean;
  locked: boolean;
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

export type Step =
  | { port: string; frames: readonly Buffer[] }
  | { seconds: number }
  | { port: string; vlan: VlanConfig };

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
  /** Static entries are `sticky` where that is a choice. */
  isSticky: boolean;
  mirror?: SceneMirror;
  /** Multicast snooping; whether unknown groups are flooded. */
  snooping?: { floodsUnknown: boolean };
  /** Without these the others make no sense. */
  opening: readonly Step[];
  steps: readonly Step[];
}

/** What the other switch has. */
export interface Abilities {
  vlans: boolean;
  /** Ports are ends of customers' tunnels: how probable it is, where there are VLANs. */
  tunnels: number;
  /** Its clock can be turned; `far`: only so far that everything ages. */
  clock: boolean | 'far';
  mirrors: boolean;
  limits: boolean;
  /** Linux' port flags: hairpin, learning, floods, locked. */
  portFlags: boolean;
  /** Multicast snooping: how probable it is. */
  multicast: number;
  /** Ports get other VLANs while frames flow. */
  vlanChanges: boolean;
  /** Of a scene. */
  steps: number;
  /** Most frames of a step. */
  burst: number;
  /** How probable it is that a step is something other than frames. */
  pauses: number;
}

/** Of the VLANs that a port may be in; frames come in others, too. */
const VIDS = [1, 2, 3, 4094];
/** Of a port of a VLAN-aware bridge that says nothing. */
export const DEFAULT_VLAN: VlanConfig = { access: 1 };
const PLAIN = {
  hairpin: false,
  learning: true,
  flood: true,
  mcast_flood: true,
  bcast_flood: true,
  locked: false,
};
/** Before so long after its query Open vSwitch does not forget a router: MCAST_MROUTER_PORT_IDLE_TIME. */
const ROUTER_SECONDS = 180;
/** What the query says, and one. */
const RESPONSE_SECONDS = 11;
const AGEING = { min: 15, max: 40 };

/** @param rows of docs/differences.md that are known: what they tell of does not happen */
export function randomScene(random: Random, can: Abilities, rows: ReadonlySet<number>): Scene {
  return random.chance(can.multicast) ? snoopingScene(random, can, rows) : plainScene(random, can, rows);
}

function plainScene(random: Random, can: Abilities, rows: ReadonlySet<number>): Scene {
  const isAware = can.vlans && random.chance(0.75);
  const isFull = can.limits && random.chance(0.1);
  const names = Array.from({ length: random.between(2, 6) }, (_, n) => `p${n + 1}`);
  const provider =
    isAware && random.chance(can.tunnels) ? random.pick(['802.1Q', '802.1ad'] as const) : undefined;
  const isMirrored =
    can.mirrors && !isFull && provider === undefined && names.length > 2 && random.chance(0.3);
  const ports = names.map((name) => ({
    name,
    ...(provider !== undefined
      ? { vlan: randomService(random, rows) }
      : isAware && random.chance(0.9)
        ? { vlan: randomVlan(random) }
        : {}),
    isolated: random.chance(0.2),
    hairpin: can.portFlags && random.chance(0.2),
    learning: !can.portFlags || random.chance(0.8),
    flood: !can.portFlags || random.chance(0.8),
    mcast_flood: !can.portFlags || random.chance(0.8),
    bcast_flood: !can.portFlags || random.chance(0.8),
    locked: can.portFlags && random.chance(0.1),
  }));
  const hasStatics = !isFull && random.chance(0.5);
  const clock = isFull || (hasStatics && rows.has(9)) ? false : can.clock;
  const isSelective = ports.some(
    ({ vlan }) => vlan !== undefined && 'tunnel' in vlan && typeof vlan.tunnel === 'object',
  );
  const isForStrangers = isFull || (isSelective && rows.has(24));
  const watcher = ports[ports.length - 1];
  if (isMirrored) watcher.isolated = !rows.has(10);
  const others = isMirrored ? ports.slice(0, -1) : ports;
  const statics = hasStatics ? randomStatics(random, others, isAware) : [];
  // A port with a static entry stays in its VLAN.
  const isFree = (name: string) => !statics.some(({ port }) => port === name);
  const changes = can.vlanChanges && isAware ? names.filter(isFree) : [];
  return {
    isAware,
    ...(provider !== undefined ? { provider } : {}),
    ageing: random.between(AGEING.min, AGEING.max),
    ...(isFull ? { limit: random.between(10, 14) } : {}),
    ports,
    statics,
    isSticky: rows.has(13),
    opening: [],
    ...(isMirrored ? { mirror: randomMirror(random, others, watcher.name, isAware) } : {}),
    steps: Array.from({ length: can.steps }, (): Step => {
      if (clock !== false && random.chance(can.pauses)) return { seconds: randomSeconds(random, clock) };
      const port = random.pick(names);
      if (changes.length > 0 && random.chance(can.pauses))
        return { port: random.pick(changes), vlan: randomVlan(random) };
      const make = isForStrangers ? frames.anyStranger : frames.any;
      const vids = isAware ? VIDS : [];
      const one = () => make(random, vids, provider && TPIDS[provider]);
      return { port, frames: Array.from({ length: random.between(1, can.burst) }, one) };
    }),
  };
}

/** A router is behind the first port, in all VLANs, and asks first of all. */
function snoopingScene(random: Random, can: Abilities, rows: ReadonlySet<number>): Scene {
  const isAware = random.chance(0.6);
  const vids = isAware ? VIDS : [0];
  const ports = Array.from({ length: random.between(3, 6) }, (_, n) => ({
    name: `p${n + 1}`,
    ...(isAware ? { vlan: n === 0 ? { trunk: VIDS } : randomVlan(random) } : {}),
    ...PLAIN,
    isolated: random.chance(0.4),
  }));
  const [{ name: router, vlan: trunk }] = ports;
  const queries = vids.flatMap((vid) =>
    ([4, 6] as const).map((family) => groups.inVlan(groups.query(family), vid, trunk)),
  );
  const floodsUnknown = random.chance(0.5);
  const hosts = { leave: !floodsUnknown || !rows.has(21), floodsUnknown, rows };
  const hasOthers = floodsUnknown || !rows.has(22);
  let left = ROUTER_SECONDS - RESPONSE_SECONDS;
  const next = (): Step => {
    const seconds = randomSeconds(random, rows.has(21) ? 'far' : true);
    if (left > seconds && random.chance(can.pauses)) {
      left -= seconds;
      return { seconds };
    }
    const port = random.pick(ports);
    const host = 10 + ports.indexOf(port);
    const vid = isAware ? random.pick([...vidsOf(port.vlan)]) : 0;
    const one = () =>
      hasOthers && random.chance(0.2)
        ? frames.any(random, isAware ? VIDS : [])
        : groups.inVlan(groups.any(random, host, port.name === router, hosts), vid, port.vlan);
    return { port: port.name, frames: Array.from({ length: random.between(1, can.burst) }, one) };
  };
  return {
    isAware,
    ageing: random.between(AGEING.min, AGEING.max),
    ports,
    statics: [],
    isSticky: true,
    snooping: { floodsUnknown },
    opening: rows.has(20) ? [{ port: router, frames: queries }, { seconds: RESPONSE_SECONDS }] : [],
    steps: Array.from({ length: can.steps }, next),
  };
}

function randomSeconds(random: Random, clock: true | 'far'): number {
  return clock === 'far' ? AGEING.max + 1 : random.between(1, 25);
}

function randomVlan(random: Random): VlanConfig {
  const vids = random.some(VIDS, 0.6);
  if (vids.length === 0 || random.chance(0.5)) return { access: random.pick(VIDS) };
  return random.chance(0.5) ? { trunk: vids } : { trunk: vids, native: random.pick(VIDS) };
}

/** No native VLANs, where row 4 would hide customers' tags. */
function randomService(random: Random, rows: ReadonlySet<number>): VlanConfig {
  if (!rows.has(25) && random.chance(0.3)) return { access: random.pick(VIDS.slice(0, 2)) };
  if (random.chance(0.3)) return { trunk: random.some(VIDS, 0.8) };
  const vid = random.pick(VIDS.slice(0, 2));
  const customers = random.some(VIDS, 0.5);
  if (customers.length === 0 || random.chance(0.5)) return { tunnel: vid };
  return { tunnel: { [vid]: customers }, ...(random.chance(0.5) ? { native: vid } : {}) };
}

/** VLANs in which a port is. */
export function vidsOf(vlan: VlanConfig = DEFAULT_VLAN): Set<number> {
  if ('access' in vlan) return new Set([vlan.access]);
  if ('tunnel' in vlan)
    return new Set(typeof vlan.tunnel === 'number' ? [vlan.tunnel] : Object.keys(vlan.tunnel).map(Number));
  return new Set([...(vlan.trunk as number[]), ...(vlan.native === undefined ? [] : [vlan.native])]);
}

function randomStatics(random: Random, ports: readonly ScenePort[], isAware: boolean): SceneStatic[] {
  const found = new Map<string, SceneStatic>();
  for (let n = random.between(1, 3); n > 0; n--) {
    const port = random.pick(ports);
    const vlan = isAware ? random.pick([...vidsOf(port.vlan)]) : 0;
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
