// Where a network of guests is: a bridge that does not filter VLANs is one, of another each of its VLANs may be one.
//
//   bridges.br0.network            br0       the host is in it by the bridge's own interface
//   bridges.br0.vlans.10.network   br0.10    ... if that is in VLAN 10 alone, else by the port br0.10

import type { NetworkConfig, NetworkMode } from './network_shape.ts';
import type { Path } from './path.ts';
import type { BridgeConfig } from './shape.ts';
import { vlanSet } from './vlan_set.ts';

export interface NetworkPlace {
  /** Of the network: `br0`, `br0.10`. */
  name: string;
  bridge: string;
  /** 0: the bridge does not filter VLANs. */
  vlan: number;
  config: NetworkConfig;
  path: Path;
}

/** The interface of the host in a network, which is the guests' gateway. */
export interface HostInterface {
  name: string;
  /** Of its namespace, if it is not that of this process. */
  netns: string | undefined;
}

export function networkPlaces(
  bridge: string,
  { network, vlan_filtering, vlans }: BridgeConfig,
): NetworkPlace[] {
  if (!vlan_filtering) {
    const path = ['bridges', bridge, 'network'];
    return network === undefined ? [] : [{ name: bridge, bridge, vlan: 0, config: network, path }];
  }
  return Object.entries(vlans).flatMap(([vid, { network: config }]) => {
    const path = ['bridges', bridge, 'vlans', vid, 'network'];
    return config === undefined
      ? []
      : [{ name: `${bridge}.${vid}`, bridge, vlan: Number(vid), config, path }];
  });
}

/** Undefined: the host is not in the network. */
export function hostInterface(
  { bridge: name, vlan }: Pick<NetworkPlace, 'bridge' | 'vlan'>,
  { local, ports }: BridgeConfig,
): HostInterface | undefined {
  if (local !== false && (vlan === 0 || isOnly(vlanSet(local.vlan), vlan)))
    return { name, netns: local.netns };
  const own = `${name}.${vlan}`;
  const port = vlan !== 0 && Object.hasOwn(ports, own) ? ports[own] : undefined;
  if (port?.type !== 'tap' || port.fd !== undefined || !isOnly(vlanSet(port.vlan), vlan)) return undefined;
  return { name: own, netns: port.netns };
}

function isOnly({ pvid, tagged, untagged }: ReturnType<typeof vlanSet>, vlan: number): boolean {
  return pvid === vlan && tagged.length === 0 && untagged.length === 1 && untagged[0].from === untagged[0].to;
}

/** Whether the host is in the network. */
export function hasHost(mode: NetworkMode): boolean {
  return mode === 'host-only' || mode === 'nat' || mode === 'routed';
}

/** Whether there is a way out of it, by the gateway. */
export function leadsOut(mode: NetworkMode): boolean {
  return mode === 'nat' || mode === 'routed';
}

/** The port by which a network gets out; undefined: by the host. */
export function uplinkPort({ uplink }: Pick<NetworkConfig, 'uplink'>): string | undefined {
  const port = typeof uplink === 'object' ? uplink.port : uplink;
  return port === 'host' ? undefined : port;
}
