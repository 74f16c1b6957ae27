import type { Bench } from './bench.ts';
import { GROUPS, RECEIVERS } from './joining.ts';
import { measure } from './measuring.ts';
import { median, medianInterval } from './statistics.ts';

const TIMES = 7;
const START_S = 2;
const TIMEOUT_MS = 60_000;
const AT_MOST_S = 2;

export const joins: Bench = {
  name: 'joins',
  question: `How long do ${RECEIVERS} ports take to join ${GROUPS.toLocaleString('en')} groups each?`,
  duration: (options) => times(options) * (START_S + AT_MOST_S),
  async run(options) {
    const seconds: number[] = [];
    for (let n = 0; n < times(options); n++)
      seconds.push(Number(await measure(TIMEOUT_MS, 'measure_joins', [])));
    const what = `${GROUPS.toLocaleString('en')} groups on ${RECEIVERS} ports: from the first report until a frame to the last group reaches all`;
    const expected = { atMost: AT_MOST_S };
    return {
      results: [{ what, value: median(seconds), unit: 's', interval: medianInterval(seconds), expected }],
    };
  },
};

/** Each in a process of its own. */
function times({ quick }: { quick: boolean }): number {
  return quick ? 1 : TIMES;
}
