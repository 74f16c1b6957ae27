// Work in steps: a generator that stops where others may be served. What takes a second as a whole keeps nobody waiting.

import { setImmediate as breath } from 'node:timers/promises';

export type Steps<T> = Generator<undefined, T>;

/** ms */
const STRETCH = 15;

/** All at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** With a breath every 15 ms. */
export async function withBreaths<T>(steps: Steps<T>): Promise<T> {
  let since = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() - since < STRETCH) continue;
    await breath();
    since = performance.now();
  }
}
