// Captures of a whole switch, read by those for whom they are made: tshark, tcpdump, capinfos.
//
//   h1, h2 (access 10), h3 (trunk) --- TAPs --- taploomd

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BROADCAST, frame } from '../support/frames.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { type Background, check, type RunOptions } from '../support/process.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { ping, sendFrames, tcp } from '../support/traffic.ts';

needs('ping', 'nstat', 'tshark', 'tcpdump', 'capinfos');

interface Net {
  lab: Lab;
  h1: Netns;
  h2: Netns;
  h3: Netns;
  daemon: Taploomd;
}

async function connect(args: string[] = []): Promise<Net> {
  const lab = await openLab();
  const [sw, h1, h2, h3] = await lab.netnsList(['sw', 'h1', 'h2', 'h3']);
  // No frames but those of the tests.
  for (const host of [h1, h2, h3]) await host.withoutIpv6();
  const ports = {
    h1: { type: 'tap', netns: h1.name, vlan: { access: 10 } },
    h2: { type: 'tap', netns: h2.name, vlan: { access: 10 } },
    h3: { type: 'tap', netns: h3.name, vlan: { trunk: [10] } },
  };
  const bridges = { br0: { vlan_filtering: true, local: false, ports } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges }, { args });
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  await h3.up('h3');
  return { lab, h1, h2, h3, daemon };
}

function capture({ lab, daemon }: Net, args: string, options: RunOptions = {}): Background {
  const command = `exec "${process.execPath}" "${program('taploom')}" --socket "${daemon.socket}" capture ${args}`;
  return lab.spawn(['sh', '-c', command], options);
}

/** As a user does it: a pipe into another program. */
function piped({ lab, daemon }: Net, args: string, reader: string): Background {
  const taploom = `"${process.execPath}" "${program('taploom')}" --socket "${daemon.socket}"`;
  return lab.spawn(['sh', '-c', `${taploom} capture ${args} -w - | ${reader}`]);
}

const running = (one: Background) => one.waitFor(/capturing on/);
const totals = async (one: Background): Promise<[captured: number, lost: number]> => {
  const [, captured, lost] = await one.waitFor(/(\d+) frames captured, (\d+) lost/);
  return [Number(captured), Number(lost)];
};

describe.each([[1], [2]])('with %i worker(s)', (workers) => {
  test('frames come through a pipe into tshark with port, direction, tag and time', async () => {
    const net = await connect(['--workers', String(workers)]);
    const { h1, h3 } = net;
    const fields = [
      'frame.interface_name',
      'frame.packet_flags_direction',
      'vlan.id',
      'eth.src',
      'frame.time_epoch',
    ];
    const reader = `tshark -l -r - -T fields -E separator=, ${fields.map((field) => `-e ${field}`).join(' ')}`;
    // A tag moves what is written after it.
    const filter = 'ether proto 0x88b5 or (vlan 10 and ether proto 0x88b5)';
    const pipe = piped(net, `br0 --filter '${filter}' --count 6`, reader);
    await running(pipe);
    const before = Date.now();
    await sendFrames(h1, 'h1', [{ hex: frame({ to: BROADCAST, from: '02:00:00:00:00:01' }) }]);
    await sendFrames(h3, 'h3', [{ hex: frame({ to: BROADCAST, from: '02:00:00:00:00:03', tag: 10 }) }]);
    expect(await pipe.exit()).toBe(0);
    const lines = pipe.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    // Of two workers the one may be read before the other: the order between them is that of time.
    expect(lines.map((line) => line.slice(0, 4).join(' ')).sort()).toEqual([
      'h1 0x00000001  02:00:00:00:00:01',
      'h1 0x00000002  02:00:00:00:00:03',
      'h2 0x00000002  02:00:00:00:00:01',
      'h2 0x00000002  02:00:00:00:00:03',
      'h3 0x00000001 10 02:00:00:00:00:03',
      'h3 0x00000002 10 02:00:00:00:00:01',
    ]);
    for (const [, , , , time] of lines) {
      expect(time).toMatch(/^\d+\.\d{9}$/);
      expect(Number(time) * 1000).toBeGreaterThan(before - 100);
      expect(Number(time) * 1000).toBeLessThan(Date.now() + 100);
    }
  });
});

test('tcpdump shows the first frame while the capture runs', async () => {
  const net = await connect();
  const pipe = piped(net, 'br0 h1', 'tcpdump -l -nn -e -r -');
  await running(pipe);
  await ping(net.h1, '10.0.0.2', { count: 1 });
  await pipe.waitFor(/ARP.*Request who-has 10\.0\.0\.2/, 3000);
  await pipe.waitFor(/echo request/, 3000);
  expect(pipe.running).toBe(true);
});

test('drops are captured with their reason, and the last ones are kept for who comes later', async () => {
  const net = await connect();
  const file = join(net.lab.dir, 'drops.pcapng');
  const drops = capture(net, `br0 h1 --direction drop -w ${file} --count 3`);
  await running(drops);
  const alien = frame({ to: BROADCAST, from: '02:00:00:00:00:99', tag: 20, size: 200 });
  await sendFrames(net.h1, 'h1', [{ hex: alien, count: 3 }]);
  expect(await drops.exit()).toBe(0);
  const text = await check([
    'tshark',
    '-r',
    file,
    '-T',
    'fields',
    '-e',
    'frame.comment',
    '-e',
    'vlan.id',
    '-e',
    'frame.len',
  ]);
  expect(text).toBe('dropped: vlan_not_allowed\t20\t200\n'.repeat(3));
  const last = await check([
    process.execPath,
    program('taploom'),
    '--socket',
    net.daemon.socket,
    'drops',
    '--last',
    'br0',
  ]);
  expect(
    last.match(
      / h1 {2}receive {3}vlan_not_allowed {2}02:00:00:00:00:99 > ff:ff:ff:ff:ff:ff vlan 20 type 0x88b5, length 200$/gm,
    ),
  ).toHaveLength(3);
});

test('every frame is captured or counted as lost, whoever reads and whoever stops reading, and TCP goes on', async () => {
  const net = await connect();
  const file = join(net.lab.dir, 'tcp.pcapng');
  const reading = capture(net, `br0 h1 --direction in --snaplen 96 -w ${file}`);
  // It stops like a terminal that was stopped by Ctrl-S: the switch must not wait for it.
  const stopped = capture(net, 'br0 h1 --direction in -w /dev/null');
  await Promise.all([running(reading), running(stopped)]);
  const { receivedFrames: before } = (await net.daemon.port('h1')).counters;
  const memory = rss(net.daemon.process.pid);
  stopped.kill('SIGSTOP');
  const { gigabitsPerSecond } = await tcp(net.h1, net.h2, '10.0.0.2');
  expect(gigabitsPerSecond).toBeGreaterThan(0.3);
  const { receivedFrames: after } = (await net.daemon.port('h1')).counters;
  expect(rss(net.daemon.process.pid) - memory).toBeLessThan(150);
  stopped.kill('SIGCONT');
  for (const one of [reading, stopped]) expect(await one.stop('SIGINT')).toBe(0);
  const passed = after - before;
  const [captured, lost] = await totals(reading);
  const [captured2, lost2] = await totals(stopped);
  // TCP says goodbye after it was counted, at most.
  expect(captured + lost).toBeGreaterThanOrEqual(passed);
  expect(captured + lost).toBeLessThan(passed + 10);
  expect(captured2 + lost2).toBe(captured + lost);
  expect(lost2).toBeGreaterThan(0);
  const lengths = await check([
    'tshark',
    '-r',
    file,
    '-T',
    'fields',
    '-e',
    'frame.len',
    '-e',
    'frame.cap_len',
  ]);
  const frames = lengths
    .trim()
    .split('\n')
    .map((line) => line.split('\t').map(Number));
  expect(frames).toHaveLength(captured);
  // GSO frames are as they are, whatever the snapshot length.
  expect(Math.max(...frames.map(([length]) => length))).toBeGreaterThan(10_000);
  expect(Math.max(...frames.map(([, length]) => length))).toBe(96);
  await expectLaws(net.daemon);
});

test('a client that is killed leaves nothing behind, and a daemon that is killed a file that can be read', async () => {
  const net = await connect();
  const file = join(net.lab.dir, 'killed.pcapng');
  for (let round = 0; round < 6; round++) {
    const doomed = capture(net, 'br0');
    await running(doomed);
    await doomed.stop('SIGKILL');
  }
  const left = capture(net, `br0 -w ${file}`);
  await running(left);
  await ping(net.h1, '10.0.0.2', { count: 3 });
  const end = Date.now() + 5000;
  while (readFileSync(file).length < 1000 && Date.now() < end)
    await new Promise((done) => setTimeout(done, 20));
  await net.daemon.process.stop('SIGKILL');
  expect(await left.exit()).toBe(1);
  expect(left.stderr).toMatch(/taploomd closed the connection/);
  expect(await check(['capinfos', '-c', file])).toMatch(/Number of packets:\s+\d\d/);
});

function rss(pid: number): number {
  const [, kib] = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/) ?? [];
  return Number(kib) / 1024;
}
