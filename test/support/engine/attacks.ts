// The attacks of a hostile guest, `e` on port evil, on its neighbours `a`, the gateway, and `b`; and the ports that stop them.

import { arp, dhcp, linkLocal, nd, tagged, udp } from './attacker.ts';
import { packet } from './packets.ts';

export const MAC = (name: string) => `02:00:00:00:00:${name.charCodeAt(0).toString(16)}`;
const bound = (name: string, ...ip: string[]) => ({ source: 'strict', bindings: [{ mac: MAC(name), ip }] });

export const PORTS = {
  evil: {
    guard: bound('e', '10.0.0.6', 'fd00::6'),
    fdb_limit: 4,
    storm_control: { broadcast: { frames: 10 }, multicast: { frames: 10 } },
    stp: { edge: true, guard: 'bpdu' },
    vlan: { access: 10 },
  },
  a: { guard: bound('a', '10.0.0.1', 'fd00::1'), stp: { edge: true }, vlan: { access: 10 } },
  b: { guard: bound('b', '10.0.0.2', 'fd00::2'), stp: { edge: true }, vlan: { access: 10 } },
  trunk: { stp: { edge: true }, vlan: { trunk: [20], native: 10 } },
};

const from = (name: string, src: string, more = {}) =>
  packet({ from: name, to: 'b', src, dst: '10.0.0.2', ...more });
export const A_TO_B = from('a', '10.0.0.1');
export const B_TO_A = packet({ from: 'b', to: 'a', src: '10.0.0.2', dst: '10.0.0.1' });
const own = linkLocal('e');
const many = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));
const station = (n: number) =>
  `02:00:00:01:${(n >> 8).toString(16)}:${(n & 255).toString(16)}`.replaceAll(/:(.)(?=:|$)/g, ':0$1');
const group = (n: number) =>
  packet({ from: 'e', to: '01:00:5e:00:00:09', src: '10.0.0.6', dst: '239.0.0.9', payload: [n] });

export interface Attack {
  frames: Uint8Array[];
  /** Reasons of evil's drops. */
  stopped: string[];
  /** How many of them neighbours hear, at most: of what a rate lets through. */
  heard?: number;
}

export const ATTACKS: Record<string, Attack> = {
  'a MAC flood': { frames: many(500, (n) => from(station(n), '10.0.0.6')), stopped: ['spoofed_mac'] },
  'ARP poisoning': {
    frames: [arp({ from: 'e', ip: '10.0.0.1', target: '10.0.0.2', to: 'b', reply: true })],
    stopped: ['arp_spoofed'],
  },
  'gratuitous ARP for the gateway': {
    frames: [
      arp({ from: 'e', ip: '10.0.0.1', target: '10.0.0.1' }),
      arp({ from: 'a', ip: '10.0.0.1', target: '10.0.0.1' }),
    ],
    stopped: ['arp_spoofed'],
  },
  'false neighbour advertisements': {
    frames: [nd({ from: 'e', src: own, type: 136, target: 'fd00::1', option: 'e' })],
    stopped: ['nd_spoofed'],
  },
  'DHCP starvation': {
    frames: [...many(100, (n) => dhcp(station(n))), ...many(100, (n) => dhcp('e', { chaddr: station(n) }))],
    stopped: ['spoofed_mac'],
  },
  'a DHCP server': {
    frames: [packet({ from: 'e', to: '*', src: '10.0.0.6', dst: '255.255.255.255', payload: udp(67, 68) })],
    stopped: ['rogue_server'],
  },
  'router advertisements': {
    frames: [
      nd({ from: 'e', src: own, type: 134 }),
      nd({ from: 'e', src: own, type: 134, extensions: { next: 60, bytes: [58, 0, 1, 4, 0, 0, 0, 0] } }),
    ],
    stopped: ['rogue_router'],
  },
  'spoofed IPv4, IPv6 and MAC': {
    frames: [
      from('e', '10.0.0.1'),
      packet({ from: 'e', to: 'b', src: 'fd00::1', dst: 'fd00::2' }),
      from('a', '10.0.0.1'),
    ],
    stopped: ['spoofed_ip', 'spoofed_mac'],
  },
  'VLAN hopping with a tag, and with two': {
    frames: [
      tagged(from('e', '10.0.0.6'), [0x8100, 20]),
      tagged(from('e', '10.0.0.6'), [0x8100, 10], [0x8100, 20]),
      tagged(from('e', '10.0.0.6'), [0x88a8, 10], [0x8100, 20]),
    ],
    stopped: ['vlan_not_allowed', 'double_tag'],
  },
  'a storm of broadcasts and multicasts': {
    frames: [...many(200, () => arp({ from: 'e', ip: '10.0.0.6', target: '10.0.0.9' })), ...many(200, group)],
    stopped: ['storm_broadcast', 'storm_multicast'],
    // For each of three neighbours, the first of either kind.
    heard: 3 * 2 * 2,
  },
  'tiny fragments, and one beyond the largest packet': {
    frames: [
      from('e', '10.0.0.6', { protocol: 6, fragment: 0x2000, payload: new Array(8).fill(0) }),
      from('e', '10.0.0.6', { protocol: 6, fragment: 1, payload: new Array(16).fill(0) }),
      from('e', '10.0.0.6', { fragment: 8191, payload: new Array(64).fill(0) }),
    ],
    stopped: ['tiny_fragment'],
  },
  // Their receiver drops them (RFC 5722): they are the attacker's own, and hide nothing from the guard.
  'fragments that overlap': {
    frames: many(2, (n) => from('e', '10.0.0.6', { fragment: 0x2000 | n, payload: new Array(64).fill(n) })),
    stopped: [],
    heard: 2,
  },
  BPDUs: {
    frames: [
      Uint8Array.from([
        1,
        0x80,
        0xc2,
        0,
        0,
        0,
        2,
        0,
        0,
        0,
        0,
        0x65,
        0,
        39,
        0x42,
        0x42,
        3,
        0,
        0,
        2,
        2,
        ...new Array(45).fill(0),
      ]),
    ],
    stopped: [],
  },
};
