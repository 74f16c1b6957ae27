// What the configuration says to snooping: a spec for each family in each VLAN of a bridge.

import { multicastTimes } from '../config/multicast.ts';
import {
  type BridgeConfig,
  type MulticastConfig,
  type PrivateVlans,
  portVlans,
  primaryOf,
  privateVlans,
  vlanSet,
} from '../config/schema.ts';
import type { SnoopingPort, SnoopingSpec } from '../protocol/snooping/spec.ts';
import { formatIp } from '../wire/ip_address.ts';
import type { Family } from '../wire/membership.ts';

/** How one family is snooped in one VLAN. @param mac of the bridge */
export function snoopingSpec(
  name: string,
  bridge: BridgeConfig,
  config: MulticastConfig,
  vlan: number,
  family: Family,
  mac: Uint8Array,
): SnoopingSpec {
  const times = multicastTimes(config);
  const statics = config.static.filter(
    (entry) => (entry.vlan ?? 0) === vlan && entry.group.includes(':') === (family === 6),
  );
  const ports = new Map<string, SnoopingPort>();
  const privates = privateVlans(bridge);
  for (const port of portsOf(name, bridge)) {
    if (!carries(name, bridge, privates, port, vlan)) continue;
    const of = port === name ? undefined : bridge.ports[port];
    const own = new Map<string, Set<string>>();
    for (const { group, source = '', port: to } of statics)
      if (to === port) own.set(group, (own.get(group) ?? new Set()).add(source));
    ports.set(port, {
      router: of?.mcast_router ?? 'auto',
      fastLeave: of?.mcast_fast_leave === true,
      maxGroups: of?.mcast_max_groups ?? Number.POSITIVE_INFINITY,
      statics: own,
    });
  }
  return {
    bridge: name,
    vlan,
    family,
    isQuerier: config.querier,
    address: family === 4 ? config.querier_address : linkLocal(mac),
    version: family === 4 ? config.igmp_version : config.mld_version === 1 ? 2 : 3,
    times: {
      membership: times.membership * 1000,
      querier: times.querier * 1000,
      startupInterval: times.startup * 1000,
      startupCount: config.startup_query_count,
      queryInterval: config.query_interval * 1000,
      queryResponse: config.query_response_interval * 1000,
      lastMemberInterval: config.last_member_interval * 1000,
      lastMemberCount: config.last_member_count,
      lastMember: config.last_member_interval * config.last_member_count * 1000,
    },
    maxGroups: config.max_groups,
    ports,
  };
}

/** Whether a VLAN has something to do before anybody says anything. */
export function isBusy({ querier, static: entries }: MulticastConfig, vlan: number): boolean {
  return querier || entries.some((entry) => (entry.vlan ?? 0) === vlan);
}

/** Ports of a bridge, its own interface first. */
export function portsOf(name: string, { local, ports }: BridgeConfig): string[] {
  return [...(local === false ? [] : [name]), ...Object.keys(ports)];
}

function carries(
  name: string,
  bridge: BridgeConfig,
  privates: PrivateVlans,
  port: string,
  vlan: number,
): boolean {
  if (!bridge.vlan_filtering) return true;
  const config = port === name ? bridge.local || undefined : bridge.ports[port];
  const { tagged, untagged } = portVlans(privates, config?.vlan);
  return [...tagged, ...untagged].some(({ from, to }) => from <= vlan && vlan <= to);
}

export function vlansOf(name: string, bridge: BridgeConfig): Set<number> {
  if (!bridge.vlan_filtering) return new Set([0]);
  const vlans = new Set<number>();
  const privates = privateVlans(bridge);
  for (const port of portsOf(name, bridge)) {
    const config = port === name ? bridge.local || undefined : bridge.ports[port];
    const { tagged, untagged } = vlanSet(config?.vlan);
    for (const { from, to } of [...tagged, ...untagged])
      for (let vlan = from; vlan <= to; vlan++) vlans.add(primaryOf(privates, vlan));
  }
  return vlans;
}

/** The address that an interface with this MAC would have, RFC 4291 appendix A. */
function linkLocal(mac: Uint8Array): string {
  const [a, b, c, d, e, f] = mac;
  return formatIp(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f));
}
