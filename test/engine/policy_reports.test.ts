// What was reported of others' security groups and guards, tried here; the number is that of the report.

import { describe, expect, test } from 'vitest';
import { arp, dhcp, linkLocal, nd } from '../support/engine/attacker.ts';
import { ACK, FIN, type Fields, ICMP, icmpError, packet, RST, SYN, TCP } from '../support/nat/packets.ts';
import { openPolicy, type PolicyRig } from '../support/policy/rig.ts';

const [A, B, OUTSIDE] = ['10.0.0.1', '10.0.0.2', '198.51.100.7'];
const WEB = { in: [{ protocol: 'tcp' as const, ports: 80, from: 'any' }] };
const CLOSED = { in: [], out: [] };
type Rest = Parameters<typeof openPolicy>[1];

async function open(ports: Record<string, Record<string, unknown>>, rest: Rest): Promise<PolicyRig> {
  const rig = await openPolicy({ br0: { ports } }, rest);
  for (const [port, station] of [
    ['p1', 'a'],
    ['p2', 'b'],
    ['up', 'c'],
  ])
    if (port in ports) rig.say(port, `${station} > *`);
  return rig;
}

const segment = (flags: number, isBack = false): Fields => ({
  protocol: TCP,
  src: isBack ? B : OUTSIDE,
  dst: isBack ? OUTSIDE : B,
  sport: isBack ? 80 : 5000,
  dport: isBack ? 5000 : 80,
  flags,
});
const ask = (rig: PolicyRig, flags: number) => rig.send('up', 'c > b', segment(flags));
const answer = (rig: PolicyRig, flags: number) => rig.send('p2', 'b > c', segment(flags, true));
const passes = [expect.stringMatching(/^(p2|up): tcp/)];

function connect(rig: PolicyRig): void {
  expect(ask(rig, SYN)).toEqual(passes);
  expect(answer(rig, SYN | ACK)).toEqual(passes);
  expect(ask(rig, ACK)).toEqual(passes);
}

describe('security groups', () => {
  test('neighbour discovery, also from ::, passes where nothing may (cilium 16285, opnsense 4028)', async () => {
    const rig = await open(
      { p1: { groups: ['closed'] }, p2: { groups: ['closed'] } },
      { groups: { closed: CLOSED } },
    );
    const said = [
      nd({ from: 'a', src: linkLocal('a'), type: 135, target: 'fd00::2', option: 'a' }),
      nd({ from: 'a', src: '::', type: 135, target: 'fd00::1' }),
      nd({ from: 'a', src: 'fd00::1', type: 136, target: 'fd00::1', option: 'a' }),
      nd({ from: 'a', src: '::', type: 133 }),
      arp({ from: 'a', ip: '10.0.0.1', target: '10.0.0.2' }),
    ];
    for (const frame of said) expect(rig.sendFrame('p1', frame)).toEqual([expect.stringMatching(/^p2: /)]);
    // From farther away it is no neighbour's.
    const far = said[0].slice();
    far[14 + 7] = 64;
    expect(rig.sendFrame('p1', far)).toEqual(['p1 drops: policy_invalid']);
  });

  test('who gets the address of a port that is gone does not get its connections (felix 618)', async () => {
    for (const keep_established of [false, true]) {
      const rig = await open(
        { p2: { groups: ['web'] }, up: {} },
        {
          groups: { web: WEB, closed: CLOSED },
          connections: { keep_established },
        },
      );
      connect(rig);
      await rig.change((config) => {
        const { p2, ...others } = config.bridges.br0.ports;
        config.bridges.br0.ports = { ...others, p3: { ...p2, groups: ['closed'] } };
      });
      rig.say('p3', 'b > *');
      expect(ask(rig, ACK)).toEqual(['p3 drops: policy_in']);
      expect(rig.send('p3', 'b > c', segment(ACK, true))).toEqual(['p3 drops: policy_out']);
    }
  });

  test('nor does a port that comes later (felix 618)', async () => {
    const rig = await open(
      { p2: { groups: ['web'] }, other: { groups: ['web'] }, up: {} },
      {
        groups: { web: WEB, closed: CLOSED },
        connections: { keep_established: true },
      },
    );
    connect(rig);
    const { p2 } = rig.taploom.config.bridges.br0.ports;
    await rig.change((config) => {
      delete config.bridges.br0.ports.p2;
    });
    // Its number is given out again.
    await rig.change((config) => {
      config.bridges.br0.ports.p1 = { ...p2, groups: ['closed'] };
    });
    rig.say('p1', 'b > *');
    expect(ask(rig, ACK)).toEqual(['p1 drops: policy_in']);
  });

  test('connections prevail when a port is in no group any more (cilium 2569)', async () => {
    const rig = await open({ p2: { groups: ['web'] }, up: {} }, { groups: { web: WEB } });
    connect(rig);
    await rig.change((config) => {
      config.bridges.br0.ports.p2.groups = [];
    });
    expect(ask(rig, ACK)).toEqual(passes);
    expect(answer(rig, ACK)).toEqual(passes);
  });

  test('a port is used again behind FIN or RST, and lives as long as any (openzro 196, cilium 11742)', async () => {
    const rig = await open({ p2: { groups: ['web'] }, up: {} }, { groups: { web: WEB } });
    for (const end of [[RST], [FIN | ACK, FIN | ACK]]) {
      connect(rig);
      expect(ask(rig, end[0])).toEqual(passes);
      if (end.length > 1) expect(answer(rig, end[1])).toEqual(passes);
    }
    connect(rig);
    rig.wait(400);
    rig.say('p2', 'b > *');
    rig.say('up', 'c > *');
    // Not what the end before left.
    expect(answer(rig, ACK)).toEqual(passes);
    const [[known]] = rig.taploom.policy.connections();
    expect(known).toMatchObject({ state: 'established' });
  });

  test('a router on the way may say that a packet is too large (submariner 1278)', async () => {
    const rig = await open({ p2: { groups: ['web'] }, up: {} }, { groups: { web: WEB } });
    connect(rig);
    const about = packet(segment(ACK, true));
    const error = icmpError('203.0.113.9', about, { code: 4 }, 28);
    expect(rig.sendBytes('up', 'c > b', error)).toEqual([expect.stringMatching(/^p2: icmp 3\/4/)]);
    // To nobody else, and about nothing else.
    expect(
      rig.sendBytes('up', 'c > b', icmpError('203.0.113.9', packet({ ...segment(ACK, true), dport: 9 }))),
    ).toEqual(['p2 drops: policy_unknown']);
  });

  test('rules about replies need none of their own (ovn 242)', async () => {
    const rig = await open(
      { p1: { groups: ['out'] }, p2: { groups: ['in'] } },
      {
        groups: { out: { in: [], out: 'any' }, in: { in: [{ protocol: 'icmp', from: 'any' }], out: [] } },
      },
    );
    const ping: Fields = { protocol: ICMP, src: A, dst: B, sport: 7, type: 8 };
    expect(rig.send('p1', 'a > b', ping)).toHaveLength(1);
    expect(rig.send('p2', 'b > a', { ...ping, src: B, dst: A, type: 0 })).toEqual([
      expect.stringMatching(/^p1: icmp 0/),
    ]);
    expect(rig.send('p2', 'b > a', { ...ping, src: B, dst: A })).toEqual(['p2 drops: policy_out']);
  });

  test('domains keep equal addresses of two tenants apart', async () => {
    const rig = await openPolicy(
      {
        br0: { ports: { p1: { groups: ['web'] }, u1: {} } },
        br1: { ports: { p2: { groups: ['closed'] }, u2: {} } },
      },
      { groups: { web: WEB, closed: CLOSED } },
    );
    for (const [port, station] of [
      ['p1', 'b'],
      ['u1', 'c'],
      ['p2', 'b'],
      ['u2', 'c'],
    ])
      rig.say(port, `${station} > *`);
    expect(rig.send('u1', 'c > b', segment(SYN))).toEqual([expect.stringMatching(/^p1: tcp/)]);
    for (const flags of [SYN, ACK])
      expect(rig.send('u2', 'c > b', segment(flags))).toEqual(['p2 drops: policy_in']);
    expect(rig.send('p2', 'b > c', segment(SYN | ACK, true))).toEqual(['p2 drops: policy_invalid']);
    expect(rig.sendBytes('u2', 'c > b', icmpError(OUTSIDE, packet(segment(ACK, true))))).toEqual([
      'p2 drops: policy_unknown',
    ]);
    expect(rig.send('p1', 'b > c', segment(SYN | ACK, true))).toEqual([expect.stringMatching(/^u1: tcp/)]);
  });
});

describe('guards', () => {
  const MAC = (name: string) => `02:00:00:00:00:${name.charCodeAt(0).toString(16)}`;
  const strict = { source: 'strict', bindings: [{ mac: MAC('a'), ip: A }] };
  const p1 = async (guard: Record<string, unknown>, groups = ['all']) =>
    open({ p1: { guard, groups }, p2: { groups } }, { groups: { all: { in: 'any', out: 'any' } } });

  test('rules that let in everything do not pass by the guard (OpenNebula 3556)', async () => {
    const rig = await p1(strict);
    expect(rig.send('p1', 'a > b', { src: A, dst: B })).toEqual([expect.stringMatching(/^p2: udp/)]);
    expect(rig.send('p1', 'a > b', { src: '10.0.0.9', dst: B })).toEqual(['p1 drops: spoofed_ip']);
  });

  test('ARP is not left out of the MAC addresses (OpenNebula 869)', async () => {
    const rig = await p1({ source: 'mac', bindings: [{ mac: MAC('a') }] });
    for (const [from, sender] of ['ab', 'ba', 'bb'])
      expect(rig.sendFrame('p1', arp({ from, sender, ip: A, target: B }))).toEqual([
        expect.stringMatching(/^p1 drops: (arp_spoofed|spoofed_mac)/),
      ]);
  });

  test('DHCP goes out to a server, and lends nobody an address (incus 4027, OpenNebula 84, felix 2231)', async () => {
    const rig = await p1(strict);
    expect(rig.sendFrame('p1', dhcp('a'))).toEqual([expect.stringMatching(/^p2: /)]);
    const spoofed = dhcp('a', { src: '10.0.0.9' });
    expect(rig.sendFrame('p1', spoofed)).toEqual(['p1 drops: spoofed_ip']);
  });

  test("a virtual router's MAC may be told by its interface, if both are the port's (VPP 2059)", async () => {
    const rig = await p1({
      source: 'strict',
      bindings: [
        { mac: MAC('a'), ip: A },
        { mac: MAC('v'), ip: '10.0.0.254' },
      ],
    });
    const told = (ip: string, sender: string) =>
      rig.sendFrame('p1', arp({ from: 'a', sender, ip, target: B, to: 'b', reply: true }));
    expect(told('10.0.0.254', 'v')).toEqual([expect.stringMatching(/^p2: /)]);
    for (const [ip, sender] of [
      ['10.0.0.254', 'a'],
      [A, 'v'],
      ['10.0.0.254', 'b'],
    ])
      expect(told(ip, sender)).toEqual(['p1 drops: arp_spoofed']);
  });
});
