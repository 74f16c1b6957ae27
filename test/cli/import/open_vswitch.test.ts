// Databases of Open vSwitch as configurations. The same from a real one: test/system/import.test.ts.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Port } from '../../../src/cli/import/draft.ts';
import { fromOpenVSwitch } from '../../../src/cli/import/open_vswitch.ts';
import { parseDump } from '../../../src/cli/import/ovsdb.ts';
import { parseConfig } from '../../../src/config/schema.ts';
import { formatConfig, loadConfig } from '../../../src/config/yaml.ts';

type Cells = Record<string, unknown>;

const id = (name: string) => ['uuid', name];
const set = (...items: unknown[]) => (items.length === 1 ? items[0] : ['set', items]);
const map = (values: Record<string, string>) => ['map', Object.entries(values)];

function table(name: string, rows: readonly Cells[]): string {
  const headings = [...new Set(rows.flatMap(Object.keys))];
  const data = rows.map((row) => headings.map((heading) => row[heading] ?? ['set', []]));
  return JSON.stringify({ caption: `${name} table`, headings, data });
}

interface Setup {
  bridge?: Cells;
  ports: readonly (Cells & { name: string; device?: Cells })[];
  mirrors?: readonly (Cells & { name: string })[];
}

function dump({ bridge, ports, mirrors = [] }: Setup): string {
  const row = {
    _uuid: id('b'),
    name: 'br0',
    ports: set(...ports.map(({ name }) => id(`p-${name}`))),
    mirrors: set(...mirrors.map(({ name }) => id(`m-${name}`))),
    ...bridge,
  };
  return [
    table('Bridge', [row]),
    table(
      'Port',
      ports.map(({ device: _, ...port }) => ({
        _uuid: id(`p-${port.name}`),
        interfaces: id(`i-${port.name}`),
        ...port,
      })),
    ),
    table(
      'Interface',
      ports.map(({ name, device }) => ({ _uuid: id(`i-${name}`), name, type: '', ...device })),
    ),
    table(
      'Mirror',
      mirrors.map((mirror) => ({ _uuid: id(`m-${mirror.name}`), select_all: false, ...mirror })),
    ),
  ].join('\n');
}

function imported(setup: Setup, local?: string) {
  const { config, warnings } = fromOpenVSwitch(parseDump(dump(setup)), { local });
  return { yaml: formatConfig(parseConfig(config)), warnings };
}

const own = { name: 'br0', device: { type: 'internal' } };
const vxlan = (options: Record<string, string>) => ({ type: 'vxlan', options: map(options) });

test('a bridge where nobody speaks of VLANs does not filter them', () => {
  const { yaml, warnings } = imported({
    bridge: {
      other_config: map({ 'mac-aging-time': '60', 'mac-table-size': '100', hwaddr: '02:00:00:00:00:09' }),
    },
    ports: [
      own,
      { name: 'e1', protected: true },
      { name: 'i1', device: { type: 'internal', mtu_request: 1400 } },
    ],
  });
  expect(yaml).toBe(`version: 1
bridges:
  br0:
    ageing_time: 60
    fdb_limit: 100
    local: { mac: 02:00:00:00:00:09 }
    ports: { e1: { type: af_packet, isolated: true }, i1: { type: tap, mtu: 1400 } }
`);
  expect(warnings).toEqual([]);
});

test('each mode of VLANs', () => {
  const { yaml, warnings } = imported({
    ports: [
      { name: 'a', tag: 10 },
      { name: 'b', trunks: set(10, 20, 21, 22) },
      { name: 'c' },
      { name: 'd', tag: 1, vlan_mode: 'native-untagged' },
      { name: 'e', tag: 10, trunks: set(20), vlan_mode: 'native-tagged' },
      { name: 'f', tag: 10, vlan_mode: 'dot1q-tunnel', other_config: map({ 'qinq-ethtype': '802.1q' }) },
      { name: 'g', trunks: set(0, 20) },
      { name: 'h', tag: 0 },
    ],
  });
  expect(yaml).toBe(`version: 1
bridges:
  br0:
    vlan_filtering: true
    local: false
    ports:
      a: { type: af_packet, vlan: { access: 10 } }
      b: { type: af_packet, vlan: { trunk: [ 10, 20-22 ] } }
      c: { type: af_packet, vlan: { trunk: [ 1-4094 ], native: 2 } }
      d: { type: af_packet, vlan: { trunk: [ 1-4094 ], native: 1 } }
      e: { type: af_packet, vlan: { trunk: [ 10, 20 ] } }
      f: { type: af_packet, vlan: { tunnel: 10 } }
      g: { type: af_packet, vlan: { trunk: [ 20 ], native: 2 } }
      h: { type: af_packet, vlan: { access: 2 } }
`);
  expect(warnings).toEqual([
    'br0.e: untagged frames belong to VLAN 10, which leaves tagged: here untagged frames are dropped',
    'br0: untagged frames, there in VLAN 0, are in VLAN 2 here',
  ]);
});

test('a spanning tree is that of provider bridges behind tunnels, or loses times that do not fit', () => {
  const tunnel = { name: 'p', tag: 100, vlan_mode: 'dot1q-tunnel' };
  const provider = imported({ bridge: { rstp_enable: true }, ports: [tunnel] });
  expect(provider.yaml).toContain('stp: { protocol: rstp');
  expect(provider.warnings).toEqual([]);
  const times = { 'rstp-priority': '4096', 'rstp-forward-delay': '4' };
  const quick = imported({ bridge: { rstp_enable: true, other_config: map(times) }, ports: [{ name: 'p' }] });
  expect(quick.yaml).toContain('stp: { protocol: rstp, priority: 4096 }');
  expect(quick.warnings[0]).toMatch(/^br0: the times of its spanning tree do not fit together/);
});

test('ends of customers’ tunnels, whose tags the bridge’s trunks carry', () => {
  const { yaml, warnings } = imported({
    ports: [
      { name: 'all', tag: 100, vlan_mode: 'dot1q-tunnel' },
      { name: 'some', tag: 100, vlan_mode: 'dot1q-tunnel', cvlans: set(0, 10, 11, 20) },
      { name: 'up', trunks: set(100, 200) },
    ].map(({ name, ...port }) => ({ name: `p-${name}`, ...port })),
  });
  expect(yaml).toBe(`version: 1
bridges:
  br0:
    vlan_filtering: true
    vlan_protocol: 802.1ad
    local: false
    ports:
      p-all: { type: af_packet, vlan: { tunnel: 100 } }
      p-some: { type: af_packet, vlan: { native: 100, tunnel: { "100": [ 10-11, 20 ] } } }
      p-up: { type: af_packet, vlan: { trunk: [ 100, 200 ] } }
`);
  expect(warnings).toEqual([
    'br0: its trunks carry service tags (0x88a8) only: say protocol: 802.1Q of one that carries others',
  ]);
});

test('a mesh of tunnels becomes one port', () => {
  const { yaml, warnings } = imported(
    {
      ports: [
        { name: 'v1', device: vxlan({ remote_ip: '192.0.2.2', key: '5', tos: 'inherit', csum: 'false' }) },
        { name: 'v2', device: vxlan({ remote_ip: '192.0.2.3', key: '5' }) },
        { name: 'v3', device: vxlan({ remote_ip: '192.0.2.2', key: '6', dst_port: '8472' }) },
        { name: 'v4', device: vxlan({ remote_ip: 'flow', key: 'flow' }) },
        { name: 'p', device: { type: 'patch', options: map({ peer: 'q' }) } },
        { name: 'g', device: { type: 'geneve' } },
        { name: 'bond', interfaces: set(id('i-p'), id('i-g')) },
        { name: 'a-name-of-16-bytes' },
      ],
    },
    '192.0.2.1',
  );
  expect(yaml).toBe(`version: 1
bridges:
  br0:
    local: false
    ports:
      v1:
        type: vxlan
        vni: 5
        local: 192.0.2.1
        remotes: [ 192.0.2.2, 192.0.2.3 ]
        tos: inherit
        udp_checksum: false
      v3: { type: vxlan, vni: 6, local: 192.0.2.1, remotes: [ 192.0.2.2 ], dst_port: 8472 }
`);
  expect(warnings).toEqual([
    'br0.a-name-of-16-bytes: its name is not an interface name: it must have 1 to 15 bytes: left out',
    'br0.bond.g: a member of type geneve: left out',
    'br0.bond.p: a member of type patch: left out',
    'br0.bond: a bond of nothing that can be a member: left out',
    'br0.g: a port of type geneve: left out',
    'br0.p: a patch to q: left out',
    'br0.v2: became a remote of v1: one port has all remotes of a VNI, which do not forward to each other',
    'br0.v4: a tunnel whose address or key comes from flows: left out',
  ]);
});

/** A bond of two interfaces. */
function bonded(port: Cells, e1: Cells = {}, e2: Cells = {}) {
  const text = dump({ ports: [{ name: 'bond', interfaces: set(id('i1'), id('i2')), ...port }] });
  const devices = table('Interface', [
    { _uuid: id('i1'), name: 'e1', type: '', ...e1 },
    { _uuid: id('i2'), name: 'e2', type: '', ...e2 },
  ]);
  const { config, warnings } = fromOpenVSwitch(
    parseDump(text.replace(/^.*"Interface table".*$/m, () => devices)),
  );
  parseConfig(config);
  const bond = config.bridges?.br0.ports?.bond as Extract<Port, { type: 'aggregate' }>;
  const { type, members, ...rest } = bond;
  expect(type).toBe('aggregate');
  return { rest, members, warnings: warnings.map((warning) => warning.replace('br0.bond: ', '')) };
}

const TWO = { e1: { type: 'af_packet' }, e2: { type: 'af_packet' } };

test.each<[string, string, Cells, string | undefined]>([
  ['', 'off', { lacp: 'off', mode: 'active_backup' }, undefined],
  ['active-backup', 'off', { lacp: 'off', mode: 'active_backup' }, undefined],
  ['active-backup', 'active', { lacp: 'active' }, 'active-backup with LACP'],
  ['balance-slb', 'off', { lacp: 'off', mode: 'active_backup' }, 'balance-slb asks nothing'],
  ['balance-slb', 'passive', { lacp: 'passive', hash: 'l2' }, undefined],
  ['balance-tcp', 'active', { lacp: 'active' }, undefined],
  ['balance-tcp', '', { lacp: 'off', mode: 'active_backup' }, 'balance-tcp without LACP'],
])('a bond in mode "%s" with LACP "%s" becomes an aggregate', (bond_mode, lacp, expected, warning) => {
  const { rest, members, warnings } = bonded({ bond_mode, lacp });
  expect(rest).toEqual({ isolated: false, ...expected });
  expect(members).toEqual(TWO);
  expect(warnings).toEqual(warning === undefined ? [] : [expect.stringContaining(warning)]);
});

test('a bond keeps its VLANs, times and priorities, and tells what it loses', () => {
  const { rest, members, warnings } = bonded(
    {
      tag: 10,
      lacp: 'active',
      bond_mode: 'balance-tcp',
      bond_updelay: 100,
      other_config: map({
        'lacp-time': 'fast',
        'lacp-system-id': '02:00:00:00:00:0a',
        'lacp-system-priority': '100',
        'lacp-fallback-ab': 'true',
        'bond-rebalance-interval': '10000',
        'bond-detect-mode': 'miimon',
      }),
    },
    { other_config: map({ 'lacp-port-priority': '7' }), mtu_request: 1400 },
    { type: 'internal', lldp: map({ enable: 'true' }) },
  );
  expect(rest).toEqual({
    lacp: 'active',
    rate: 'fast',
    system: '02:00:00:00:00:0a',
    system_priority: 100,
    vlan: { access: 10 },
    isolated: false,
    mtu: 1400,
  });
  expect(members).toEqual({ e1: { type: 'af_packet', priority: 7 }, e2: { type: 'tap', lldp: true } });
  expect(warnings.map((text) => text.split(' ')[0])).toEqual([
    'lacp-fallback-ab',
    'bond_updelay',
    'bond-rebalance-interval',
    'the',
  ]);
});

test('the primary of active-backup is preferred, and LACP of one interface is told', () => {
  const other_config = map({ 'bond-primary': 'e2', 'lacp-time': 'fast' });
  const { rest, members } = bonded({ other_config }, { other_config: map({ 'lacp-port-priority': '7' }) });
  expect(rest).toEqual({ lacp: 'off', mode: 'active_backup', isolated: false });
  expect(members).toEqual({ ...TWO, e2: { type: 'af_packet', priority: 1 } });
  expect(imported({ ports: [{ name: 'a', lacp: 'active' }] }).warnings).toEqual([
    'br0.a: LACP of a single interface: left out; an aggregate of another name has it',
  ]);
});

test('mirrors of ports, of VLANs, into a VLAN and into a tunnel', () => {
  const tunnel = vxlan({ remote_ip: '192.0.2.2', local_ip: '192.0.2.1' });
  const p = (name: string) => id(`p-${name}`);
  const { yaml, warnings } = imported({
    ports: [
      own,
      { name: 'a', tag: 1 },
      { name: 'b', tag: 1 },
      { name: 'm', tag: 1 },
      { name: 'v', device: tunnel },
    ],
    mirrors: [
      { name: 'all', select_all: true, output_port: p('m'), select_vlan: set(1, 7), snaplen: 100 },
      { name: 'same', select_src_port: p('a'), select_dst_port: p('a'), output_vlan: 99 },
      { name: 'two', select_src_port: p('a'), select_dst_port: set(p('a'), p('b')), output_port: p('v') },
      { name: 'none', output_port: p('m') },
      { name: 'gone', select_all: true },
      { name: 'own', select_src_port: p('br0'), output_port: p('m') },
    ],
  });
  const into = { port: 'v', remote: '192.0.2.2' };
  expect(loadConfig(yaml, 'switch.yaml').bridges.br0.mirrors).toMatchObject({
    all: { vlans: [1, 7], direction: 'both', snaplen: 100, to: 'm' },
    same: { from: ['a'], direction: 'both', to: { vlan: 99 } },
    'two-in': { from: ['a'], direction: 'in', to: into },
    'two-out': { from: ['a', 'b'], direction: 'out', to: into },
    own: { from: ['br0'], direction: 'in', to: 'm' },
  });
  expect(warnings).toEqual([
    'br0: untagged frames, there in VLAN 0, are in VLAN 2 here',
    'br0.mirrors.gone: its output is not there: left out',
    'br0.mirrors.none: it selects no port: left out',
    'br0.mirrors.two: became two: what passes both gives two copies',
  ]);
});

test('what has no counterpart is told', () => {
  const { yaml, warnings } = imported({
    bridge: {
      rstp_enable: true,
      mcast_snooping_enable: true,
      fail_mode: 'secure',
      controller: id('c'),
      sflow: id('s'),
      other_config: map({ 'rstp-priority': '4096', 'forward-bpdu': 'true' }),
    },
    ports: [
      {
        name: 'a',
        qos: id('q'),
        other_config: map({ 'rstp-path-cost': '77' }),
        device: { ingress_policing_rate: 9 },
      },
    ],
  });
  expect(yaml).toContain('group_fwd_mask: 0xfff8');
  expect(yaml).toContain('stp: { protocol: rstp, priority: 4096 }');
  expect(yaml).toContain('a: { type: af_packet, stp: { cost: 77, priority: 32 } }');
  expect(warnings.map((warning) => warning.slice(0, 28))).toEqual([
    'br0: an OpenFlow controller ',
    'br0: sFlow has no counterpar',
    'br0: fail_mode is secure, on',
    'br0: forward-bpdu: STP, PAUS',
    'br0.a: QoS has no counterpar',
    'br0.a: policing has no count',
  ]);
});

test.each([
  ['', /no Bridge table/],
  ['no JSON', /not JSON/],
  ['{"caption":"Bridge table"}', /no caption, headings or data/],
  [table('Port', []), /no Bridge table/],
])('not a dump: %j', (text, message) => {
  expect(() => parseDump(text)).toThrow(message);
});

test('no dump makes it fail in any other way', () => {
  const cell = fc.oneof(
    fc.constantFrom('br0', 'a', 'vxlan', true, false, 0, 10, 5000, null),
    fc.constantFrom(
      ['set', []],
      ['map', []],
      id('b'),
      id('p-a'),
      ['set', [id('p-a'), 3]],
      ['map', [['key', 1], 2]],
      {},
    ),
  );
  const text = dump({ ports: [own, { name: 'a', tag: 10, device: vxlan({ remote_ip: '192.0.2.2' }) }] });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), cell), { maxLength: 4 }), (changes) => {
      const tables = text.split('\n').map((line) => JSON.parse(line));
      for (const [at, value] of changes) {
        const { data } = tables[at % tables.length];
        const row = data[at % Math.max(1, data.length)];
        if (row !== undefined) row[at % row.length] = value;
      }
      fromOpenVSwitch(parseDump(tables.map((one) => JSON.stringify(one)).join('\n')), { local: '192.0.2.1' });
    }),
    { numRuns: 2000 },
  );
});
