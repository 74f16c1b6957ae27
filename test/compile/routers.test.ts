// Routers in a topology: members of their domains, addresses, routes and next hops as numbers.

import { describe, expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig, type SwitchConfigInput } from '../../src/config/schema.ts';
import { DOMAIN_SHIFT, FORWARDING, LEARNING, VLAN_AWARE, VLAN_STRIDE } from '../../src/engine/topology.ts';
import { find4, find6 } from '../../src/table/lpm.ts';
import { INTERFACE, ROUTE, type RouterTable } from '../../src/table/router_table.ts';
import { formatIp, ipv4Number, parseIp } from '../../src/wire/ip_address.ts';

type Routers = NonNullable<SwitchConfigInput['routers']>;

const BRIDGES: SwitchConfigInput['bridges'] = {
  br0: {
    vlan_filtering: true,
    local: false,
    vlans: { 100: { private: { isolated: 101 } } },
    ports: {
      web1: { type: 'memory', vlan: { access: 10 }, mtu: 1400 },
      web2: { type: 'memory', vlan: { trunk: [10, 20], native: 1 } },
    },
  },
  lan: { local: false },
};
const R1: Routers[string] = {
  interfaces: {
    web: { bridge: 'br0', vlan: 10, address: ['10.0.1.1/24', '10.0.1.2/24', 'fd00:1::1/64'] },
    lan: { bridge: 'lan', address: ['10.0.2.1/31'], table: 7, reverse_path: 'strict', proxy_arp: true },
    empty: { bridge: 'br0', vlan: 30, address: ['fe80::1/64'], mtu: 1300 },
  },
  routes: [
    { to: '0.0.0.0/0', via: ['10.0.1.254', 'fd00:1::fe'] },
    { to: '0.0.0.0/0', via: '10.0.2.0', table: 7 },
    { to: '10.9.0.0/16', type: 'prohibit' },
    { to: '10.0.1.7/32', type: 'blackhole' },
    { to: 'fd00:9::/32', interface: 'empty' },
    { to: 'fd00:8::/32', via: 'fe80::8', interface: 'empty' },
  ],
};

function compile(routers: Routers, bridges = BRIDGES, compiler = new Compiler()) {
  const { topology } = compiler.compile(parseConfig({ version: 1, bridges, routers }));
  const number = (port: string) => compiler.ports.find(port) as number;
  const table = topology.routers as RouterTable;
  const interfaceOf = (port: string) => table?.interfaceOf[number(port)];
  return { topology, table, number, interfaceOf, compiler };
}

/** What an interface's table says of a destination: kind, and next hops as `interface address`. */
function lookUp({ table, compiler }: ReturnType<typeof compile>, from: number, to: string): string {
  const bytes = parseIp(to) as Uint8Array;
  const { lpm, kind, hopAt, hopCount, hopInterface, hopAddress, hopFamily } = table;
  const route =
    bytes.length === 4
      ? find4(lpm, table.table[from], ipv4Number(bytes) | 0)
      : find6(lpm, table.table[from], new DataView(bytes.buffer), 0);
  if (route === 0) return 'none';
  const hops = Array.from({ length: hopCount[route] }, (_, n) => {
    const hop = hopAt[route] + n;
    const view = new DataView(new ArrayBuffer(16));
    for (let word = 0; word < 4; word++) view.setInt32(4 * word, hopAddress[4 * hop + word]);
    const words = new Uint8Array(view.buffer);
    const address = hopFamily[hop] === 0 ? '' : ` ${formatIp(words.subarray(hopFamily[hop] === 4 ? 12 : 0))}`;
    return compiler.ports.name(table.port[hopInterface[hop]]) + address;
  });
  const word = Object.keys(ROUTE).find((key) => ROUTE[key as keyof typeof ROUTE] === kind[route]);
  return [word, ...hops].join(' ');
}

test('without routers there is nothing', () => {
  expect(new Compiler().compile(parseConfig({ version: 1, bridges: BRIDGES })).topology.routers).toBeNull();
});

describe('an interface', () => {
  test('is a port that forwards in its VLAN, and learns and floods nothing', () => {
    const { topology, number } = compile({ r1: R1 });
    const word = topology.vlan[number('r1.web') * VLAN_STRIDE + 10];
    expect(word & (FORWARDING | LEARNING)).toBe(FORWARDING);
    expect(word >>> DOMAIN_SHIFT).toBe(topology.vlan[number('web1') * VLAN_STRIDE + 10] >>> DOMAIN_SHIFT);
    expect(topology.vlan[number('r1.web') * VLAN_STRIDE + 20]).toBe(0);
    expect(topology.pvid[number('r1.web')]).toBe(VLAN_AWARE | 10);
    expect(topology.hops).not.toContain(number('r1.web'));
    expect(topology.mtu[number('r1.web')]).toBe(65_535);
  });

  test('keeps a VLAN that no port carries', () => {
    const { topology, number, table, interfaceOf } = compile({ r1: R1 });
    const domain = topology.vlan[number('r1.empty') * VLAN_STRIDE + 30] >>> DOMAIN_SHIFT;
    expect(domain).not.toBe(0);
    expect(table.inDomain[domain]).toBe(interfaceOf('r1.empty'));
  });

  test('has the MTU of its domain, unless it is said', () => {
    const { table, interfaceOf } = compile({ r1: R1 });
    const mtus = ['r1.web', 'r1.lan', 'r1.empty'].map((port) => table.mtu[interfaceOf(port)]);
    expect(mtus).toEqual([1400, 1500, 1300]);
  });

  test('says where its MAC address is', () => {
    const { topology, table, number, interfaceOf } = compile({ r1: R1 });
    const own = interfaceOf('r1.lan');
    const { statics } = topology;
    const entries = Array.from({ length: statics.length / 3 }, (_, n) => [
      ...statics.subarray(3 * n, 3 * n + 3),
    ]);
    const domain = topology.vlan[number('r1.lan') * VLAN_STRIDE] >>> DOMAIN_SHIFT;
    expect(entries).toContainEqual([(domain << 16) | table.macHi[own], table.macLo[own], number('r1.lan')]);
    expect(topology.locals).toBe(3);
    expect(table.macHi[own] & 0x0300).toBe(0x0200);
  });

  test('has flags and first addresses', () => {
    const { table, interfaceOf } = compile({ r1: R1 });
    const [web, lan, empty] = ['r1.web', 'r1.lan', 'r1.empty'].map(interfaceOf);
    expect(table.flags[web]).toBe(INTERFACE.ipv4 | INTERFACE.ipv6);
    expect(table.flags[lan]).toBe(INTERFACE.ipv4 | INTERFACE.strict | INTERFACE.proxy);
    expect(table.address4[web]).toBe(0x0a000101);
    expect([...table.address6.subarray(4 * web, 4 * web + 4)]).toEqual([0xfd00_0001 | 0, 0, 0, 1]);
    expect([...table.address6.subarray(4 * empty, 4 * empty + 4)]).toEqual([0xfe80_0000 | 0, 0, 0, 1]);
    expect([...table.linkLocal.subarray(4 * lan, 4 * lan + 4)]).toEqual([0, 0, 0, 0]);
    const hi = (table.macHi[web] ^ 0x0200) << 16;
    expect(table.linkLocal[4 * web]).toBe(0xfe80_0000 | 0);
    expect(table.linkLocal[4 * web + 2]).toBe(hi | ((table.macLo[web] >>> 16) & 0xff00) | 0xff);
  });

  test('of a primary VLAN hears its secondary ones', () => {
    const { topology, number } = compile({ r1: { interfaces: { p: { bridge: 'br0', vlan: 100 } } } });
    const at = number('r1.p') * VLAN_STRIDE;
    expect(topology.vlan[at + 101] >>> DOMAIN_SHIFT).toBe(topology.vlan[at + 100] >>> DOMAIN_SHIFT);
    expect(topology.vlan[at + 101] & FORWARDING).toBe(FORWARDING);
  });

  test('two routers in one domain are both found there', () => {
    const at = (address: string) => ({ interfaces: { a: { bridge: 'lan', address: [address] } } });
    const { table, interfaceOf, topology, number } = compile({
      r1: at('10.0.0.1/24'),
      r2: at('10.0.0.2/24'),
    });
    const domain = topology.vlan[number('r1.a') * VLAN_STRIDE] >>> DOMAIN_SHIFT;
    const first = table.inDomain[domain];
    expect([first, table.nextInDomain[first]].sort()).toEqual(
      [interfaceOf('r1.a'), interfaceOf('r2.a')].sort(),
    );
    expect(table.nextInDomain[table.nextInDomain[first]]).toBe(0);
    expect(table.router[interfaceOf('r1.a')]).not.toBe(table.router[interfaceOf('r2.a')]);
  });

  test('of a bridge that is not there is left out', () => {
    const config = parseConfig({ version: 1, bridges: BRIDGES, routers: { r1: R1 } });
    const { lan: _, ...bridges } = config.bridges;
    const compiler = new Compiler();
    const { topology } = compiler.compile({ ...config, bridges });
    expect(compiler.ports.find('r1.lan')).toBeUndefined();
    expect((topology.routers as RouterTable).port).toHaveLength(3);
  });

  test('anycast: the MAC address is that of the names, on every machine', () => {
    const routers = { r1: { interfaces: { a: { bridge: 'lan', anycast: true } } } };
    const { table, interfaceOf } = compile(routers);
    const own = interfaceOf('r1.a');
    expect([table.macHi[own], table.macLo[own] >>> 0]).toEqual([ANYCAST.hi, ANYCAST.lo]);
  });
});

/** Of r1.a: it is written into the caches of guests, so it never changes. */
const ANYCAST = { hi: 0x02e2, lo: 3_539_379_410 };

describe('routes', () => {
  test.each([
    ['web', '10.0.1.9', 'forward r1.web'],
    ['web', '10.0.1.1', 'local r1.web'],
    ['web', '10.0.1.2', 'local r1.web'],
    ['web', '10.0.1.255', 'broadcast r1.web'],
    ['web', '10.0.1.7', 'blackhole'],
    ['web', '10.0.2.0', 'forward r1.lan'],
    ['web', '10.0.2.1', 'local r1.lan'],
    ['web', '10.9.8.7', 'prohibit'],
    ['web', '8.8.8.8', 'forward r1.web 10.0.1.254 r1.web fd00:1::fe'],
    ['lan', '8.8.8.8', 'forward r1.lan 10.0.2.0'],
    ['lan', '10.0.1.7', 'forward r1.web'],
    ['lan', '10.0.1.1', 'local r1.web'],
    ['web', 'fd00:1::9', 'forward r1.web'],
    ['web', 'fd00:1::1', 'local r1.web'],
    ['web', 'fd00:9::1', 'forward r1.empty'],
    ['web', 'fd00:8::1', 'forward r1.empty fe80::8'],
    ['web', 'fd00:7::1', 'none'],
    ['web', 'fe80::1', 'none'],
  ])('from %s to %s: %s', (from, to, expected) => {
    const compiled = compile({ r1: R1 });
    expect(lookUp(compiled, compiled.interfaceOf(`r1.${from}`), to)).toBe(expected);
  });

  test('equal addresses of two routers never meet', () => {
    const at = (bridge: string) => ({ interfaces: { a: { bridge, address: ['10.0.0.1/24'] } } });
    const compiled = compile({ r1: at('x'), r2: at('y') }, { x: {}, y: {} });
    expect(lookUp(compiled, compiled.interfaceOf('r1.a'), '10.0.0.9')).toBe('forward r1.a');
    expect(lookUp(compiled, compiled.interfaceOf('r2.a'), '10.0.0.9')).toBe('forward r2.a');
  });

  test('are made anew only if they are others', () => {
    const compiler = new Compiler();
    const { table } = compile({ r1: R1 }, BRIDGES, compiler);
    const port = { type: 'memory' as const, vlan: { access: 10 } };
    const { br0, lan } = BRIDGES;
    const more = { br0: { ...br0, ports: { ...br0.ports, web3: port } }, lan };
    expect(compile({ r1: R1 }, more, compiler).table.lpm).toBe(table.lpm);
    const routes = [...(R1.routes ?? []), { to: '10.8.0.0/16', type: 'blackhole' as const }];
    const other = compile({ r1: { ...R1, routes } }, more, compiler);
    expect(other.table.lpm).not.toBe(table.lpm);
    expect(lookUp(other, other.interfaceOf('r1.web'), '10.8.0.1')).toBe('blackhole');
  });
});

test('a thousand routed subnets compile in less than 200 ms', () => {
  const subnets = Array.from({ length: 1000 }, (_, n) => ({
    vlan: 2 + n,
    address: [`10.${n >> 8}.${n & 255}.1/24`, `fd00:${n.toString(16)}::1/64`],
  }));
  const interfaces = Object.fromEntries(subnets.map((one, n) => [`i${n}`, { bridge: 'br0', ...one }]));
  const ports = Object.fromEntries(
    subnets.map(({ vlan }, n) => [`p${n}`, { type: 'memory' as const, vlan: { access: vlan } }]),
  );
  const config = parseConfig({
    version: 1,
    bridges: { br0: { vlan_filtering: true, ports } },
    routers: { r1: { interfaces } },
  });
  const compile = () => new Compiler().compile(config).topology;
  expect(compile().routers?.port).toHaveLength(1001);
  // Of the processor, and the best of a few: others may use the machine, too.
  const took = Array.from({ length: 6 }, () => {
    const start = process.cpuUsage();
    compile();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  });
  expect(Math.min(...took)).toBeLessThan(200);
});
