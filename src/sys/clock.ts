// The clock that Burst.now reads too: CLOCK_MONOTONIC in milliseconds, since the machine started.
// performance.now() counts from the start of each thread instead, so two threads could not compare.

export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
