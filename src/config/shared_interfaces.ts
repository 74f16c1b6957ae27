// Several af_packet ports on one interface, as bridges over `eth0.10` and `eth0.20` have it in Linux: each has VLANs of its
// own there, and one of them what has no tag.

import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import type { Path } from './path.ts';
import type { PortConfig } from './port_shape.ts';
import type { Range } from './range.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import { bridgeStp, isStpOn, portStp } from './stp.ts';
import { vlanSet } from './vlan_set.ts';

/** A packet socket's filter has 4,096 instructions, three for each. */
const MAX_RANGES = 1362;

/** What a port receives of an interface that it shares. */
export interface Share {
  /** VLANs with a tag. */
  tagged: readonly Range[];
  /** Frames without a tag of 802.1Q, or with a priority tag: those of the protocols of the link, too. */
  untagged: boolean;
  /** The other ports on the interface. */
  others: ReadonlySet<string>;
}

interface Sharer {
  name: string;
  bridge: string;
  settings: BridgeConfig;
  port: Extract<PortConfig, { type: 'af_packet' }>;
  path: Path;
}

export function interfaceKey(device: string, netns: string | undefined): string {
  return `${device} ${netns ?? ''}`;
}

const known = new WeakMap<SwitchConfig, Map<string, Share>>();

/** By port; ports that have their interface alone are not in it. */
export function shares(config: SwitchConfig): ReadonlyMap<string, Share> {
  const before = known.get(config);
  if (before !== undefined) return before;
  const found = new Map<string, Share>();
  known.set(config, found);
  for (const group of groups(config)) {
    for (const { name, port } of group) {
      const others = new Set(group.map((one) => one.name).filter((other) => other !== name));
      found.set(name, { ...shareOf(port), others });
    }
  }
  return found;
}

function shareOf({ vlan }: PortConfig): Omit<Share, 'others'> {
  const { tagged, untagged, pvid } = vlanSet(vlan);
  return { tagged: [...tagged, ...untagged], untagged: pvid !== 0 };
}

function groups({ bridges }: SwitchConfig): Sharer[][] {
  const byInterface = new Map<string, Sharer[]>();
  for (const [bridge, settings] of Object.entries(bridges)) {
    for (const [name, port] of Object.entries(settings.ports)) {
      if (port.type !== 'af_packet') continue;
      const key = interfaceKey(port.interface ?? name, port.netns);
      const sharer = { name, bridge, settings, port, path: ['bridges', bridge, 'ports', name] };
      const group = byInterface.get(key);
      if (group === undefined) byInterface.set(key, [sharer]);
      else group.push(sharer);
    }
  }
  return [...byInterface.values()].filter(({ length }) => length > 1);
}

export function checkShares(config: SwitchConfig, doubts: Doubts, problems: Problem[]): void {
  for (const group of groups(config)) {
    const [first] = group;
    for (const [n, one] of group.entries()) checkShare(one, first, group.slice(0, n), doubts, problems);
  }
}

function checkShare(
  one: Sharer,
  first: Sharer,
  earlier: Sharer[],
  doubts: Doubts,
  problems: Problem[],
): void {
  const { path, port } = one;
  const device = first.port.interface ?? first.name;
  const report = (key: string, message: string) => problems.push({ path: [...path, key], message });
  const unaware = [first, one].find(
    ({ bridge, settings }) => !settings.vlan_filtering && !doubts.filtering(bridge),
  );
  if (unaware !== undefined) {
    const how = `which is shared only if bridge ${unaware.bridge} filters VLANs (vlan_filtering: true)`;
    if (one !== first) report('interface', `port ${first.name} already attaches ${device}, ${how}`);
    return;
  }
  if (!hasOrdinaryTags(one))
    report(
      'vlan',
      `${device} is shared by tags of 802.1Q: a tunnel, service tags or translate need it alone`,
    );
  if (port.host_stack !== first.port.host_stack)
    report('host_stack', `must be as at port ${first.name}, which attaches ${device}, too`);
  for (const other of earlier) {
    const both = common(one, other);
    if (both !== undefined) report('vlan', `port ${other.name} has ${both} of ${device}`);
  }
  const { tagged, untagged } = shareOf(port);
  if (tagged.length > MAX_RANGES)
    report('vlan', `${tagged.length} ranges of VLANs; a port that shares ${device} can have ${MAX_RANGES}`);
  if (untagged) return;
  // Protocols of the link have no tag: only one port can hear them.
  const message = `frames of ${device} without a tag are not this port's`;
  if (isStpOn(one.settings) && !portStp(port, bridgeStp(one.settings)).guard.includes('filter'))
    report('stp', `${message}, so it takes no part in spanning tree: set its guard to filter`);
  if (port.loop_detection) report('loop_detection', message);
}

/** The filter of a socket goes by the VIDs on the wire, and knows no other tag. */
function hasOrdinaryTags({ settings, port: { vlan } }: Sharer): boolean {
  if (vlan === undefined || 'access' in vlan) return true;
  if ('tunnel' in vlan) return false;
  return (vlan.protocol ?? settings.vlan_protocol) === '802.1Q' && vlan.translate === undefined;
}

function common(a: Sharer, b: Sharer): string | undefined {
  const [one, other] = [a, b].map(({ port }) => shareOf(port));
  if (one.untagged && other.untagged) return 'the frames without a tag';
  for (const { from, to } of one.tagged) {
    const vid = other.tagged.find((range) => range.from <= to && from <= range.to);
    if (vid !== undefined) return `VLAN ${Math.max(from, vid.from)}`;
  }
  return undefined;
}
