// `taploom bench` as a user runs it, against a real daemon and against a bridge of the kernel. The machine may be busy, so
// rates are judged by what must hold whatever they are: the account of every frame.

import { expect, test, vi } from 'vitest';
import type { BenchReport } from '../../src/cli/bench/report.ts';
import type { TrialSummary } from '../../src/tester/throughput.ts';
import { frame } from '../support/frames.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { check } from '../support/process.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { sendFrames } from '../support/traffic.ts';

needs('sysctl');
// A measurement takes seconds, and several times as long beside other work.
vi.setConfig({ testTimeout: 120_000 });

/** A socket where no taploomd listens. */
const NOBODY = '/nobody/listens/here';

function benchCommand(socket: string, ...args: string[]): string[] {
  return [process.execPath, program('taploom'), '--socket', socket, 'bench', ...args];
}

function bench(socket: string, ...args: string[]): Promise<string> {
  return check(benchCommand(socket, ...args), { timeoutMs: 60_000 });
}

/** A switch with a TAP in each of these hosts, which say nothing by themselves. */
async function taploom(lab: Lab, names: readonly string[], bridge: object = {}, port: object = {}) {
  const [sw, ...hosts] = await lab.netnsList(['sw', ...names]);
  await Promise.all(hosts.map((host) => host.withoutIpv6()));
  const ports = Object.fromEntries(
    hosts.map((host, i) => [names[i], { type: 'tap', netns: host.name, ...(names[i] === 'b' && port) }]),
  );
  const config = { version: 1, bridges: { br0: { local: false, ports, ...bridge } } };
  return { daemon: await Taploomd.start(lab, sw, config), hosts };
}

async function report<K extends BenchReport['kind']>(kind: K, text: Promise<string>) {
  const value = JSON.parse(await text) as BenchReport;
  expect(value.kind).toBe(kind);
  return value as Extract<BenchReport, { kind: K }>;
}

/** Every frame arrived, or a counter says where it was lost. */
function expectAccount({ sent, received, lost, duplicates, losses }: TrialSummary): void {
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBe(received + lost);
  expect(losses.unexplained).toBe(0);
  expect(duplicates).toBe(0);
}

function expectLatency(latency: TrialSummary['latency']): void {
  const { frames = 0, minUs = 0, meanUs = 0, p50Us = 0, p99Us = 0, maxUs = 0 } = latency ?? {};
  expect(frames).toBeGreaterThan(0);
  expect(minUs).toBeGreaterThan(0);
  expect(maxUs).toBeLessThan(5e6);
  expect([minUs, p50Us, p99Us, maxUs]).toEqual([minUs, p50Us, p99Us, maxUs].sort((a, b) => a - b));
  expect(meanUs).toBeGreaterThanOrEqual(minUs);
  expect(meanUs).toBeLessThanOrEqual(maxUs);
}

const QUICK = ['--duration', '0.2', '--resolution', '25%', '--loss-tolerance', '10%'];

test('throughput: a rate for each size, every frame accounted for, in both directions at once too', async () => {
  const lab = await openLab();
  const { daemon } = await taploom(lab, ['a', 'b']);
  const one = ['throughput', 'a', 'b', ...QUICK, '--sizes', '64,1518', '--json'];
  for (const more of [[], ['--bidirectional', '--stations', '5']]) {
    const { results, bridge, ports } = await report('throughput', bench(daemon.socket, ...one, ...more));
    expect(bridge).toBe('br0');
    expect(ports).toMatchObject([{ name: 'a' }, { name: 'b' }]);
    expect(results.map(({ frameBytes }) => frameBytes)).toEqual([64, 1518]);
    for (const { framesPerSecond, bitsPerSecond, frameBytes, latency, best, failed, overload } of results) {
      expect(framesPerSecond).toBeGreaterThan(500);
      expect(framesPerSecond).toBeLessThan(5e6);
      expect(bitsPerSecond).toBe(framesPerSecond * frameBytes * 8);
      for (const trial of [best, failed, overload]) if (trial) expectAccount(trial);
      expect(best?.lost).toBeLessThanOrEqual((best?.sent ?? 0) / 10);
      expectLatency(latency);
    }
  }
  const text = await bench(daemon.socket, 'latency', 'a', 'b', '--duration', '0.2', '--rate', '2000');
  expect(text).toMatch(/^Latency \(RFC 2544, 26\.2\), 0\.2 s a trial: a -> b, bridge br0\n/);
  expect(text.split('\n').filter((line) => /^ +\d+ /.test(line))).toHaveLength(7);
});

test('loss: what a port drops on purpose is found, by its reason', async () => {
  const lab = await openLab();
  const { daemon } = await taploom(lab, ['a', 'b'], {}, { fault: { drop: 0.5, seed: 7 } });
  const args = ['--rate', '2000', '--duration', '0.2', '--sizes', '64', '--json'];
  const { results } = await report('loss', bench(daemon.socket, 'loss', 'a', 'b', ...args));
  expect(results[0].trials).toHaveLength(10);
  for (const trial of results[0].trials) {
    expectAccount(trial);
    expect(trial.lost / trial.sent).toBeGreaterThan(0.2);
    expect(trial.losses.transmitDropped?.fault_transmit).toBeGreaterThan(0);
  }
});

test('what a port delays and duplicates is measured as that', async () => {
  const lab = await openLab();
  const { daemon } = await taploom(lab, ['a', 'b'], {}, { fault: { delay: 30, duplicate: 0.5, seed: 7 } });
  const args = ['--duration', '0.3', '--sizes', '64', '--json'];
  const { results } = await report('latency', bench(daemon.socket, 'latency', 'a', 'b', ...args));
  expectLatency(results[0].latency);
  expect(results[0].latency?.minUs).toBeGreaterThanOrEqual(29_000);
  expect(results[0].latency?.p50Us).toBeLessThan(1e6);
  expect(results[0].duplicates).toBeGreaterThan(results[0].sent / 4);
});

test('caching capacity is the fdb_limit exactly, less the stations that were there before', async () => {
  const lab = await openLab();
  const { daemon, hosts } = await taploom(lab, ['a', 'b', 'c', 'd'], { fdb_limit: 512 });
  const args = ['caching', 'a', 'b', 'c', '--quiet', '--json'];
  const alone = await report('caching', bench(daemon.socket, ...args));
  expect(alone.fdbLimit).toBe(512);
  expect(alone.result).toMatchObject({ addresses: 512, atLeast: false, otherAddresses: 0 });

  const others = Array.from({ length: 10 }, (_, n) => `02:00:00:00:00:0${n.toString(16)}`);
  await sendFrames(
    hosts[3],
    'd',
    others.map((from) => ({ hex: frame({ to: 'ff:ff:ff:ff:ff:ff', from }) })),
  );
  await daemon.until('stations learned', async () => (await daemon.fdb('?port=d')).length === others.length);
  const crowded = await report('caching', bench(daemon.socket, ...args));
  expect(crowded.result).toMatchObject({ addresses: 502, otherAddresses: 10 });
  const fewer = await report('caching', bench(daemon.socket, ...args, '--addresses', '100'));
  expect(fewer.result).toMatchObject({ addresses: 100, atLeast: true });
});

test('learning rate: a number, and none where nothing is learned', async () => {
  const lab = await openLab();
  const { daemon } = await taploom(lab, ['a', 'b', 'c']);
  const args = ['learning', 'a', 'b', 'c', '--addresses', '2000', '--json'];
  const { result } = await report('learning', bench(daemon.socket, ...args, '--resolution', '30%'));
  expect(result.addresses).toBe(2000);
  expect(result.addressesPerSecond).toBeGreaterThan(500);
  expect(result.trials.some(({ ok, flooded }) => ok && flooded === 0)).toBe(true);

  await daemon.cli('port', 'set', 'br0', 'a', '--learning', 'off');
  const deaf = await report('learning', bench(daemon.socket, ...args, '--addresses', '20', '--rate', '1000'));
  expect(deaf.result.addressesPerSecond).toBe(0);
});

test('a bridge of its own goes away afterwards, and on Ctrl-C', async () => {
  const lab = await openLab();
  const { daemon } = await taploom(lab, ['a']);
  const names = async () => (await daemon.ports()).map(({ name }) => name);
  const args = ['latency', '--temporary-bridge', '--sizes', '64'];
  const text = await bench(daemon.socket, ...args, '--duration', '0.2');
  expect(text).toMatch(/: tlb\d+a -> tlb\d+b, bridge tlb\d+\n/);
  expect(await names()).toEqual(['a']);

  const command = benchCommand(daemon.socket, ...args, '--duration', '600');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const running = lab.spawn(command);
    // until frames pass, not only until the bridge is there
    await daemon.until(
      'test frames pass',
      async () =>
        (await daemon.ports()).some(
          ({ name, counters }) => name.startsWith('tlb') && counters.receivedFrames > 50,
        ),
      20_000,
    );
    expect(await running.stop(signal), 'the exit status of a death by signal').toBeNull();
    expect(running.child.signalCode).toBe(signal);
    expect(running.stderr).toContain(`interrupted by ${signal}`);
    expect(await names()).toEqual(['a']);
  }
});

test('without the right to open raw sockets it says what is missing', async () => {
  const lab = await openLab();
  const host = await lab.netns('a');
  await host.ip('link set dev lo up', 'link add d0 type veth peer name d1', 'link set dev d0 up');
  const command = benchCommand(NOBODY, 'latency', '--interface', 'd0', '--interface', 'lo', '--json');
  const { code, stderr, stdout } = await host.run(['setpriv', '--bounding-set=-net_raw', ...command]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(JSON.parse(stderr).error).toMatchObject({
    code: 'permission_denied',
    message: expect.stringMatching(/raw socket on interface d0.*CAP_NET_RAW/),
  });
});

test('any switch can be measured by its interfaces: a bridge of the kernel', async () => {
  const lab = await openLab();
  const [sw, ...hosts] = await lab.netnsList(['sw', 'a', 'b', 'c']);
  await Promise.all([sw, ...hosts].map((host) => host.withoutIpv6()));
  await sw.ip('link add br0 type bridge ageing_time 100 mcast_snooping 0', 'link set dev br0 up');
  for (const [i, host] of hosts.entries()) {
    await lab.veth(host, 'eth0', sw, `p${i}`);
    await sw.ip(`link set dev p${i} master br0`);
  }
  const [a, b, c] = hosts.map((host: Netns) => ['--interface', `eth0@${host.name}`]);
  const speed = await report(
    'throughput',
    bench(NOBODY, 'throughput', ...a, ...b, ...QUICK, '--sizes', '64', '--json'),
  );
  expect(speed.bridge).toBeUndefined();
  expect(speed.results[0].framesPerSecond).toBeGreaterThan(500);
  expectLatency(speed.results[0].latency);

  // ageing 1 s: waited for between trials
  const three = [...a, ...b, ...c, '--ageing-time', '1', '--addresses', '100', '--json'];
  const { result } = await report('caching', bench(NOBODY, 'caching', ...three));
  expect(result).toMatchObject({ addresses: 100, atLeast: true });
});
