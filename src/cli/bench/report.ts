// The report of `taploom bench`: the value that --json prints, and the same as text.

import { cpus, release, totalmem } from 'node:os';
import { si } from '../../amount.ts';
import { taploomVersion } from '../../control/version.ts';
import type { Caching, Learning } from '../../tester/addresses.ts';
import type { LatencySummary } from '../../tester/latencies.ts';
import type { Losses } from '../../tester/losses.ts';
import type { Throughput, TrialSummary } from '../../tester/throughput.ts';
import { type Cell, table } from '../table.ts';
import type { BenchOptions } from './command.ts';
import type { Subject } from './ports.ts';

interface Head {
  /** ISO 8601. */
  date: string;
  version: string;
  machine: { cpu: string; cores: number; memoryGiB: number; kernel: string; node: string };
  /** Taploom's, if it is the switch under test. */
  bridge?: string;
  fdbLimit?: number;
  ports: { name: string; interface: string; netns?: string }[];
  /** The options in force. */
  settings: Record<string, unknown>;
  warnings: string[];
}

export type BenchReport = Head &
  (
    | { kind: 'throughput'; results: Throughput[] }
    | { kind: 'loss'; results: { frameBytes: number; trials: TrialSummary[] }[] }
    | { kind: 'latency'; results: ({ frameBytes: number } & TrialSummary)[] }
    | { kind: 'caching'; result: Caching }
    | { kind: 'learning'; result: Learning }
  );

const NOT_SETTINGS = new Set(['json', 'quiet', 'socket', 'interface', 'temporaryBridge']);

export function reportHead(subject: Subject, options: BenchOptions, warnings: string[]): Head {
  return {
    date: new Date().toISOString(),
    version: taploomVersion(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
    },
    bridge: subject.bridge?.name,
    fdbLimit: subject.bridge?.fdbLimit,
    ports: subject.ports.map(({ name, interface: device, netns }) => ({ name, interface: device, netns })),
    settings: Object.fromEntries(Object.entries(options).filter(([name]) => !NOT_SETTINGS.has(name))),
    warnings,
  };
}

export function reportText(report: BenchReport, width: number): string {
  const { date, version, machine, bridge } = report;
  const where = bridge === undefined ? 'a switch that is not Taploom' : `bridge ${bridge}`;
  const lines = [
    `${titles(report)}: ${way(report)}, ${where}`,
    `${date.slice(0, 16).replace('T', ' ')}, taploom ${version}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}`,
    '',
    body(report, width),
  ];
  return `${lines.join('\n')}\n`;
}

function way({ kind, ports, settings }: BenchReport): string {
  const names = ports.map(({ name }) => name);
  if (kind === 'caching' || kind === 'learning') {
    return `learning port ${names[0]}, test port ${names[1]}, monitor port ${names[2]}`;
  }
  return names.join(settings.bidirectional ? ' <-> ' : ' -> ');
}

function titles({ kind, settings }: BenchReport): string {
  const duration = `${settings.duration} s a trial`;
  switch (kind) {
    case 'throughput': {
      const tolerance = Number(settings.lossTolerance);
      const loss = tolerance === 0 ? 'no loss' : `at most ${percent(tolerance)} lost`;
      return `Throughput and latency (RFC 2544, 26.1 and 26.2), ${loss}, ${duration}`;
    }
    case 'loss':
      return `Frame loss rate (RFC 2544, 26.3), ${duration}`;
    case 'latency':
      return `Latency (RFC 2544, 26.2), ${duration}`;
    case 'caching':
      return 'Address caching capacity (RFC 2889, 5.7)';
    case 'learning':
      return 'Address learning rate (RFC 2889, 5.8)';
  }
}

function body(report: BenchReport, width: number): string {
  switch (report.kind) {
    case 'throughput':
      return throughputText(report.results, width);
    case 'loss':
      return report.results.map((result) => lossText(result, width)).join('\n\n');
    case 'latency':
      return latencyText(report.results, width);
    case 'caching':
      return cachingText(report, report.result);
    case 'learning':
      return learningText(report.result);
  }
}

const LATENCY = ['MIN us', 'MEAN', 'P50', 'P99', 'MAX'];

function latencyCells(latency: LatencySummary | undefined): Cell[] {
  if (latency === undefined) return LATENCY.map(() => '-');
  const { minUs, meanUs, p50Us, p99Us, maxUs } = latency;
  return [minUs, meanUs, p50Us, p99Us, maxUs].map((value) => value.toFixed(value < 100 ? 1 : 0));
}

const LIMITS = { switch: 'switch', generator: 'generator', receiver: 'receiver', rate: '--rate' };

function throughputText(results: readonly Throughput[], width: number): string {
  const rows = results.map(({ frameBytes, framesPerSecond, bitsPerSecond, limit, latency }) => [
    frameBytes,
    whole(framesPerSecond),
    si(bitsPerSecond),
    LIMITS[limit],
    ...latencyCells(latency),
  ]);
  const head = ['BYTES', 'FRAMES/S', 'BIT/S', 'LIMIT', ...LATENCY];
  const lines = [table(head, rows, { right: [0, 1, 2, 4, 5, 6, 7, 8], width }), ''];
  for (const { frameBytes, framesPerSecond, best, failed, overload, limit } of results) {
    if (failed) lines.push(`${frameBytes} bytes: ${lossLine(failed)}`);
    if (failed && failed.offeredFramesPerSecond < framesPerSecond) {
      lines.push(
        `${frameBytes} bytes: frames were lost at a lower rate than the highest that went well: something disturbs the machine; a longer --duration, or --attempts 3, tells more`,
      );
    }
    if (limit === 'generator' && best) {
      lines.push(`${frameBytes} bytes: ${generatorLine(best)}; the switch may be faster`);
    }
    lines.push(
      `${frameBytes} bytes, as fast as it goes: ${whole(overload.offeredFramesPerSecond)} frames/s offered, ${whole(overload.receivedFramesPerSecond)} forwarded`,
    );
  }
  return [...lines, ...trialNotes(results.flatMap(({ best, failed }) => [best, failed]))].join('\n');
}

/** The generator was at its limit, or something kept it from what it can do. */
function generatorLine({
  requestedFramesPerSecond: asked,
  offeredFramesPerSecond: offered,
}: TrialSummary): string {
  if (offered > 0.95 * asked) return `the generator offered no more than ${whole(asked)} frames/s`;
  return `the generator offered only ${whole(offered)} of ${whole(asked)} frames/s`;
}

function lossText(
  { frameBytes, trials }: { frameBytes: number; trials: TrialSummary[] },
  width: number,
): string {
  const rows = trials.map((trial) => [
    whole(trial.offeredFramesPerSecond),
    whole(trial.receivedFramesPerSecond),
    percent(trial.sent === 0 ? 0 : trial.lost / trial.sent),
    trial.lost === 0 ? '' : places(trial.losses),
  ]);
  const head = ['OFFERED/S', 'RECEIVED/S', 'LOST', 'WHERE'];
  return [`${frameBytes} bytes`, table(head, rows, { right: [0, 1, 2], width }), ...trialNotes(trials)].join(
    '\n',
  );
}

function latencyText(results: readonly ({ frameBytes: number } & TrialSummary)[], width: number): string {
  const rows = results.map(({ frameBytes, offeredFramesPerSecond, sent, lost, latency }) => [
    frameBytes,
    whole(offeredFramesPerSecond),
    percent(sent === 0 ? 0 : lost / sent),
    ...latencyCells(latency),
  ]);
  const lines = [
    table(['BYTES', 'FRAMES/S', 'LOST', ...LATENCY], rows, { right: [0, 1, 2, 3, 4, 5, 6, 7], width }),
  ];
  for (const result of results)
    if (result.lost > 0) lines.push(`${result.frameBytes} bytes: ${lossLine(result)}`);
  return [...lines, ...trialNotes(results)].join('\n');
}

function cachingText({ fdbLimit }: Head, { addresses, atLeast, otherAddresses, trials }: Caching): string {
  const lines = [`${atLeast ? 'at least ' : ''}${whole(addresses)} addresses, found in ${count(trials)}`];
  if (fdbLimit !== undefined) lines.push(`the bridge's fdb_limit is ${whole(fdbLimit)}`);
  if (otherAddresses) lines.push(`${whole(otherAddresses)} places were taken by stations of others`);
  if (addresses === 0)
    lines.push('not one station was learned: does the learning port learn, and reach the test port?');
  return lines.join('\n');
}

function learningText({ addressesPerSecond, addresses, limit, trials }: Learning): string {
  const lines = [
    `${whole(addressesPerSecond)} addresses a second, ${whole(addresses)} at a time, found in ${count(trials)}`,
  ];
  if (limit === 'generator') lines.push('limited by the generator: the switch may be faster');
  if (limit === 'rate') lines.push('limited by --rate');
  if (addressesPerSecond === 0)
    lines.push('even at the lowest rate some were not learned: is there room for that many --addresses?');
  return lines.join('\n');
}

function trialNotes(trials: readonly (TrialSummary | undefined)[]): string[] {
  const seen = trials.filter((trial) => trial !== undefined);
  const sum = (read: (trial: TrialSummary) => number) => seen.reduce((all, trial) => all + read(trial), 0);
  const notes: string[] = [];
  const [reordered, duplicates] = [sum((trial) => trial.reordered), sum((trial) => trial.duplicates)];
  if (reordered > 0) notes.push(`${whole(reordered)} frames were overtaken by later ones`);
  if (duplicates > 0) notes.push(`${whole(duplicates)} frames arrived more than once`);
  if (seen.some(({ clockSet }) => clockSet))
    notes.push('the clock was set during a trial: latencies are not to be trusted');
  return notes;
}

function lossLine({ offeredFramesPerSecond, sent, lost, losses }: TrialSummary): string {
  return `at ${whole(offeredFramesPerSecond)} frames/s ${whole(lost)} of ${whole(sent)} were lost: ${places(losses)}`;
}

/** `312 in the sending port's queue, 3 by the switch (too_big)`. A queue is full if the switch does not empty it in time. */
export function places({
  queue,
  receiveDropped = {},
  transmitDropped = {},
  receiver,
  unexplained,
}: Losses): string {
  const parts: string[] = [];
  if (queue > 0) parts.push(`${whole(queue)} in the sending port's queue`);
  for (const drops of [receiveDropped, transmitDropped]) {
    for (const [reason, frames] of Object.entries(drops))
      parts.push(`${whole(frames)} by the switch (${reason})`);
  }
  if (receiver > 0) parts.push(`${whole(receiver)} in this program, which was too slow to receive`);
  if (unexplained > 0) parts.push(`${whole(unexplained)} nobody knows where`);
  return parts.join(', ') || 'nowhere that was counted';
}

function count(trials: readonly unknown[]): string {
  return trials.length === 1 ? '1 trial' : `${trials.length} trials`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function percent(share: number): string {
  return share === 0 ? '0' : `${Number((share * 100).toPrecision(3))} %`;
}
