// Reserved groups through a bridge port with a mask of its own: the same frames pass as through a kernel bridge.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, sendFrames } from '../support/traffic.ts';

needs('tcpdump', 'sysctl');

/** BPDUs, which always pass without spanning tree, LACP, 802.1X and LLDP; with the EtherType of local experiments, so that nobody answers. */
const GROUPS = ['00', '02', '03', '0e'];
const frames = (from: string) =>
  GROUPS.map((group) => ({ hex: `0180c20000${group}0200000000${from}88b5${'00'.repeat(46)}` }));

/** `p1` has the mask 0x4, its bridge 0x8: what h2 gets from h1, and h1 from h2. */
async function passed(kind: 'kernel' | 'taploom'): Promise<string[][]> {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  for (const net of [sw, h1, h2]) await net.withoutIpv6();
  await lab.veth(sw, 'p1', h1, 'e');
  await lab.veth(sw, 'p2', h2, 'e');
  if (kind === 'kernel') {
    await sw.ip('link add br0 type bridge group_fwd_mask 0x8', 'link set br0 up');
    for (const port of ['p1', 'p2']) await sw.ip(`link set ${port} master br0`);
    await sw.ip('link set p1 type bridge_slave group_fwd_mask 0x4');
  } else {
    const port = { type: 'af_packet', lldp: false };
    const ports = { p1: { ...port, group_fwd_mask: 0x4 }, p2: port };
    await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { group_fwd_mask: 0x8, ports } } });
  }
  const got: string[][] = [];
  for (const [from, at, mac] of [
    [h1, h2, '01'],
    [h2, h1, '02'],
  ] as const) {
    const capture = await Capture.start(
      at,
      'e',
      join(lab.dir, `${mac}.pcap`),
      'ether proto 0x88b5 and inbound',
    );
    // The first frame of a capture is missing now and then, behind a kernel bridge too.
    const broadcast = { hex: `ffffffffffff0200000000${mac}88b5${'00'.repeat(46)}` };
    await sendFrames(from, 'e', [{ ...broadcast, count: 100 }, ...frames(mac), broadcast]);
    await new Promise((done) => setTimeout(done, 500));
    const to = (await capture.stop()).map((line) => line.split(/[ ,]+/)[2]);
    got.push(to.filter((group, n) => group.startsWith('01:80:c2') || n === to.length - 1));
  }
  return got;
}

test('a mask of 0x4 on a port lets LACP in there, as on a kernel bridge', async () => {
  const expected = await passed('kernel');
  expect(expected).toEqual([
    ['01:80:c2:00:00:00', '01:80:c2:00:00:02', '01:80:c2:00:00:03', 'ff:ff:ff:ff:ff:ff'],
    ['01:80:c2:00:00:00', '01:80:c2:00:00:03', 'ff:ff:ff:ff:ff:ff'],
  ]);
  expect(await passed('taploom')).toEqual(expected);
});
