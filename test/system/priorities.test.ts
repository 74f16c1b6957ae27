// Rewritten packets as the kernel sees them: it drops an IPv4 header whose checksum is wrong, and nftables reads the DSCP.

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { iperf3 } from '../support/traffic.ts';

needs('iperf3', 'nft', 'ping');

const RULES = `
table inet t {
  chain input {
    type filter hook input priority 0;
    ip dscp ef counter
    ip dscp != ef counter
    ip6 dscp ef icmpv6 type echo-request counter
    ip6 dscp != ef icmpv6 type echo-request counter
  }
}`;

/** Packets of the rules, in their order. */
async function counted(host: Netns): Promise<number[]> {
  const text = await host.check(['nft', 'list', 'chain', 'inet', 't', 'input']);
  return [...text.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets));
}

test('super-frames and small packets arrive with another DSCP, and a right checksum', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  const ports = {
    h1: { type: 'tap', netns: h1.name, qos: { trust: 'none', priority: 5 } },
    h2: { type: 'tap', netns: h2.name, qos: { rewrite: { dscp: { 5: 46 } } } },
  };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await h1.up('h1', '10.0.0.1/24', 'fd00::1/64');
  await h2.up('h2', '10.0.0.2/24', 'fd00::2/64');
  await h2.check(['nft', RULES]);
  const { sum_received } = await iperf3(h1, h2, '10.0.0.2', 1);
  expect(sum_received?.bits_per_second).toBeGreaterThan(50e6);
  await h1.check(['ping', '-c', '5', '-i', '0.01', '-Q', '0x28', 'fd00::2']);
  const [ef4, others4, ef6, others6] = await counted(h2);
  expect(ef4).toBeGreaterThan(100);
  expect([others4, ef6, others6]).toEqual([0, 5, 0]);
  expect(await h2.check(['nstat', '-asz', 'IpInHdrErrors'])).toMatch(/IpInHdrErrors +0 /);
  await expectLaws(daemon);
});
