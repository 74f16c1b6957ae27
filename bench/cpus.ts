// Which CPUs the parts of a bench run on. The same for all contenders.
//
// The switch has the last CPU, the UDP sender the others: unpinned, the scheduler now and then puts both on one, and
// figures of the same program differ by a factor of two. On two CPUs everything that receives is free, because beside a
// sender that never pauses it would come too late, and TCP is free at both ends for the same reason. From four CPUs on
// the switch is alone on its own.

import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';

export const CPUS = Math.max(1, cpus().length);
const LAST = CPUS - 1;
const ALL = range(0, LAST);
const OTHERS = range(0, Math.max(0, LAST - 1));

export const SWITCH_CPU = String(LAST);
export const SENDER_CPUS = OTHERS;
export const RECEIVER_CPUS = LAST >= 3 ? OTHERS : ALL;

/** For a switch of so many threads: CPUs of their own, from twice as many on. */
export function cpusFor(threads: number): string {
  return CPUS >= 2 * threads ? range(CPUS - threads, LAST) : ALL;
}

export const PLACES =
  LAST === 0
    ? 'Everything shares the one CPU.'
    : `Switches run on CPU ${SWITCH_CPU}, UDP senders on ${SENDER_CPUS}, receivers and TCP on ${RECEIVER_CPUS}.`;

/** Shares of their time, 0 to 1, that the switch's CPU and the busiest of the sender's were busy since `before`. */
export function busySince(before: readonly CpuTime[]): { ofSwitch: number; ofSender: number } {
  const shares = cpuTimes().map(({ busy, total }, n) => {
    const elapsed = total - before[n].total;
    return elapsed > 0 ? (busy - before[n].busy) / elapsed : 0;
  });
  return { ofSwitch: shares[LAST], ofSender: Math.max(...shares.slice(0, Math.max(1, LAST))) };
}

/** Share of all CPUs that whatever runs now takes, by a look of a second. */
export async function busyNow(): Promise<number> {
  const before = cpuTimes();
  await setTimeout(1000);
  const after = cpuTimes();
  const sum = (times: CpuTime[], key: keyof CpuTime) => times.reduce((total, time) => total + time[key], 0);
  return (sum(after, 'busy') - sum(before, 'busy')) / (sum(after, 'total') - sum(before, 'total'));
}

export interface CpuTime {
  busy: number;
  total: number;
}

/** proc(5), /proc/stat: user nice system idle iowait irq softirq steal; guest time is contained in user time. */
export function cpuTimes(): CpuTime[] {
  const lines = readFileSync('/proc/stat', 'utf8').matchAll(/^cpu\d+ (.*)$/gm);
  return [...lines].map(([, fields]) => {
    const ticks = fields.split(' ').slice(0, 8).map(Number);
    const total = ticks.reduce((sum, one) => sum + one, 0);
    return { busy: total - ticks[3] - ticks[4], total };
  });
}

function range(from: number, to: number): string {
  return from === to ? String(from) : `${from}-${to}`;
}
