// The example of docs/private-vlans.md on two switches with a trunk between them: every host tries to reach every other one.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/yaml.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches } from '../support/traffic.ts';

needs('ping');

/** On each switch some of the example's ports. */
const HOSTS = [
  ['gateway', 'guest1', 'guest2', 'web1', 'web2'],
  ['gateway', 'guest1', 'web1'],
];

interface Host {
  kind: 'gateway' | 'guest' | 'web';
  netns: Netns;
  port: string;
  address: string;
}

/** The page's second table. */
function mayReach(from: Host, to: Host): boolean {
  if (from.kind === 'gateway' || to.kind === 'gateway') return true;
  return from.kind === 'web' && to.kind === 'web';
}

test('two switches: guests reach gateways only, communities each other, gateways all', async () => {
  const page = readFileSync(new URL('../../docs/private-vlans.md', import.meta.url), 'utf8');
  const example = loadConfig(/```yaml\n(.*?)```/s.exec(page)?.[1] ?? '', 'private-vlans.md');
  const lab = await openLab();
  const switches = await lab.netnsList(['s1', 's2']);
  await lab.veth(switches[0], 'eth0', switches[1], 'eth0');
  const hosts: Host[] = [];
  const daemons: Taploomd[] = [];
  for (const [n, names] of HOSTS.entries()) {
    const config = structuredClone(example);
    const { ports } = config.bridges.br0;
    const spaces = await lab.netnsList(names.map((name) => `${name}-${n}`));
    for (const name of Object.keys(ports)) if (![...names, 'uplink'].includes(name)) delete ports[name];
    for (const [k, port] of names.entries()) {
      Object.assign(ports[port], { netns: spaces[k].name });
      const kind = port.replace(/\d$/, '') as Host['kind'];
      hosts.push({ kind, netns: spaces[k], port, address: `10.0.0.${10 * n + k + 1}` });
    }
    daemons.push(await Taploomd.start(lab, switches[n], config));
  }
  await Promise.all(hosts.map(({ netns, port, address }) => netns.up(port, `${address}/24`)));

  const pairs = hosts.flatMap((from) => hosts.filter((to) => to !== from).map((to) => ({ from, to })));
  const text = ({ from, to }: { from: Host; to: Host }) => `${from.address} ${to.address}`;
  const wanted = pairs.filter(({ from, to }) => mayReach(from, to));
  const reached = await Promise.all(wanted.map(({ from, to }) => reaches(from.netns, to.address, 15_000)));
  expect(wanted.filter((_, n) => !reached[n]).map(text)).toEqual([]);
  const others = pairs.filter(({ from, to }) => !mayReach(from, to));
  const answers = await Promise.all(
    others.map(({ from, to }) => ping(from.netns, to.address, { count: 1, waitSeconds: 1 })),
  );
  expect(others.filter((_, n) => answers[n].received > 0).map(text)).toEqual([]);

  // Nor does who knows the other's address without asking; both switches know it by now.
  const [, guest1, guest2, , , , guest3] = hosts;
  for (const to of [guest2, guest3]) {
    const { address } = await to.netns.link(to.port);
    await guest1.netns.ip(`neigh replace ${to.address} lladdr ${address} dev ${guest1.port}`);
    expect(await ping(guest1.netns, to.address, { count: 3, waitSeconds: 0.5 })).toMatchObject({
      received: 0,
    });
  }
  expect((await daemons[0].port('guest1')).counters.receiveDropped.private_vlan).toBeGreaterThanOrEqual(3);
  expect((await daemons[1].port('uplink')).counters.receiveDropped.private_vlan).toBeGreaterThanOrEqual(3);

  expect(await daemons[0].cli('show')).toMatch(/ guest1 .* access 101 \(isolated, primary 100\)/);
  for (const daemon of daemons) await expectLaws(daemon);
});
