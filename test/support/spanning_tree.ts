// Switches of several kinds, each in a namespace of its own, joined two by two; and what one tree among them means.
//
//   a --- b        every letter a namespace with one switch, and an address on its own interface
//    \   /
//      c

import { join } from 'node:path';
import { expect } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';
import { OpenVSwitch } from './open_vswitch.ts';
import { Taploomd } from './taploomd.ts';
import { Capture, reaches, sendFrames } from './traffic.ts';

/** Seconds: as short as 802.1D lets them be, so that the test does not take minutes. */
export const QUICK = { hello_time: 1, max_age: 6, forward_delay: 4 };
export const TEST_TYPE = '88b5';
const BROADCASTS = 20;

export interface Switch {
  readonly name: string;
  readonly netns: Netns;
  readonly ports: string[];
  daemon?: Taploomd;
}

/** Namespaces with a link between each two of them: port `ab` of a leads to port `ba` of b. */
export async function mesh(lab: Lab, names: string): Promise<Map<string, Switch>> {
  const netns = await lab.netnsList([...names]);
  const switches = [...names].map((name, n): Switch => ({ name, netns: netns[n], ports: [] }));
  for (const [n, a] of switches.entries()) {
    await a.netns.withoutIpv6();
    for (const b of switches.slice(n + 1)) {
      await lab.veth(a.netns, a.name + b.name, b.netns, b.name + a.name);
      a.ports.push(a.name + b.name);
      b.ports.push(b.name + a.name);
    }
  }
  return new Map(switches.map((one) => [one.name, one]));
}

export const addressOf = ({ name }: Switch) => `192.0.2.${name.charCodeAt(0)}`;

export const macOf = ({ name }: Switch) => `02:00:5e:10:00:${name.charCodeAt(0).toString(16)}`;

export async function taploom(lab: Lab, one: Switch, stp: object | boolean): Promise<Taploomd> {
  const ports = Object.fromEntries(one.ports.map((port) => [port, { type: 'af_packet' }]));
  one.daemon = await Taploomd.start(lab, one.netns, {
    version: 1,
    // Its address comes from its name and its machine, and all these are one machine.
    bridges: { br0: { stp, local: { mac: macOf(one) }, ports } },
  });
  await one.netns.up('br0', `${addressOf(one)}/24`);
  return one.daemon;
}

export async function kernelBridge({ netns, ports, ...one }: Switch, priority: number): Promise<void> {
  await netns.ip(
    `link add br0 type bridge stp_state 1 forward_delay 400 hello_time 100 max_age 600 priority ${priority}`,
    ...ports.map((port) => `link set dev ${port} master br0`),
  );
  await netns.up('br0', `${addressOf({ netns, ports, ...one })}/24`);
}

export async function openVSwitch(
  lab: Lab,
  one: Switch,
  protocol: 'stp' | 'rstp',
  priority: number,
): Promise<OpenVSwitch> {
  const ovs = await OpenVSwitch.start(lab, one.netns);
  const times = ['forward-delay=4', 'max-age=6', ...(protocol === 'stp' ? ['hello-time=1'] : [])];
  const settings = [`priority=${priority}`, ...times].map((word) => `other_config:${protocol}-${word}`);
  await ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev', ...settings);
  await ovs.vsctl('set', 'bridge', 'br0', `${protocol}_enable=true`);
  for (const port of one.ports) await ovs.vsctl('add-port', 'br0', port);
  await one.netns.up('br0', `${addressOf(one)}/24`);
  return ovs;
}

/** Every two reach each other. */
export async function expectConnected(switches: Iterable<Switch>, timeoutMs = 40_000): Promise<void> {
  const all = [...switches];
  const end = Date.now() + timeoutMs;
  for (const [n, from] of all.entries()) {
    for (const to of all.slice(n + 1)) {
      const isReached = await reaches(from.netns, addressOf(to), Math.max(1000, end - Date.now()));
      expect(isReached, `${from.name} -> ${to.name}`).toBe(true);
    }
  }
}

/** Broadcasts from each switch's own interface: no segment sees one twice, and all but the blocked see each. */
export async function expectOneTree(lab: Lab, switches: Iterable<Switch>): Promise<void> {
  const all = [...switches];
  const captures = await Promise.all(
    all.flatMap(({ netns, ports, name }) =>
      ports
        .filter((port) => port[0] === name && port[0] < port[1])
        .map((port) => Capture.start(netns, port, join(lab.dir, port), 'ether', 'proto', `0x${TEST_TYPE}`)),
    ),
  );
  for (const { netns, name } of all) {
    const source = `0200000000${name.charCodeAt(0).toString(16)}`;
    const hex = `ffffffffffff${source}${TEST_TYPE}${'00'.repeat(46)}`;
    await sendFrames(netns, 'br0', [{ hex, count: BROADCASTS }]);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const capture of captures) {
    const frames = await capture.stop();
    const bySource = new Map<string, number>();
    for (const line of frames) {
      const source = /(02:00:00:00:00:\w\w) >/.exec(line)?.[1] ?? line;
      bySource.set(source, (bySource.get(source) ?? 0) + 1);
    }
    // A segment with one end blocked hears its designated bridge, and nothing of what the other one originates.
    for (const [source, count] of bySource) expect({ source, count }).toEqual({ source, count: BROADCASTS });
    expect(bySource.size).toBeGreaterThan(0);
  }
}

const rolesOf = async (daemon: Taploomd | undefined) =>
  Object.fromEntries(
    ((await daemon?.ports()) ?? [])
      .filter(({ stp }) => stp !== undefined)
      .map(({ name, stp }: PortStatus) => [name, `${stp?.role} ${stp?.state}`]),
  );

export async function settles(one: Switch, roles: Record<string, string>, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const found = await rolesOf(one.daemon);
    if (Object.entries(roles).every(([port, role]) => found[port] === role)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await rolesOf(one.daemon)).toMatchObject(roles);
}
