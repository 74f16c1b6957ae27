// A network whose way out is a port: a router of its own joins the guests and the LAN behind that port.
//
//   guests -- br0 -- br0.guests [ router br0 ] br0.uplink -- lan -- eth1         network: { mode: nat, uplink: eth1 }
//
// The port is one of another bridge, or of another VLAN. The router is made of what the network says, and is in no file.

import { formatIp } from '../wire/ip_address.ts';
import { devicesIn } from './members.ts';
import { TO_INTERFACE } from './nat.ts';
import { type NetworkPlace, networkPlaces, uplinkPort } from './network_places.ts';
import { fixedUplink, listOf, type Network, networkOf, ROUTER_ADDRESS } from './networks.ts';
import { portVlans, privateVlans } from './private_vlans.ts';
import { parsePublished, targetOf } from './published.ts';
import { type RouterConfig, type RoutersConfig, router } from './router_shape.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import { formatAddress, formatSubnet, parseSubnet6 } from './subnet.ts';

/** Names of its interfaces. */
export const GUESTS = 'guests';
export const UPLINK = 'uplink';

/** The routers that networks have, by the network's name. */
export function networkRouters({ bridges }: Pick<SwitchConfig, 'bridges'>): RoutersConfig {
  const found: RoutersConfig = {};
  for (const [name, bridge] of Object.entries(bridges))
    for (const place of networkPlaces(name, bridge)) {
      const config = routerOf(place, bridge, bridges);
      if (config !== undefined) found[place.name] = config;
    }
  return found;
}

/** Undefined: the network gets out by the host, or not at all. While its port is missing, the guests have their gateway all the same. */
function routerOf(
  place: NetworkPlace,
  bridge: BridgeConfig,
  bridges: SwitchConfig['bridges'],
): RouterConfig | undefined {
  const { config } = place;
  const port = uplinkPort(config);
  const network = networkOf(place, bridge);
  if (network === undefined || port === undefined) return undefined;
  const lan = placeOf(port, bridges);
  const guests = {
    bridge: place.bridge,
    ...(place.vlan !== 0 && { vlan: place.vlan }),
    address: gatewayAddresses(network),
    reverse_path: 'strict',
  };
  if (lan === undefined) return router.parse({ interfaces: { [GUESTS]: guests } });
  const fixed4 = fixedUplink(config, 4);
  const { fixed6, ipv6 } = network;
  const fixed = [fixed4, fixed6].filter((one) => one !== undefined);
  return router.parse({
    interfaces: {
      [GUESTS]: guests,
      [UPLINK]: {
        ...lan,
        address: fixed.map(({ address }) => address),
        dhcp: fixed4 === undefined,
        slaac: fixed6 === undefined && ipv6 !== undefined,
      },
    },
    routes: [
      ...(fixed4 === undefined ? [] : [{ to: '0.0.0.0/0', via: fixed4.gateway }]),
      ...(fixed6 === undefined ? [] : [{ to: '::/0', via: fixed6.gateway, interface: UPLINK }]),
    ],
    nat: config.mode === 'nat' ? natRules(network) : [],
  });
}

/** In IPv6 of every gateway the same, too: its advertisements come from that. */
function gatewayAddresses({ subnet, gateway, ipv6 }: Network): string[] {
  const address = `${formatAddress(gateway)}/${subnet.prefix}`;
  if (ipv6 === undefined) return [address];
  return [address, `${formatIp(ipv6.gateway)}/${ipv6.subnet.bits}`, `${ROUTER_ADDRESS}/64`];
}

function natRules({ subnet, hosts, publish, as }: Network): object[] {
  const to = as === undefined ? TO_INTERFACE : formatAddress(as);
  return [
    ...publish.flatMap((text) => publishedRule(text, hosts)),
    { source: formatSubnet(subnet), to, via: UPLINK, private: true },
  ];
}

function publishedRule(text: string, hosts: ReadonlyMap<string, number>): object[] {
  const published = parsePublished(text);
  const target = published && targetOf(published, hosts);
  if (published === undefined || target === undefined) return []; // the configuration was checked
  const { protocol, first, last, port } = published;
  const range = first === last ? `${first}` : `${first}-${last}`;
  return [{ destination: `${protocol}/${range}`, to: `${formatAddress(target)}:${port}` }];
}

/** Bridge and VLAN of what a port receives without a tag. */
export function placeOf(
  port: string,
  bridges: SwitchConfig['bridges'],
): { bridge: string; vlan?: number } | undefined {
  for (const [name, bridge] of Object.entries(bridges)) {
    const config = Object.hasOwn(bridge.ports, port) ? bridge.ports[port] : undefined;
    if (config === undefined) continue;
    if (!bridge.vlan_filtering) return { bridge: name };
    const { pvid } = portVlans(privateVlans(bridge), config.vlan);
    return pvid === 0 ? undefined : { bridge: name, vlan: pvid };
  }
  return undefined;
}

type Report = (path: (string | number)[], message: string) => void;

/** What keeps a network from getting out by a port. */
export function checkUplink(place: NetworkPlace, config: SwitchConfig, report: Report): void {
  const port = uplinkPort(place.config);
  if (port === undefined) return;
  const { mode } = place.config;
  const { bridges, routers = {} } = config;
  if (mode !== 'nat' && mode !== 'routed') {
    report(['uplink'], `guests get out in modes nat and routed only, not in mode ${mode}`);
    return;
  }
  const lan = placeOf(port, bridges);
  const holder = Object.values(bridges).find((bridge) => Object.hasOwn(bridge.ports, port));
  if (holder === undefined) {
    const isMember = Object.values(bridges).some((bridge) =>
      devicesIn(bridge).some(([name]) => name === port),
    );
    const why = isMember
      ? `${port} is a member: name its aggregate`
      : `there is no port ${port}: the way out is host, or a port of another bridge, such as bridges: { lan: { ports: { ${port}: { type: af_packet } } } }`;
    report(['uplink'], why);
  } else if (lan === undefined)
    report(['uplink'], `${port} has no VLAN for frames without a tag: give it one, by access or native`);
  else if (lan.bridge === place.bridge && (lan.vlan ?? 0) === place.vlan)
    report(
      ['uplink'],
      `${port} is in the guests' own network: attach it to a bridge of its own, or take mode bridged`,
    );
  if (Object.hasOwn(routers, place.name))
    report(
      ['uplink'],
      `the network would have a router ${place.name}, and routers has one, too: rename that`,
    );
  checkUplink6(place, report);
  if (place.config.dns)
    report(
      ['dns'],
      'the host answers, and is not in the network of an uplink that is a port: remove this key',
    );
}

/** What a port as the way out has not for IPv6. */
function checkUplink6({ config }: NetworkPlace, report: Report): void {
  const hasIpv6 = listOf(config.subnet).some((text) => parseSubnet6(text) !== undefined);
  if (!hasIpv6) {
    if (fixedUplink(config, 6) !== undefined)
      report(['uplink', 'address'], 'the network has no IPv6: add such a subnet, or leave this address out');
    return;
  }
  if (config.mode === 'nat')
    report(
      ['subnet'],
      'by a port IPv6 is not translated: set mode to routed, with a prefix that is routed to you, leave the IPv6 subnet out, or take uplink: host',
    );
  if (typeof config.dhcp6 === 'object' && config.dhcp6.delegate !== undefined)
    report(
      ['dhcp6', 'delegate'],
      'the host has the routes to prefixes of guests: remove this key, or take uplink: host',
    );
}
