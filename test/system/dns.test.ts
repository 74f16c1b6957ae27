// dig as a guest, a real resolver behind the host, and who must not get an answer.

import { expect, test } from 'vitest';
import type { NetworkStatus } from '../../src/api.ts';
import { runClient } from '../support/dhcp_clients.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('dig', 'udhcpc', 'dnsmasq');

const GATEWAY = '10.7.0.1';
const LONG = Array.from({ length: 8 }, (_, n) => `${n}`.repeat(250));

/** Answers as a resolver of the host does, at an address that only the host has. */
async function resolver(at: Netns, address: string): Promise<void> {
  const words = `-d -C /dev/null -p 53 --no-resolv --no-hosts --bind-interfaces --listen-address=${address}`;
  const records =
    '--host-record=www.example,198.51.100.7,60 --local=/example/ --local-ttl=60 --edns-packet-max=4096';
  const long = LONG.map((text) => `--txt-record=long.example,${text}`);
  const dnsmasq = at.spawn(['dnsmasq', ...words.split(' '), ...records.split(' '), ...long]);
  await dnsmasq.waitFor(/started/);
}

/** What dig says, without its comments. */
async function dig(from: Netns, ...words: string[]): Promise<string[]> {
  const { stdout } = await from.run(['dig', `@${GATEWAY}`, '+tries=1', '+time=2', '+short', ...words]);
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
}

/** The status and the flags of an answer; undefined: there was none. */
async function header(from: Netns, ...words: string[]): Promise<string | undefined> {
  const { stdout } = await from.run(['dig', `@${GATEWAY}`, '+tries=1', '+time=1', ...words]);
  const [, status, flags] = /status: (\w+)[\s\S]*?flags: ([\w ]+);/.exec(stdout) ?? [];
  return status === undefined ? undefined : `${status} ${flags}`;
}

test('guests find each other by name, and the outside by the resolvers of the host; others find nothing', async () => {
  const lab = await openLab();
  const [host, guest, other, outside] = await lab.netnsList(['host', 'guest', 'other', 'outside']);
  await host.ip('link set dev lo up');
  await resolver(host, '127.0.0.53');
  const dns = { domain: 'lab.example', forward: ['127.0.0.53'] };
  const network = { mode: 'host-only', subnet: '10.7.0.0/24', dns };
  const ports = { g0: { type: 'tap', netns: guest.name }, o0: { type: 'tap', netns: other.name } };
  const daemon = await Taploomd.start(lab, host, { version: 1, bridges: { br0: { network, ports } } });
  await guest.up('g0');
  await other.up('o0', '10.7.0.9/24');
  const told = await runClient(lab, guest, 'g0', 'udhcpc');
  expect(told).toMatchObject({ dns: GATEWAY, domain: 'lab.example' });
  const address = told?.ip as string;

  await expect.poll(() => dig(other, 'guest-u.lab.example')).toEqual([address]);
  expect(await dig(other, 'guest-u', '+tcp')).toEqual([address]);
  expect(await dig(other, '-x', address)).toEqual(['guest-u.lab.example.']);
  expect(await header(other, 'nobody.lab.example')).toBe('NXDOMAIN qr aa rd ra');
  expect(await header(other, '-x', '10.7.0.77')).toBe('NXDOMAIN qr aa rd ra');

  for (let n = 0; n < 2; n++) expect(await dig(other, 'WWW.example')).toEqual(['198.51.100.7']);
  expect(await header(other, 'none.example')).toMatch(/^NXDOMAIN qr rd ra/);
  // Longer than a datagram: dig hears so, and asks again by TCP.
  expect(await header(other, 'long.example', 'TXT', '+ignore')).toMatch(/^NOERROR qr tc rd ra/);
  expect((await dig(other, 'long.example', 'TXT')).sort()).toEqual(LONG.map((text) => `"${text}"`));

  await lab.veth(host, 'eth0', outside, 'e0');
  await host.up('eth0', '192.0.2.1/24');
  await outside.up('e0', '192.0.2.2/24');
  await outside.ip(`route add ${GATEWAY} via 192.0.2.1`);
  expect(await header(outside, 'www.example')).toBeUndefined();

  const { networks } = await daemon.get<{ networks: NetworkStatus[] }>('/v1/networks');
  expect(networks[0].problems).toEqual([]);
  expect(networks[0].dns).toMatchObject({
    domain: 'lab.example',
    names: 1,
    upstreams: ['127.0.0.53'],
    answered: { upstream: 3, cache: 3 },
    refused: { outside: 1 },
    failed: 0,
    malformed: {},
  });
});
