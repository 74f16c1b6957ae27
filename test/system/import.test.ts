// What `taploom import` makes of real switches: a kernel bridge, which Taploom then takes over with its hosts, and an Open
// vSwitch.

import { expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ping', 'ovs-vswitchd');

/** Without a daemon, unless `env` says where one is. */
async function importIn(where: Netns, args: readonly string[], env = { TAPLOOM_SOCKET: '/nonexistent' }) {
  return where.run([process.execPath, program('taploom'), 'import', ...args], { env });
}

/** A kernel bridge with a host on each of two cables, and a tunnel. */
async function openKernelBridge(lab: Lab) {
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  await sw.ip(
    'link add br0 type bridge ageing_time 6000 priority 4096 group_fwd_mask 0x4000 mcast_snooping 0',
    `link add e1 type veth peer name eth0 netns ${h1.name}`,
    `link add e2 type veth peer name eth0 netns ${h2.name}`,
    'link add vx type vxlan id 42 local 192.0.2.1 remote 192.0.2.2 dstport 4789 nolearning',
    'addr add 192.0.2.1/24 dev lo',
    'addr add 10.0.0.254/24 dev br0',
    ...['e1', 'e2', 'vx'].map((port) => `link set ${port} master br0 up`),
    'link set br0 up',
  );
  const bridge = async (...lines: string[]) => {
    for (const line of lines) await sw.check(['bridge', ...line.split(' ')]);
  };
  await bridge(
    'link set dev e1 hairpin on cost 77 priority 9',
    'link set dev e2 isolated on guard on',
    'link set dev vx flood off learning off',
    'fdb add 02:00:00:00:00:55 dev e1 master static',
    'fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.3',
    'fdb add 02:00:00:00:00:77 dev vx master static',
    'fdb add 02:00:00:00:00:77 dev vx dst 192.0.2.3',
  );
  await h1.up('eth0', '10.0.0.1/24');
  await h2.up('eth0', '10.0.0.2/24');
  return { sw, h1, h2 };
}

const KERNEL = `version: 1
bridges:
  br0:
    ageing_time: 60
    group_fwd_mask: 0x4000
    stp: { protocol: off, priority: 4096 }
    static:
      - { mac: 02:00:00:00:00:55, port: e1 }
      - { mac: 02:00:00:00:00:77, port: vx, remote: 192.0.2.3 }
    ports:
      e1: { type: af_packet, stp: { cost: 77, priority: 9 }, hairpin: true }
      e2: { type: af_packet, stp: { priority: 32, guard: [ bpdu ] }, isolated: true }
      vx:
        type: vxlan
        vni: 42
        local: 192.0.2.1
        remotes: [ 192.0.2.2, 192.0.2.3 ]
        learning: false
        flood: false
`;

test('a kernel bridge is told in our words, and taken over', async () => {
  const lab = await openLab();
  const { sw, h1, h2 } = await openKernelBridge(lab);
  const { stdout, stderr, code } = await importIn(sw, []);
  expect({ stdout, code }).toEqual({ stdout: KERNEL, code: 0 });
  expect(stderr.split('\n')).toEqual([
    'taploom: br0: it has addresses: give them, and its routes, to the new br0: 10.0.0.254/24',
    '',
  ]);
  expect(await importIn(sw, ['br1'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'taploom: There is no kernel bridge br1\n',
  });

  await sw.ip('link del vx', 'link del br0');
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: {} });
  await sw.run([process.execPath, program('taploom'), 'apply', '-'], {
    env: { TAPLOOM_SOCKET: daemon.socket },
    input: stdout,
  });
  expect(await daemon.cli('export')).toBe(KERNEL);
  await sw.up('br0', '10.0.0.254/24');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  expect(await reaches(h2, '10.0.0.254')).toBe(true);
});

test('the namespace is named if the daemon is in another one', async () => {
  const lab = await openLab();
  const { sw } = await openKernelBridge(lab);
  const other = await lab.netns('other');
  const daemon = await Taploomd.start(lab, other, { version: 1, bridges: {} });
  const { stdout } = await importIn(sw, [], { TAPLOOM_SOCKET: daemon.socket });
  expect(stdout).toContain(`local: { netns: ${sw.name} }`);
  expect(stdout).toContain(
    `e1: { type: af_packet, netns: ${sw.name}, stp: { cost: 77, priority: 9 }, hairpin: true }`,
  );
});

test('an Open vSwitch is told in our words', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const ovs = await OpenVSwitch.start(lab, sw);
  await ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev', 'stp_enable=true');
  await sw.ip(...['e1', 'e2', 'e3', 'e4', 'e5'].map((name) => `tuntap add ${name} mode tap`));
  const vx = ['type=vxlan', 'options:remote_ip=192.0.2.2', 'options:local_ip=192.0.2.1', 'options:key=42'];
  for (const line of [
    'add-port br0 e1 tag=10',
    'add-port br0 e2 trunks=10,20',
    'add-port br0 e3',
    'add-bond br0 bond0 e4 e5 lacp=active',
    `add-port br0 vx tag=20 -- set interface vx ${vx.join(' ')}`,
    'add-port br0 in0 tag=10 -- set interface in0 type=internal',
    'set port e1 protected=true',
    'set bridge br0 other_config:mac-aging-time=60 other_config:stp-priority=4096',
    '-- --id=@e1 get port e1 -- --id=@in0 get port in0 -- --id=@m create mirror name=m0 select-src-port=@e1 output-port=@in0 -- set bridge br0 mirrors=@m',
  ])
    await ovs.vsctl(...line.split(' '));
  const { stdout, stderr, code } = await sw.run(
    [process.execPath, program('taploom'), 'import', '--ovsdb', '-'],
    { input: await ovs.dump() },
  );
  expect({ stdout, code }).toEqual({
    stdout: `version: 1
bridges:
  br0:
    vlan_filtering: true
    ageing_time: 60
    stp: { protocol: stp, priority: 4096 }
    local: { vlan: { trunk: [ 1-4094 ], native: 1 } }
    mirrors: { m0: { from: [ e1 ], direction: in, sample: 1, snaplen: 65557, to: in0 } }
    ports:
      bond0:
        type: aggregate
        vlan: { trunk: [ 1-4094 ], native: 1 }
        members: { e4: { type: af_packet }, e5: { type: af_packet } }
      e1: { type: af_packet, vlan: { access: 10 }, isolated: true }
      e2: { type: af_packet, vlan: { trunk: [ 10, 20 ] } }
      e3: { type: af_packet, vlan: { trunk: [ 1-4094 ], native: 1 } }
      in0: { type: tap, vlan: { access: 10 } }
      vx: { type: vxlan, vni: 42, local: 192.0.2.1, remotes: [ 192.0.2.2 ], vlan: { access: 20 } }
`,
    code: 0,
  });
  expect(stderr.split('\n')).toEqual([
    'taploom: br0.bond0: active-backup with LACP: here all members carry frames',
    'taploom: br0: untagged frames, there in VLAN 0, are in VLAN 1 here',
    '',
  ]);
});
