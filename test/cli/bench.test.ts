// What `taploom bench` refuses, and what its reports say. Measuring itself needs interfaces: test/system/bench_command.test.ts.

import { describe, expect, test } from 'vitest';
import { type BenchReport, places, reportText } from '../../src/cli/bench/report.ts';
import { simulatedCli } from './simulated_cli.ts';

const CONFIG = {
  version: 1,
  bridges: {
    br0: {
      ports: {
        vm1: { type: 'tap' },
        m1: { type: 'memory' },
        vm3: { type: 'tap' },
      },
    },
    br1: { ports: { vm2: { type: 'tap' } } },
  },
};

const cli = simulatedCli(CONFIG);
const bench = (...args: string[]) => cli.run('bench', ...args);

describe('the command line', () => {
  test.each([
    [['throughput'], /name 2 ports \(from, to\), or 2 times --interface, or --temporary-bridge/],
    [['throughput', 'vm1'], /throughput takes 2 ports \(from, to\), not 1/],
    [['caching', 'vm1', 'vm2'], /caching takes 3 ports \(learning, test, monitor\), not 2/],
    [['throughput', 'vm1', 'vm1'], /each port can be named once only/],
    [['throughput', 'vm1', 'vm2', '--temporary-bridge'], /name 2 ports/],
    [['throughput', '--interface', 'a@h1'], /takes 2 ports/],
    [['throughput', 'vm1', 'vm2', '--sizes', '64,63'], /frame sizes of 64 to 65553 bytes, FCS included/],
    [['throughput', 'vm1', 'vm2', '--sizes', '64,,128'], /Expected a number/],
    [['throughput', 'vm1', 'vm2', '--loss-tolerance', '100%'], /Expected a share/],
    [['throughput', 'vm1', 'vm2', '--duration', '0'], /Expected 0.05 to 86400 seconds/],
    [['latency', 'vm1', 'vm2', '--rate', '0'], /Expected 1 to 100000000 frames a second/],
    [['latency', 'vm1', 'vm2', '--resolution', '1%'], /unknown option '--resolution'/],
  ])('taploom bench %j is wrong', async (args, message) => {
    const { code, out, error } = await bench(...args);
    expect(error).toMatch(message);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  test('help lists the measurements, and each its options with their defaults', async () => {
    const { code, out } = await bench('--help');
    expect(code).toBe(0);
    for (const kind of ['throughput', 'loss', 'latency', 'caching', 'learning']) expect(out).toContain(kind);
    const help = (await bench('throughput', '--help')).out;
    expect(help.replaceAll(/\s+/g, ' ')).toContain('(default: 64,128,256,512,1024,1280,1518)');
    expect(help).toContain('taploom bench throughput vm1 vm2');
  });
});

describe('ports that cannot be measured', () => {
  test.each([
    ['no_such_port', ['vm1', 'vm9'], 'There is no port vm9; for any other interface: --interface vm9'],
    ['different_bridges', ['vm1', 'vm2'], 'vm1 is a port of br0 and vm2 of br1'],
    ['no_interface', ['m1', 'vm1'], 'Port m1 is of type memory and has no interface'],
    ['no_such_interface', ['vm3', 'vm1'], 'Cannot find the interface of port vm3'],
  ])('%s', async (code, ports, message) => {
    const plain = await bench('throughput', ...ports);
    expect(plain).toMatchObject({ code: 1, out: '' });
    expect(plain.error).toContain(message);
    const json = await bench('throughput', ...ports, '--json');
    expect(JSON.parse(json.error).error.code).toBe(code);
  });

  test('an interface that is not there', async () => {
    const { code, error } = await bench('latency', '--interface', 'tlnope0', '--interface', 'tlnope1');
    expect({ code, error }).toEqual({ code: 1, error: 'taploom: There is no interface tlnope0\n' });
  });
});

describe('the report', () => {
  const trial = {
    requestedFramesPerSecond: 210_000,
    offeredFramesPerSecond: 210_000,
    receivedFramesPerSecond: 209_969,
    sent: 2_100_000,
    received: 2_099_688,
    lost: 312,
    duplicates: 0,
    reordered: 2,
    losses: { queue: 300, receiveDropped: {}, transmitDropped: { too_big: 7 }, receiver: 5, unexplained: 0 },
    clockSet: false,
  };
  const report: BenchReport = {
    kind: 'throughput',
    date: '2026-01-02T03:04:05.000Z',
    version: '1.2.3',
    machine: { cpu: 'CPU', cores: 2, memoryGiB: 8, kernel: '6.1', node: 'v20' },
    bridge: 'br0',
    ports: [
      { name: 'vm1', interface: 'vm1' },
      { name: 'vm2', interface: 'vm2', netns: 'h2' },
    ],
    settings: { duration: 10, lossTolerance: 0, bidirectional: true },
    warnings: [],
    results: [
      {
        frameBytes: 64,
        framesPerSecond: 200_000,
        bitsPerSecond: 102_400_000,
        limit: 'switch',
        trials: 9,
        latency: { frames: 9, minUs: 6.12, meanUs: 50, p50Us: 40, p99Us: 100.4, maxUs: 2000 },
        failed: trial,
        overload: { ...trial, offeredFramesPerSecond: 900_000, receivedFramesPerSecond: 150_000 },
      },
    ],
  };

  test('says what was found, what it cost, and where the next step lost frames', () => {
    expect(reportText(report, 80)).toBe(
      [
        'Throughput and latency (RFC 2544, 26.1 and 26.2), no loss, 10 s a trial: vm1 <-> vm2, bridge br0',
        '2026-01-02 03:04, taploom 1.2.3, CPU, 2 cores, 8 GiB, Linux 6.1, Node v20',
        '',
        'BYTES  FRAMES/S  BIT/S  LIMIT   MIN us  MEAN   P50  P99   MAX',
        '   64   200,000   102M  switch     6.1  50.0  40.0  100  2000',
        '',
        "64 bytes: at 210,000 frames/s 312 of 2,100,000 were lost: 300 in the sending port's queue, 7 by the switch (too_big), 5 in this program, which was too slow to receive",
        '64 bytes, as fast as it goes: 900,000 frames/s offered, 150,000 forwarded',
        '2 frames were overtaken by later ones',
        '',
      ].join('\n'),
    );
  });

  test.each([
    [99_000, 'the generator offered no more than 100,000 frames/s; the switch may be faster'],
    [60_000, 'the generator offered only 60,000 of 100,000 frames/s; the switch may be faster'],
  ])('a generator that offered %i of 100,000 frames/s is named', (offered, message) => {
    const [result] = report.kind === 'throughput' ? report.results : [];
    const best = { ...trial, requestedFramesPerSecond: 100_000, offeredFramesPerSecond: offered };
    const results = [{ ...result, limit: 'generator' as const, best }];
    expect(reportText({ ...report, kind: 'throughput', results }, 80)).toContain(`64 bytes: ${message}\n`);
  });

  test('losses that no counter knows are said to be unknown', () => {
    expect(places({ queue: 0, receiver: 0, unexplained: 3 })).toBe('3 nobody knows where');
    expect(places({ queue: 0, receiver: 0, unexplained: 0 })).toBe('nowhere that was counted');
  });
});
