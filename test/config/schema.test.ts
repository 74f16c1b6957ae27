import { expect, test } from 'vitest';
import { type ConfigError, carriesVlan, parseConfig, vlanSet } from '../../src/config/schema.ts';

function problems(input: unknown): string[] {
  try {
    parseConfig(input);
  } catch (error) {
    return (error as ConfigError).message.split('\n');
  }
  return [];
}
const br0 = (bridge: unknown) => problems({ version: 1, bridges: { br0: bridge } });
const port = (value: unknown, bridge: object = {}) => br0({ ...bridge, ports: { p: value } });
/** Problems of one port, without the path that all have. */
const inPort = (value: unknown, bridge: object = {}) =>
  port(value, bridge).map((line) => line.replace(/^bridges\.br0\.ports\.p\.?/, ''));
const vlan = (value: unknown) => inPort({ type: 'tap', vlan: value }, { vlan_filtering: true });
const vxlan = (more: object) =>
  inPort({ type: 'vxlan', vni: 1, local: '192.0.2.1', remote_learning: true, ...more });

test('the defaults are filled in', () => {
  const config = parseConfig({
    version: 1,
    bridges: {
      br0: {
        ports: {
          a: { type: 'tap' },
          b: { type: 'vxlan', vni: 1, local: '192.0.2.1', remotes: ['192.0.2.2'] },
          c: { type: 'memory' },
          d: { type: 'af_packet' },
        },
      },
    },
  });
  const controls = {
    bcast_flood: true,
    mcast_flood: true,
    locked: false,
    mab: false,
    sticky: false,
    fdb_limit_action: 'ignore',
    loop_detection: false,
    error_recovery: 300,
  };
  const flags = {
    hairpin: false,
    isolated: false,
    learning: true,
    flood: true,
    group_fwd_mask: 0,
    ...controls,
  };
  expect(config).toEqual({
    version: 1,
    bridges: {
      br0: {
        vlan_filtering: false,
        vlan_protocol: '802.1Q',
        ageing_time: 300,
        fdb_limit: 8192,
        group_fwd_mask: 0,
        vlans: {},
        mirrors: {},
        stp: false,
        local: {},
        static: [],
        ports: {
          a: { type: 'tap', persist: false, offloads: true, when_deleted: 'wait', lldp: false, ...flags },
          b: {
            type: 'vxlan',
            vni: 1,
            local: '192.0.2.1',
            remotes: ['192.0.2.2'],
            dst_port: 4789,
            source_ports: '49152-65535',
            remote_learning: false,
            max_remotes: 1024,
            ttl: 64,
            tos: 0,
            udp_checksum: true,
            ...flags,
          },
          c: { type: 'memory', offloads: true, capacity: 1024, lldp: false, ...flags },
          d: {
            type: 'af_packet',
            host_stack: false,
            stacked_tags: false,
            when_deleted: 'wait',
            lldp: 'receive',
            ...flags,
          },
        },
      },
    },
  });
});

test('controls of a port that need each other, and rates', () => {
  const tap = (more: object) => inPort({ type: 'tap', ...more });
  expect(tap({ mab: true })).toEqual([
    'mab: only a locked port asks who its stations are: set its locked to true',
  ]);
  expect(tap({ locked: true, mab: true, fdb_limit: 1, fdb_limit_action: 'drop' })).toEqual([]);
  expect(tap({ fdb_limit_action: 'shutdown' })).toEqual([
    'fdb_limit_action: shutdown is what happens beyond a limit of the port: set its fdb_limit',
  ]);
  expect(tap({ storm_control: { action: 'drop' } })).toEqual([
    'storm_control: expected a rate of broadcast, multicast or unknown_unicast',
  ]);
  expect(tap({ storm_control: { broadcast: { frames: 1, bits: 1000 }, multicast: {} } })).toEqual([
    'storm_control.broadcast: expected frames: NUMBER or bits: NUMBER, a second',
    'storm_control.multicast: expected frames: NUMBER or bits: NUMBER, a second',
  ]);
  expect(tap({ storm_control: { broadcast: { frames: 0 } } })).toEqual([
    'storm_control.broadcast.frames: 0 is not a number of frames a second (1-1000000000)',
  ]);
  expect(vxlan({ loop_detection: true })).toEqual([
    'loop_detection: a tunnel has no network of its own behind it: its remotes look for their loops',
  ]);
});

test('addresses come out in canonical form, and the input stays as it was', () => {
  const input = {
    version: 1,
    bridges: {
      b: {
        local: { mac: '0A-0B-0C-0D-0E-0F' },
        ports: { x: { type: 'vxlan', vni: 1, local: '2001:DB8:0::1', remotes: ['2001:0db8::2'] } },
      },
    },
  };
  const copy = structuredClone(input);
  const { b } = parseConfig(input).bridges;
  expect(b.local).toEqual({ mac: '0a:0b:0c:0d:0e:0f' });
  expect(b.ports.x).toMatchObject({ local: '2001:db8::1', remotes: ['2001:db8::2'] });
  expect(input).toEqual(copy);
});

test('an error is a ConfigError with a code and a list', () => {
  expect(() => parseConfig({ version: 1, bridges: { br0: { fdb_limit: 0 } } })).toThrow(
    expect.objectContaining({
      name: 'ConfigError',
      code: 'invalid_config',
      problems: [{ path: 'bridges.br0.fdb_limit', message: '0 is not a number of addresses (1-4000000)' }],
    }),
  );
});

test('mistakes in the shape do not hide mistakes between keys', () => {
  const lines = br0({
    ports: {
      broken: { type: 'tap', mtu: 'big' },
      vm1: { type: 'tap', vlan: { access: 1 } },
    },
    static: [
      { mac: '02:00:00:00:00:01', port: 'broken' },
      { mac: '02:00:00:00:00:02', port: 'nobody' },
    ],
  });
  expect(lines).toEqual([
    'bridges.br0.ports.broken.mtu: "big" is not an MTU (68-65535 bytes)',
    'bridges.br0.ports.vm1.vlan: bridge br0 does not filter VLANs: set its vlan_filtering to true, or remove this key',
    'bridges.br0.static[1].port: bridge br0 has no port nobody',
  ]);
});

test('a mistake does not cause others to be reported', () => {
  const ports = { vm1: { type: 'tap', vlan: { access: 10 } } };
  const entries = [{ mac: '02:00:00:00:00:01', vlan: 10, port: 'vm1' }];
  expect(br0({ vlanFiltering: true, ports, static: entries })).toEqual([
    'bridges.br0.vlanFiltering: unknown key, did you mean vlan_filtering?',
  ]);
  expect(br0({ vlan_filtering: 'on', ports, static: entries })).toEqual([
    'bridges.br0.vlan_filtering: "on" is not true or false',
  ]);
  expect(br0({ ageing_time: -1, ports: { br0: { type: 'tap' } } })).toEqual([
    'bridges.br0.ageing_time: -1 is not an ageing time (0-1000000 seconds)',
    'bridges.br0.ports.br0: br0 is the name of a bridge',
  ]);
  expect(br0({ ports: [] })).toEqual(['bridges.br0.ports: an empty list is not a mapping of names to ports']);
});

test('a value of the wrong type or range is shown with what is allowed', () => {
  expect(problems(null)).toEqual(['nothing is not a mapping']);
  expect(problems({})).toEqual(['version: missing, expected 1, the version of this format']);
  expect(br0([])).toEqual(['bridges.br0: an empty list is not a mapping']);
  expect(br0({ ageing_time: '5' })).toEqual([
    'bridges.br0.ageing_time: "5" is not an ageing time (0-1000000 seconds)',
  ]);
  expect(br0({ vlan_filtering: 'yes' })).toEqual(['bridges.br0.vlan_filtering: "yes" is not true or false']);
  expect(br0({ local: true })).toEqual(['bridges.br0.local: true is not false or a mapping']);
  expect(br0({ group_fwd_mask: 0x4002 })).toEqual([
    'bridges.br0.group_fwd_mask: 0x4002 has a bit that cannot be forwarded: 0 (STP), 1 (PAUSE) and 2 (LACP) are restricted',
  ]);
  expect(inPort({ type: 'tap', group_fwd_mask: 6 })).toEqual([
    'group_fwd_mask: 0x6 has a bit that cannot be forwarded: 1 (PAUSE) is restricted',
  ]);
  expect(inPort({ type: 'tap', group_fwd_mask: 0xfffd })).toEqual([]);
  expect(port({ type: 'tap', netns: 10 })).toEqual([
    'bridges.br0.ports.p.netns: 10 is a number, expected a network namespace: a name in /var/run/netns, or an absolute path: put it in quotes',
  ]);
  expect(inPort({ type: 'tap', owner: -1 })).toEqual([
    'owner: -1 is not a user name or number (0-2147483647)',
  ]);
  expect(inPort({ type: 'tap', group: 2 ** 31 })).toEqual([
    'group: 2147483648 is not a group name or number (0-2147483647)',
  ]);
  expect(inPort({ type: 'tap', mac: '01:00:00:00:00:01' })).toEqual([
    'mac: "01:00:00:00:00:01" is not the MAC address of a single station (aa:bb:cc:dd:ee:ff)',
  ]);
  expect(inPort({ type: 'memory', fault: { drop: 2, delay: -1 } })).toEqual([
    'fault.drop: 2 is not a probability (0-1)',
    'fault.delay: -1 is not a delay (0-60000 ms)',
  ]);
});

test('parameters of a spanning tree are taken while it is off, and have to fit together while it is on', () => {
  const stp = (value: object) => br0({ stp: value });
  expect(br0({ stp: true })).toEqual([]);
  expect(stp({ protocol: 'off', forward_delay: 0, hello_time: 1, max_age: 40, priority: 65_535 })).toEqual(
    [],
  );
  expect(stp({ protocol: 'rstp', forward_delay: 31 })).toEqual([
    'bridges.br0.stp.forward_delay: 31 is not a forward delay (2-30 seconds) of a bridge with spanning tree',
  ]);
  expect(stp({ protocol: 'rstp', forward_delay: 4 })).toEqual([
    'bridges.br0.stp.max_age: 20 is too long for a forward delay of 4 s: at most 6',
  ]);
  expect(stp({ protocol: 'rstp', hello_time: 10 })).toEqual([
    'bridges.br0.stp.max_age: 20 is too short for a hello time of 10 s: at least 22',
  ]);
  expect(stp({ protocol: 'stp', forward_delay: 4 })).toEqual([]);
  expect(stp({ priority: 4096 })).toEqual([]);
  expect(stp({ protocol: 'mstp' })).toEqual(['bridges.br0.stp.protocol: "mstp" is not rstp, stp or off']);
  expect(stp({ protocol: 'off', hello_time: 11, max_age: 5, priority: -1 })).toEqual([
    'bridges.br0.stp.priority: -1 is not a bridge priority (0-65535)',
    'bridges.br0.stp.hello_time: 11 is not a hello time (1-10 seconds)',
    'bridges.br0.stp.max_age: 5 is not a max age (6-40 seconds)',
  ]);
  expect(br0({ stp: 'on' })).toEqual([
    'bridges.br0.stp: "on" is not true, false or a mapping with protocol: rstp, stp or off',
  ]);
  expect(inPort({ type: 'tap', stp: { cost: 0, priority: 64, edge: 'no', guard: ['all'] } })).toEqual([
    'stp.cost: 0 is not a path cost (1-200000000)',
    'stp.priority: 64 is not a port priority (0-63)',
    'stp.edge: "no" is not true, false or auto',
    'stp.guard[0]: "all" is not bpdu, root, loop, filter, tcn, or a list of these',
  ]);
});

test('a bridge has one tree: a second one is refused, wherever it is written', () => {
  expect(br0({ stp: ['rstp', 'stp'] })).toEqual([
    'bridges.br0.stp: a list is not true, false or a mapping with protocol: rstp, stp or off',
  ]);
  expect(br0({ vlan_filtering: true, vlans: { 10: { stp: true } } })).toEqual([
    'bridges.br0.vlans["10"].stp: unknown key: all VLANs run over the tree of their bridge',
  ]);
});

test('what a port cannot be in a spanning tree is refused', () => {
  const inTree = (protocol: string, stp: object, port: object = { type: 'tap' }) =>
    br0({ stp: { protocol }, ports: { p: { ...port, stp } } });
  const vxlan = { type: 'vxlan', vni: 1, local: '192.0.2.1', remotes: ['192.0.2.2'] };
  expect(inTree('rstp', { cost: 65_536 })).toEqual([]);
  expect(inTree('stp', { cost: 65_536 })).toEqual([
    'bridges.br0.ports.p.stp.cost: 65536 is not a path cost (1-65535) of protocol stp',
  ]);
  expect(inTree('rstp', {}, vxlan)).toEqual([
    'bridges.br0.ports.p.stp: a tunnel takes no part in spanning tree: it always forwards',
  ]);
  expect(inTree('rstp', { guard: ['root', 'loop'] })).toEqual([
    'bridges.br0.ports.p.stp.guard: root and loop exclude each other: a port with a root guard is on no way to the root',
  ]);
  expect(inTree('rstp', { guard: ['filter', 'tcn'] })).toEqual([
    'bridges.br0.ports.p.stp.guard: a filtered port needs no other guard',
  ]);
  expect(inTree('rstp', {}, { type: 'tap', loop_detection: true })).toEqual([
    'bridges.br0.ports.p.loop_detection: the spanning tree of the bridge closes loops: one of the two is enough',
  ]);
  expect(inTree('off', {}, { type: 'tap', loop_detection: true })).toEqual([]);
});

test.each([2 ** 53, 1e300, -1e300])('the integer %d is one problem, in the words of its key', (huge) => {
  const shown = String(huge);
  expect(br0({ fdb_limit: huge, group_fwd_mask: huge })).toEqual([
    `bridges.br0.fdb_limit: ${shown} is not a number of addresses (1-4000000)`,
    `bridges.br0.group_fwd_mask: ${shown} is not a 16-bit mask`,
  ]);
  expect(inPort({ type: 'tap', owner: huge, mtu: huge })).toEqual([
    `owner: ${shown} is not a user name or number (0-2147483647)`,
    `mtu: ${shown} is not an MTU (68-65535 bytes)`,
  ]);
  expect(vxlan({ tos: huge })).toEqual([`tos: ${shown} is not a type of service (0-255) or inherit`]);
  expect(vlan({ trunk: [huge] })).toEqual([
    `vlan.trunk[0]: ${shown} is not a VLAN id (1-4094) or a range such as 100-199`,
  ]);
});

test('unknown keys and types come with a suggestion', () => {
  expect(br0({ vlanFiltering: true })).toEqual([
    'bridges.br0.vlanFiltering: unknown key, did you mean vlan_filtering?',
  ]);
  expect(br0({ prots: {} })).toEqual(['bridges.br0.prots: unknown key, did you mean ports?']);
  expect(problems({ version: 1, metrics: {} })).toEqual([
    'metrics: unknown key, the keys here are version, bridges, routers, groups, acls, connections, tenants',
  ]);
  expect(inPort({ type: 'tapp' })).toEqual([
    'type: "tapp" is not one of tap, veth, af_packet, tun, vxlan, stream, dgram, vhost_user, memory, aggregate, did you mean tap?',
  ]);
  expect(inPort({})).toEqual([
    'type: missing, expected one of tap, veth, af_packet, tun, vxlan, stream, dgram, vhost_user, memory, aggregate',
  ]);
  expect(inPort({ type: 'tap', vni: 1 })).toEqual([
    'vni: unknown key: only vxlan ports have it, this is a tap port',
  ]);
  expect(br0({ local: { mtuu: 1500 } })).toEqual(['bridges.br0.local.mtuu: unknown key, did you mean mtu?']);
  expect(vlan({ acess: 5 })).toContain('vlan.acess: unknown key, did you mean access?');
});

test('VLAN keys are one thing or the other', () => {
  expect(vlan({ access: 1 })).toEqual([]);
  expect(vlan({ trunk: [1, '2-5', '7-7'], native: 9 })).toEqual([]);
  expect(vlan({ access: 5000 })).toEqual(['vlan.access: 5000 is not a VLAN id (1-4094)']);
  expect(vlan({ access: 1, trunk: [2] })).toEqual(['vlan: access and trunk exclude each other']);
  expect(vlan({ access: 1, native: 2 })).toEqual(['vlan.native: only a trunk has a native VLAN']);
  expect(vlan({})).toEqual(['vlan: expected access: VID, trunk: [VID, ...], or tunnel: VID']);
  expect(vlan({ trunk: [] })).toEqual([]);
  expect(vlan({ trunk: ['199-100', 0, '0-4', '5-4095', 'x', 4095] })).toEqual([
    'vlan.trunk[0]: "199-100" runs backwards, write 100-199',
    'vlan.trunk[1]: 0 is not a VLAN id (1-4094) or a range such as 100-199',
    'vlan.trunk[2]: "0-4" is not a VLAN id (1-4094) or a range such as 100-199',
    'vlan.trunk[3]: "5-4095" is not a VLAN id (1-4094) or a range such as 100-199',
    'vlan.trunk[4]: "x" is not a VLAN id (1-4094) or a range such as 100-199',
    'vlan.trunk[5]: 4095 is not a VLAN id (1-4094) or a range such as 100-199',
  ]);
});

test('a VLAN key needs a bridge that filters, also on the local interface', () => {
  expect(br0({ local: { vlan: { access: 1 } } })).toEqual([
    'bridges.br0.local.vlan: bridge br0 does not filter VLANs: set its vlan_filtering to true, or remove this key',
  ]);
});

test.each([
  '',
  'a'.repeat(16),
  'ü'.repeat(8),
  'a/b',
  'a b',
  'a:b',
  'tap%d',
  '.',
  '..',
  'all',
  'default',
  'constructor',
])('%j is not a name for an interface', (name) => {
  expect(problems({ version: 1, bridges: { [name]: {} } })).toHaveLength(1);
  expect(br0({ ports: { [name]: { type: 'tap' } } })).toHaveLength(1);
});

test('names of interfaces are unique over the whole switch', () => {
  const a = { type: 'tap' };
  expect(problems({ version: 1, bridges: { br0: { ports: { a, br1: a } }, br1: { ports: { a } } } })).toEqual(
    [
      'bridges.br0.ports.br1: br1 is the name of a bridge',
      'bridges.br1.ports.a: bridge br0 has a port of this name',
    ],
  );
});

test('a switch has at most 4095 ports', () => {
  const names = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, { type: 'memory' }]));
  expect(br0({ ports: names(4094) })).toEqual([]);
  expect(br0({ ports: names(4095) })).toEqual([
    'bridges: 4096 ports and local interfaces; at most 4095 are possible',
  ]);
});

test('tunnel endpoints must be hosts of one address family', () => {
  expect(vxlan({ remotes: ['192.0.2.2', '192.0.2.3'] })).toEqual([]);
  expect(
    vxlan({ remotes: ['2001:db8::2', '192.0.2.1', '239.1.1.1', 'host', '192.0.2.2', '192.0.2.2'] }),
  ).toEqual([
    'remotes[2]: 239.1.1.1 is a multicast group: VXLAN over multicast is not supported, list the remotes',
    'remotes[3]: "host" is not an IPv4 or IPv6 address',
  ]);
  expect(vxlan({ remotes: ['2001:db8::2', '192.0.2.1', '192.0.2.2', '192.0.2.2'] })).toEqual([
    'remotes[0]: 2001:db8::2 is IPv6, the local address 192.0.2.1 is IPv4',
    'remotes[1]: 192.0.2.1 is the local address',
    'remotes[3]: 192.0.2.2 is listed twice',
  ]);
  expect(vxlan({ local: '0.0.0.0' })).toEqual(["local: 0.0.0.0 is no host's address"]);
  expect(vxlan({ local: 'fe80::1' })).toEqual([
    'local: fe80::1 is link-local: it would need an interface, which is not supported',
  ]);
  expect(vxlan({ remotes: ['192.0.2.2', '192.0.2.3'], max_remotes: 1 })).toEqual([]);
  expect(vxlan({ tos: 256, source_ports: '9-1' })).toEqual([
    'source_ports: "9-1" is not a range of UDP ports (1-65535), such as 49152-65535',
    'tos: 256 is not a type of service (0-255) or inherit',
  ]);
});

test('a VNI at one address and UDP port belongs to one port', () => {
  const x = { type: 'vxlan', vni: 1, local: '2001:db8::1', remote_learning: true };
  const config = (y: object) =>
    problems({ version: 1, bridges: { br0: { ports: { x } }, br1: { ports: { y } } } });
  expect(config({ ...x, local: '2001:DB8::0:1' })).toEqual([
    'bridges.br1.ports.y.vni: port x already receives VNI 1 at 2001:db8::1 UDP port 4789',
  ]);
  expect(config({ ...x, dst_port: 8472 })).toEqual([]);
  expect(config({ ...x, vni: 2 })).toEqual([]);
});

test('static entries fit to their bridge and port', () => {
  const mac = '02:00:00:00:00:01';
  const ports = {
    a: { type: 'tap' },
    x: { type: 'vxlan', vni: 1, local: '192.0.2.1', remote_learning: true },
  };
  const plain = (...entries: object[]) => br0({ ports, static: entries });
  const filtering = (...entries: object[]) => br0({ vlan_filtering: true, ports, static: entries });
  expect(plain({ mac, port: 'a' }, { mac: '02:00:00:00:00:02', port: 'br0' })).toEqual([]);
  expect(plain({ mac, port: 'a', vlan: 1 })).toEqual([
    'bridges.br0.static[0].vlan: bridge br0 does not filter VLANs: set its vlan_filtering to true, or remove this key',
  ]);
  expect(plain({ mac, port: 'x' }, { mac: '02:00:00:00:00:02', port: 'a', remote: '192.0.2.2' })).toEqual([
    'bridges.br0.static[0].remote: missing: x is a VXLAN port, the entry needs the address of the remote',
    'bridges.br0.static[1].remote: port a is not a VXLAN port',
  ]);
  expect(plain({ mac, port: 'a' }, { mac: mac.toUpperCase(), port: 'x', remote: '192.0.2.1' })).toEqual([
    `bridges.br0.static[1].mac: ${mac} has an entry already`,
    'bridges.br0.static[1].remote: 192.0.2.1 is the local address',
  ]);
  expect(filtering({ mac, port: 'a' }, { mac, port: 'a', vlan: 7 }, { mac, port: 'a', vlan: 1 })).toEqual([
    'bridges.br0.static[0].vlan: missing: bridge br0 filters VLANs, so the entry needs one',
    'bridges.br0.static[1].vlan: port a does not carry VLAN 7',
  ]);
  expect(br0({ local: false, static: [{ mac, port: 'br0' }] })).toEqual([
    'bridges.br0.static[0].port: bridge br0 has no port br0',
  ]);
});

test('a number that is wrong in two ways is one problem', () => {
  expect(br0({ fdb_limit: 2 ** 53 })).toEqual([
    'bridges.br0.fdb_limit: 9007199254740992 is not a number of addresses (1-4000000)',
  ]);
});

test('an fd belongs to one port of the whole switch', () => {
  const one = { type: 'tap', fd: 7 };
  expect(problems({ version: 1, bridges: { a: { ports: { p: one } }, b: { ports: { q: one } } } })).toEqual([
    'bridges.b.ports.q.fd: port p already uses file descriptor 7',
  ]);
});

test('an fd is taken from a program, with nothing that its opener decided', () => {
  expect(inPort({ type: 'tap', fd: 7 })).toEqual([]);
  expect(inPort({ type: 'tap', fd: 7, owner: 0, netns: 'h1', persist: false })).toEqual([
    'owner: belongs to whoever opened the fd',
    'netns: belongs to whoever opened the fd',
  ]);
  expect(() =>
    parseConfig({ version: 1, bridges: { b: { ports: { p: { type: 'tap', fd: 7 } } } } }, { allowFd: false }),
  ).toThrow('bridges.b.ports.p.fd: only a program');
});

test('a VLAN key becomes the sets of VLANs that a port carries', () => {
  const range = (from: number, to = from) => ({ from, to });
  const trunk = (...items: (number | string)[]) => vlanSet({ trunk: items }).tagged;
  expect(vlanSet(undefined)).toEqual({ pvid: 1, tagged: [], untagged: [range(1)] });
  expect(vlanSet({ access: 10 })).toEqual({ pvid: 10, tagged: [], untagged: [range(10)] });
  expect(vlanSet({ trunk: [20], native: 1 })).toEqual({ pvid: 1, tagged: [range(20)], untagged: [range(1)] });
  expect(vlanSet({ trunk: ['1-3'], native: 2 })).toEqual({
    pvid: 2,
    tagged: [range(1), range(3)],
    untagged: [range(2)],
  });
  expect(vlanSet({ trunk: [5], native: 5 })).toEqual({ pvid: 5, tagged: [], untagged: [range(5)] });
  expect(trunk(20, '7-9', 8)).toEqual([range(7, 9), range(20)]);
  expect(trunk('10-20', '1-100', '101-102', 50)).toEqual([range(1, 102)]);
  expect(carriesVlan({ trunk: ['1-3'], native: 7 }, 7)).toBe(true);
  expect(carriesVlan({ trunk: ['1-3'], native: 7 }, 4)).toBe(false);
  expect(carriesVlan(undefined, 1)).toBe(true);
});

test('an interface is attached once, and none that the switch makes itself', () => {
  const attach = (device: string, netns?: string) => ({ type: 'af_packet', interface: device, netns });
  const ports = {
    a: attach('eth0'),
    b: attach('eth0'),
    c: attach('eth0', 'h1'),
    d: attach('br0'),
    e: attach('vm1', 'h1'),
    f: attach('vm1'),
    vm1: { type: 'tap', netns: 'h1' },
  };
  expect(br0({ ports })).toEqual([
    'bridges.br0.ports.d.interface: br0 is the local interface of bridge br0 of this switch',
    'bridges.br0.ports.e.interface: vm1 is port vm1 of this switch',
    'bridges.br0.ports.b.interface: port a already attaches eth0, which is shared only if bridge br0 filters VLANs (vlan_filtering: true)',
  ]);
  expect(inPort({ type: 'af_packet', interface: 'a b' })).toEqual([
    'interface: "a b" is not an interface name: no slash, colon, percent sign or white space',
  ]);
});

test('a tunnel that knows no remote says that it learns them, or is refused', () => {
  const vx = { type: 'vxlan', vni: 1, local: '192.0.2.1' };
  const bridge = (more: object, port: object = {}) => ({
    version: 1,
    bridges: { br0: { ports: { vx: { ...vx, ...port } }, ...more } },
  });
  const sentence =
    'bridges.br0.ports.vx.remote_learning: a tunnel without remotes hears only those whom it learns: list remotes, or say remote_learning: true';
  expect(() => parseConfig(bridge({}))).toThrow(sentence);
  expect(() => parseConfig(bridge({}, { remote_learning: false }))).toThrow(sentence);
  const entry = { mac: '02:00:00:00:00:01', port: 'vx', remote: '192.0.2.2' };
  const mirror = { to: { port: 'vx', remote: '192.0.2.2' } };
  for (const [more, port] of [
    [{}, { remotes: ['192.0.2.2'] }],
    [{ static: [entry] }, {}],
    [{ mirrors: { m: mirror } }, {}],
  ]) {
    expect(parseConfig(bridge(more, port)).bridges.br0.ports.vx).toMatchObject({ remote_learning: false });
  }
  expect(parseConfig(bridge({}, { remote_learning: true })).bridges.br0.ports.vx).toMatchObject({
    remotes: [],
  });
});
