// Published scripts that call brctl, by kind: the commands that each kind runs, under `sh -e`, with bridge-utils on a
// kernel bridge and with taploom-brctl as `brctl`. What is installed on Debian is run as it is.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { type RunResult, runCommand } from '../support/process.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('brctl', 'ping');

interface Kind {
  readonly up: string;
  readonly down: string;
  /** Address that it gives to the bridge, if it does. */
  readonly address?: string;
}

/** In each, `eth0` leads to one host and `vif` to another, unless the script makes a TAP of its own. */
const KINDS: Record<string, Kind> = {
  'OpenVPN bridge-start and bridge-stop': {
    up: `
      br=br0 tap="tap0 tap1" eth=eth0
      for t in $tap; do ip tuntap add dev $t mode tap; done
      brctl addbr $br
      brctl addif $br $eth
      for t in $tap; do brctl addif $br $t; done
      for t in $tap; do ip link set $t promisc on up; done
      ip link set $eth promisc on up
      ip address add 10.0.0.254/24 broadcast 10.0.0.255 dev $br
      ip link set $br up
      brctl addif $br vif; ip link set vif up`,
    down: `
      ip link set br0 down
      brctl delbr br0
      for t in tap0 tap1; do ip link delete $t; done`,
    address: '10.0.0.254',
  },
  'Xen vif-bridge': {
    up: `
      brctl addbr xenbr0
      brctl stp xenbr0 off
      brctl setfd xenbr0 0
      ip link set xenbr0 up
      brctl addif xenbr0 eth0; ip link set eth0 up
      bridge=$(brctl show | awk 'NR==2 { print $1 }')
      ip link show dev $bridge >/dev/null
      ip link set dev vif down
      ip link set dev vif multicast off
      ip addr flush dev vif
      brctl addif $bridge vif
      ip link set dev vif up`,
    down: `
      brctl delif xenbr0 vif
      ip link set dev vif down
      ip link set xenbr0 down
      brctl delbr xenbr0`,
  },
  'QEMU qemu-ifup and qemu-ifdown': {
    up: `
      brctl addbr br0; ip link set br0 up
      brctl addif br0 eth0; ip link set eth0 up
      ip link set vif up
      brctl addif br0 vif`,
    down: `
      ip link set vif down
      brctl delif br0 vif
      brctl show | grep -q '^br0'
      ip link set br0 down; brctl delbr br0`,
  },
  CORE: {
    up: `
      brctl addbr b.1.7f
      brctl stp b.1.7f off
      brctl setfd b.1.7f 0
      ip link set b.1.7f up
      snoop=/sys/devices/virtual/net/b.1.7f/bridge/multicast_snooping
      if [ -e $snoop ]; then echo 0 > $snoop; fi
      brctl setageing b.1.7f 0
      for port in eth0 vif; do brctl addif b.1.7f $port; ip link set $port up; done`,
    down: `
      brctl delif b.1.7f vif
      ip link set b.1.7f down
      brctl delbr b.1.7f`,
  },
  "Fedora's network-scripts": {
    up: `
      brctl addbr -- br0 || exit 1
      brctl setfd -- br0 0
      for port in eth0 vif; do
        brctl addif -- br0 $port || exit 1
        ip link set dev $port up
      done
      ip link set dev br0 up`,
    down: `
      for port in eth0 vif; do
        ip link set dev $port down
        brctl delif -- br0 $port
      done
      ip link set dev br0 down
      brctl delbr -- br0`,
  },
  "Mininet's LinuxBridge": {
    up: `
      ip link set s1 down 2>/dev/null || true
      brctl delbr s1 2>/dev/null || true
      brctl addbr s1
      brctl setbridgeprio s1 2000
      ip link set s1 up
      for port in eth0 vif; do brctl addif s1 $port; ip link set $port up; done
      test "$(brctl showstp s1 | grep -c forwarding)" = 2`,
    down: `
      ip link set s1 down
      brctl delbr s1`,
  },
  'containerlab, and labs before it': {
    up: `
      brctl addbr lab0
      brctl stp lab0 off
      brctl setfd lab0 0
      brctl setmaxage lab0 20
      brctl sethello lab0 2
      brctl setbridgeprio lab0 32768
      brctl addif lab0 eth0
      brctl addif lab0 vif
      brctl setpathcost lab0 vif 100
      brctl setportprio lab0 vif 32
      ip link set lab0 up; ip link set eth0 up; ip link set vif up
      brctl showstp lab0 | grep -q forwarding`,
    down: `
      ip link set lab0 down
      brctl delbr lab0`,
  },
};

interface Stage {
  lab: Lab;
  sw: Netns;
  h1: Netns;
  h2: Netns;
  /** Runs a command in `sw` with `brctl` in its path. */
  run(command: readonly string[], env?: Record<string, string>): Promise<RunResult>;
}

/** @param ours `brctl` is taploom-brctl, not that of bridge-utils */
async function stage(ours: boolean): Promise<Stage> {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  await lab.veth(sw, 'eth0', h1, 'e');
  await lab.veth(sw, 'vif', h2, 'e');
  await h1.up('e', '10.0.0.1/24');
  await h2.up('e', '10.0.0.2/24');
  const path = [process.env.PATH ?? ''];
  let socket = '';
  if (ours) {
    socket = (await Taploomd.start(lab, sw, { version: 1, bridges: {} })).socket;
    const bin = join(lab.dir, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'brctl'), `#!/bin/sh\nexec ${process.execPath} ${program('brctl')} "$@"\n`);
    chmodSync(join(bin, 'brctl'), 0o755);
    path.unshift(bin);
  }
  return {
    lab,
    sw,
    h1,
    h2,
    // with the namespace's own /sys, which the scripts look at
    run: (command, env = {}) =>
      runCommand(['ip', 'netns', 'exec', sw.name, ...command], {
        env: { ...env, PATH: path.join(':'), TAPLOOM_SOCKET: socket },
      }),
  };
}

async function hasKernelBridge(run: Stage['run']): Promise<boolean> {
  return (await run(['sh', '-c', 'ls -d /sys/class/net/*/bridge'])).code === 0;
}

describe.each(Object.entries(KINDS))('%s', (_, { up, down, address }) => {
  test.each([
    ['bridge-utils', false],
    ['taploom-brctl', true],
  ])('with %s', async (_, ours) => {
    const { sw, h1, run } = await stage(ours);
    const done = { code: 0, stdout: '', stderr: '' };
    expect(await run(['sh', '-ec', up])).toMatchObject(done);
    expect(await hasKernelBridge(run)).toBe(!ours);
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    if (address !== undefined) expect(await reaches(h1, address)).toBe(true);
    expect(await run(['sh', '-ec', down])).toMatchObject(done);
    expect((await run(['brctl', 'show'])).stdout.split('\n').slice(1).join('')).toBe('');
    expect((await h1.run(['ping', '-c', '1', '-W', '1', '10.0.0.2'])).code).not.toBe(0);
    for (const name of ['eth0', 'vif']) expect(await sw.hasLink(name)).toBe(true);
  });
});

const HOOK = '/etc/network/if-pre-up.d/bridge';

describe.each([
  ['bridge-utils', false],
  ['taploom-brctl', true],
])("Debian's hook of ifupdown with %s", (_, ours) => {
  const settings = {
    IFACE: 'br0',
    IF_BRIDGE_PORTS: 'eth0 vif',
    IF_BRIDGE_STP: 'off',
    IF_BRIDGE_BRIDGEPRIO: '100',
    IF_BRIDGE_HELLO: '2',
    IF_BRIDGE_MAXAGE: '12',
    IF_BRIDGE_PATHCOST: 'vif 50',
    IF_BRIDGE_PORTPRIO: 'vif 10',
  };

  test.each(['0', '15'])('forward delay %s: it ends as soon as the ports forward', async (delay) => {
    const { h1, run } = await stage(ours);
    expect(existsSync(HOOK)).toBe(true);
    const hook = (env: object) => run([HOOK], { ...settings, IF_BRIDGE_FD: delay, ...env });
    const begin = performance.now();
    expect(await hook({ MODE: 'start', PHASE: 'pre-up' })).toMatchObject({ code: 0 });
    expect(performance.now() - begin).toBeLessThan(25_000); // 32 s without showstp
    expect(await hasKernelBridge(run)).toBe(!ours);
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    const { stdout } = await run(['brctl', 'showstp', 'br0']);
    expect(stdout).toMatch(/^ bridge id\t\t0064\./m);
    expect(stdout).toMatch(new RegExp(`bridge forward delay\t +${delay}\\.00`));
    expect(await hook({ MODE: 'stop', PHASE: 'post-down' })).toMatchObject({ code: 0 });
    expect((await run(['brctl', 'show'])).stdout).not.toMatch(/br0/);
  });
});

test("Debian's /etc/qemu-ifup looks for a kernel bridge, and says that there is none", async () => {
  const { run } = await stage(true);
  const up = 'brctl addbr br0; ip address add 10.0.0.254/24 dev br0; ip route add default via 10.0.0.1';
  expect(await run(['sh', '-ec', up])).toMatchObject({ code: 0 });
  if (!existsSync('/etc/qemu-ifup')) return;
  expect((await run(['sh', '/etc/qemu-ifup', 'vif'])).stderr).toMatch(/no bridge for guest interface found/);
});
