// Our DHCP client and dnsmasq: through the ports and traps of a switch, with the client's clock in the test's hands.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { DhcpClient } from '../../src/protocol/dhcp_client/client.ts';
import type { ClientLease } from '../../src/protocol/dhcp_client/lease.ts';
import { buildArp, parseArp, REPLY, REQUEST } from '../../src/wire/arp.ts';
import { dotted, ip } from '../protocol/dhcp/world.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs('dnsmasq');

const MAC = { hi: 0x0200, lo: 0x5e10_0077 };
const TYPE_ARP = 0x0806;

test('it gets a lease of dnsmasq, renews it, has it again after a restart, and gives it back', async () => {
  const lab = await openLab();
  const server = await lab.netns('server');
  const sw = await Switch.open({
    version: 1,
    bridges: { br0: { local: false, ports: { up: { type: 'tap', netns: server.name } } } },
  });
  onTestFinished(() => sw.close());
  await server.up('up', '10.6.0.1/24');
  const words = '-d -p 0 -C /dev/null --no-ping --log-dhcp --dhcp-authoritative --interface=up';
  const more = [
    `--dhcp-leasefile=${lab.dir}/leases`,
    '--dhcp-range=10.6.0.50,10.6.0.59,2m',
    '--dhcp-option=6,10.6.0.7',
    '--domain=lan.example',
  ];
  const dnsmasq = server.spawn(['dnsmasq', ...words.split(' '), ...more]);
  await dnsmasq.waitFor(/DHCP, IP range/);

  let ahead = 0;
  const now = () => performance.now() + ahead;
  let lease: ClientLease | undefined;
  const user = {
    send: (frame: Uint8Array) => void sw.host.send('up', frame),
    changed: (next: ClientLease | undefined) => {
      lease = next;
    },
    random: Math.random,
  };
  let client = new DhcpClient({ mac: MAC }, user);
  await sw.host.trap('up', 'dhcp_client', true);
  await sw.host.trap('up', TYPE_ARP, true);
  sw.host.onPunt('dhcp_client', ({ bytes }) => client.received(bytes, now()));
  sw.host.onPunt(TYPE_ARP, ({ bytes }) => {
    client.hearArp(bytes, now());
    const arp = parseArp(bytes);
    if (arp?.operation !== REQUEST || arp.target !== lease?.address) return;
    const { senderMac: targetMac, sender: target } = arp;
    const answer = { operation: REPLY, senderMac: MAC, sender: lease.address, targetMac, target };
    sw.host.send('up', buildArp(targetMac, answer));
  });
  const until = async (what: string, holds: () => boolean) => {
    const end = performance.now() + 8000;
    while (!holds()) {
      if (performance.now() > end) throw new Error(`not ${what}: ${client.state}\n${dnsmasq.output()}`);
      if (client.deadline() <= now()) client.tick(now());
      await new Promise((done) => setTimeout(done, 10));
    }
  };

  client.start(now());
  await until('bound', () => client.state === 'bound');
  expect(lease).toMatchObject({
    prefix: 24,
    router: ip('10.6.0.1'),
    dns: [ip('10.6.0.7')],
    domain: 'lan.example',
  });
  const first = lease as unknown as ClientLease;
  expect(dotted(first.address)).toMatch(/^10\.6\.0\.5\d$/);
  ahead += 61_000;
  await until('renewed', () => client.state === 'bound' && lease?.until !== first.until);
  expect(lease?.address).toBe(first.address);

  client = new DhcpClient({ mac: MAC }, user, lease);
  client.start(now());
  expect(client.state).toBe('rebooting');
  await until('bound again', () => client.state === 'bound');
  expect(lease?.address).toBe(first.address);
  client.release(now());
  await dnsmasq.waitFor(/DHCPRELEASE/);
  expect(lease).toBeUndefined();
});
