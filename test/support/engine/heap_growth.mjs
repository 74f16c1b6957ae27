// How much the heap grows, and how often garbage is collected, while `run` does the same work again. Needs --expose-gc.

import { PerformanceObserver } from 'node:perf_hooks';

const WINDOWS = 3;
const SMALL = 128 * 1024;

/**
 * A branch that is taken for the first time has V8 give up compiled code, and interpret it until there is new: on a busy
 * machine for long, and with numbers on the heap. That is one window of three; what allocates for each frame is all.
 */
export async function heapGrowth(run) {
  let seen = 0;
  const observer = new PerformanceObserver((list) => {
    seen += list.getEntries().length;
  });
  globalThis.gc();
  await pause();
  observer.observe({ entryTypes: ['gc'] });
  let growth = Number.POSITIVE_INFINITY;
  let collections = Number.POSITIVE_INFINITY;
  for (let window = 0; window < WINDOWS && (collections > 0 || growth > SMALL); window++) {
    seen = 0;
    const before = process.memoryUsage().heapUsed;
    run();
    const grown = process.memoryUsage().heapUsed - before;
    await pause();
    // Memory that was collected hides how much was taken.
    if (seen < collections || (seen === collections && grown < growth)) [growth, collections] = [grown, seen];
  }
  return { growth, collections };
}

/** Collections are told a little later. */
function pause() {
  return new Promise((resolve) => setTimeout(resolve, 50));
}
