// Private VLANs, RFC 5517: stations of one subnet that may not talk to each other. Its primary VLAN goes from promiscuous
// ports to all, an isolated VLAN from hosts to promiscuous ports only, a community VLAN also to its other hosts.
//
// What a port is follows from its only VLAN, if it has one. A trunk carries each VLAN of the group with its tag, so that the
// group may span switches; a promiscuous one gives secondary VLANs the tag of their primary one.
//
//   port                          comes in as   leaves, untagged, of
//   access: primary, promiscuous  primary       primary and all secondaries
//   access: isolated              isolated      primary
//   access: community             community     primary and community

import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import { rangesOf } from './range.ts';
import type { BridgeConfig } from './shape.ts';
import type { VlanConfig } from './vlan_config.ts';
import { carriesVlan, type VlanSet, vlanSet } from './vlan_set.ts';

export interface PrivateVlan {
  /** Of a primary VLAN itself. */
  readonly primary: number;
  readonly role: 'primary' | 'isolated' | 'community';
  /** What else leaves a port of this VLAN alone: of a primary one all secondaries, of these their primary. */
  readonly others: readonly number[];
}

/** By VID; a VLAN that is not here is an ordinary one. */
export type PrivateVlans = ReadonlyMap<number, PrivateVlan>;

const VIDS = 4096;
const NONE: PrivateVlans = new Map();

export function privateVlans({ vlan_filtering, vlans }: BridgeConfig): PrivateVlans {
  if (!vlan_filtering) return NONE;
  const all = new Map<number, PrivateVlan>();
  for (const [key, { private: secondaries }] of Object.entries(vlans)) {
    if (secondaries === undefined) continue;
    const primary = Number(key);
    const { isolated, communities } = secondaries;
    const others = isolated === undefined ? communities : [isolated, ...communities];
    all.set(primary, { primary, role: 'primary', others });
    for (const vid of others)
      all.set(vid, { primary, role: vid === isolated ? 'isolated' : 'community', others: [primary] });
  }
  return all;
}

/** The VLAN under which addresses and groups of VLAN `vid` are known. */
export function primaryOf(vlans: PrivateVlans, vid: number): number {
  return vlans.get(vid)?.primary ?? vid;
}

/** VLANs of a port, and in which of them frames go one way only. */
export interface PortVlans extends VlanSet {
  /** Frames leave the port, none come in. */
  readonly outOnly: readonly number[];
  /** Frames come in, none leave. */
  readonly inOnly: readonly number[];
}

export function bothWays(set: VlanSet): PortVlans {
  return { ...set, outOnly: [], inOnly: [] };
}

/** For a port of a VLAN-aware bridge, as `vlanSet`. */
export function portVlans(vlans: PrivateVlans, vlan: VlanConfig | undefined): PortVlans {
  const set = vlanSet(vlan);
  const own = onlyVlan(vlans, set);
  if (own === undefined) return trunkVlans(vlans, vlan, set);
  const { pvid } = set;
  return {
    pvid,
    tagged: [],
    untagged: rangesOf([pvid, ...own.others]),
    outOnly: own.others,
    inOnly: own.role === 'isolated' ? [pvid] : [],
  };
}

function trunkVlans(vlans: PrivateVlans, vlan: VlanConfig | undefined, set: VlanSet): PortVlans {
  const primaries = primariesOf(vlans, vlan);
  if (primaries.size === 0 || vlan === undefined || !('trunk' in vlan)) return bothWays(set);
  const outOnly = [...primaries.keys()];
  const native = outOnly.filter((vid) => primaries.get(vid) === set.pvid);
  const tagged = outOnly.filter((vid) => primaries.get(vid) !== set.pvid);
  return {
    ...vlanSet({ ...vlan, trunk: [...vlan.trunk, ...tagged] }),
    ...(native.length > 0 && { untagged: rangesOf([set.pvid, ...native]) }),
    outOnly,
    inOnly: [],
  };
}

/** Of a promiscuous trunk: which VLANs leave it as those of which primary VLAN. */
export function primariesOf(vlans: PrivateVlans, vlan: VlanConfig | undefined): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  if (vlan === undefined || !('trunk' in vlan) || vlan.promiscuous !== true) return found;
  for (const [vid, { primary }] of vlans)
    if (vid !== primary && carriesVlan(vlan, primary)) found.set(vid, primary);
  return found;
}

/** What a port is in a private VLAN; undefined = a trunk, or in none. */
export function portRole(vlans: PrivateVlans, vlan: VlanConfig | undefined): PrivateVlan | undefined {
  return vlans.size === 0 ? undefined : onlyVlan(vlans, vlanSet(vlan));
}

function onlyVlan(vlans: PrivateVlans, { pvid, tagged }: VlanSet): PrivateVlan | undefined {
  return tagged.length === 0 ? vlans.get(pvid) : undefined;
}

/** Whether a static entry of VLAN `vid` may be on a port. */
export function maySend(vlans: PrivateVlans, vlan: VlanConfig | undefined, vid: number): boolean {
  return carriesVlan(vlan, vid) || portRole(vlans, vlan)?.primary === vid;
}

/** Why an entry cannot be of VLAN `vid`. */
export function sharedProblem(vlans: PrivateVlans, vid: number): string | undefined {
  const primary = primaryOf(vlans, vid);
  return primary === vid
    ? undefined
    : `VLAN ${vid} is a private one and shares the entries of its primary VLAN: say ${primary}`;
}

export function checkVlans(name: string, bridge: BridgeConfig, doubts: Doubts, problems: Problem[]): void {
  const { vlans } = bridge;
  checkPromiscuous(name, bridge, problems);
  if (Object.keys(vlans).length === 0 || doubts.filtering(name)) return;
  const path = ['bridges', name, 'vlans'];
  if (!bridge.vlan_filtering) {
    const message = `bridge ${name} does not filter VLANs: set its vlan_filtering to true, or remove this key`;
    problems.push({ path, message });
    return;
  }
  const owner = new Map<number, string>();
  for (const [key, { private: secondaries }] of Object.entries(vlans)) {
    const { isolated, communities = [] } = secondaries ?? {};
    const claims = communities.map((vid, index) => [vid, ['communities', index]] as const);
    for (const [vid, place] of isolated === undefined
      ? claims
      : [[isolated, ['isolated']] as const, ...claims]) {
      const other = owner.get(vid);
      const message =
        other !== undefined
          ? `VLAN ${vid} belongs to the primary VLAN ${other} already`
          : vid === Number(key)
            ? `VLAN ${vid} is the primary VLAN itself`
            : Object.hasOwn(vlans, vid)
              ? `VLAN ${vid} has settings of its own (vlans.${vid}): a secondary VLAN shares those of its primary`
              : undefined;
      if (message !== undefined) problems.push({ path: [...path, key, 'private', ...place], message });
      owner.set(vid, key);
    }
  }
  checkTrunks(name, bridge, problems);
}

function checkPromiscuous(name: string, bridge: BridgeConfig, problems: Problem[]): void {
  if (!bridge.vlan_filtering) return;
  const vlans = privateVlans(bridge);
  const check = (path: string[], vlan: VlanConfig | undefined) => {
    if (vlan === undefined || !('trunk' in vlan) || vlan.promiscuous !== true) return;
    const primaries = primariesOf(vlans, vlan);
    const report = (key: string, message: string) => problems.push({ path: [...path, 'vlan', key], message });
    if (primaries.size === 0)
      report(
        'promiscuous',
        'carries no primary VLAN: name one in the trunk, and its secondary ones in `vlans`',
      );
    const own = [...primaries.keys()].find((vid) => carriesVlan(vlan, vid));
    if (own !== undefined)
      report(
        'trunk',
        `VLAN ${own} leaves as VLAN ${primaries.get(own)} through a promiscuous trunk: take it from the list`,
      );
  };
  if (bridge.local !== false) check(['bridges', name, 'local'], bridge.local.vlan);
  for (const [port, { vlan }] of Object.entries(bridge.ports)) check(['bridges', name, 'ports', port], vlan);
}

/** Answers to what comes from a secondary VLAN come in the primary one. */
function checkTrunks(name: string, bridge: BridgeConfig, problems: Problem[]): void {
  const vlans = privateVlans(bridge);
  if (vlans.size === 0) return;
  const check = (path: string[], vlan: VlanConfig | undefined) => {
    const set = vlanSet(vlan);
    if (onlyVlan(vlans, set) !== undefined) return;
    const carried = new Uint8Array(VIDS);
    for (const { from, to } of [...set.tagged, ...set.untagged]) carried.fill(1, from, to + 1);
    for (const [vid, { primary }] of vlans) {
      if (carried[vid] === 0 || carried[primary] === 1) continue;
      const message = `carries VLAN ${vid} without its primary VLAN ${primary}, in which the answers come: add that`;
      const key = vlan !== undefined && 'tunnel' in vlan ? 'tunnel' : 'trunk';
      problems.push({ path: [...path, 'vlan', key], message });
      return;
    }
  };
  if (bridge.local !== false) check(['bridges', name, 'local'], bridge.local.vlan);
  for (const [port, { vlan }] of Object.entries(bridge.ports)) check(['bridges', name, 'ports', port], vlan);
}
