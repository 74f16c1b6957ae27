import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { feedWatchdog, watchdogMs } from '../../src/cli/watchdog.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a watchdog is meant for the process that it names', () => {
  expect(watchdogMs({})).toBeUndefined();
  expect(watchdogMs({ WATCHDOG_USEC: '30000000' })).toBe(30_000);
  expect(watchdogMs({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: `${process.pid}` })).toBe(30_000);
  expect(watchdogMs({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' })).toBeUndefined();
  expect(watchdogMs({ WATCHDOG_USEC: '0' })).toBeUndefined();
});

test('it is fed several times in its time, never for an answer that is missing or an error', async () => {
  let answer: () => Promise<void> = async () => {};
  const asked = vi.fn(() => answer());
  const told = vi.fn();
  feedWatchdog(1000, asked, told);
  await vi.advanceTimersByTimeAsync(1000);
  expect(told).toHaveBeenCalledTimes(4);

  answer = () => Promise.reject(new Error('the data plane failed'));
  await vi.advanceTimersByTimeAsync(1000);
  expect(told).toHaveBeenCalledTimes(4);

  let late = () => {};
  answer = () => new Promise((resolve) => (late = resolve));
  asked.mockClear();
  await vi.advanceTimersByTimeAsync(3000);
  expect(asked).toHaveBeenCalledTimes(1); // questions do not pile up
  expect(told).toHaveBeenCalledTimes(4);
  answer = async () => {};
  late();
  await vi.advanceTimersByTimeAsync(250);
  expect(told).toHaveBeenCalledTimes(6);
});
