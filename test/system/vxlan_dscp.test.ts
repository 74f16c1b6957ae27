// The DSCP of what leaves through a tunnel, inside and outside, as a kernel VTEP gets it: nftables reads both headers there.
//
//   h1 --- TAP --- taploomd in sw -- und0 --- und0 in r1 -- kernel VXLAN -- bridge -- r1-inner

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { iperf3, reaches } from '../support/traffic.ts';
import { addKernelVxlan } from '../support/vxlan_host.ts';

needs('iperf3', 'nft', 'ping', 'ethtool');

const OUTER = '192.0.2.1';
const FAR = '192.0.2.2';

/** What came of packets that fit, by DSCP. */
const rules = (fits: string) => `
table ip t {
  set seen { typeof ip dscp; flags dynamic; counter; size 64; }
  chain input {
    type filter hook prerouting priority -300;
    ${fits} add @seen { ip dscp }
  }
}`;

/** DSCPs since the last time, with their packets. */
async function seen(host: Netns): Promise<Record<string, number>> {
  const text = await host.check(['nft', '-n', 'list', 'set', 'ip', 't', 'seen']);
  await host.check(['nft', 'flush', 'set', 'ip', 't', 'seen']);
  const all = [...text.matchAll(/(0x[0-9a-f]+|\d+) counter packets (\d+)/g)];
  return Object.fromEntries(all.map(([, dscp, packets]) => [Number(dscp), Number(packets)]));
}

async function connect(tunnel: Record<string, unknown>, from: Record<string, unknown>) {
  const lab = await openLab();
  const [sw, h1, r1] = await lab.netnsList(['sw', 'h1', 'r1']);
  await lab.veth(sw, 'und0', r1, 'und0');
  await sw.up('und0', `${OUTER}/24`);
  await r1.up('und0', `${FAR}/24`);
  const ports = {
    h1: { type: 'tap', netns: h1.name, qos: from },
    vx: { type: 'vxlan', vni: 42, local: OUTER, remotes: [FAR], ...tunnel },
  };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await h1.up('h1', '10.0.0.1/24');
  const { inner } = await addKernelVxlan(lab, r1, {
    ...{ label: 'r1', vni: 42, local: FAR, remotes: [OUTER], addresses: ['10.0.0.2/24'], mtu: 1450 },
  });
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  // Behind the headers of UDP and VXLAN and both MACs: IPv4, and not what hosts say by themselves.
  await r1.check(['nft', rules('iifname "und0" udp dport 4789 @th,224,16 0x0800')]);
  await inner.check(['nft', rules('meta l4proto { tcp, udp, icmp }')]);
  const ping = async (tos: number) => {
    await h1.check(['ping', '-c', '3', '-i', '0.01', '-Q', `${tos}`, '10.0.0.2']);
    return { outside: await seen(r1), inside: await seen(inner) };
  };
  return { daemon, h1, r1, inner, ping };
}

test('the DSCP of a trusted packet is rewritten by its priority, and stands in the outer header, too', async () => {
  const { daemon, h1, r1, inner, ping } = await connect(
    { tos: 'inherit', qos: { shape: '200mbit', rewrite: { dscp: { 5: 34, 1: 8 } } } },
    { trust: 'dscp' },
  );
  // EF is priority 5 by its upper three bits, AF11 is 1, and CS3, which is 3, nobody rewrites.
  expect(await ping(46 << 2)).toEqual({ outside: { 34: 3 }, inside: { 34: 3 } });
  expect(await ping(10 << 2)).toEqual({ outside: { 8: 3 }, inside: { 8: 3 } });
  expect(await ping(24 << 2)).toEqual({ outside: { 24: 3 }, inside: { 24: 3 } });
  // Super-frames, which wait, and whose segments have outer headers of their own.
  await iperf3(h1, inner, '10.0.0.2', 1, '--tos', `${46 << 2}`);
  const [outside, inside] = [await seen(r1), await seen(inner)];
  expect(outside[34]).toBeGreaterThan(50);
  expect(inside[34]).toBeGreaterThan(50);
  for (const dscps of [outside, inside]) expect(Object.keys(dscps)).not.toContain('46');
  expect(await inner.checksumErrors()).toBe(0);
  await expectLaws(daemon);
});

test('a tunnel with a TOS of its own says that, whatever the packet inside is rewritten to', async () => {
  const { daemon, ping } = await connect(
    { tos: 18 << 2, qos: { rewrite: { dscp: { 5: 34 } } } },
    { trust: 'none', priority: 5 },
  );
  expect(await ping(0)).toEqual({ outside: { 18: 3 }, inside: { 34: 3 } });
  await expectLaws(daemon);
});
