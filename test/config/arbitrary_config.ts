// Random valid configurations that collide with each other often: few names, few values.

import fc from 'fast-check';
import { parseConfig, type SwitchConfig } from '../../src/config/schema.ts';

const PORT_NAMES = ['vm1', 'vm2', 'eth0.10', 'up0', 'vx1', 'vx2', 'a-b', '10', 'true', 'ü'];
const BRIDGE_NAMES = ['br0', 'br1', 'lan.7', '007'];
const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '0A-0B-0C-0D-0E-0F'];

const vid = fc.constantFrom(1, 2, 10, 4094);
const vlan = fc.oneof(
  fc.record({ access: vid }),
  fc.record(
    {
      trunk: fc.array(fc.oneof(vid, fc.constantFrom('100-199', '1-4094', '7-7')), {
        minLength: 1,
        maxLength: 3,
      }),
      native: vid,
    },
    { requiredKeys: ['trunk'] },
  ),
  fc.constantFrom(
    { trunk: ['100-199'], protocol: '0x9100' as const, translate: { 10: 100, 200: 199 } },
    { tunnel: 10 },
    { tunnel: { 10: ['1-9', 4094], 20: [10] }, native: 1 },
  ),
);
const mtu = fc.constantFrom(68, 1400, 9000);
const account = fc.constantFrom<number | string>(0, 1000, 'root', '0x10');
const netns = fc.constantFrom('h1', '10', '/run/netns/x y', 'null');

const common = {
  vlan,
  hairpin: fc.boolean(),
  isolated: fc.boolean(),
  learning: fc.boolean(),
  flood: fc.boolean(),
  bcast_flood: fc.boolean(),
  mcast_flood: fc.boolean(),
  locked: fc.boolean(),
  sticky: fc.boolean(),
  storm_control: fc.record(
    {
      broadcast: fc.constantFrom({ frames: 1 }, { bits: 1000 }),
      multicast: fc.constant({ frames: 1_000_000_000 }),
      action: fc.constantFrom('drop', 'shutdown'),
    },
    { requiredKeys: ['broadcast'] },
  ),
  guard: fc.constantFrom(
    {},
    { source: 'strict', bindings: [{ mac: '02:00:00:00:00:01', ip: ['10.0.0.1', 'fd00::1'] }] },
    { source: 'mac', bindings: [{ mac: '02:00:00:00:00:01' }], ra: true },
  ),
  error_recovery: fc.constantFrom(1, 300, 86_400),
  fdb_limit: fc.constantFrom(1, 8192),
  group_fwd_mask: fc.constantFrom(0, 0x4, 0xfffd),
  stp: fc.record(
    {
      cost: fc.constantFrom(1, 65_535),
      priority: fc.constantFrom(0, 63),
      edge: fc.constantFrom(true, 'auto' as const),
      guard: fc.constantFrom('bpdu' as const, ['tcn' as const]),
    },
    { requiredKeys: [] },
  ),
  tunnel_protocols: fc.constantFrom(['stp'], ['stp', 'cdp']),
  mtu,
  qos: fc.constantFrom(
    { shape: '100mbit', fair: true },
    { shape: { rate: '1gbit', burst: '2ms' }, limit: '64kb', police: { in: '50mbit' } },
    { trust: 'dscp' as const, dscp_map: 'rfc8325' as const, priority: 3, rewrite: { dscp: { 5: 46 } } },
    { shape: '10mbit', classes: [{ name: 'voice', match: { dscp: 46 }, priority: 7, max: '1mbit' }] },
  ),
  fault: fc.record({ drop: fc.constantFrom(0, 0.5), delay: fc.constantFrom(1.5) }, { requiredKeys: [] }),
};

const lldp = fc.constantFrom<boolean | 'receive'>(true, false, 'receive');

const tap = fc.record(
  {
    type: fc.constant('tap'),
    mac: fc.constantFrom(...MACS),
    netns,
    owner: account,
    group: account,
    persist: fc.boolean(),
    offloads: fc.boolean(),
    lldp,
    ...common,
  },
  { requiredKeys: ['type'] },
);
const veth = fc.record(
  {
    type: fc.constant('veth'),
    netns,
    mac: fc.constantFrom(...MACS),
    persist: fc.boolean(),
    lldp,
    ...common,
  },
  { requiredKeys: ['type', 'netns'] },
);
const afPacket = fc.record(
  {
    type: fc.constant('af_packet'),
    interface: fc.constantFrom('eth0', 'eth1', 'veth9'),
    netns,
    host_stack: fc.boolean(),
    stacked_tags: fc.boolean(),
    lldp,
    ...common,
  },
  { requiredKeys: ['type'] },
);
const memory = fc.record(
  {
    type: fc.constant('memory'),
    offloads: fc.boolean(),
    capacity: fc.constantFrom(1, 1024),
    lldp,
    ...common,
  },
  { requiredKeys: ['type'] },
);
/** A tunnel without remotes must learn them. */
const vxlan = fc.boolean().chain((ipv6) =>
  fc
    .record(
      {
        type: fc.constant('vxlan'),
        vni: fc.nat({ max: 0xff_ffff }),
        local: fc.constant(ipv6 ? '2001:DB8:0::1' : '192.0.2.1'),
        remotes: fc.uniqueArray(
          fc.constantFrom(...(ipv6 ? ['2001:db8::2', '::1'] : ['192.0.2.2', '10.0.0.1'])),
        ),
        dst_port: fc.constantFrom(4789, 8472),
        source_ports: fc.constantFrom('49152-65535', '1-1'),
        remote_learning: fc.boolean(),
        max_remotes: fc.constantFrom(1024, 2),
        ttl: fc.constantFrom(64, 1),
        tos: fc.constantFrom<number | string>(0, 255, 'inherit'),
        udp_checksum: fc.boolean(),
        ...common,
      },
      { requiredKeys: ['type', 'vni', 'local'] },
    )
    .map((port) => (port.remotes?.length ? port : { ...port, remote_learning: true })),
);
type Input = Record<string, unknown>;
const port: fc.Arbitrary<Input> = fc.oneof(tap, veth, afPacket, memory, vxlan);
const local: fc.Arbitrary<false | Input> = fc.oneof(
  fc.constant<false>(false),
  fc.record(
    { mac: fc.constantFrom(...MACS), mtu, netns, owner: account, group: account, vlan },
    { requiredKeys: [] },
  ),
);

const bridge = fc.record({
  vlan_filtering: fc.boolean(),
  vlan_protocol: fc.constantFrom('802.1Q', '802.1ad'),
  tunnel_mac: fc.constantFrom(undefined, '03-00-00-00-00-AA'),
  ageing_time: fc.constantFrom(300, 0, 0.25, 1_000_000),
  fdb_limit: fc.constantFrom(8192, 4_000_000),
  group_fwd_mask: fc.constantFrom(0, 0x4000, 0xfff8),
  stp: fc.constantFrom(
    false,
    { protocol: 'off' as const },
    { protocol: 'off' as const, forward_delay: 0, priority: 1 },
  ),
  vlans: fc.constantFrom<Input>(
    {},
    { 10: { learning: false }, 4094: { flood: false } },
    { 3000: { private: { isolated: 3001, communities: [3002, 30] }, flood: false } },
  ),
  mirrors: fc.constantFrom(
    {},
    {},
    { m1: { direction: 'in' as const, sample: 2, to: { vlan: 99 } } },
    { m2: { filter: 'tcp port 80 or (vlan 10 and not arp)', to: { vlan: 4094 } } },
  ),
  local,
  ports: fc.dictionary(fc.constantFrom(...PORT_NAMES), port, { maxKeys: 5 }),
  stations: fc.array(fc.record({ mac: fc.constantFrom(...MACS), vlan: vid, port: fc.nat() }), {
    maxLength: 3,
  }),
});

const routers = fc.constantFrom<(places: Input[]) => Input | undefined>(
  () => undefined,
  () => ({ r1: { routes: [{ to: '10.0.1.0/24', type: 'blackhole' }] } }),
  ([a]) => ({
    r1: {
      interfaces: { a: { ...a, address: ['10.9.1.1/24', 'FD00::1/64'], neighbours: { 'fd00::2': MACS[2] } } },
    },
  }),
  ([a, b]) => ({
    r1: {
      interfaces: { a: { ...a, address: ['10.9.1.1/24'], mtu: 1400, table: 7, anycast: true }, b },
      routes: [{ to: '0.0.0.0/0', via: ['10.9.1.2', '10.9.1.3'], table: 7 }],
    },
    'r-2': { interfaces: { a: { ...a, address: ['10.9.2.1/31'], reverse_path: 'loose' } } },
  }),
);

/** Where interfaces of one router may be. */
function placesIn(bridges: Record<string, { vlan_filtering: boolean }>): Input[] {
  return Object.entries(bridges).flatMap(([bridge, { vlan_filtering }]) =>
    vlan_filtering
      ? [
          { bridge, vlan: 1000 },
          { bridge, vlan: 1001 },
        ]
      : [{ bridge }],
  );
}

/** Leaves out what would not fit, and calls the result a configuration. */
export const arbitraryConfig: fc.Arbitrary<SwitchConfig> = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...BRIDGE_NAMES), bridge, { maxKeys: 4, noNullPrototype: true }),
    routers,
  )
  .map(([drafts, routed]) => {
    const taken = new Set<string>();
    const vnis = new Set<unknown>();
    const bridges: Record<string, unknown> = {};
    for (const [name, { stations, ...draft }] of Object.entries(drafts)) {
      const ports = Object.entries(draft.ports).filter(([key, value]) => {
        const device = String(value.interface ?? key);
        if (taken.has(key) || taken.has(device) || (value.type === 'vxlan' && vnis.has(value.vni)))
          return false;
        taken.add(key).add(device);
        vnis.add(value.vni);
        return true;
      });
      const fitted = (value: Input) =>
        withoutTunnel(draft.vlan_filtering ? value : { ...value, vlan: undefined });
      const config = {
        ...draft,
        vlan_protocol: draft.vlan_filtering ? draft.vlan_protocol : '802.1Q',
        vlans: draft.vlan_filtering ? draft.vlans : {},
        mirrors: draft.vlan_filtering ? draft.mirrors : {},
        local: draft.local && fitted(draft.local),
        ports: Object.fromEntries(ports.map(([key, value]) => [key, fitted(value)])),
      };
      bridges[name] = { ...config, static: entriesFor(config, ports, stations) };
    }
    const places = placesIn(bridges as Record<string, { vlan_filtering: boolean }>);
    return parseConfig({
      version: 1,
      bridges,
      routers: places.length < 2 ? undefined : routed(places),
    });
  });

function entriesFor(
  bridge: { vlan_filtering: boolean },
  ports: [string, Input][],
  stations: { mac: string; vlan: number; port: number }[],
): Input[] {
  const seen = new Set<string>();
  return stations.flatMap(({ mac, vlan, port: index }) => {
    if (ports.length === 0) return [];
    const [name, port] = ports[index % ports.length];
    const key = bridge.vlan_filtering ? `${mac} ${vlan}` : mac;
    const carried =
      !bridge.vlan_filtering || (port.vlan === undefined && vlan === 1) || isAccess(port.vlan, vlan);
    if (seen.has(key) || !carried) return [];
    seen.add(key);
    const remote =
      port.type !== 'vxlan' ? undefined : String(port.local).includes(':') ? '2001:db8::9' : '192.0.2.9';
    return [{ mac, port: name, ...(bridge.vlan_filtering ? { vlan } : {}), ...(remote ? { remote } : {}) }];
  });
}

/** Protocols are carried at the end of a customer's tunnel only. */
function withoutTunnel({ tunnel_protocols, ...port }: Input): Input {
  const { vlan } = port;
  const isEnd = typeof vlan === 'object' && vlan !== null && 'tunnel' in vlan && port.type !== 'vxlan';
  return isEnd && tunnel_protocols !== undefined ? { ...port, tunnel_protocols } : port;
}

function isAccess(key: unknown, vlan: number): boolean {
  return typeof key === 'object' && key !== null && 'access' in key && key.access === vlan;
}
