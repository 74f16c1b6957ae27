// Guests of listening sockets as ports of a configuration: each connection is one, made of the template.
//
//   guests: { type: stream, template: ... }   ->   guests     hears nothing and gets nothing: it only listens
//                                                  guests.1   as the template says, or for its user `users`

import type { GuestConfig, PortConfig, StreamPortConfig } from './port_shape.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';

/** Who is at the other end, as far as that is known. */
export interface GuestPeer {
  pid: number;
  uid: number;
  gid: number;
}

/** By listening port, its guests by name. */
export type Guests = ReadonlyMap<string, ReadonlyMap<string, GuestPeer | undefined>>;

/** What the configuration comes to with the guests that are there. The same object if nothing is different. */
export function withGuests(config: SwitchConfig, guests: Guests): SwitchConfig {
  const bridges = Object.entries(config.bridges).map(([name, bridge]): [string, BridgeConfig] => [
    name,
    hasListener(bridge) ? { ...bridge, ports: portsWithGuests(bridge.ports, guests) } : bridge,
  ]);
  if (bridges.every(([name, bridge]) => bridge === config.bridges[name])) return config;
  return { ...config, bridges: Object.fromEntries(bridges) };
}

/** Whether connections to the port become ports of their own. */
export function isListener(port: { type: string } | undefined): port is StreamPortConfig {
  return port?.type === 'stream' && (port as StreamPortConfig).template !== undefined;
}

function hasListener({ ports }: BridgeConfig): boolean {
  return Object.values(ports).some(isListener);
}

function portsWithGuests(ports: BridgeConfig['ports'], guests: Guests): BridgeConfig['ports'] {
  const all = Object.entries(ports).flatMap(([name, port]): [string, PortConfig][] => {
    if (!isListener(port)) return [[name, port]];
    const own = [...(guests.get(name) ?? [])];
    return [
      [name, silent(port)],
      ...own.map(([guest, peer]): [string, PortConfig] => [guest, guestOf(port, peer)]),
    ];
  });
  return Object.fromEntries(all);
}

function silent(port: StreamPortConfig): StreamPortConfig {
  return { ...port, flood: false, bcast_flood: false, mcast_flood: false, learning: false };
}

/** What a guest is. */
export function guestOf(
  { template, users, ...listener }: StreamPortConfig,
  peer: GuestPeer | undefined,
): PortConfig {
  const own = peer === undefined ? undefined : users?.[String(peer.uid)];
  return { ...listener, ...((own ?? template) as GuestConfig) };
}
