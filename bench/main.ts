// `npm run bench [-- NAME ...] [--rounds N] [--seconds N] [--json]`. A complete run also writes bench/results/ and the
// results of docs/performance.md; a shorter one is for looking and only prints.

import { parseArgs } from 'node:util';
import { type Bench, type BenchOptions, Skip } from './bench.ts';
import { engine } from './engine.ts';
import { heap } from './heap.ts';
import { closeLabs } from './lab.ts';
import { line, type Report, save, thisMachine } from './report.ts';
import { scavenges } from './scavenges.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';

const BENCHES: readonly Bench[] = [engine, heap, scavenges, tcp, udp];
/** A complete run has at least these. */
const ROUNDS = 5;
const SECONDS = 5;

const USAGE = `Usage: npm run bench -- [NAME ...] [--rounds N] [--seconds N] [--json]

${BENCHES.map(({ name, question }) => `  ${name.padEnd(10)} ${question}`).join('\n')}

  --rounds N   alternating rounds of traffic (${ROUNDS})
  --seconds N  duration of one (${SECONDS})
  --json       print the report as JSON

Without a name, and with at least ${ROUNDS} rounds of ${SECONDS} s, it writes bench/results/ and docs/performance.md.
`;

process.on('exit', closeLabs);
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}

const request = parseRequest();
if (request !== undefined) await runAll(request);

interface Request {
  benches: readonly Bench[];
  rounds: number;
  seconds: number;
  json: boolean;
}

/** Undefined if there is nothing to run: help, or a mistake, which is explained. */
function parseRequest(): Request | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: String(ROUNDS) },
        seconds: { type: 'string', default: String(SECONDS) },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      return undefined;
    }
    const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
    if (unknown.length > 0) throw new Error(`There is no bench ${unknown.join(', ')}`);
    const benches = positionals.length === 0 ? BENCHES : BENCHES.filter((b) => positionals.includes(b.name));
    const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
    for (const [name, value] of Object.entries({ rounds, seconds })) {
      if (!Number.isInteger(value) || value < 1 || value > 1000)
        throw new Error(`--${name} is a whole number from 1 to 1000`);
    }
    return { benches, rounds, seconds, json: values.json };
  } catch (error) {
    process.stderr.write(`${message(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function runAll({ benches, rounds, seconds, json }: Request): Promise<void> {
  const report: Report = {
    date: new Date().toISOString(),
    machine: thisMachine(),
    rounds,
    secondsPerRound: seconds,
    results: [],
    missing: {},
  };
  const print = (text: string) => json || process.stdout.write(`${text}\n`);
  for (const bench of benches) {
    print(`\n${bench.name}: ${bench.question}`);
    const say: BenchOptions['say'] = (text) => process.stderr.write(`  ${bench.name}: ${text}\n`);
    try {
      const results = await bench.run({ rounds, seconds, say });
      report.results.push(...results);
      for (const result of results) print(`  ${line(result)}`);
    } catch (error) {
      report.missing[bench.name] = message(error);
      print(`  ${error instanceof Skip ? 'Skipped' : 'Failed'}: ${message(error)}`);
      if (!(error instanceof Skip)) process.exitCode = 1;
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (benches === BENCHES && rounds >= ROUNDS && seconds >= SECONDS) {
    print(`\nWritten: ${save(report).join(', ')}`);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
