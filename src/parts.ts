// Long work in parts. Whoever can wait lets others have their turn between two of them.

import { setImmediate as breath } from 'node:timers/promises';

/** Yields where it may be interrupted. */
export type Parts<T> = Generator<void, T, void>;

/** ms from one breath to the next: nobody notices, and a breath, which costs some us, is rare. */
const STRETCH = 10;

export function atOnce<T>(parts: Parts<T>): T {
  for (;;) {
    const { done, value } = parts.next();
    if (done) return value;
  }
}

export async function breathing<T>(parts: Parts<T>): Promise<T> {
  for (let since = performance.now(); ; ) {
    const { done, value } = parts.next();
    if (done) return value;
    if (performance.now() - since < STRETCH) continue;
    await breath();
    since = performance.now();
  }
}
