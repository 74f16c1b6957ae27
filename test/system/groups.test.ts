// Security groups between guests in namespaces, in a daemon with two workers: what the kernels at both ends say of it.
//
//   client (10.0.0.1), web (10.0.0.2), db (10.0.0.3) -- TAPs -- br0 -- r1 -- br1 -- world (192.0.2.9)

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches, tcp } from '../support/traffic.ts';

needs('ping', 'python3');

const GROUPS = {
  none: {},
  web: {
    in: [
      { protocol: 'tcp', ports: [5001, 80], from: 'any' },
      { protocol: 'icmp', type: 8, from: ['192.0.2.0/24', 'none'] },
    ],
  },
  db: { in: [{ protocol: 'tcp', ports: 80, from: 'web' }], out: [] },
};

async function start() {
  const lab = await openLab();
  const [where, client, web, db, world] = await lab.netnsList(['switch', 'client', 'web', 'db', 'world']);
  const port = (net: Netns, group?: string) => ({
    type: 'tap',
    netns: net.name,
    ...(group && { groups: [group] }),
  });
  const config = {
    version: 1,
    bridges: {
      br0: { local: false, ports: { g1: port(client, 'none'), g2: port(web, 'web'), g3: port(db, 'db') } },
      br1: { local: false, ports: { w1: port(world) } },
    },
    routers: {
      r1: {
        interfaces: {
          lan: { bridge: 'br0', address: ['10.0.0.254/24'] },
          up: { bridge: 'br1', address: ['192.0.2.1/24'] },
        },
      },
    },
    groups: GROUPS,
  };
  const daemon = await Taploomd.start(lab, where, config, { args: ['--workers', '2'] });
  for (const [n, guest] of [client, web, db].entries()) {
    await guest.up(`g${n + 1}`, `10.0.0.${n + 1}/24`);
    await guest.ip('route add default via 10.0.0.254');
  }
  await world.up('w1', '192.0.2.9/24');
  await world.ip('route add 10.0.0.0/24 via 192.0.2.1');
  return { daemon, config, client, web, db, world };
}

const LISTEN = `
import socket
s = socket.create_server(('', 80), backlog=16)
while True:
    s.accept()[0].close()
`;

/** Whether a TCP connection to port 80 of a listener there comes about. */
async function connects(from: Netns, address: string): Promise<boolean> {
  const script = `import socket; socket.create_connection(('${address}', 80), 1)`;
  return (await from.run(['python3', '-c', script])).code === 0;
}

test('guests reach each other as their groups say, through a router, too, and a change counts at once', async () => {
  const { daemon, config, client, web, db, world } = await start();
  expect(await reaches(client, '10.0.0.2')).toBe(true);
  expect(await reaches(world, '10.0.0.2')).toBe(true);
  expect(await reaches(client, '10.0.0.254')).toBe(true);
  expect(await reaches(client, '192.0.2.9')).toBe(true);
  for (const [from, to] of [
    [web, '10.0.0.1'],
    [world, '10.0.0.1'],
    [client, '10.0.0.3'],
    [db, '10.0.0.2'],
  ] as const)
    expect((await ping(from, to, { count: 2, waitSeconds: 0.3 })).received).toBe(0);

  for (const net of [web, db]) net.spawn(['python3', '-c', LISTEN]);
  await daemon.until('web listens', () => connects(client, '10.0.0.2'));
  expect(await connects(world, '10.0.0.2')).toBe(true);
  await daemon.until('db listens for web', () => connects(web, '10.0.0.3'));
  expect(await connects(client, '10.0.0.3')).toBe(false);

  // Super-frames whole, both ways; the receiver compares every byte.
  expect((await tcp(world, web, '10.0.0.2', 1)).bytes).toBeGreaterThan(1e6);

  const dropsOf = async (name: string) => (await daemon.port(name)).counters;
  expect((await dropsOf('g3')).transmitDropped.policy_in).toBeGreaterThan(0);
  expect((await dropsOf('g3')).receiveDropped.policy_out).toBeGreaterThan(0);

  // A connection that is there, and whose rule goes.
  const [before, sender] = [await dropsOf('g2'), client.spawn(['ping', '-i', '0.1', '10.0.0.2'])];
  await sender.waitFor(/icmp_seq=3/);
  expect((await dropsOf('g2')).transmitDropped.policy_in).toBe(before.transmitDropped.policy_in);
  await daemon.apply({ ...config, groups: { ...GROUPS, web: { in: [] } } });
  const at = sender.stdout.length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(sender.stdout.slice(at)).not.toMatch(/icmp_seq=.*\n.*icmp_seq=.*\n/);
  await daemon.apply(config);
  await sender.waitFor(new RegExp(`^[^]{${sender.stdout.length}}[^]*icmp_seq`));
  await expectLaws(daemon);
});
