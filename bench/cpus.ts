// Which CPUs the parts of a bench run on. The same for all contenders.
//
// The switch has the last CPU, who sends datagrams or pings the others: unpinned, the scheduler now and then puts both on
// one, and figures of the same program differ by a factor of two. On two CPUs everything that receives is free, because
// beside a sender that never pauses it would come too late, and TCP is free at both ends for the same reason. From four
// CPUs on the switch is alone on its own.

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

/** For TCP's ends beside such a switch. */
export function cpusBeside(threads: number): string {
  return CPUS >= 2 * threads ? range(0, CPUS - threads - 1) : ALL;
}

export const PLACES =
  LAST === 0
    ? 'Everything shares the one CPU.'
    : `Switches run on CPU ${SWITCH_CPU}, senders of datagrams and pings on ${SENDER_CPUS}, receivers and TCP on ${RECEIVER_CPUS}.`;

/** Share of all CPUs that whatever runs now takes, by a look of a second. */
export async function busyNow(): Promise<number> {
  const before = cpuTimes();
  await setTimeout(1000);
  const after = cpuTimes();
  const sum = (times: CpuTime[], key: keyof CpuTime) => times.reduce((total, time) => total + time[key], 0);
  return (sum(after, 'busy') - sum(before, 'busy')) / (sum(after, 'total') - sum(before, 'total'));
}

interface CpuTime {
  busy: number;
  total: number;
}

/** proc(5), /proc/stat: user nice system idle iowait irq softirq steal; guest time is contained in user time. */
function cpuTimes(): CpuTime[] {
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
