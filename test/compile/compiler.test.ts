import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import {
  DOMAIN_SHIFT,
  FORWARDING,
  LEARNING,
  TUNNEL,
  UNTAGGED,
  VLAN_AWARE,
  VLAN_STRIDE,
} from '../../src/engine/topology.ts';
import { PORT_BITS, PORT_MASK } from '../../src/frame/hop.ts';
import { MAX_BRIDGES } from '../../src/table/counters.ts';
import { addressWords } from '../../src/wire/ip_address.ts';
import { configOf, ports } from '../support/engine/rig.ts';

type Bridges = Parameters<typeof configOf>[0];

function compile(bridges: Bridges, compiler = new Compiler(), macs = new Map<string, string>()) {
  return { compiler, ...compiler.compile(parseConfig(configOf(bridges)), { localMacs: macs }) };
}

/** `10 tagged` and the like, of one port. */
function vlansOf({ compiler, topology }: ReturnType<typeof compile>, port: string): string[] {
  const number = compiler.ports.find(port) as number;
  const words = topology.vlan.subarray(number * VLAN_STRIDE, (number + 1) * VLAN_STRIDE);
  return [...words.entries()]
    .filter(([, word]) => word !== 0)
    .map(([vid, word]) => {
      expect(word & FORWARDING).toBe(FORWARDING);
      expect(topology.domainVid[word >>> DOMAIN_SHIFT]).toBe(vid);
      return `${vid} ${word & UNTAGGED ? 'untagged' : 'tagged'}`;
    });
}

function listOf(
  { compiler, topology }: ReturnType<typeof compile>,
  domain: string,
  unicast = false,
): string[] {
  const [bridge, vid] = domain.split('/');
  const row = 2 * (compiler.domains.find(bridge, Number(vid)) as number) + (unicast ? 1 : 0);
  const hops = topology.hops.subarray(topology.listAt[2 * row], topology.listAt[2 * row + 1]);
  return [...hops].map((hop) => `${compiler.ports.name(hop & PORT_MASK)} ${hop >>> PORT_BITS}`);
}

test('memberships follow from access, trunk and native', () => {
  const compiled = compile({
    br0: {
      vlan_filtering: true,
      ports: {
        access: { vlan: { access: 10 } },
        trunk: { vlan: { trunk: [10, '20-22'] } },
        native: { vlan: { trunk: [10], native: 5 } },
        plain: {},
      },
    },
  });
  expect(vlansOf(compiled, 'access')).toEqual(['10 untagged']);
  expect(vlansOf(compiled, 'trunk')).toEqual(['10 tagged', '20 tagged', '21 tagged', '22 tagged']);
  expect(vlansOf(compiled, 'native')).toEqual(['5 untagged', '10 tagged']);
  expect(vlansOf(compiled, 'plain')).toEqual(['1 untagged']);
  const { topology, compiler } = compiled;
  const pvids = ['access', 'trunk', 'native', 'plain'].map(
    (name) => topology.pvid[compiler.ports.find(name) as number] & ~VLAN_AWARE,
  );
  expect(pvids).toEqual([10, 0, 5, 1]);
  expect(listOf(compiled, 'br0/10')).toEqual(['access 0', 'trunk 0', 'native 0']);
});

test('a bridge that does not filter is one domain, and VLAN 10 of two bridges are two', () => {
  const compiled = compile({
    br0: { ports: ports(2) },
    br1: { vlan_filtering: true, ports: { a: { vlan: { access: 10 } } } },
    br2: { vlan_filtering: true, ports: { b: { vlan: { access: 10 } } } },
  });
  expect(vlansOf(compiled, 'p1')).toEqual(['0 untagged']);
  expect(listOf(compiled, 'br0/0')).toEqual(['p1 0', 'p2 0']);
  expect(listOf(compiled, 'br1/10')).toEqual(['a 0']);
  expect(listOf(compiled, 'br2/10')).toEqual(['b 0']);
});

test('ports with flood off are in the list of broadcasts only', () => {
  const compiled = compile({ br0: { ports: { p1: {}, p2: { flood: false } } } });
  expect(listOf(compiled, 'br0/0')).toEqual(['p1 0', 'p2 0']);
  expect(listOf(compiled, 'br0/0', true)).toEqual(['p1 0']);
});

test('a tunnel is in the lists once for each remote, and knows no hop without one', () => {
  const compiled = compile({
    br0: {
      ports: {
        p1: {},
        vx: { type: 'vxlan', vni: 1, local: '192.0.2.1', remotes: ['192.0.2.2', '192.0.2.3'] },
        empty: { type: 'vxlan', vni: 2, local: '192.0.2.1', remote_learning: true },
      },
    },
  });
  expect(listOf(compiled, 'br0/0')).toEqual(['p1 0', 'vx 1', 'vx 2']);
  expect(compiled.remotes.map(({ row, address }) => [row, [...address]])).toEqual([
    [1, [...addressWords('192.0.2.2')]],
    [2, [...addressWords('192.0.2.3')]],
  ]);
  const { topology, compiler } = compiled;
  expect(topology.vlan[(compiler.ports.find('vx') as number) * VLAN_STRIDE] & TUNNEL).toBe(TUNNEL);
  expect(topology.vlan[(compiler.ports.find('p1') as number) * VLAN_STRIDE] & (TUNNEL | LEARNING)).toBe(
    LEARNING,
  );
});

test('numbers stay with their names, and given back they rest for one compilation', () => {
  const { compiler } = compile({ br0: { ports: ports(4) } });
  const before = ['p1', 'p2', 'p4'].map((name) => compiler.ports.find(name));
  const gone = compiler.ports.find('p3');
  compile({ br0: { ports: { p1: {}, p2: {}, p4: {}, p5: {} } } }, compiler);
  expect(['p1', 'p2', 'p4'].map((name) => compiler.ports.find(name))).toEqual(before);
  expect(compiler.ports.find('p3')).toBeUndefined();
  expect(compiler.ports.find('p5')).not.toBe(gone);
  compile({ br0: { ports: { p1: {}, p2: {}, p4: {}, p5: {}, p6: {} } } }, compiler);
  expect(compiler.ports.find('p6')).toBe(gone);
});

test('LLDP frames are trapped on ports on which it runs, and not where the bridge forwards them', () => {
  const lldp = { a: { lldp: true }, b: { lldp: 'receive' }, c: {}, d: { type: 'af_packet' } };
  const trapsOf = (bridge: object) => {
    const { compiler, topology } = compile({ br0: { ports: lldp, ...bridge } });
    return ['a', 'b', 'c', 'd'].map((name) => topology.traps[compiler.ports.find(name) as number]);
  };
  expect(trapsOf({})).toEqual([1 << 14, 1 << 14, 0, 1 << 14]);
  expect(trapsOf({ group_fwd_mask: 0x4000 })).toEqual([0, 0, 0, 0]);
  expect(trapsOf({ group_fwd_mask: 0x0008 })).toEqual([1 << 14, 1 << 14, 0, 1 << 14]);
});

test('every topology has a greater serial than the one before', () => {
  const { compiler, topology } = compile({ br0: { ports: ports(1) } });
  expect(compile({ br0: { ports: ports(1) } }, compiler).topology.serial).toBeGreaterThan(topology.serial);
});

test('the bridge’s own address and static entries are in the table, the former marked', () => {
  const { compiler, topology } = compile(
    {
      br0: {
        vlan_filtering: true,
        local: { vlan: { access: 7 } },
        ports: { p1: { vlan: { access: 7 } }, p2: { vlan: { trunk: [7, 8] } } },
        static: [
          { mac: '02:00:00:00:00:01', vlan: 7, port: 'p1' },
          { mac: '02:00:00:00:00:02', vlan: 8, port: 'p2' },
        ],
      },
    },
    new Compiler(),
    new Map([['br0', '02:00:00:00:00:ff']]),
  );
  const rows = Array.from({ length: topology.statics.length / 3 }, (_, n) => {
    const [key, lo, hop] = topology.statics.subarray(n * 3, n * 3 + 3);
    return `${compiler.domain(key >>> 16)?.vid} ${lo & 255} ${compiler.ports.name(hop & PORT_MASK)}`;
  });
  expect(rows).toEqual(['7 255 br0', '7 1 p1', '8 2 p2']);
  expect(topology.locals).toBe(1);
});

test('the FDB is a power of two and at most half full at the limits', () => {
  for (const limit of [1, 512, 8192, 1_000_000]) {
    const { topology } = compile({ br0: { fdb_limit: limit, ports: ports(1) } });
    expect(topology.fdbSlots).toBeGreaterThanOrEqual(2 * limit);
    expect(Math.log2(topology.fdbSlots) % 1).toBe(0);
  }
});

test('too many bridges and domains are refused by name', () => {
  const many = (count: number, bridge: Bridges[string] = {}) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`b${n}`, bridge]));
  expect(() => compile(many(MAX_BRIDGES))).toThrow(`Cannot have more than ${MAX_BRIDGES - 1} bridges`);
  const trunks = Object.fromEntries(
    Array.from({ length: 17 }, (_, n) => [
      `b${n}`,
      { vlan_filtering: true, ports: { [`t${n}`]: { vlan: { trunk: ['1-4094'] } } } },
    ]),
  );
  expect(() => compile(trunks)).toThrow('Cannot have more than 65535 domains');
});

test('an address in words is the address as it lies in memory', () => {
  expect([...new Uint8Array(addressWords('192.0.2.1').buffer)]).toEqual([
    192,
    0,
    2,
    1,
    ...new Array(12).fill(0),
  ]);
  expect([...new Uint8Array(addressWords('2001:db8::1').buffer)]).toEqual([
    0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
  ]);
});

test('a remote that only a static entry names is reached by it, and not by floods', () => {
  const { compiler, topology, remotes } = compile({
    br0: {
      ports: { p1: {}, vx: { type: 'vxlan', vni: 1, local: '192.0.2.1', remotes: ['192.0.2.2'] } },
      static: [{ mac: '02:00:00:00:00:09', port: 'vx', remote: '192.0.2.9' }],
    },
  });
  expect(remotes.map(({ address }) => [...address])).toEqual([
    [...addressWords('192.0.2.2')],
    [...addressWords('192.0.2.9')],
  ]);
  const port = compiler.ports.find('vx') as number;
  expect([...topology.statics]).toEqual([(1 << 16) | 0x0200, 9, (remotes[1].row << PORT_BITS) | port]);
  expect([...topology.hops].filter((hop) => hop >>> PORT_BITS === remotes[1].row)).toEqual([]);
});

test('what would exhaust numbers or memory is refused before anything is numbered', async () => {
  const compiler = new Compiler();
  const many = (count: number, bridge: object) =>
    parseConfig({
      version: 1,
      bridges: Object.fromEntries(
        Array.from({ length: count }, (_, n) => [`b${n}`, { local: false, ...bridge }]),
      ),
    });
  const trunk = (n: number) => ({ [`t${n}`]: { type: 'memory', vlan: { trunk: ['1-4094'] } } });
  const vlans = parseConfig({
    version: 1,
    bridges: Object.fromEntries(
      Array.from({ length: 17 }, (_, n) => [
        `b${n}`,
        { vlan_filtering: true, local: false, ports: trunk(n) },
      ]),
    ),
  });
  await expect(compiler.check(many(5000, {}))).rejects.toThrow('Cannot have more than 4095 bridges');
  await expect(compiler.check(many(20, { fdb_limit: 4_000_000 }))).rejects.toThrow(
    'FDB entries: lower fdb_limit',
  );
  await expect(compiler.check(vlans)).rejects.toThrow('Cannot have more than 65535 domains');
  expect(compiler.bridges.length).toBe(1);
});

test('a topology lies where one did that is in force no more, and has nothing of that', () => {
  const compiler = new Compiler();
  const full = { br0: { ports: ports(2) } };
  const first = compile(full, compiler).topology;
  const fresh = compile(full, compiler).topology;
  expect(fresh.vlan.buffer).not.toBe(first.vlan.buffer);
  // A protocol may have stored into the words of members.
  for (const [n, word] of first.vlan.entries()) if (word !== 0) first.vlan[n] = -1;
  first.listAt.fill(7);
  compiler.retire(first);
  const again = compile(full, compiler).topology;
  expect(again.vlan.buffer).toBe(first.vlan.buffer);
  expect({ ...again, serial: 0 }).toEqual({ ...fresh, serial: 0 });
});
