// Scraping must not disturb forwarding: 512 ports, 10 scrapes a second, and the gap between two polls of the data
// plane stays what it was.

import { expect, test } from 'vitest';
import type { PollGap } from '../../src/api.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping } from '../support/traffic.ts';

needs('ping', 'sysctl');

const PORTS = 512;
const SECONDS = 3;
/** Without and with scrapes in turns, so that a disturbance of the machine does not fall on one side. */
const ROUNDS = 3;
const SCRAPER = `
  const end = Date.now() + ${SECONDS} * 1000;
  let count = 0, longest = 0;
  while (Date.now() < end) {
    const started = Date.now();
    const text = await (await fetch('http://127.0.0.1:9477/metrics')).text();
    if (text.split('taploom_port_receive_packets_total{').length < ${PORTS}) throw new Error('ports are missing');
    longest = Math.max(longest, Date.now() - started);
    count++;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, started + 100 - Date.now())));
  }
  console.log(count, longest);
`;

/** Counts per bucket, not cumulative. */
type Gaps = [bound: number, count: number][];

function gapsBetween(before: PollGap, after: PollGap): Gaps {
  const counts = after.buckets.map(([, count], i) => count - before.buckets[i][1]);
  return after.buckets.map(([bound], i) => [bound, counts[i] - (counts[i - 1] ?? 0)]);
}

/** Milliseconds under which a share `q` of the gaps lies, by interpolation within its bucket. */
function gapQuantile(gaps: readonly Gaps[], q: number): number {
  const merged = gaps[0].map(([bound], i) => [bound, gaps.reduce((sum, round) => sum + round[i][1], 0)]);
  const wanted = q * merged.reduce((sum, [, count]) => sum + count, 0);
  let [below, counted] = [0, 0];
  for (const [bound, count] of merged) {
    if (counted + count >= wanted) return (below + ((bound - below) * (wanted - counted)) / count) * 1000;
    [below, counted] = [bound, counted + count];
  }
  return Number.POSITIVE_INFINITY;
}

test('ten scrapes a second with 512 ports lengthen the gap between polls by less than 1 ms', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  // 512 interfaces that all announce themselves to 511 others would be the load.
  await Promise.all([sw, h1, h2].map((netns) => netns.withoutIpv6()));
  const others = Array.from({ length: PORTS - 2 }, (_, i) => [`p${i}`, { type: 'tap' }]);
  const ports = {
    h1: { type: 'tap', netns: h1.name },
    h2: { type: 'tap', netns: h2.name },
    ...Object.fromEntries(others),
  };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');

  // 200 frames a second each way, so that there are polls to measure while the machine is not busy with load.
  const load = async () => {
    const count = SECONDS * 100;
    const { sent, received } = await ping(h1, '10.0.0.2', { count, intervalSeconds: 0.01 });
    expect(received).toBe(sent);
  };
  await load(); // warm-up
  const quiet: Gaps[] = [];
  const scraped: Gaps[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = await daemon.pollGap();
    await load();
    const middle = await daemon.pollGap();
    const scraper = sw.spawn([process.execPath, '--input-type=module', '-e', SCRAPER]);
    await load();
    expect(await scraper.exit(SECONDS * 1000 + 10_000), scraper.stderr).toBe(0);
    quiet.push(gapsBetween(start, middle));
    scraped.push(gapsBetween(middle, await daemon.pollGap()));
    const [scrapes, longestMs] = scraper.stdout.split(' ').map(Number);
    console.log(`${scrapes} scrapes, the longest ${longestMs} ms`);
    expect(scrapes).toBeGreaterThan(SECONDS * 8);
  }

  // Beyond that it is the scheduler's doing: five polls of a thousand or fewer.
  for (const q of [0.5, 0.9, 0.99, 0.995]) {
    const without = gapQuantile(quiet, q);
    const withScrapes = gapQuantile(scraped, q);
    console.log(
      `${q * 100} % of gaps within ${without.toFixed(3)} ms, with scrapes ${withScrapes.toFixed(3)} ms`,
    );
    expect(withScrapes - without).toBeLessThan(1);
  }
});
