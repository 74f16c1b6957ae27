// Runs one measurement of `taploom bench`: gets the ports, watches for Ctrl-C, measures, cleans up, and prints.

import { type AddressOptions, cachingCapacity, learningRate } from '../../tester/addresses.ts';
import type { Bench, StreamSet } from '../../tester/bench.ts';
import type { PortSample } from '../../tester/losses.ts';
import { MIN_SIZE } from '../../tester/sizes.ts';
import { explain, TesterError } from '../../tester/tester_error.ts';
import { latency, lossCurve, throughput } from '../../tester/throughput.ts';
import type { Context } from '../context.ts';
import type { Terminal } from '../terminal.ts';
import { type BenchOptions, type Kind, portCount } from './command.ts';
import { foreignInterfaces, runningPorts, type Subject, temporaryBridge } from './ports.ts';
import { type BenchReport, reportHead, reportText } from './report.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Stations to learn where nobody said how many: enough to fill a queue many times over. */
const LEARNING_STATIONS = 65_536;
/** More stations than the table can hold, so that the search has an upper end. */
const BEYOND = 64;
/** Of the table of some other switch, nothing is known. */
const FOREIGN_STATIONS = 65_536;
const FOREIGN_LEARNING_STATIONS = 4096;

export async function runBench(context: Context, kind: Kind, names: readonly string[]): Promise<void> {
  const options = context.options as BenchOptions;
  const interruption = new Interruption(context.terminal);
  try {
    const subject = await openSubject(context, kind, names, options).catch((error) => {
      throw explain(error);
    });
    let report: BenchReport;
    try {
      report = await measure(context, kind, subject, options, interruption.signal);
    } catch (error) {
      throw explain(error);
    } finally {
      await subject.close();
    }
    const { json, terminal } = context;
    terminal.out(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, terminal.columns));
  } finally {
    interruption.close();
  }
}

/** Signals as an AbortSignal; after the clean-up, the signal has its ordinary effect. */
class Interruption {
  private readonly controller = new AbortController();
  private name?: NodeJS.Signals;
  private readonly terminal: Terminal;
  private readonly listener = (name: NodeJS.Signals) => {
    this.name = name;
    this.controller.abort(new TesterError('interrupted', `interrupted by ${name}`));
  };

  constructor(terminal: Terminal) {
    this.terminal = terminal;
    for (const name of SIGNALS) process.on(name, this.listener);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  close(): void {
    for (const name of SIGNALS) process.off(name, this.listener);
    if (this.name === undefined) return;
    this.terminal.error(`taploom: interrupted by ${this.name}\n`);
    process.kill(process.pid, this.name);
  }
}

function openSubject(
  { client }: Context,
  kind: Kind,
  names: readonly string[],
  options: BenchOptions,
): Promise<Subject> {
  if (options.temporaryBridge) {
    const stations = options.addresses ?? LEARNING_STATIONS;
    return temporaryBridge(client, portCount(kind), kind === 'learning' ? 2 * stations : undefined);
  }
  if (options.interface)
    return Promise.resolve().then(() => foreignInterfaces(options.interface ?? [], options.ageingTime));
  return runningPorts(client, names);
}

async function measure(
  context: Context,
  kind: Kind,
  subject: Subject,
  options: BenchOptions,
  signal: AbortSignal,
): Promise<BenchReport> {
  const { terminal } = context;
  // with --json, what is on stderr is an error, as JSON; warnings are in the report
  const say = (text: string) => {
    if (!context.json) terminal.error(`${text}\n`);
  };
  const warnings = options.temporaryBridge
    ? []
    : (await Promise.all(subject.ports.map((port) => port.doubts()))).flat();
  const { sizes, addresses } = plan(kind, subject, options, warnings);
  for (const warning of warnings) say(`Warning: ${warning}`);

  const bench: Bench = {
    ports: subject.ports,
    settle: options.settle,
    signal,
    say: options.quiet ? () => {} : say,
    forget: () => subject.forget(signal),
    learned: subject.learned,
    async witness() {
      const counters = await subject.counters();
      return new Map(
        subject.ports.map((port): [string, PortSample] => {
          const { receiveDropped, transmitDropped } = counters.get(port.name) ?? {};
          return [port.name, { queueDropped: port.link().stats.txDropped, receiveDropped, transmitDropped }];
        }),
      );
    },
  };
  const head = reportHead(subject, options, warnings);
  switch (kind) {
    case 'throughput':
      return { ...head, kind, results: await each(sizes, options, (set) => throughput(bench, set)) };
    case 'loss':
      return {
        ...head,
        kind,
        results: await each(sizes, options, async (set) => ({
          frameBytes: set.size,
          trials: await lossCurve(bench, set),
        })),
      };
    case 'latency':
      return {
        ...head,
        kind,
        results: await each(sizes, options, async (set) => {
          const trial = await latency(bench, { ...set, rate: options.rate as number });
          return { frameBytes: set.size, ...trial };
        }),
      };
    case 'caching': {
      const { learningRate } = options;
      return {
        ...head,
        kind,
        result: await cachingCapacity(bench, { ...frames(options), addresses, learningRate }),
      };
    }
    case 'learning': {
      const { rate, resolution } = options;
      return {
        ...head,
        kind,
        result: await learningRate(bench, { ...frames(options), addresses, rate, resolution }),
      };
    }
  }
}

/** What can be measured here, and what is in the way of it. */
function plan(
  kind: Kind,
  { bridge, ports }: Subject,
  options: BenchOptions,
  warnings: string[],
): { sizes: number[]; addresses: number } {
  if (kind === 'caching' || kind === 'learning') {
    const addresses = options.addresses ?? defaultAddresses(kind, bridge?.fdbLimit);
    const seconds =
      addresses / options.testRate + (kind === 'caching' ? addresses / options.learningRate : 0);
    const memory = bridge?.ageingTime ?? options.ageingTime;
    if (seconds > memory) {
      warnings.push(
        `a trial takes ${Math.round(seconds)} s, and the switch forgets after ${memory} s: use fewer --addresses, higher rates, or a longer ageing time`,
      );
    }
    return { sizes: [], addresses };
  }
  const largest = Math.min(...ports.map((port) => port.maxSize));
  const [fit, pmtu] = [
    options.sizes.filter((size) => size <= largest),
    options.sizes.filter((size) => size > largest),
  ];
  if (fit.length === 0) {
    throw new TesterError('too_big', `The MTU of the ports allows frames of at most ${largest} bytes`);
  }
  if (pmtu.length > 0) {
    warnings.push(`frames of ${pmtu.join(', ')} bytes are left out: the MTU of the ports allows ${largest}`);
  }
  return { sizes: fit, addresses: 0 };
}

function defaultAddresses(kind: 'caching' | 'learning', fdbLimit: number | undefined): number {
  if (kind === 'caching') return fdbLimit === undefined ? FOREIGN_STATIONS : fdbLimit + BEYOND;
  if (fdbLimit === undefined) return FOREIGN_LEARNING_STATIONS;
  return Math.min(LEARNING_STATIONS, Math.ceil(fdbLimit / 2));
}

function frames({ testRate }: BenchOptions): AddressOptions {
  return { size: MIN_SIZE, testRate };
}

type Settings = StreamSet & Parameters<typeof throughput>[1];

async function each<T>(
  sizes: readonly number[],
  options: BenchOptions,
  run: (set: Settings) => Promise<T>,
): Promise<T[]> {
  const { duration, stations, lossTolerance, resolution, rate, attempts } = options;
  const results: T[] = [];
  for (const size of sizes) {
    const bidirectional = options.bidirectional === true;
    results.push(
      await run({
        size,
        bidirectional,
        stations,
        seconds: duration,
        lossTolerance,
        resolution,
        rate,
        attempts,
      }),
    );
  }
  return results;
}
