import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bench, Result } from './bench.ts';
import type { EngineTimes } from './measure_engine.ts';
import { median, medianInterval } from './statistics.ts';

const PROGRAM = fileURLToPath(new URL('./measure_engine.js', import.meta.url));
const STATIONS = [256, 65_536, 1_000_000];
/** Where a promise was made, ns per frame by stations. */
const EXPECTED = new Map([[65_536, 50]]);
const TIMEOUT_MS = 120_000;

export const engine: Bench = {
  name: 'engine',
  question: 'What does a frame cost in the engine alone, without devices?',
  async run({ say }) {
    const results: Result[] = [];
    for (const stations of STATIONS) {
      const label = stations.toLocaleString('en');
      say(`${label} stations`);
      const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, String(stations)], {
        timeout: TIMEOUT_MS,
      });
      const times = JSON.parse(stdout) as EngineTimes;
      const ns = median(times.engine);
      const atMost = EXPECTED.get(stations);
      results.push({
        what: `engine alone, ${label} stations`,
        value: ns,
        unit: 'ns/frame',
        interval: medianInterval(times.engine),
        expected: atMost === undefined ? undefined : { atMost },
        detail:
          `${(1000 / ns).toFixed(1)} million frames/s; one FDB lookup ${median(times.probe).toFixed(1)} ns; ` +
          `left out: clock ${times.clock.toFixed(1)} ns, generator ${times.generator.toFixed(1)} ns`,
      });
    }
    return results;
  },
};
