// Three access ports in two VLANs: whatever is sent in one, a capture in the other stays empty.

import { expect, test } from 'vitest';
import { BROADCAST, frame } from '../support/frames.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, ping, sendFrames, tcp } from '../support/traffic.ts';

needs('ping', 'tcpdump');

test('nothing of one VLAN is seen in another: broadcast, unicast, TCP or forged tags', async () => {
  const lab = await openLab();
  const [sw, a, b, c] = await lab.netnsList(['sw', 'a', 'b', 'c']);
  const port = (netns: string, access: number) => ({ type: 'tap', netns, vlan: { access } });
  const ports = { a: port(a.name, 10), b: port(b.name, 10), c: port(c.name, 20) };
  const config = { version: 1, bridges: { br0: { vlan_filtering: true, ports } } };
  const daemon = await Taploomd.start(lab, sw, config);
  await a.up('a', '10.0.0.1/24', 'fd00::1/64');
  await b.up('b', '10.0.0.2/24', 'fd00::2/64');
  await c.up('c', '10.0.0.3/24', 'fd00::3/64');

  // What comes out of the switch towards c; what c itself sends is not the question.
  const wrongSide = await Capture.start(c, 'c', `${lab.dir}/c.pcap`, '-Q', 'in');
  const rightSide = await Capture.start(b, 'b', `${lab.dir}/b.pcap`, '-Q', 'in', 'ether proto 0x88b5');

  expect(await ping(a, '10.0.0.2')).toMatchObject({ received: 5 });
  expect(await ping(b, 'fd00::1')).toMatchObject({ received: 5 });
  expect(await ping(a, '10.0.0.3', { count: 2, waitSeconds: 0.5 })).toMatchObject({ received: 0 });
  await tcp(a, b, '10.0.0.2', 1);

  const from = (await a.link('a')).address;
  const toC = (await c.link('c')).address;
  await sendFrames(a, 'a', [
    { hex: frame({ to: BROADCAST, from }), count: 20 },
    { hex: frame({ to: toC, from }), count: 20 },
    // Priority-tagged frames belong to the port's VLAN; those that claim another VLAN are refused.
    { hex: frame({ to: BROADCAST, from, tag: 0 }), count: 20 },
    { hex: frame({ to: BROADCAST, from, tag: 20 }), count: 7 },
    { hex: frame({ to: toC, from, tag: 20 }), count: 7 },
    { hex: frame({ to: toC, from, tag: 4095 }), count: 3 },
  ]);
  await daemon.until('all frames received', async () => {
    const { vlan_not_allowed = 0, vlan_invalid = 0 } = (await daemon.port('a')).counters.receiveDropped;
    return vlan_not_allowed === 14 && vlan_invalid === 3;
  });

  // Unknown unicast to c's address floods VLAN 10 only, so b sees it.
  expect(await rightSide.stop()).toHaveLength(60);
  expect(await wrongSide.stop()).toEqual([]);
  await expectLaws(daemon);
});
