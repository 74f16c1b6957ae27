// Flags of a port as `bridge -d link` tells them and `bridge link set` changes them: each with the key that it is here, or why
// it is none.

import type { PortConfig } from '../../config/schema.ts';
import { type Guard, portStp } from '../../config/stp.ts';
import { lacking, refused } from './failure.ts';

export type FlagValue = boolean | number;

interface Flag {
  readonly name: string;
  /** It is a number, not on or off. */
  readonly isNumber?: true;
  readonly of: (port: PortConfig) => FlagValue;
  /** The change of the configuration that makes it so. */
  readonly patch: (value: FlagValue, port: PortConfig) => Record<string, unknown>;
}

const key = (name: 'hairpin' | 'learning' | 'flood' | 'mcast_flood' | 'bcast_flood' | Locks): Flag => ({
  name,
  of: (port) => port[name],
  patch: (value) => ({ [name]: value }),
});
type Locks = 'isolated' | 'locked' | 'mab';

const guardsOf = (port: PortConfig) => portStp(port, { protocol: 'stp' }).guard;

const guard = (name: string, own: Guard): Flag => ({
  name,
  of: (port) => guardsOf(port).includes(own),
  patch: (value, port) => {
    const others = guardsOf(port).filter((one) => one !== own);
    return { stp: { guard: value ? [...others, own] : others } };
  },
});

/** @param why a sentence, and what helps */
const never = (name: string, why: string): Flag => ({
  name,
  of: () => false,
  patch: (value) => {
    if (value) throw lacking(`Taploom has no ${name}: ${why}`);
    return {};
  },
});

const ROUTERS = ['off', 'auto', 'permanent'] as const;

/** As Linux counts: 0 never, 1 found out, 2 always. */
export function mcastRouter({ mcast_router = 'auto' }: PortConfig): number {
  return ROUTERS.indexOf(mcast_router);
}

export function mcastRouterKey(value: number): (typeof ROUTERS)[number] {
  if (value === 3)
    throw lacking(
      'mcast_router 3 is what the queries of a router make of a port for a while: 2 makes it so for good',
    );
  if (value < 0 || value > 3) throw refused('Invalid argument');
  return ROUTERS[value];
}

const NO_PROXY =
  'the switch answers no ARP and no neighbour discovery for others; bcast_flood off keeps all ARP from a port';

/** In the order of iproute2. */
export const LINK_FLAGS: readonly Flag[] = [
  key('hairpin'),
  guard('guard', 'bpdu'),
  guard('root_block', 'root'),
  {
    name: 'fastleave',
    of: ({ mcast_fast_leave = false }) => mcast_fast_leave,
    patch: (value) => ({ mcast_fast_leave: value }),
  },
  key('learning'),
  key('flood'),
  key('mcast_flood'),
  key('bcast_flood'),
  {
    name: 'mcast_router',
    isNumber: true,
    of: mcastRouter,
    patch: (value) => ({ mcast_router: mcastRouterKey(Number(value)) }),
  },
  never(
    'mcast_to_unicast',
    'snooping keeps groups from ports that did not ask, their frames stay multicasts',
  ),
  never('neigh_suppress', NO_PROXY),
  never(
    'vlan_tunnel',
    'a VXLAN port carries one VNI, so add one for each, with its VLAN as --access of taploom port add',
  ),
  key('isolated'),
  key('locked'),
];

/** What iproute2 6.1 does not know, and so tells only where it is set. */
export const NEWER_FLAGS: readonly Flag[] = [
  key('mab'),
  {
    name: 'mcast_max_groups',
    isNumber: true,
    of: ({ mcast_max_groups = 0 }) => mcast_max_groups,
    patch: (value) => ({ mcast_max_groups: value === 0 ? null : value }),
  },
  never('neigh_vlan_suppress', NO_PROXY),
];
