// Rows of docs/differences.md that are about routers: for each, what shows it. The scenes of routed_scene.ts and the packets of
// routed_packets.ts do without.

import { be16, icmpMessage, type Packet, packet } from '../../engine/packets.ts';
import { type RoutedScene, type SceneRouter, TABLE } from './routed_scene.ts';
import { address4, address6, GATEWAYS, HOSTS, hostMac, NETWORKS, routerMac } from './routed_world.ts';
import { type Request, toVnet } from './vnet_frames.ts';

export interface RouteRow {
  number: number;
  what: string;
  scene: RoutedScene;
  /** From a host of network 0. */
  frames: Buffer[];
}

/** Two routers with a network between them, in which packets for 192.0.2.0/24 go in a circle. */
const ROUTERS: SceneRouter[] = [
  {
    number: 0,
    routes: [
      { to: '10.1.2.0/24', via: address4(6, 2) },
      { to: '192.0.2.0/24', via: address4(6, 2) },
      { to: '172.16.0.0/12', via: address4(1, GATEWAYS[0]) },
      { to: '198.51.100.0/24', type: 'prohibit' },
      { to: '2001:db8::/32', via: address6(0, GATEWAYS[0]) },
    ],
    reversePath: { 0: 'off', 1: 'off', 6: 'off' },
  },
  {
    number: 1,
    routes: [
      { to: '192.0.2.0/24', via: address4(6, 1) },
      { to: '10.1.0.0/24', via: address4(6, 1) },
    ],
    reversePath: { 2: 'off', 6: 'off' },
  },
];
const NETWORK_NUMBERS = [0, 1, 2, 3, 6];
const SCENE: RoutedScene = {
  networks: NETWORKS.filter(({ number }) => NETWORK_NUMBERS.includes(number)).map((network) => ({
    ...network,
    mtu: network.isNarrow ? 576 : 1500,
  })),
  routers: ROUTERS,
};
const STRICT: RoutedScene = {
  ...SCENE,
  routers: [{ ...ROUTERS[0], reversePath: { ...ROUTERS[0].reversePath, 0: 'strict' } }, ROUTERS[1]],
};

/** What comes from network 0 has a table of its own, in which 192.0.2.0/24 is behind another gateway. */
const TABLED: RoutedScene = {
  ...SCENE,
  answersByMain: true,
  routers: [
    {
      ...ROUTERS[0],
      routes: [...ROUTERS[0].routes, { to: '192.0.2.0/24', via: address4(1, GATEWAYS[0]), table: TABLE }],
      tabled: [0],
    },
    ROUTERS[1],
  ],
};

const [WAY, SILENT] = GATEWAYS;
/** One of two next hops is not there. */
export const HALF_DEAD: RoutedScene = {
  networks: SCENE.networks.filter(({ number }) => number === 2 || number === 3),
  routers: [
    {
      number: 1,
      routes: [
        { to: '172.16.0.0/12', via: [address4(3, WAY), address4(3, SILENT)] },
        { to: '2001:db8::/32', via: [address6(3, SILENT), address6(3, WAY)] },
      ],
      reversePath: {},
    },
  ],
  silent: [SILENT],
};

const [HOST] = HOSTS;
const FROM = { src: address4(0, HOST), dst: '172.16.1.1' };
const FROM6 = { src: address6(0, HOST), dst: '2001:db8::1' };
const OWN = address4(0, 1);
const OWN6 = address6(0, 1);

function frame(spec: Partial<Packet>, request?: Request): Buffer {
  const bytes = Buffer.from(packet({ from: 'a', to: 'A', ...FROM, ...spec }));
  bytes.write((routerMac(0, 0) + hostMac(0, HOST)).replaceAll(':', ''), 'hex');
  return request === undefined ? toVnet(bytes) : toVnet(bytes, request, HEADERS);
}

/** Before the payload of TCP over IPv4. */
const HEADERS = 14 + 20 + 20;
const SEGMENT = [...be16(1000), ...be16(2000), 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0];
const TCP = 6;

/** Segments of 1,000 bytes, too long for network 1. */
function superFrame(fragment: number): Buffer {
  const payload = [...SEGMENT, ...new Array(3000).fill(7)];
  const request = { gsoType: 1, gsoSize: 1000, csumStart: 34, csumOffset: 16 };
  return frame({ protocol: TCP, payload, fragment }, request);
}

const ECHO = icmpMessage(FROM.src, OWN, 8, [0, 1, 0, 1, ...new Array(24).fill(7)]);
const BAD_UDP = [...be16(1000), ...be16(2000), ...be16(8), 0x12, 0x34];

const UNKNOWN_OPTION = [17, 0, 0x9e, 4, 0, 0, 0, 0, ...BAD_UDP];

const row = (number: number, what: string, frames: Partial<Packet>[], scene = SCENE): RouteRow => ({
  number,
  what,
  scene,
  frames: frames.map((spec) => frame(spec)),
});

export const ROUTE_ROWS: RouteRow[] = [
  row(30, 'an address of 0.0.0.0/8', [{ dst: '0.1.2.3' }]),
  row(31, 'an address of 240.0.0.0/4', [{ dst: '240.0.0.1' }]),
  row(32, 'a link-local address of IPv4', [{ src: '169.254.1.1' }]),
  row(33, 'an IPv6 source that is the router', [{ ...FROM6, src: OWN6 }]),
  row(34, 'the unspecified address of IPv6', [{ ...FROM6, dst: '::' }]),
  row(35, 'an IPv6 source that is not routed back', [{ ...FROM6, src: 'fd00:0:0:77::1' }], STRICT),
  row(37, 'a circle of routers', [{ dst: '192.0.2.1' }]),
  row(38, 'an option that routers fill in', [{ options: [7, 7, 4, 0, 0, 0, 0, 0] }]),
  row(40, 'an echo request in fragments', [
    { dst: OWN, protocol: 1, payload: ECHO.slice(0, 16), fragment: 0x2000 },
    { dst: OWN, protocol: 1, payload: ECHO.slice(16), fragment: 0x0002 },
  ]),
  row(41, 'TCP and other protocols to the router', [{ dst: OWN, protocol: 89 }]),
  row(42, 'a hop-by-hop option that nobody knows', [{ ...FROM6, protocol: 0, payload: UNKNOWN_OPTION }]),
  row(43, 'a wrong checksum behind the IP header, to the router', [{ dst: OWN, payload: BAD_UDP }]),
  row(44, 'an echo request to the address of a subnet', [
    {
      src: FROM6.src,
      dst: 'fd00::',
      protocol: 58,
      payload: icmpMessage(FROM6.src, 'fd00::', 128, [0, 1, 0, 1, 1, 2, 3, 4]),
    },
  ]),
  row(
    45,
    'an answer to what came in by an interface with a table of its own',
    [{ src: '192.0.2.9', dst: '203.0.113.1' }],
    TABLED,
  ),
  {
    number: 46,
    what: 'a super-frame without DF, whose segments are too long',
    scene: SCENE,
    frames: [superFrame(0)],
  },
];
