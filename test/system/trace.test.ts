// Traces of a running daemon with real TAPs: what the client prints is what then comes out, tcpdump's captures are read,
// and real frames are followed.

import { expect, test } from 'vitest';
import type { Trace } from '../../src/api.ts';
import { frame } from '../support/frames.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { Capture, reaches, sendFrames } from '../support/traffic.ts';

needs('ping', 'tcpdump');

const A = '02:00:5e:10:00:0a';
const B = '02:00:5e:10:00:0b';

test.each([1, 2])('taploom trace with %i workers', async (workers) => {
  const lab = await openLab();
  const [sw, a, b, c] = await lab.netnsList(['sw', 'a', 'b', 'c']);
  const port = (netns: Netns, mac: string | undefined, vlan: object) => ({
    type: 'tap',
    netns: netns.name,
    vlan,
    mac,
  });
  const ports = {
    a: port(a, A, { access: 10 }),
    b: port(b, B, { access: 10 }),
    c: port(c, undefined, { trunk: [10, 20] }),
  };
  const config = { version: 1, bridges: { br0: { vlan_filtering: true, ports } } };
  const daemon = await Taploomd.start(lab, sw, config, { args: ['--workers', String(workers)] });
  const taploom = (...words: string[]) =>
    sw.check([process.execPath, program('taploom'), '--socket', daemon.socket, ...words]);
  await a.up('a', '10.0.0.1/24');
  await b.up('b', '10.0.0.2/24');
  await c.up('c');

  // Both stations are known afterwards, and the traces change nothing of that.
  const file = `${lab.dir}/b.pcap`;
  const capture = await Capture.start(b, 'b', file, '-Q', 'in', 'icmp');
  expect(await reaches(a, '10.0.0.2')).toBe(true);
  await capture.stop();

  const text = await taploom('trace', 'br0', '--in', 'a', '--src', A, '--dst', B, '--vlan', '20');
  expect(text.replaceAll(/\s+/g, ' ')).toContain(
    'VLAN 20 is not allowed on a (bridges.br0.ports.a.vlan.access: 10): dropped, vlan_not_allowed',
  );
  const known = JSON.parse(
    await taploom('trace', 'br0', '--in', 'c', '--pcap', file, '-n', '1', '--json'),
  ) as Trace;
  expect(known.frame).toMatch(/^02005e10000b02005e10000a0800/);
  // The capture's frames are untagged, and the trunk has no native VLAN.
  expect(known.outcome).toMatchObject({ verdict: 'dropped', reason: 'vlan_untagged' });
  const again = JSON.parse(await taploom('trace', 'br0', '--in', 'a', '--pcap', file, '--json')) as Trace;
  expect(again.outcome).toMatchObject({ verdict: 'forwarded', copies: [{ port: 'b', bytes: 98 }] });

  // Nothing of what is only traced arrives here.
  const onC = await Capture.start(c, 'c', `${lab.dir}/c.pcap`, '-Q', 'in', 'vlan 10 and ether proto 0x88b5');

  // HTTP foretells a broadcast; then it is sent, and comes out so.
  const broadcast = { to: 'ff:ff:ff:ff:ff:ff', from: A };
  const { traces } = await daemon.request<{ traces: Trace[] }>('POST', '/v1/trace', {
    bridge: 'br0',
    port: 'a',
    frame: frame(broadcast),
  });
  expect(traces[0].outcome.copies).toEqual([
    { port: 'b', bytes: 60 },
    { port: 'c', tag: { vlan: 10, pcp: 0, dei: false }, bytes: 64 },
  ]);

  const words = ['trace', 'br0', '--in', 'a', '--live', '-n', '2', '--src', A, '--type', '0x88b5', '--json'];
  const live = taploom(...words);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await sendFrames(a, 'a', [
    { hex: frame({ ...broadcast, from: '02:00:5e:10:00:0c' }), count: 1 },
    { hex: frame(broadcast), count: 1 },
    { hex: frame({ ...broadcast, tag: 20 }), count: 1 },
  ]);
  const followed = JSON.parse(await live) as Trace[];
  expect(
    followed.map(({ outcome: { verdict, reason, copies } }) => [
      verdict,
      reason,
      copies.map((copy) => copy.port),
    ]),
  ).toEqual([
    ['forwarded', undefined, ['b', 'c']],
    ['dropped', 'vlan_not_allowed', []],
  ]);
  expect((await onC.stop()).length).toBe(2);

  // A port that is down is told of.
  await b.ip('link set dev b down');
  await daemon.until('b is down', async () => (await daemon.port('b')).state === 'down');
  const toB = [
    'trace',
    'br0',
    '--in',
    'c',
    '--vlan',
    '10',
    '--src',
    '02:00:00:00:00:01',
    '--dst',
    B,
    '--json',
  ];
  expect(JSON.parse(await taploom(...toB))).toMatchObject({
    outcome: { verdict: 'dropped', reason: 'port_down' },
  });
  await expectLaws(daemon);
});
