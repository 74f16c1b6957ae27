// The gateway's addresses on the host's interface stay, whoever removes them.

import { expect, test } from 'vitest';
import type { NetworkStatus } from '../../src/api.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('ip');

const ALL = ['10.7.0.1/24', 'fd00:7::1/64', 'fe80::1/64'];

test('what is deleted by hand is set again and told of; with the link down it waits for that', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const network = { mode: 'host-only', subnet: ['10.7.0.0/24', 'fd00:7::/64'] };
  const bridges = { br0: { network, ports: { vm1: { type: 'tap' } } } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges });
  const has = async (addresses: readonly string[]) => {
    const shown = await sw.check(['ip', 'addr', 'show', 'dev', 'br0']);
    return addresses.every((address) => shown.includes(` ${address} `));
  };
  expect(await has(ALL)).toBe(true);
  await sw.ip('addr del 10.7.0.1/24 dev br0', 'addr add 10.8.0.1/24 dev br0');
  await daemon.until('the address', () => has(ALL));
  const told = () => daemon.cli('events');
  expect(await told()).toContain(
    'network br0 lost 10.7.0.1/24 on br0, which somebody removed: it is set again',
  );

  // An address of others is nobody's business.
  await sw.ip('addr del 10.8.0.1/24 dev br0');
  // With the link the IPv6 addresses go; who took it down wants it so.
  await sw.ip('link set br0 down');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await has(['fd00:7::1/64'])).toBe(false);
  expect(await sw.check(['ip', '-br', 'link', 'show', 'br0'])).toContain('DOWN');
  await sw.ip('link set br0 up');
  await daemon.until('the addresses', () => has(ALL));

  await sw.ip('addr flush dev br0');
  await daemon.until('all of them', () => has(ALL));
  const { networks } = await daemon.get<{ networks: NetworkStatus[] }>('/v1/networks');
  expect(networks[0].problems).toEqual([]);
  const lines = (await told()).split('\n').filter((line) => line.includes('set again'));
  expect(lines).toHaveLength(3);
  expect(lines.join()).not.toContain('10.8.0.1');

  // Its own changes are no news.
  await daemon.apply({ version: 1, bridges: { br0: { ports: { vm1: { type: 'tap' } } } } });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await has(['10.7.0.1/24'])).toBe(false);
});
