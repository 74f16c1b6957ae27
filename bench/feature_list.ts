// What features.ts compares: switches whose bridge differs in one feature, and the frames that both get.

import type { SwitchConfigInput } from '../src/config/schema.ts';
import { formatMac } from '../src/wire/mac.ts';
import { TPID_8021AD, TPID_8021Q } from '../src/wire/vlan.ts';
import { GATEWAYS, MAC_HI, STATIONS, type Traffic } from './feature_frames.ts';
import type { FlowTraffic } from './flows.ts';
import { groupName } from './groups.ts';
import { GROUPS, QUERIER } from './joining.ts';
import { macLo } from './stations.ts';

type Bridge = NonNullable<SwitchConfigInput['bridges']>[string];

export interface Feature {
  name: string;
  /** What it is compared with; undefined: it is there for others. */
  plain?: string;
  bridge?: Bridge;
  /** Of the port in each place. */
  port?: (place: number) => object;
  /** Ports; default 8. */
  ports?: number;
  /** Ports are pairs of links. */
  aggregates?: boolean;
  /** Gets what a mirror copies, and is not counted. */
  analyser?: boolean;
  /** All ports but the first ask for all groups of the traffic. */
  joins?: boolean;
  traffic?: Traffic;
  /** Instead of `traffic`. */
  flowTraffic?: FlowTraffic;
  routers?: SwitchConfigInput['routers'];
  groups?: SwitchConfigInput['groups'];
  acls?: SwitchConfigInput['acls'];
  connections?: SwitchConfigInput['connections'];
  /** Copies of each frame; default 1. */
  copies?: number;
}

/** A switch, and others that differ from it as they say. */
interface Family extends Feature {
  features: readonly Feature[];
}

export const PORTS = 8;
const HALF = PORTS / 2;
const FIRST_HALF = Array.from({ length: HALF }, (_, n) => n);
const SECOND_HALF = FIRST_HALF.map((n) => n + HALF);
const OTHERS = PORTS - 1;

/** More than there will be: the meter runs, and nothing is dropped. */
const RATE = { frames: 1_000_000_000 };
const stormControl = () => ({ storm_control: { broadcast: RATE, multicast: RATE, unknown_unicast: RATE } });

const NETWORK = { mode: 'isolated', subnet: '10.0.0.0/16' } as const;

const VLAN = 100;
const OTHER_VLAN = 200;
const ISOLATED = 101;
const COMMUNITY = 102;
const CUSTOMER_VLAN = 10;
const C_TAG = (TPID_8021Q << 16) | CUSTOMER_VLAN;
const S_TAG = (TPID_8021AD << 16) | VLAN;
const TAG = (TPID_8021Q << 16) | VLAN;
const access = (vlan: number) => ({ vlan: { access: vlan } });
const inVlan = () => access(VLAN);
const trunk = { vlan: { trunk: [VLAN] } };
const provider = { vlan_filtering: true, vlan_protocol: '802.1ad' as const };
const filtering = { vlan_filtering: true };
const withVlan = (settings: NonNullable<Bridge['vlans']>[string]) => ({
  ...filtering,
  vlans: { [VLAN]: settings },
});
/** Customers, or hosts, behind the first half; trunks are the second. */
const edge = (port: object) => (place: number) => (place < HALF ? port : trunk);
const inwards = { from: FIRST_HALF, behind: SECOND_HALF };
const outwards = { from: SECOND_HALF, behind: FIRST_HALF };
const hostsTags = (place: number) => (place < HALF ? [] : [TAG]);
const customersTags = (place: number) => (place < HALF ? [C_TAG] : [S_TAG, C_TAG]);
const tunnel = { vlan: { tunnel: VLAN } };
const byCustomersVlan = { vlan: { tunnel: { [VLAN]: ['10-19', 30], 200: [40] } } };

/** Of the stations behind a port, as `Frames` has them: 512 bindings. @param vlan the only one in which they hold */
const guard = (vlan?: number) => (place: number) => {
  const stations = Array.from({ length: STATIONS / PORTS }, (_, n) => place + n * PORTS);
  const bindings = stations.map((n) => ({
    mac: formatMac(MAC_HI, macLo(n)),
    ip: `10.0.${n >> 8}.${n & 255}`,
    ...(vlan !== undefined && { vlan }),
  }));
  return { guard: { source: 'strict', bindings } };
};

/** Of half of the ports. */
const gateway = (half: number) => ({
  bridge: 'bench',
  vlan: half === 0 ? VLAN : OTHER_VLAN,
  mac: GATEWAYS[half],
  address: [`10.${half}.255.254/16`],
});

const staticStations = Array.from({ length: STATIONS }, (_, n) => ({
  mac: formatMac(MAC_HI, macLo(n)),
  port: `p${n % PORTS}`,
}));

const FAMILIES: readonly Family[] = [
  {
    name: 'a plain bridge',
    features: [
      { name: 'spanning tree', bridge: { stp: true } },
      { name: 'multicast snooping, unicast', bridge: { multicast: QUERIER } },
      { name: 'aggregates of two links', aggregates: true },
      // The engine does the same for a network of any mode.
      { name: 'a network of guests', bridge: { network: NETWORK } },
      { name: 'a network of guests without DHCP', bridge: { network: { ...NETWORK, dhcp: false } } },
      { name: 'storm control', port: stormControl },
      { name: 'sticky addresses', port: () => ({ sticky: true }) },
      {
        name: 'a limit of addresses by port',
        port: () => ({ fdb_limit: STATIONS / PORTS, fdb_limit_action: 'drop' }),
      },
      { name: 'a guard against servers, routers and second tags', port: () => ({ guard: {} }) },
      { name: 'a guard of addresses', port: guard() },
      {
        name: 'a mirror of what ports receive',
        bridge: { mirrors: { all: { direction: 'in', to: 'analyser' } } },
        analyser: true,
      },
      {
        name: 'a mirror of one frame in 1,000',
        bridge: { mirrors: { some: { direction: 'in', to: 'analyser', sample: 1000 } } },
        analyser: true,
      },
      { name: 'a hook that looks at a byte', bridge: { hooks: [{ function: 'look' }] } },
      { name: 'a hook that may drop', bridge: { hooks: [{ function: 'pass' }] } },
      { name: 'a hook that writes a byte', bridge: { hooks: [{ function: 'write' }] } },
    ],
  },
  {
    name: 'static stations',
    bridge: { static: staticStations },
    features: [{ name: 'locked ports', port: () => ({ locked: true }) }],
  },
  {
    name: 'a flood to 7 ports',
    traffic: { to: 'group' },
    copies: OTHERS,
    features: [{ name: 'storm control, a multicast', port: stormControl }],
  },
  {
    name: 'a broadcast to 7 ports',
    traffic: { to: 'broadcast' },
    copies: OTHERS,
    features: [{ name: 'storm control, a broadcast', port: stormControl }],
  },
  {
    name: 'a frame to a stranger, to 7 ports',
    traffic: { to: 'stranger' },
    copies: OTHERS,
    features: [{ name: 'storm control, a frame to a stranger', port: stormControl }],
  },
  {
    name: 'a flood to 2 ports',
    ports: 3,
    traffic: { to: 'group' },
    copies: 2,
    features: [
      {
        name: 'multicast snooping, a group of two of 7 ports',
        ports: PORTS,
        bridge: {
          multicast: { ...QUERIER, static: [2, 3].map((n) => ({ group: groupName(0), port: `p${n}` })) },
        },
      },
    ],
  },
  {
    name: 'one of 8 groups of 63 ports',
    bridge: { multicast: QUERIER },
    ports: 64,
    joins: true,
    traffic: { to: 'group', groups: 8 },
    copies: 63,
    features: [{ name: 'one of 4,096 groups of 63 ports', traffic: { to: 'group', groups: GROUPS } }],
  },

  {
    name: 'a VLAN-aware bridge',
    bridge: filtering,
    port: inVlan,
    features: [
      {
        name: 'a private VLAN, within a community',
        bridge: withVlan({ private: { communities: [COMMUNITY] } }),
        port: () => access(COMMUNITY),
      },
      {
        name: 'a guard of addresses in all VLANs',
        port: (place) => ({ ...inVlan(), ...guard()(place) }),
      },
      {
        name: 'a guard of addresses in one VLAN',
        port: (place) => ({ ...inVlan(), ...guard(VLAN)(place) }),
      },
      { name: 'a VLAN without flood', bridge: withVlan({ flood: false }) },
      {
        name: 'routed to another VLAN',
        port: (place) => access(place < HALF ? VLAN : OTHER_VLAN),
        routers: { r1: { interfaces: { one: gateway(0), other: gateway(1) } } },
        traffic: { to: 'routed' },
      },
    ],
  },
  {
    name: 'routed to another VLAN, 1,000 flows one way',
    bridge: filtering,
    port: (place) => access(place < HALF ? VLAN : OTHER_VLAN),
    routers: { r1: { interfaces: { one: gateway(0), other: gateway(1) } } },
    traffic: { to: 'routed', flows: 1000 },
    features: [
      { name: 'NAT of 1,000 connections', routers: translating() },
      {
        name: 'NAT of 200,000 connections',
        routers: translating(),
        traffic: { to: 'routed', flows: 200_000 },
      },
    ],
  },
  {
    name: 'a VLAN-aware bridge, from one port',
    bridge: filtering,
    port: inVlan,
    traffic: { from: [0] },
    features: [
      {
        name: 'a private VLAN, primary to isolated',
        bridge: withVlan({ private: { isolated: ISOLATED } }),
        port: (place) => access(place === 0 ? VLAN : ISOLATED),
      },
    ],
  },
  {
    name: 'a VLAN-aware bridge, a flood to 7 ports',
    bridge: filtering,
    port: inVlan,
    traffic: { to: 'group' },
    copies: OTHERS,
    features: [{ name: 'a VLAN without learning', bridge: withVlan({ learning: false }) }],
  },

  {
    name: 'access ports to trunks',
    bridge: filtering,
    port: edge(access(VLAN)),
    traffic: { ...inwards, tags: hostsTags },
    features: tunnels('into', inwards),
  },
  {
    name: 'trunks to access ports',
    bridge: filtering,
    port: edge(access(VLAN)),
    traffic: { ...outwards, tags: hostsTags },
    features: tunnels('out of', outwards),
  },
  {
    name: 'trunks to trunks',
    bridge: filtering,
    port: () => trunk,
    traffic: { tags: () => [TAG] },
    features: [
      {
        name: 'VLAN translation',
        port: () => ({ vlan: { ...trunk.vlan, translate: { [CUSTOMER_VLAN]: VLAN } } }),
        traffic: { tags: () => [C_TAG] },
      },
    ],
  },
];

/** Guests of the first subnet have other addresses in the second. */
function translating(): Feature['routers'] {
  const nat = [{ source: '10.0.0.0/16', to: '192.0.2.16/28' }];
  return { r1: { interfaces: { one: gateway(0), other: gateway(1) }, nat } };
}

/** Each family's first, then its others. */
export const FEATURES: readonly Feature[] = FAMILIES.flatMap(({ features, ...plain }) => [
  plain,
  ...features.map((feature) => ({ ...plain, ...feature, plain: plain.name })),
]);

/** The same for a customer, with his own tag, as for hosts without one. */
function tunnels(way: string, traffic: Traffic): Feature[] {
  const common = { bridge: provider, traffic: { ...traffic, tags: customersTags } };
  return [
    { ...common, name: `service tags, ${way} a tunnel`, port: edge(tunnel) },
    { ...common, name: `service tags, ${way} a tunnel by C-VLAN`, port: edge(byCustomersVlan) },
  ];
}
