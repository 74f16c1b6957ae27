// docs/migrating.md keeps its word: the left column of a table, run on what it is for and imported, is the configuration
// that the right column makes.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { SwitchConfig } from '../../src/config/schema.ts';
import { portStp } from '../../src/config/stp.ts';
import { loadConfig } from '../../src/config/yaml.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ovs-vswitchd', 'ping');

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/migrating.md', import.meta.url)), 'utf8');

/** The commands of both columns of the first table below a heading. */
function columns(heading: string): { before: string[]; here: string[] } {
  const section = PAGE.slice(PAGE.indexOf(`\n## ${heading}\n`)).split(/\n## /)[1];
  const table = section.slice(section.indexOf('\n| ')).split('\n\n')[0];
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(3);
  const commands = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
  const cells = rows.map((row) => row.split(' | '));
  return {
    before: cells.flatMap(([left]) => commands(left)),
    here: cells.flatMap(([, right]) => commands(right)),
  };
}

/** Our programs under the names that scripts call. */
function link(lab: Lab): string {
  const bin = join(lab.dir, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const name of ['taploom', 'bridge']) {
    const file = join(bin, name);
    writeFileSync(file, `#!/bin/sh\nexec ${process.execPath} ${program(name)} "$@"\n`);
    chmodSync(file, 0o755);
  }
  return bin;
}

async function wire(where: Netns): Promise<void> {
  await where.ip(...[1, 2, 3, 4, 5].map((n) => `link add eth${n} type veth peer name p${n}`));
  await where.ip('addr add 192.0.2.1/24 dev lo', 'link set lo up');
}

/** A switch that has done what the commands say. */
async function typed(
  lab: Lab,
  where: Netns,
  commands: readonly string[],
  bridges = {},
): Promise<SwitchConfig> {
  const daemon = await Taploomd.start(lab, where, { version: 1, bridges });
  const env = { TAPLOOM_SOCKET: daemon.socket, PATH: `${link(lab)}:${process.env.PATH}:/usr/sbin:/sbin` };
  for (const command of commands) await where.check(['sh', '-c', command], { env });
  return loadConfig(await daemon.cli('export'), 'export');
}

async function imported(where: Netns, args: readonly string[], input?: string): Promise<SwitchConfig> {
  const command = [process.execPath, program('taploom'), 'import', ...args];
  return loadConfig(await where.check(command, { env: { TAPLOOM_SOCKET: '/nonexistent' }, input }), 'import');
}

/**
 * What both have: a TAP that is attached is one that was made, the bridge's own interface is of another kind, and a kernel
 * bridge looks into multicast unless told otherwise.
 */
function common({ bridges }: SwitchConfig): object {
  const { local: _, multicast: __, mirrors, ports, ...bridge } = bridges.br0;
  const kinds = Object.entries(ports).map(([name, port]) => {
    if (port.type === 'vxlan' || port.type === 'memory') return [name, port];
    const { vlan, hairpin, isolated, learning, flood, bcast_flood, mcast_flood, mcast_fast_leave, stp } =
      port;
    const floods = { flood, bcast_flood, mcast_flood };
    return [
      name,
      {
        vlan,
        hairpin,
        isolated,
        learning,
        ...floods,
        mcast_fast_leave,
        stp: portStp({ stp }, { protocol: 'stp' }),
      },
    ];
  });
  return { ...bridge, mirrors, ports: Object.fromEntries(kinds) };
}

test('ip and bridge', async () => {
  const lab = await openLab();
  const [kernel, sw] = await lab.netnsList(['kernel', 'sw']);
  const { before, here } = columns('ip and bridge');
  await wire(kernel);
  await wire(sw);
  for (const command of before) await kernel.check(['sh', '-c', command]);
  expect(common(await typed(lab, sw, here))).toEqual(common(await imported(kernel, [])));
}, 600_000);

test('bridge vlan, for which this kernel may have nothing: taploom-bridge runs the left column', async () => {
  const lab = await openLab();
  const [left, right] = await lab.netnsList(['left', 'right']);
  const { before, here } = columns('bridge vlan');
  await wire(left);
  await wire(right);
  const ports = { eth1: { type: 'af_packet' }, vm1: { type: 'tap' } };
  // the lines of ip are for a bridge of the kernel
  const [filtering, protocol, ...commands] = before;
  expect([filtering, protocol]).toEqual([
    'ip link set br0 type bridge vlan_filtering 1',
    'ip link set br0 type bridge vlan_protocol 802.1ad',
  ]);
  const ours = await typed(lab, right, here, { br0: { ports } });
  expect(
    await typed(lab, left, commands, { br0: { vlan_filtering: true, vlan_protocol: '802.1ad', ports } }),
  ).toEqual(ours);
}, 600_000);

test('ovs-vsctl', async () => {
  const lab = await openLab();
  const [there, sw] = await lab.netnsList(['ovs', 'sw']);
  const { before, here } = columns('ovs-vsctl');
  await wire(there);
  await wire(sw);
  const ovs = await OpenVSwitch.start(lab, there);
  for (const command of before) {
    const [name, ...words] = command.split(' ');
    expect(name).toBe('ovs-vsctl');
    // nobody has to carry it out
    await ovs.vsctl('--no-wait', ...words);
  }
  const theirs = await imported(there, ['--ovsdb', '-'], await ovs.dump());
  expect(common(await typed(lab, sw, here))).toEqual(common(theirs));
}, 600_000);

test('vconfig: one VLAN of an uplink is a port, and the host keeps the rest', async () => {
  const lab = await openLab();
  const [sw, far, h1, h2] = await lab.netnsList(['sw', 'far', 'h1', 'h2']);
  await lab.veth(sw, 'eth0', far, 'eth0');
  await sw.up('eth0', '192.0.2.1/24');
  await far.up('eth0', '192.0.2.2/24');
  const host = (netns: Netns) => ({ type: 'tap', netns: netns.name, vlan: { access: 10 } });
  const peer = { interface: 'eth0', netns: far.name, host_stack: true, vlan: { trunk: [10] } };
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: {
      br10: { vlan_filtering: true, ports: { h1: host(h1) } },
      far: { vlan_filtering: true, ports: { peer: { type: 'af_packet', ...peer }, h2: host(h2) } },
    },
  });
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  const section = PAGE.slice(PAGE.indexOf('\n## vconfig'));
  const [, command] = /```sh\n(.+)\n```/.exec(section) as RegExpExecArray;
  const env = { TAPLOOM_SOCKET: daemon.socket, PATH: `${link(lab)}:${process.env.PATH}:/usr/sbin:/sbin` };
  await sw.check(['sh', '-c', command], { env });
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  expect(await reaches(sw, '192.0.2.2')).toBe(true);
});
