// What a hostile guest on port evil does, with a guard and rates on its port: nobody hears it, what the neighbours say to each
// other arrives, at nobody else, and they stay where they are. The same with real hosts: test/system/attacks.test.ts.

import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { arp, dhcp, linkLocal, nd, tagged, udp } from '../support/engine/attacker.ts';
import { packet } from '../support/engine/packets.ts';
import { openRig } from '../support/engine/rig.ts';

const MAC = (name: string) => `02:00:00:00:00:${name.charCodeAt(0).toString(16)}`;
const bound = (name: string, ...ip: string[]) => ({ source: 'strict', bindings: [{ mac: MAC(name), ip }] });

const PORTS = {
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
const A_TO_B = from('a', '10.0.0.1');
const B_TO_A = packet({ from: 'b', to: 'a', src: '10.0.0.2', dst: '10.0.0.1' });
const own = linkLocal('e');
const many = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));
const station = (n: number) =>
  `02:00:00:01:${(n >> 8).toString(16)}:${(n & 255).toString(16)}`.replaceAll(/:(.)(?=:|$)/g, ':0$1');
const group = (n: number) =>
  packet({ from: 'e', to: '01:00:5e:00:00:09', src: '10.0.0.6', dst: '239.0.0.9', payload: [n] });

interface Attack {
  frames: Uint8Array[];
  /** Reasons of evil's drops. */
  stopped: string[];
  /** How many of them neighbours hear, at most: of what a rate lets through. */
  heard?: number;
}

const ATTACKS: Record<string, Attack> = {
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

describe('a hostile guest', () => {
  for (const [name, { frames, stopped, heard = 0 }] of Object.entries(ATTACKS)) {
    test(`${name}: neighbours hear nothing of it, and each other`, async () => {
      const rig = await openRig({ br0: { vlan_filtering: true, stp: { protocol: 'rstp' }, ports: PORTS } });
      for (let n = 0; n < 20; n++) {
        rig.now += 200;
        rig.run();
        await turn();
      }
      for (const [port, frame] of [
        ['a', A_TO_B],
        ['b', B_TO_A],
      ] as const)
        rig.run(() => void rig.taploom.memoryPort(port).send(frame));
      rig.received();
      let evil = 0;
      for (const frame of frames) {
        rig.taploom.memoryPort('evil').send(frame);
        rig.taploom.poll(0, rig.now);
        for (const port of ['a', 'b', 'trunk'])
          for (
            let one = rig.taploom.memoryPort(port).receive();
            one;
            one = rig.taploom.memoryPort(port).receive()
          )
            if (one.bytes[0] !== 1 || one.bytes[1] !== 0x80) evil += 1;
        for (const [port, other, said] of [
          ['a', 'b', A_TO_B],
          ['b', 'a', B_TO_A],
        ] as const) {
          rig.taploom.memoryPort(port).send(said);
          rig.taploom.poll(0, rig.now);
          const got = rig.taploom.memoryPort(other).receive();
          expect(Buffer.from(got?.bytes ?? []).equals(said)).toBe(true);
          expect(rig.taploom.memoryPort('evil').receive()).toBeUndefined();
        }
        await turn();
      }
      rig.expectLaws();
      expect(evil).toBeLessThanOrEqual(heard);
      const drops = Object.keys(rig.counters('evil').receiveDropped);
      expect(drops.sort()).toEqual([...stopped].sort());
      expect((await rig.fdb()).filter((line) => / [ab]$/.test(line))).toEqual([
        `br0 vlan 10 ${MAC('a')} a`,
        `br0 vlan 10 ${MAC('b')} b`,
      ]);
      if (name === 'BPDUs')
        expect(rig.taploom.ports().find((one) => one.name === 'evil')?.stp?.state).not.toBe('forwarding');
    });
  }
});
