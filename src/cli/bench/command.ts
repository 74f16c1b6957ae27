// `taploom bench`: its sub-commands and their options. What they do is in run.ts.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { MAX_SIZE, MIN_SIZE, RFC2544_SIZES } from '../../tester/sizes.ts';
import { number, type Values } from '../setting_values.ts';

export const KINDS = ['throughput', 'loss', 'latency', 'caching', 'learning'] as const;
export type Kind = (typeof KINDS)[number];

/** Options as commander gives them. */
export interface BenchOptions extends Values {
  interface?: string[];
  temporaryBridge?: boolean;
  quiet?: boolean;
  settle: number;
  sizes: number[];
  duration: number;
  bidirectional?: boolean;
  stations: number;
  lossTolerance: number;
  resolution: number;
  rate?: number;
  attempts: number;
  addresses?: number;
  learningRate: number;
  testRate: number;
  ageingTime: number;
}

/** They say where they are before each trial, which takes time. */
const MAX_STATIONS = 100_000;
/** As many as an FDB of Taploom can be told to hold. */
const MAX_ADDRESSES = 4_000_000;

const within =
  (what: string, min: number, max: number, whole = false) =>
  (text: string): number => {
    const value = number(text);
    if (value < min || value > max || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`Expected ${what}.`);
    }
    return value;
  };

/** `0.01` or `1%`. */
const share = (text: string): number => {
  const value = text.endsWith('%') ? number(text.slice(0, -1)) / 100 : number(text);
  if (value < 0 || value >= 1) throw new InvalidArgumentError('Expected a share, such as 0.01 or 1%.');
  return value;
};

const sizes = (text: string): number[] =>
  text
    .split(',')
    .map(
      within(
        `frame sizes of ${MIN_SIZE} to ${MAX_SIZE} bytes, FCS included, separated by commas`,
        MIN_SIZE,
        MAX_SIZE,
        true,
      ),
    );

const list = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];

const seconds = (min: number) => within(`${min} to 86400 seconds`, min, 86_400);
const rate = within('1 to 100000000 frames a second', 1, 100_000_000);
const stations = (most: number) => within(`1 to ${most} stations`, 1, most, true);

/** With `defaults`, because --help shows them. */
const OPTIONS = {
  sizes: new Option('--sizes <list>', 'frame sizes in bytes, FCS included')
    .argParser(sizes)
    .default(RFC2544_SIZES, RFC2544_SIZES.join(',')),
  duration: new Option('--duration <seconds>', 'length of a trial').argParser(seconds(0.05)).default(10),
  bidirectional: new Option('--bidirectional', 'both directions at once'),
  stations: new Option('--stations <number>', 'stations on each side')
    .argParser(stations(MAX_STATIONS))
    .default(1),
  lossTolerance: new Option('--loss-tolerance <share>', 'frames that may be lost: 0.001 or 0.1%')
    .argParser(share)
    .default(0),
  resolution: new Option('--resolution <share>', 'how exact the search is')
    .argParser(share)
    .default(0.01, '1%'),
  rate: new Option('--rate <number>', 'highest rate to try, frames a second and direction').argParser(rate),
  attempts: new Option('--attempts <number>', 'trials that must fail before a rate is too high')
    .argParser(within('1 to 100', 1, 100, true))
    .default(1),
  addresses: new Option('--addresses <number>', 'stations to try').argParser(stations(MAX_ADDRESSES)),
  learningRate: new Option('--learning-rate <number>', 'rate of learning frames')
    .argParser(rate)
    .default(10_000),
  testRate: new Option('--test-rate <number>', 'rate of frames to the learned stations')
    .argParser(rate)
    .default(10_000),
  ageingTime: new Option(
    '--ageing-time <seconds>',
    'with --interface: how long that switch remembers; waited for between trials',
  )
    .argParser(seconds(0))
    .default(300),
};
type OptionName = keyof typeof OPTIONS;

interface Form {
  summary: string;
  ports: readonly string[];
  options: readonly OptionName[];
  examples: readonly string[];
  /** In place of the ordinary default. */
  defaults?: Partial<Record<OptionName, number>>;
}

const TRAFFIC = ['sizes', 'duration', 'bidirectional', 'stations'] as const;
const SEARCH = ['lossTolerance', 'resolution', 'rate', 'attempts'] as const;
const FORMS: Record<Kind, Form> = {
  throughput: {
    summary: 'highest rate without loss, and its latency (RFC 2544, 26.1 and 26.2)',
    ports: ['from', 'to'],
    options: [...TRAFFIC, ...SEARCH],
    examples: [
      'throughput vm1 vm2',
      'throughput vm1 vm2 --sizes 64,1518 --duration 60 --bidirectional',
      'throughput --temporary-bridge --loss-tolerance 0.1%',
      'throughput --interface veth1@h1 --interface veth2@h2 --json',
    ],
  },
  loss: {
    summary: 'frame loss at 100 % of a rate, 90 %, ... (RFC 2544, 26.3)',
    ports: ['from', 'to'],
    options: [...TRAFFIC, 'rate'],
    examples: ['loss vm1 vm2 --sizes 64', 'loss vm1 vm2 --rate 200000'],
  },
  latency: {
    summary: 'latency at one rate (RFC 2544, 26.2)',
    ports: ['from', 'to'],
    options: [...TRAFFIC, 'rate'],
    examples: ['latency vm1 vm2', 'latency vm1 vm2 --rate 50000 --sizes 64'],
    defaults: { rate: 1000 },
  },
  caching: {
    summary: 'how many stations the switch can keep (RFC 2889, 5.7)',
    ports: ['learning', 'test', 'monitor'],
    options: ['addresses', 'learningRate', 'testRate', 'ageingTime'],
    examples: ['caching vm1 vm2 vm3', 'caching --temporary-bridge --addresses 10000'],
  },
  learning: {
    summary: 'how fast it can learn them (RFC 2889, 5.8)',
    ports: ['learning', 'test', 'monitor'],
    options: ['addresses', 'rate', 'resolution', 'testRate', 'ageingTime'],
    examples: ['learning vm1 vm2 vm3', 'learning --temporary-bridge --addresses 100000'],
  },
};

export function portCount(kind: Kind): number {
  return FORMS[kind].ports.length;
}

/** Adds `bench` to the program; `action(kind)` runs one. */
export function addBench(
  program: Command,
  action: (kind: Kind) => (...given: unknown[]) => Promise<void>,
): void {
  const bench = program
    .command('bench')
    .description('measure a switch: RFC 2544, RFC 2889')
    .helpCommand(false);
  for (const kind of KINDS) {
    const { summary, ports, options, examples, defaults = {} } = FORMS[kind];
    const command = bench
      .command(kind)
      .description(summary)
      .argument('[ports...]', `ports of the running switch: ${ports.join(', ')}`)
      .option(
        '--interface <interface[@netns]>',
        'in place of ports: an interface whose other end is a port of any switch; repeat',
        list,
      )
      .option(
        '--temporary-bridge',
        'in place of ports: a bridge of its own in the running switch, removed afterwards',
      );
    for (const name of options) {
      const option = Object.assign(new Option(OPTIONS[name].flags), OPTIONS[name]);
      const value = defaults[name];
      command.addOption(value === undefined ? option : option.default(value));
    }
    command
      .addOption(
        new Option('--settle <seconds>', 'longest wait for the last frames of a trial')
          .argParser(seconds(0.01))
          .default(2),
      )
      .option('--quiet', 'no progress on stderr')
      .addHelpText('after', `\nExamples:\n${examples.map((line) => `  # taploom bench ${line}`).join('\n')}`)
      .action(async (...given: unknown[]) => {
        checkPorts(command, kind);
        await action(kind)(...given);
      });
  }
}

/** Exactly one of ports, interfaces, and a bridge of its own. */
function checkPorts(command: Command, kind: Kind): void {
  const named = command.args.length;
  const { interface: interfaces = [], temporaryBridge } = command.opts<BenchOptions>();
  const wanted = portCount(kind);
  const what = FORMS[kind].ports.join(', ');
  const ways = [named > 0, interfaces.length > 0, temporaryBridge === true].filter(Boolean).length;
  if (ways !== 1) {
    command.error(
      `error: name ${wanted} ports (${what}), or ${wanted} times --interface, or --temporary-bridge`,
    );
  }
  const given = named + interfaces.length;
  if (!temporaryBridge && given !== wanted) {
    command.error(`error: ${kind} takes ${wanted} ports (${what}), not ${given}`);
  }
  const names = [...command.args, ...interfaces];
  if (new Set(names).size < names.length) command.error('error: each port can be named once only');
}
