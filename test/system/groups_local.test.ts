// The bridge's own interface in a security group: what the host itself lets in and may begin, and that others' rules mean it by name.
//
//   host (br0, 10.0.0.254: host) -- br0 -- client (10.0.0.1: no group), web (10.0.0.2: web)

import { expect, test } from 'vitest';
import type { SecurityGroupStatus } from '../../src/api.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches } from '../support/traffic.ts';

needs('ping', 'python3', 'bash');

const HOST = '10.0.0.254';
const LISTEN = `
import select, socket
ends = [socket.create_server(('', port), backlog=16) for port in (80, 81)]
print('listening', flush=True)
while True:
    for end in select.select(ends, [], [])[0]:
        end.accept()[0].close()
`;

async function connects(from: Netns, address: string, port: number): Promise<boolean> {
  const script = `exec 3<>/dev/tcp/${address}/${port}`;
  return (await from.run(['timeout', '0.7', 'bash', '-c', script])).code === 0;
}

const pings = async (from: Netns, to: string) =>
  (await ping(from, to, { count: 2, waitSeconds: 0.3 })).received > 0;

test('the host is in a group by its interface, until it is in none', async () => {
  const lab = await openLab();
  const [host, client, web] = await lab.netnsList(['host', 'client', 'web']);
  const port = (net: Netns, more: object = {}) => ({ type: 'tap', netns: net.name, ...more });
  const config = {
    version: 1,
    groups: {
      host: { in: [{ protocol: 'tcp', ports: 80, from: 'any' }], out: [{ protocol: 'icmp', to: 'any' }] },
      web: { in: [{ protocol: 'icmp', from: 'host' }] },
    },
    bridges: {
      br0: { local: { groups: ['host'] }, ports: { g1: port(client), g2: port(web, { groups: ['web'] }) } },
    },
  };
  const daemon = await Taploomd.start(lab, host, config);
  await host.up('br0', `${HOST}/24`);
  await client.up('g1', '10.0.0.1/24');
  await web.up('g2', '10.0.0.2/24');
  const listeners = [host, client].map((net) => net.spawn(['python3', '-c', LISTEN]));
  await Promise.all(listeners.map((one) => one.waitFor(/listening/)));

  // What the host may begin is answered; `from: host` means it, and nobody else.
  expect(await reaches(host, '10.0.0.1')).toBe(true);
  expect(await reaches(host, '10.0.0.2')).toBe(true);
  expect(await pings(client, '10.0.0.2')).toBe(false);
  expect(await connects(host, '10.0.0.1', 80)).toBe(false);
  expect(await connects(client, HOST, 80)).toBe(true);
  expect(await connects(client, HOST, 81)).toBe(false);
  expect(await pings(client, HOST)).toBe(false);
  const { counters } = await daemon.port('br0');
  expect(counters.receiveDropped.policy_out).toBeGreaterThan(0);
  expect(counters.transmitDropped.policy_in).toBeGreaterThan(0);
  const { groups } = await daemon.get<{ groups: SecurityGroupStatus[] }>('/v1/groups');
  expect(groups.map(({ name, ports }) => [name, ports])).toEqual([
    ['host', ['br0']],
    ['web', ['g2']],
  ]);

  await daemon.apply({ ...config, bridges: { br0: { ...config.bridges.br0, local: {} } } });
  expect(await reaches(client, HOST)).toBe(true);
  expect(await connects(client, HOST, 81)).toBe(true);
  expect(await connects(host, '10.0.0.1', 80)).toBe(true);
  // Who was meant is no member any more.
  expect(await pings(host, '10.0.0.2')).toBe(false);
});
