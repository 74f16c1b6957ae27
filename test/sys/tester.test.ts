import { expect, onTestFinished, test } from 'vitest';
import { LinkSocket } from '../../src/sys/link.ts';
import { TestSockets } from '../../src/sys/tester.ts';
import { station, testFrame } from '../../src/tester/test_frame.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { sendFrames } from '../support/traffic.ts';

needs('sysctl');

const SECONDS = 10;
const one = { sources: 1, destinations: 1 };

function sockets(where: Netns, name: string): TestSockets {
  const links = LinkSocket.open(where.name);
  const opened = TestSockets.open(name, links.index(name), where.name);
  links.close();
  onTestFinished(() => opened.close());
  return opened;
}

async function cable() {
  const lab = await openLab();
  const [a, b] = await lab.netnsList(['a', 'b']);
  await Promise.all([a.withoutIpv6(), b.withoutIpv6()]);
  await lab.veth(a, 'left', b, 'right');
  return { a, b, left: sockets(a, 'left'), right: sockets(b, 'right') };
}

test('over a cable everything arrives, once, in order, at the rate that was asked for', async () => {
  const { left, right } = await cable();
  const receiving = right.receive({ seconds: SECONDS, limit: 5000, tag: 7 });
  const sending = left.send(
    { rate: 10_000, seconds: SECONDS, limit: 5000, tag: 7, ...one },
    testFrame(64, 0, 1),
  );
  const sent = await sending.finished();
  expect(sent).toMatchObject({ sent: 5000, refused: 0 });
  // a busy machine makes it late, never early
  expect(sent.elapsedSeconds).toBeGreaterThan(0.49);
  expect(sent.elapsedSeconds - sent.slippedSeconds).toBeLessThan(2);
  while (receiving.progress < 5000) await new Promise((resolve) => setTimeout(resolve, 5));
  receiving.stop();
  const received = await receiving.finished();
  expect(received).toMatchObject({
    received: 5000,
    duplicates: 0,
    reordered: 0,
    strays: 0,
    overrun: 0,
    backwards: 0,
  });
  expect(received.minNs).toBeGreaterThan(0);
  expect(received.minNs).toBeLessThan(received.sumNs / 5000);
  expect(received.sumNs / 5000).toBeLessThan(received.maxNs);
  expect(received.histogram.reduce((sum, frames) => sum + frames, 0)).toBe(5000);
});

test('duplicates, overtaken frames and frames of other streams are told apart', async () => {
  const { a, right } = await cable();
  const frame = (tag: number, sequence: number, size = 64) => {
    const bytes = testFrame(size, 0, 1);
    const view = new DataView(bytes.buffer);
    view.setUint16(46, tag);
    view.setUint32(48, sequence);
    view.setBigUint64(52, BigInt(Date.now()) * 1_000_000n);
    return { hex: Buffer.from(bytes).toString('hex') };
  };
  const receiving = right.receive({ seconds: SECONDS, limit: 100, tag: 9 });
  const sequence = [0, 1, 3, 2, 2, 0, 5, 4, 99];
  const strays = [frame(8, 6), frame(9, 100), frame(9, 0xffff_ffff)];
  const foreign = {
    hex: Buffer.from(testFrame(64, 0, 1))
      .fill(0, 42)
      .toString('hex'),
  };
  await sendFrames(a, 'left', [...strays, foreign, ...sequence.map((n) => frame(9, n, 1518))]);
  while (receiving.progress < 7) await new Promise((resolve) => setTimeout(resolve, 5));
  receiving.stop();
  expect(await receiving.finished()).toMatchObject({ received: 7, duplicates: 2, reordered: 2, strays: 3 });
});

test('stations take turns, and their addresses are those that this code names', async () => {
  const { b, left } = await cable();
  const capture = b.spawn(['tcpdump', '-i', 'right', '-e', '-n', '-l', '-c', '4', 'udp']);
  await capture.waitFor(/listening on/);
  const plan = { rate: 1000, seconds: SECONDS, limit: 4, tag: 1, sources: 3, destinations: 2 };
  await left.send(plan, testFrame(64, 0, 1)).finished();
  await capture.exit();
  const pairs = [...capture.stdout.matchAll(/([0-9a-f:]{17}) > ([0-9a-f:]{17})/g)].map((match) =>
    match.slice(1),
  );
  expect(pairs).toEqual([0, 1, 2, 3].map((n) => [station(0, n % 3), station(1, n % 2)]));
});

test('a stream ends when it is told to, and when its interface goes away', async () => {
  const { a, left, right } = await cable();
  const endless = { rate: 100, seconds: 3600, limit: 1e6, tag: 1, ...one };
  const sending = left.send(endless, testFrame(64, 0, 1));
  const receiving = right.receive({ seconds: 3600, limit: 1e6, tag: 1 });
  sending.stop();
  receiving.stop();
  expect((await sending.finished()).elapsedSeconds).toBeLessThan(5);
  await receiving.finished();

  const broken = left.send(endless, testFrame(64, 0, 1));
  await a.ip('link set dev left down');
  await expect(broken.finished()).rejects.toMatchObject({ code: 'ENETDOWN' });
});
