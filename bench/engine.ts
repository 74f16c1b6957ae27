import type { Bench, Result } from './bench.ts';
import type { EngineTimes } from './measure_engine.ts';
import { measure } from './measuring.ts';
import { median, medianInterval, ratios } from './statistics.ts';

const TIMEOUT_MS = 120_000;
/** Stations, and the million frames a second that were promised with them. */
const EXPECTED = [
  [256, 35],
  [65_536, 20],
  [1_000_000, 8],
];

export const engine: Bench = {
  name: 'engine',
  question: 'How many frames a second does the engine forward alone, without devices, on one core?',
  duration: () => 45,
  async run({ say }) {
    const results: Result[] = [];
    for (const [stations, atLeast] of EXPECTED) {
      const label = stations.toLocaleString('en');
      say(`${label} stations`);
      const times = (await measure(TIMEOUT_MS, 'measure_engine', [stations])) as EngineTimes;
      const millions = times.engine.map((ns) => 1000 / ns);
      const inProbes = ratios(times.engine, times.probe);
      results.push(
        {
          what: `engine alone, ${label} stations`,
          value: median(millions),
          unit: 'million frames/s',
          interval: medianInterval(millions),
          expected: { atLeast },
          detail:
            `${median(times.engine).toFixed(1)} ns a frame; ` +
            `left out: clock ${times.clock.toFixed(1)} ns, generator ${times.generator.toFixed(1)} ns`,
        },
        {
          what: `engine alone / one FDB lookup, ${label} stations`,
          value: median(inProbes),
          unit: 'times',
          interval: medianInterval(inProbes),
          detail: `a lookup takes ${median(times.probe).toFixed(1)} ns; a frame needs two`,
        },
      );
    }
    return { results };
  },
};
