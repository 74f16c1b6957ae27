// Kernel bridges as iproute2 6.1 tells them, as configurations.

import { expect, test } from 'vitest';
import { fromKernel, type Kernel, type Link, type VlanRow } from '../../../src/cli/import/kernel.ts';
import { parseConfig } from '../../../src/config/schema.ts';
import { formatConfig } from '../../../src/config/yaml.ts';

const bridge = (name: string, data: Record<string, unknown> = {}, more: Partial<Link> = {}): Link => ({
  ifname: name,
  mtu: 1500,
  address: '02:00:00:00:00:01',
  linkinfo: { info_kind: 'bridge', info_data: { vlan_filtering: 0, ageing_time: 30_000, ...data } },
  ...more,
});
const member = (
  name: string,
  master: string,
  data: Record<string, unknown> = {},
  more: object = {},
): Link => ({
  ifname: name,
  mtu: 1500,
  address: '02:00:00:00:00:01',
  master,
  linkinfo: { info_slave_kind: 'bridge', info_slave_data: data, ...more },
});
const vxlan = (name: string, data: Record<string, unknown>) =>
  member(name, 'br0', {}, { info_kind: 'vxlan', info_data: { id: 42, port: 4789, udp_csum: true, ...data } });

function imported(kernel: Partial<Kernel>, options?: { only?: string; local?: string }) {
  const { config, warnings } = fromKernel({ links: [], vlans: [], fdb: [], ...kernel }, options);
  return { yaml: formatConfig(parseConfig(config)), warnings };
}

test('VLANs of a bridge that filters them, and of the bridge itself', () => {
  // as `bridge -j -compressvlans vlan` prints it
  const untagged = ['Egress Untagged'];
  const vlans: VlanRow[] = [
    { ifname: 'br0', vlans: [{ vlan: 1, flags: ['PVID', ...untagged] }, { vlan: 10 }] },
    { ifname: 't1', vlans: [{ vlan: 10, flags: ['PVID', ...untagged] }] },
    {
      ifname: 't2',
      vlans: [{ vlan: 1, flags: ['PVID', ...untagged] }, { vlan: 10 }, { vlan: 20, vlanEnd: 25, flags: [] }],
    },
    { ifname: 't3', vlans: [{ vlan: 10 }, { vlan: 30 }] },
    {
      ifname: 't5',
      vlans: [
        { vlan: 1, flags: untagged },
        { vlan: 10, flags: ['PVID', ...untagged] },
      ],
    },
    { ifname: 't6', vlans: [{ vlan: 10, flags: ['PVID'] }] },
    { ifname: 't7', vlans: [{ vlan: 1, flags: ['PVID', ...untagged] }] },
  ];
  const ports = ['t1', 't2', 't3', 't4', 't5', 't6', 't7'].map((name) => member(name, 'br0'));
  const fdb = [
    { mac: '02:00:00:00:00:55', ifname: 't1', flags: [], master: 'br0', state: 'static' },
    { mac: '02:00:00:00:00:55', ifname: 't1', vlan: 10, flags: [], master: 'br0', state: 'static' },
    { mac: '02:00:00:00:00:56', ifname: 't5', vlan: 1, flags: [], master: 'br0', state: 'static' },
    { mac: '02:00:00:00:00:01', ifname: 't1', vlan: 10, flags: [], master: 'br0', state: 'permanent' },
    { mac: '02:00:00:00:00:57', ifname: 't1', vlan: 10, flags: [], master: 'br0', state: '' },
  ];
  const { yaml, warnings } = imported({
    links: [bridge('br0', { vlan_filtering: 1, vlan_protocol: '802.1ad' }), ...ports],
    vlans,
    fdb,
  });
  expect(yaml).toBe(`version: 1
bridges:
  br0:
    vlan_filtering: true
    vlan_protocol: 802.1ad
    local: { vlan: { trunk: [ 10 ], native: 1 } }
    static:
      - { mac: 02:00:00:00:00:55, vlan: 10, port: t1 }
    ports:
      t1: { type: af_packet, vlan: { access: 10 } }
      t2: { type: af_packet, vlan: { trunk: [ 10, 20-25 ], native: 1 } }
      t3: { type: af_packet, vlan: { trunk: [ 10, 30 ] } }
      t4: { type: af_packet, vlan: { trunk: [] } }
      t5: { type: af_packet, vlan: { access: 10 } }
      t6: { type: af_packet, vlan: { trunk: [ 10 ] } }
      t7: { type: af_packet }
`);
  expect(warnings).toEqual([
    'br0.t5: VLAN 1 leaves untagged, but untagged frames do not belong to it: the port leaves that VLAN',
    'br0.t6: untagged frames belong to VLAN 10, which leaves tagged: here untagged frames are dropped',
  ]);
});

test('tunnels: their remotes, what they lack, and what cannot be had', () => {
  const links = [
    bridge('br0'),
    vxlan('vx1', { local: '192.0.2.1', remote: '192.0.2.2', learning: true, ttl: 9, tos: '0x10' }),
    vxlan('vx2', { id: 43, group: '239.1.1.1', port: 8472, udp_csum: false }),
    vxlan('vx3', { external: true }),
    vxlan('vx4', {
      local6: '2001:db8::1',
      remote6: '2001:db8::2',
      gbp: true,
      tos: '0x1',
      udp_zero_csum6_tx: true,
    }),
  ];
  const self = { flags: ['self'], state: 'permanent' };
  const zero = '00:00:00:00:00:00';
  const fdb = [
    { mac: zero, ifname: 'vx1', dst: '192.0.2.2', ...self },
    { mac: zero, ifname: 'vx1', dst: '192.0.2.3', ...self },
    { mac: '02:00:00:00:00:77', ifname: 'vx1', dst: '192.0.2.3', ...self },
    { mac: '02:00:00:00:00:77', ifname: 'vx1', master: 'br0', flags: [], state: 'static' },
    { mac: '02:00:00:00:00:78', ifname: 'vx1', master: 'br0', flags: [], state: 'static' },
  ];
  const { yaml, warnings } = imported({ links, fdb }, { local: '192.0.2.9' });
  expect(yaml).toContain(`
    static:
      - { mac: 02:00:00:00:00:77, port: vx1, remote: 192.0.2.3 }
    ports:
      vx1:
        type: vxlan
        vni: 42
        local: 192.0.2.1
        remotes: [ 192.0.2.2, 192.0.2.3 ]
        remote_learning: true
        ttl: 9
        tos: 16
      vx2:
        type: vxlan
        vni: 43
        local: 192.0.2.9
        dst_port: 8472
        remote_learning: true
        udp_checksum: false
      vx4:
        type: vxlan
        vni: 42
        local: 2001:db8::1
        remotes: [ 2001:db8::2 ]
        tos: inherit
        udp_checksum: false
`);
  expect(warnings).toEqual([
    'br0.vx2: it reaches others by the multicast group 239.1.1.1: list them as remotes',
    'br0.vx3: a VXLAN device that takes its VNI from elsewhere (external): left out',
    'br0.vx4: group policy (GBP) has no counterpart',
    'br0.vx1: nobody knows behind which remote 02:00:00:00:00:78 is: left out',
  ]);
  expect(imported({ links: links.slice(0, 3) }).warnings).toContain(
    'br0.vx2: a tunnel without a local address: left out; say --local ADDRESS',
  );
});

test('what has no counterpart is told; what cannot be named is left out', () => {
  const addresses = [
    { local: '10.0.0.1', prefixlen: 24, scope: 'global' },
    { local: 'fe80::1', prefixlen: 64, scope: 'link' },
  ];
  const links = [
    bridge(
      'br0',
      { stp_state: 1, mcast_snooping: 1, group_fwd_mask: '0x4000', fdb_max_learned: 99 },
      { addr_info: addresses, mtu: 1400 },
    ),
    bridge('other'),
    member('e1', 'br0', { locked: true, mcast_flood: false, multicast_router: 2, group_fwd_mask: '0x8' }),
    member('b%1', 'br0'),
    member('bond0', 'br0', {}, { info_kind: 'bond' }),
    { ...member('eth0.10', 'br0', {}, { info_kind: 'vlan' }), link: 'eth0' },
    // a VRF's, not the bridge's
    { ...member('e9', 'br0'), linkinfo: { info_slave_kind: 'vrf' } },
    { ifname: 'br0.10', link: 'br0', mtu: 1500, linkinfo: { info_kind: 'vlan' } },
  ];
  const { yaml, warnings } = imported({ links }, { only: 'br0' });
  expect(yaml).toBe(`version: 1
bridges:
  br0:
    fdb_limit: 99
    group_fwd_mask: 0x4000
    stp: { protocol: stp }
    multicast: { snooping: true }
    local: { mtu: 1400 }
    ports:
      e1: { type: af_packet, group_fwd_mask: 0x8, mcast_flood: false, locked: true }
      bond0: { type: af_packet }
      eth0.10: { type: af_packet }
`);
  expect(warnings).toEqual([
    'br0.e1: mcast_router has no counterpart',
    expect.stringMatching(/^br0\.b%1: its name is not an interface name: .*: left out$/),
    'br0.bond0: stays a bond of the kernel, and is attached as one interface',
    'br0.eth0.10: stays a VLAN device, and is attached as it is',
    'br0: it has addresses: give them, and its routes, to the new br0: 10.0.0.1/24',
    'br0: the VLAN device br0.10 goes with it: make it again on the new br0',
  ]);
});

const vlanDevice = (name: string, master: string, on: string, id: number, protocol = '802.1Q'): Link => ({
  ...member(name, master, {}, { info_kind: 'vlan', info_data: { protocol, id } }),
  link: on,
});

test('bridges over VLAN devices of one interface become ports that share it', () => {
  const links = [
    { ifname: 'eth0', mtu: 1500 },
    bridge('br10'),
    vlanDevice('eth0.10', 'br10', 'eth0', 10),
    member('vm1', 'br10'),
    bridge('br20'),
    vlanDevice('eth0.20', 'br20', 'eth0', 20),
    member('vm2', 'br20'),
  ];
  const fdb = [{ mac: '02:00:00:00:00:55', ifname: 'vm1', flags: [], master: 'br10', state: 'static' }];
  const { yaml, warnings } = imported({ links, fdb });
  expect(yaml).toBe(`version: 1
bridges:
  br10:
    vlan_filtering: true
    local: { vlan: { access: 10 } }
    static:
      - { mac: 02:00:00:00:00:55, vlan: 10, port: vm1 }
    ports:
      eth0.10: { type: af_packet, interface: eth0, host_stack: true, vlan: { trunk: [ 10 ] } }
      vm1: { type: af_packet, vlan: { access: 10 } }
  br20:
    vlan_filtering: true
    local: { vlan: { access: 20 } }
    ports:
      eth0.20: { type: af_packet, interface: eth0, host_stack: true, vlan: { trunk: [ 20 ] } }
      vm2: { type: af_packet, vlan: { access: 20 } }
`);
  expect(warnings).toEqual([
    "br10.eth0.10: becomes VLAN 10 of eth0, whose other frames stay the host's: ip link del eth0.10",
    "br20.eth0.20: becomes VLAN 20 of eth0, whose other frames stay the host's: ip link del eth0.20",
  ]);
});

test.each([
  ['of several VLANs', [vlanDevice('a', 'br0', 'eth0', 10), vlanDevice('b', 'br0', 'eth0', 20)], {}],
  ['of 802.1ad', [vlanDevice('a', 'br0', 'eth0', 10, '802.1ad'), member('b', 'br0')], {}],
  ['on a port of a bridge', [vlanDevice('a', 'br0', 'eth1', 10), member('b', 'br0')], {}],
  ['in a spanning tree', [vlanDevice('a', 'br0', 'eth0', 10), member('b', 'br0')], { stp_state: 1 }],
])('VLAN devices %s are attached as they are', (_, members, data) => {
  const others = [{ ifname: 'eth0', mtu: 1500 }, bridge('br1'), member('eth1', 'br1')];
  const { yaml, warnings } = imported({ links: [...others, bridge('br0', data), ...members] });
  expect(yaml).toContain('ports: { a: { type: af_packet }, b: { type: af_packet } }');
  const isTold = ({ linkinfo }: Link) => linkinfo?.info_kind === 'vlan';
  expect(warnings).toEqual(
    members
      .filter(isTold)
      .map(({ ifname }) => `br0.${ifname}: stays a VLAN device, and is attached as it is`),
  );
});

test('a bridge of service tags talks at an address of its own kind', () => {
  const tree = { vlan_protocol: '802.1ad', group_addr: '01:80:c2:00:00:08', stp_state: 1 };
  const { yaml, warnings } = imported({ links: [bridge('br0', { vlan_filtering: 1, ...tree })] });
  expect(yaml).toContain('stp: { protocol: stp');
  expect(warnings).toEqual([]);
  expect(imported({ links: [bridge('br0', { ...tree, vlan_filtering: 0 })] }).warnings).toEqual([
    'br0: its group address is another one than 01:80:c2:00:00:00',
  ]);
});
