// Multicast snooping: keys of a bridge in the words of Linux (without `mcast_`), and the rules that span several of them.

import { parseIp } from '../wire/ip_address.ts';
import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import { maySend, privateVlans, sharedProblem } from './private_vlans.ts';
import type { BridgeConfig, MulticastConfig } from './shape.ts';

/** Seconds, where nobody says them: RFC 3376 section 8 gives them by others. */
export function multicastTimes(config: MulticastConfig): {
  membership: number;
  querier: number;
  startup: number;
} {
  const { query_interval, query_response_interval, last_member_count } = config;
  const robust = last_member_count * query_interval;
  return {
    membership: config.membership_interval ?? robust + query_response_interval,
    querier: config.querier_interval ?? robust + query_response_interval / 2,
    startup: config.startup_query_interval ?? query_interval / 4,
  };
}

export function checkMulticast(
  name: string,
  bridge: BridgeConfig,
  doubts: Doubts,
  problems: Problem[],
): void {
  const { multicast } = bridge;
  if (multicast === undefined) return;
  const report = (path: (string | number)[], message: string) =>
    problems.push({ path: ['bridges', name, 'multicast', ...path], message });
  if (multicast.query_response_interval >= multicast.query_interval)
    report(['query_response_interval'], 'must be less than query_interval');
  const vlans = privateVlans(bridge);
  for (const [index, entry] of multicast.static.entries()) {
    const at = (key: string) => ['static', index, key];
    if (entry.source !== undefined && parseIp(entry.source)?.length !== parseIp(entry.group)?.length)
      report(at('source'), `${entry.source} is not of the family of ${entry.group}`);
    const port = Object.hasOwn(bridge.ports, entry.port) ? bridge.ports[entry.port] : undefined;
    const local = entry.port === name && bridge.local !== false ? bridge.local : undefined;
    if (port === undefined && local === undefined) {
      if (!doubts.ports(name).has(entry.port)) report(at('port'), `bridge ${name} has no port ${entry.port}`);
    } else if (bridge.vlan_filtering && entry.vlan !== undefined) {
      const shared = sharedProblem(vlans, entry.vlan);
      if (shared !== undefined) report(at('vlan'), shared);
      else if (!maySend(vlans, (port ?? local)?.vlan, entry.vlan))
        report(at('vlan'), `port ${entry.port} does not carry VLAN ${entry.vlan}`);
    }
    if (doubts.filtering(name)) continue;
    if (bridge.vlan_filtering && entry.vlan === undefined)
      report(at('vlan'), `missing: bridge ${name} filters VLANs, so the entry needs one`);
    if (!bridge.vlan_filtering && entry.vlan !== undefined)
      report(
        at('vlan'),
        `bridge ${name} does not filter VLANs: set its vlan_filtering to true, or remove this key`,
      );
  }
}
