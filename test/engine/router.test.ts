// What routers do with packets. Stations a, b, c are guests; A, B, C ... interfaces in the order in which they are named.

import { expect, test } from 'vitest';
import { PORT } from '../../src/table/counters.ts';
import { DROP } from '../../src/table/drops.ts';
import { TRAP } from '../../src/table/traps.ts';
import { type Packet, packet, showPacket } from '../support/engine/packets.ts';
import { openRouted, type RoutedBench, type Routers } from '../support/engine/routed.ts';
import { say } from '../support/engine/say.ts';

const BRIDGES = {
  br0: {
    vlan_filtering: true,
    ports: {
      p1: { vlan: { access: 10 } },
      p2: { vlan: { access: 20 } },
      p3: { vlan: { trunk: [20] } },
    },
  },
};
const WEB = { bridge: 'br0', vlan: 10, address: ['10.0.1.1/24', 'fd00:1::1/64'] };
const DB = { bridge: 'br0', vlan: 20, address: ['10.0.2.1/24', 'fd00:2::1/64'] };

function open(router: { web?: object; db?: object; routes?: Routers[string]['routes'] } = {}): RoutedBench {
  const { web, db, routes } = router;
  const interfaces = { web: { ...WEB, ...web }, db: { ...DB, ...db } };
  const bench = openRouted(BRIDGES, { r1: { interfaces, routes } });
  bench.know('r1.web', '10.0.1.2', 'a');
  bench.know('r1.db', '10.0.2.2', 'b');
  bench.know('r1.web', 'fd00:1::2', 'a');
  bench.know('r1.db', 'fd00:2::2', 'b');
  return bench;
}

const FORTH: Packet = { from: 'a', to: 'A', src: '10.0.1.2', dst: '10.0.2.2' };
const FORTH6: Packet = { from: 'a', to: 'A', src: 'fd00:1::2', dst: 'fd00:2::2' };

test('a packet leaves by the interface of its route, with a hop less and the MACs of that link', () => {
  const bench = open();
  say(bench, 'p2', { from: 'b', to: '*', src: '10.0.2.2', dst: '10.0.2.9' }); // b is on p2
  expect(say(bench, 'p1', FORTH)).toEqual(['p2: B > b 10.0.1.2 > 10.0.2.2 ttl 63 17 0102030405060708']);
  expect(say(bench, 'p1', FORTH6)).toEqual(['p2: B > b fd00:1::2 > fd00:2::2 ttl 63 17 0102030405060708']);
  const { counters, port } = bench;
  expect(counters.values[counters.port(port('r1.db')) + PORT.recirculated]).toBe(2);
  expect(counters.values[counters.port(port('p1')) + PORT.consumed]).toBe(2);
});

test('a station that the switch does not know is reached all the same', () => {
  expect(say(open(), 'p1', FORTH)).toEqual([
    'p2: B > b 10.0.1.2 > 10.0.2.2 ttl 63 17 0102030405060708',
    'p3: vlan 20 B > b 10.0.1.2 > 10.0.2.2 ttl 63 17 0102030405060708',
  ]);
});

test('padding stays behind', () => {
  const lines = say(open(), 'p1', { ...FORTH, payload: [9, 9], padding: 24 });
  expect(lines[0]).toBe('p2: B > b 10.0.1.2 > 10.0.2.2 ttl 63 17 0909');
});

test('a TTL is counted down whatever the checksum is', () => {
  const bench = open();
  for (let ttl = 2; ttl < 255; ttl++) {
    for (const protocol of [0, 17, 255]) {
      const [line] = say(bench, 'p1', {
        ...FORTH,
        ttl,
        protocol,
        dst: `10.0.2.${ttl}`,
        src: `10.0.1.${ttl}`,
      });
      expect(line ?? showPacket(bench.punts()[0].bytes)).toContain(
        `ttl ${ttl - 1} ${protocol} 0102030405060708`,
      );
    }
  }
});

test.each<[string, Packet, string]>([
  ['a wrong checksum', { ...FORTH, src: '10.0.1.3' }, 'bad_ip'],
  ['a TTL of 1', { ...FORTH, ttl: 1 }, 'ttl_exceeded'],
  ['a TTL of 0', { ...FORTH, ttl: 0 }, 'ttl_exceeded'],
  ['a hop limit of 1', { ...FORTH6, ttl: 1 }, 'ttl_exceeded'],
  ['no route', { ...FORTH, dst: '192.0.2.1' }, 'no_route'],
  ['no IPv6 route', { ...FORTH6, dst: '2001:db8::1' }, 'no_route'],
  ['loopback as its source', { ...FORTH, src: '127.0.0.1' }, 'martian'],
  ['loopback as its destination', { ...FORTH, dst: '127.0.0.1' }, 'martian'],
  ['a source of this network', { ...FORTH, src: '0.0.0.1' }, 'martian'],
  ['a reserved source', { ...FORTH, src: '240.0.0.1' }, 'martian'],
  ['a multicast source', { ...FORTH, src: '224.0.0.5' }, 'martian'],
  ['a multicast destination', { ...FORTH, dst: '224.0.0.5' }, 'martian'],
  ['the limited broadcast', { ...FORTH, dst: '255.255.255.255' }, 'martian'],
  ['a source that is the router', { ...FORTH, src: '10.0.2.1' }, 'martian'],
  ['an IPv6 source that is the router', { ...FORTH6, src: 'fd00:2::1' }, 'martian'],
  ['no IPv6 source', { ...FORTH6, src: '::' }, 'martian'],
  ['an IPv6 multicast source', { ...FORTH6, src: 'ff02::1' }, 'martian'],
  ['a link-local IPv6 source', { ...FORTH6, src: 'fe80::9' }, 'martian'],
  ['a link-local IPv6 destination', { ...FORTH6, dst: 'fe80::9' }, 'martian'],
  ['the directed broadcast', { ...FORTH, dst: '10.0.2.255' }, 'directed_broadcast'],
  ['strict source routing', { ...FORTH, options: [1, 137, 3, 4] }, 'source_route'],
  ['loose source routing', { ...FORTH, options: [131, 3, 4, 0] }, 'source_route'],
  [
    'too long for the way, not to be fragmented',
    { ...FORTH, payload: new Array(1481).fill(1) },
    'mtu_exceeded',
  ],
  ['too long for the way in IPv6', { ...FORTH6, payload: new Array(1461).fill(1) }, 'mtu_exceeded'],
  ['TCP to the router', { ...FORTH, dst: '10.0.2.1', protocol: 6 }, 'no_service'],
])('a packet with %s goes nowhere', (what, spec, reason) => {
  const bytes = packet(spec);
  if (what === 'a wrong checksum') bytes[29]++;
  expect(say(open({ web: { mtu: 9000 } }), 'p1', bytes).at(-1)).toBe(`p1 drops: ${reason}`);
});

test('link-local IPv4 addresses are not forwarded, even where a route would', () => {
  const bench = open({ routes: [{ to: '0.0.0.0/0', via: ['10.0.2.2'] }] });
  expect(say(bench, 'p1', { ...FORTH, dst: '169.254.1.1' })).toEqual(['p1 drops: martian']);
  expect(say(bench, 'p1', { ...FORTH, src: '169.254.1.1' })).toEqual(['p1 drops: martian']);
});

test('options and extension headers, and fragments, are forwarded', () => {
  const bench = open();
  const alert = { ...FORTH, options: [148, 4, 0, 0] };
  expect(say(bench, 'p1', alert)[0]).toContain('ttl 63');
  const broken = { ...FORTH, options: [1, 7, 0, 0] };
  expect(say(bench, 'p1', broken)[0]).toContain('A > a 10.0.1.1 > 10.0.1.2 ttl 64 1 0c00');
  const part = { ...FORTH, fragment: 0x2010 };
  expect(say(bench, 'p1', part)[0]).toContain('ttl 63 part 128+');
  const hopByHop = { ...FORTH6, protocol: 0, payload: [17, 0, 5, 2, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8] };
  expect(say(bench, 'p1', hopByHop)[0]).toContain('ttl 63 0 11000502');
});

test.each<[string, number[], string]>([
  ['too short for a header', [0x45, 0, 0, 20], 'bad_ip'],
  ['of another version', [0x55, ...new Array(40).fill(0)], 'bad_ip'],
  ['with a short header length', [0x44, ...new Array(40).fill(0)], 'bad_ip'],
])('IPv4 %s is dropped', (_, bytes, reason) => {
  const frame = packet(FORTH).subarray(0, 14);
  expect(say(open(), 'p1', Uint8Array.from([...frame, ...bytes]))).toEqual([`p1 drops: ${reason}`]);
});

test('a packet that claims more than there is is dropped, in both families', () => {
  expect(say(open(), 'p1', packet(FORTH).subarray(0, 40))).toEqual(['p1 drops: bad_ip']);
  expect(say(open(), 'p1', packet(FORTH6).subarray(0, 58))).toEqual(['p1 drops: bad_ip']);
});

test('what is no IP is dropped at an interface', () => {
  expect(say(open(), 'p1', Uint8Array.from([...packet(FORTH).subarray(0, 12), 0x88, 0xb5, 1, 2]))).toEqual([
    'p1 drops: not_ip',
  ]);
});

test('routes without next hops drop by their kind', () => {
  const kinds = ['blackhole', 'unreachable', 'prohibit'] as const;
  const bench = open({ routes: kinds.map((type, n) => ({ to: `10.${n + 1}.0.0/16`, type })) });
  const reasons = ['blackhole', 'route_unreachable', 'prohibited'];
  for (const [n, reason] of reasons.entries())
    expect(say(bench, 'p1', { ...FORTH, dst: `10.${n + 1}.0.1` }).at(-1)).toBe(`p1 drops: ${reason}`);
});

test('a route goes by its next hop, and several by flow', () => {
  const bench = open({ routes: [{ to: '0.0.0.0/0', via: ['10.0.2.2', '10.0.2.3'] }] });
  bench.know('r1.db', '10.0.2.3', 'c');
  say(bench, 'p2', { from: 'b', to: '*', src: '10.0.2.2', dst: '10.0.2.9' });
  say(bench, 'p2', { from: 'c', to: '*', src: '10.0.2.3', dst: '10.0.2.9' });
  const used = new Map<string, number>();
  for (let n = 0; n < 60; n++) {
    const spec = { ...FORTH, dst: `192.0.2.${n}` };
    const [first] = say(bench, 'p1', spec);
    const [again] = say(bench, 'p1', { ...spec, ttl: 60 });
    const hop = first.slice(0, 9);
    expect(again.slice(0, 9)).toBe(hop); // a flow stays on its way
    used.set(hop, (used.get(hop) ?? 0) + 1);
  }
  expect([...used.keys()].sort()).toEqual(['p2: B > b', 'p2: B > c']);
  expect(Math.min(...used.values())).toBeGreaterThan(15);
});

test('an IPv4 route may have an IPv6 neighbour', () => {
  const bench = open({ routes: [{ to: '0.0.0.0/0', via: ['fd00:2::2'] }] });
  expect(say(bench, 'p1', { ...FORTH, dst: '192.0.2.1' })[0]).toContain('B > b 10.0.1.2 > 192.0.2.1');
});

test('the table of routes is that of the ingress interface', () => {
  const bench = open({
    web: { table: 7 },
    routes: [
      { to: '192.0.2.0/24', type: 'blackhole' },
      { to: '192.0.2.0/24', via: ['10.0.2.2'], table: 7 },
    ],
  });
  expect(say(bench, 'p1', { ...FORTH, dst: '192.0.2.1' })[0]).toContain('B > b');
  const back = { from: 'b', to: 'B', src: '10.0.2.2', dst: '192.0.2.1' };
  expect(say(bench, 'p2', back)).toEqual(['p2 drops: blackhole']);
});

test('reverse paths are strict or loose', () => {
  const routes = [
    { to: '192.0.2.0/24', via: ['10.0.2.2'] },
    { to: '198.51.100.0/24', type: 'blackhole' as const },
  ];
  const strict = open({ web: { reverse_path: 'strict' }, routes });
  expect(say(strict, 'p1', FORTH)[0]).toContain('B > b');
  expect(say(strict, 'p1', { ...FORTH, src: '192.0.2.7' })).toEqual(['p1 drops: reverse_path']);
  // What goes nowhere is told so, whoever says to have sent it.
  expect(say(strict, 'p1', { ...FORTH, src: '192.0.2.7', dst: '198.51.100.1' })).toEqual([
    'p1 drops: blackhole',
  ]);
  const loose = open({ web: { reverse_path: 'loose' }, routes });
  expect(say(loose, 'p1', { ...FORTH, src: '192.0.2.7' })[0]).toContain('B > b');
  expect(say(loose, 'p1', { ...FORTH, src: '198.51.100.7' })).toEqual(['p1 drops: reverse_path']);
  expect(say(loose, 'p1', { ...FORTH, src: '203.0.113.7' })).toEqual(['p1 drops: reverse_path']);
  expect(say(loose, 'p1', { ...FORTH6, src: '2001:db8::7' })).toEqual(['p1 drops: reverse_path']);
});

test('two routers with equal addresses never meet', () => {
  const bench = openRouted(
    {
      t1: { ports: { a1: {}, a2: {} } },
      t2: { ports: { b1: {} } },
      out1: { ports: { o1: {} } },
      out2: { ports: { o2: {} } },
    },
    {
      r1: {
        interfaces: {
          i1: { bridge: 't1', address: ['10.0.1.1/24'] },
          i2: { bridge: 'out1', address: ['10.0.2.1/24'] },
        },
      },
      r2: {
        interfaces: {
          j1: { bridge: 't2', address: ['10.0.1.1/24'] },
          j2: { bridge: 'out2', address: ['10.0.2.1/24'] },
        },
      },
    },
  );
  bench.know('r1.i2', '10.0.2.2', 'x');
  bench.know('r2.j2', '10.0.2.2', 'y');
  expect(say(bench, 'a1', { ...FORTH, to: 'A' })).toEqual([
    'o1: B > x 10.0.1.2 > 10.0.2.2 ttl 63 17 0102030405060708',
  ]);
  expect(say(bench, 'b1', { ...FORTH, to: 'C' })).toEqual([
    'o2: D > y 10.0.1.2 > 10.0.2.2 ttl 63 17 0102030405060708',
  ]);
});

test('a packet passes several routers in one poll, and a circle ends', () => {
  const net = (n: number) => `172.16.${n}.0/24`;
  const router = (r: number) => ({
    interfaces: {
      [`l${r}`]: { bridge: `n${r}`, address: [`172.16.${r}.1/24`] },
      [`r${r}`]: { bridge: `n${r + 1}`, address: [`172.16.${r + 1}.2/24`] },
    },
    routes: [
      ...(r < 2 ? [{ to: net(3), via: [`172.16.${r + 1}.1`] }] : []),
      ...(r > 0 ? [{ to: net(0), via: [`172.16.${r}.2`] }] : []),
      { to: '192.0.2.0/24', via: [r < 2 ? `172.16.${r + 1}.1` : `172.16.${r}.2`] },
    ],
  });
  const routers = { r0: router(0), r1: router(1), r2: router(2) };
  const bridges = Object.fromEntries([0, 1, 2, 3].map((n) => [`n${n}`, { ports: { [`p${n}`]: {} } }]));
  const bench = openRouted(bridges, routers);
  for (const [r, station] of ['C', 'E'].entries()) bench.know(`r${r}.r${r}`, `172.16.${r + 1}.1`, station);
  for (const [r, station] of ['B', 'D'].entries())
    bench.know(`r${r + 1}.l${r + 1}`, `172.16.${r + 1}.2`, station);
  bench.know('r2.r2', '172.16.3.9', 'z');
  const forth = { from: 'a', to: 'A', src: '172.16.0.9', dst: '172.16.3.9' };
  expect(say(bench, 'p0', forth)).toEqual(['p3: F > z 172.16.0.9 > 172.16.3.9 ttl 61 17 0102030405060708']);
  expect(say(bench, 'p0', { ...forth, dst: '192.0.2.1', ttl: 9 }).at(-1)).toMatch(/drops: ttl_exceeded$/);
  expect(say(bench, 'p0', { ...forth, dst: '192.0.2.1', ttl: 99 }).at(-1)).toMatch(/drops: loop$/);
});

test('a packet whose neighbour is not known goes to the control plane, as it would leave', () => {
  const bench = open({ routes: [{ to: '192.0.2.0/24', via: ['10.0.2.9'] }] });
  expect(say(bench, 'p1', { ...FORTH, dst: '192.0.2.1' })).toEqual([]);
  const [punt, ...more] = bench.punts();
  expect(more).toEqual([]);
  expect(punt).toMatchObject({ port: 'r1.db', reason: TRAP.neighbour });
  expect(Buffer.from(punt.bytes.subarray(0, 12)).toString('hex')).toBe('000000000000020000000042');
  expect(showPacket(punt.bytes)).toContain('10.0.1.2 > 192.0.2.1 ttl 63');
  const { hopAddress } = bench.table;
  expect(hopAddress[4 * punt.tag + 3] >>> 0).toBe(0x0a000209);
  // A scanner gets so many questions asked, and no more.
  const scan = Array.from({ length: 60 }, (_, n) => ({ ...FORTH, dst: `10.0.2.${n + 100}` }));
  for (let n = 0; n < 8; n++) say(bench, 'p1', ...scan);
  expect(bench.punts().length).toBeLessThan(270);
  const { counters, port } = bench;
  expect(counters.values[counters.port(port('r1.db')) + PORT.drops + DROP.no_neighbour]).toBeGreaterThan(200);
});

test('what is mirrored keeps its bytes', () => {
  const bridges = structuredClone(BRIDGES) as Parameters<typeof openRouted>[0];
  Object.assign(bridges.br0, { mirrors: { m: { from: ['p1', 'p2'], direction: 'both', to: 'mon' } } });
  Object.assign(bridges.br0.ports as object, { mon: {} });
  const bench = openRouted(bridges, { r1: { interfaces: { web: WEB, db: DB } } });
  bench.know('r1.db', '10.0.2.2', 'b');
  for (const size of [8, 1000]) {
    const payload = new Array(size).fill(7);
    const text = say(bench, 'p1', { ...FORTH, payload }).join('\n');
    expect(text).toMatch(/^mon: a > A 10.0.1.2 > 10.0.2.2 ttl 64 17 (07)+$/m);
    expect(text).toMatch(/^mon: B > b 10.0.1.2 > 10.0.2.2 ttl 63 17 (07)+$/m);
    expect(text).toMatch(/^p2: B > b 10.0.1.2 > 10.0.2.2 ttl 63 17 (07)+$/m);
  }
});

test('what is too long for the way falls into fragments, unless it must not', () => {
  const bench = open({ web: { mtu: 9000 } });
  const payload = Array.from({ length: 3000 }, (_, n) => n & 0xff);
  const lines = say(bench, 'p1', { ...FORTH, payload, fragment: 0 }).filter((line) => line.startsWith('p2'));
  expect(lines.map((line) => line.slice(0, 55))).toEqual([
    'p2: B > b 10.0.1.2 > 10.0.2.2 ttl 63 part 0+ 17 0001020',
    'p2: B > b 10.0.1.2 > 10.0.2.2 ttl 63 part 1480+ 17 c8c9',
    'p2: B > b 10.0.1.2 > 10.0.2.2 ttl 63 part 2960 17 90919',
  ]);
  const [refused] = say(bench, 'p1', { ...FORTH, payload });
  expect(refused).toContain('p1: A > a 10.0.1.1 > 10.0.1.2 ttl 64 1 0304');
});

test('an error comes from the interface by which it leaves, and of a missing service from the address that was asked', () => {
  const bench = open();
  expect(say(bench, 'p1', { ...FORTH, ttl: 1 })[0]).toContain('A > a 10.0.1.1 > 10.0.1.2 ttl 64 1 0b00');
  expect(say(bench, 'p1', { ...FORTH6, ttl: 1 })[0]).toContain('A > a fd00:1::1 > fd00:1::2 ttl 64 58 0300');
  expect(say(bench, 'p1', { ...FORTH, dst: '10.0.2.1' })[0]).toContain(
    'A > a 10.0.2.1 > 10.0.1.2 ttl 64 1 0303',
  );
  expect(say(bench, 'p1', { ...FORTH6, dst: 'fd00:2::1' })[0]).toContain(
    'A > a fd00:2::1 > fd00:1::2 ttl 64 58 0104',
  );
});
