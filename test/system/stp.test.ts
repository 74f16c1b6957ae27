// Spanning tree between processes: Taplooms among themselves.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { loadConfig } from '../../src/config/yaml.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import {
  addressOf,
  expectConnected,
  expectOneTree,
  kernelBridge,
  mesh,
  type Switch,
  settles,
  TEST_TYPE,
  taploom,
} from '../support/spanning_tree.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, ping, sendFrames } from '../support/traffic.ts';

vi.setConfig({ testTimeout: 180_000 });
needs('tcpdump', 'tc');

/** Lost pings in a row of pings every 5 ms, while `act` happens. */
async function lossOf(from: Netns, to: string, act: () => Promise<void>): Promise<number> {
  const running = ping(from, to, { count: 600, intervalSeconds: 0.005, waitSeconds: 1 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await act();
  const { sent, received } = await running;
  return (sent - received) * 5;
}

test('a ring of three Taplooms in RSTP: one tree, and a cut link costs less than 100 ms', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  for (const [n, one] of [a, b, c].entries())
    await taploom(lab, one, { protocol: 'rstp', priority: 4096 * (n + 1) });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  await settles(b, { ba: 'root forwarding', bc: 'designated forwarding' });
  await expectConnected(switches.values());
  await expectOneTree(lab, switches.values());

  const shown = (await c.daemon?.cli('show')) ?? '';
  expect(shown).toMatch(/spanning tree rstp, root 1000\.\w{12}, behind ca, cost 2000/);
  expect(shown).toMatch(/cb +af_packet +up .*alternate blocking/);
  expect(shown).toMatch(/cb does not forward: a second way to the root: bridge 2000\.\w{12} is nearer/);

  const losses: number[] = [];
  for (let round = 0; round < 3; round++) {
    const loss = await lossOf(c.netns, addressOf(a), () => a.netns.ip('link set dev ac down'));
    losses.push(loss);
    await settles(c, { ca: 'disabled disabled', cb: 'root forwarding' });
    await a.netns.ip('link set dev ac up');
    await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  }
  console.log(`cut link: lost ${losses.join(', ')} ms`);
  expect(Math.min(...losses)).toBeLessThanOrEqual(100);
  await expectOneTree(lab, switches.values());

  const metrics = await c.daemon?.metrics();
  expect(metrics?.get('taploom_stp_port_role{bridge="br0",port="ca",role="root"}')).toBe(1);
  expect(metrics?.get('taploom_stp_root_path_cost{bridge="br0"}')).toBe(2000);
});

test('a restart in a ring opens no loop: ports begin blocked', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  for (const [n, one] of [a, b, c].entries())
    await taploom(lab, one, { protocol: 'rstp', priority: 4096 * (n + 1) });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  const capture = await Capture.start(b.netns, 'bc', join(lab.dir, 'bc'), 'ether', 'proto', `0x${TEST_TYPE}`);
  const source = '020000000061';
  const hex = `ffffffffffff${source}${TEST_TYPE}${'00'.repeat(46)}`;
  for (let n = 0; n < 2; n++) {
    c.daemon?.process.kill('SIGKILL');
    await c.daemon?.process.exited;
    const starting = taploom(lab, c, { protocol: 'rstp', priority: 12_288 });
    for (let k = 0; k < 5; k++) await sendFrames(a.netns, 'br0', [{ hex }]);
    await starting;
    await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  }
  // A loop would show each of them thousands of times.
  expect((await capture.stop()).length).toBeLessThanOrEqual(10);
});

test('a link that carries frames one way only is closed: its neighbour disputes', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  await taploom(lab, a, { protocol: 'rstp', priority: 4096 });
  await taploom(lab, b, { protocol: 'rstp', priority: 8192 });
  await taploom(lab, c, { protocol: 'rstp', priority: 12_288 });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  // From now on nothing that b sends comes to c.
  // A bucket that no frame fits into.
  const tooSmall = ['tbf', 'rate', '1kbit', 'burst', '32', 'limit', '64'];
  await b.netns.check(['tc', 'qdisc', 'add', 'dev', 'bc', 'root', ...tooSmall]);
  // After three hello times c opens its end, says so, and b hears that it was not heard.
  const isDisputed = async () => {
    const stp = (await b.daemon?.port('bc'))?.stp;
    return stp?.state === 'blocking' && stp.reason === 'its neighbour does not hear it, or it hears itself';
  };
  await b.daemon?.until('dispute', isDisputed, 60_000);
});

test('a guest that floods BPDUs delays nobody, and a BPDU guard closes its port', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  const guest = await lab.netns('g');
  await guest.withoutIpv6();
  await lab.veth(c.netns, 'cg', guest, 'eth0');
  c.ports.push('cg');
  for (const [n, one] of [a, b, c].entries())
    await taploom(lab, one, { protocol: 'rstp', priority: 4096 * (n + 1) });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking', cg: 'designated forwarding' });
  // RST BPDUs of a bridge that is worse than ours.
  const bpdu = `0180c2000000020000000067002742420300000202 0e f000020000000067 00000000 f000020000000067 8001 0000 1400 0200 0f00 00`;
  const hex = bpdu.replaceAll(' ', '').padEnd(120, '0');
  const flood = sendFrames(guest, 'eth0', [{ hex, count: 50_000 }]);
  const loss = await lossOf(c.netns, addressOf(a), () => a.netns.ip('link set dev ac down'));
  await settles(c, { cb: 'root forwarding' });
  await flood;
  console.log(`cut link beside a flood of BPDUs: lost ${loss} ms`);
  // Three hello times would be 6,000.
  expect(loss).toBeLessThan(1_000);
  const flooded = await c.daemon?.port('cg');
  expect(flooded?.counters.receiveDropped.punt_limit).toBeGreaterThan(10_000);
  expect(flooded?.stp?.counters.bpdusReceived).toBeLessThan(2_000);

  await c.daemon?.request('PATCH', '/v1/bridges/br0/ports/cg', { stp: { guard: 'bpdu' } });
  await sendFrames(guest, 'eth0', [{ hex }]);
  await settles(c, { cg: 'disabled disabled' });
  expect((await c.daemon?.port('cg'))?.stp?.reason).toMatch(/^BPDU guard: it received a BPDU/);
  expect(await c.daemon?.cli('events', '--type', 'stp')).toContain(
    'port cg is held back: it received a BPDU',
  );
});

test('the example of docs/stp.md', async () => {
  const page = readFileSync(new URL('../../docs/stp.md', import.meta.url), 'utf8');
  const text = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  const lab = await openLab();
  const [sw, root] = await lab.netnsList(['sw', 'root']);
  await root.withoutIpv6();
  for (const n of [1, 2]) await lab.veth(sw, `eth${n}`, root, `r${n}`);
  await kernelBridge({ name: 'r', netns: root, ports: ['r1', 'r2'] }, 4096);
  const daemon = await Taploomd.start(lab, sw, loadConfig(text, 'stp.md'));
  const one: Switch = { name: 's', netns: sw, ports: [], daemon };
  await settles(one, { eth1: 'root forwarding', eth2: 'alternate blocking' }, 40_000);
  await sw.up('vm1');
  await settles(one, { vm1: 'designated forwarding' });
  expect((await daemon.port('vm1')).stp?.isEdge).toBe(true);
  const shown = await daemon.cli('port', 'show', 'br0');
  for (const line of ['root forwarding', 'alternate blocking', 'designated forwarding'])
    expect(shown).toContain(line);
  expect(shown).toMatch(/eth2 does not forward: a second way to the root: bridge 1000\.\w{12} is nearer/);
});
