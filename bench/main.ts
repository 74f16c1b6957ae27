// `npm run bench [-- NAME ...]`. A complete run also writes bench/results/ and the results of docs/performance.md, and so
// does one of some benches that is asked to; a shorter one is for looking and only prints, or writes where --out says.

import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { explain } from './arena.ts';
import { type Bench, type BenchOptions, Skip } from './bench.ts';
import { busyNow } from './cpus.ts';
import { closeLabs } from './lab.ts';
import {
  type BenchReport,
  folderOf,
  lines,
  newReport,
  publish,
  type Report,
  renewed,
  save,
} from './report.ts';
import { BENCHES, OTHERS } from './suite.ts';

/** Seen from dist/bench. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RESULTS = join(ROOT, 'bench/results');
const DOCUMENT = join(ROOT, 'docs/performance.md');
/** A complete run has at least these. */
const ROUNDS = 15;
const SECONDS = 1;
const QUICK = { rounds: 2, seconds: 0.3 };

/** Share of the CPUs that others may take before somebody should know. */
const BUSY = 0.1;
/** A bench that takes this times its estimate, and some seconds more, hangs. */
const LIMIT_FACTOR = 3;
const LIMIT_S = 120;

const USAGE = `Usage: npm run bench -- [NAME ...] [--quick] [--rounds N] [--seconds N]
                            [--peers NAME,...] [--json] [--publish | --out FOLDER]

${[...BENCHES, ...OTHERS].map(({ name, question }) => `  ${name.padEnd(10)} ${question}`).join('\n')}

  --quick       a look: ${QUICK.rounds} rounds of ${QUICK.seconds} s, figures worth nothing
  --rounds N    alternating rounds of traffic (${ROUNDS})
  --seconds N   duration of one (${SECONDS})
  --peers LIST  only peers with one of these words in their names: pump,ovs
  --json        print the report as JSON
  --publish     write what the named benches find to bench/results/ and docs/performance.md
  --out FOLDER  write JSON, Markdown and charts there

Without a name, and with at least ${ROUNDS} rounds of ${SECONDS} s, it publishes by itself.
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
  quick: boolean;
  peers: readonly string[];
  json: boolean;
  isPublished: boolean;
  out?: string;
}

/** Undefined if there is nothing to run: help, or a mistake, which is explained. */
function parseRequest(): Request | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        peers: { type: 'string', default: '' },
        json: { type: 'boolean', default: false },
        publish: { type: 'boolean', default: false },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      return undefined;
    }
    const all = [...BENCHES, ...OTHERS];
    const unknown = positionals.filter((name) => !all.some((bench) => bench.name === name));
    if (unknown.length > 0) throw new Error(`There is no bench ${unknown.join(', ')}`);
    const benches = positionals.length === 0 ? BENCHES : all.filter((b) => positionals.includes(b.name));
    const usual = values.quick ? QUICK : { rounds: ROUNDS, seconds: SECONDS };
    const rounds = Number(values.rounds ?? usual.rounds);
    const seconds = Number(values.seconds ?? usual.seconds);
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000)
      throw new Error('--rounds is a whole number from 1 to 1000');
    if (!(seconds >= 0.1 && seconds <= 1000)) throw new Error('--seconds is a number from 0.1 to 1000');
    const { quick, json, out } = values;
    const peers = values.peers
      .toLowerCase()
      .split(',')
      .filter((word) => word !== '');
    const isLong = rounds >= ROUNDS && seconds >= SECONDS && peers.length === 0;
    if (values.publish && (!isLong || out !== undefined || benches.some((b) => OTHERS.includes(b))))
      throw new Error(`--publish is for ${ROUNDS} rounds of ${SECONDS} s and more, beside all peers`);
    const isPublished = out === undefined && isLong && (values.publish || benches === BENCHES);
    return { benches, rounds, seconds, quick, peers, json, isPublished, out };
  } catch (error) {
    process.stderr.write(`${explain(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function runAll(request: Request): Promise<void> {
  const { benches, rounds, seconds, quick, peers, json, isPublished, out } = request;
  const report = newReport(rounds, seconds, await busyNow());
  const folder = out ?? (isPublished ? folderOf(report, RESULTS) : undefined);
  const print = (text: string) => json || process.stdout.write(`${text}\n`);
  const total = benches.reduce((sum, bench) => sum + bench.duration({ rounds, seconds, quick, peers }), 0);
  const minutes = Math.ceil(total / 60);
  print(`This takes about ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`);
  if (report.busyBefore > BUSY) print('The machine has other work to do: the figures will say so too.');
  for (const bench of benches) {
    print(`\n${bench.name}: ${bench.question}`);
    const say: BenchOptions['say'] = (text) => process.stderr.write(`  ${bench.name}: ${text}\n`);
    const { name, question } = bench;
    const done: BenchReport = { name, question, outcome: { results: [] } };
    report.benches.push(done);
    try {
      const limit = LIMIT_S + LIMIT_FACTOR * bench.duration({ rounds, seconds, quick, peers });
      done.outcome = await within(limit, bench.run({ rounds, seconds, quick, peers, say }));
      for (const line of lines(done.outcome)) print(`  ${line}`);
    } catch (error) {
      done.missing = explain(error);
      print(`  ${error instanceof Skip ? 'Skipped' : 'Failed'}: ${done.missing}`);
      if (!(error instanceof Skip)) process.exitCode = 1;
    }
    // After each bench, so that what was measured outlives whatever ends the run.
    if (folder !== undefined) save(whole(report, folder, isPublished), folder);
  }
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (folder === undefined) return;
  const results = whole(report, folder, isPublished);
  const written = save(results, folder);
  if (isPublished) {
    publish(results, DOCUMENT, RESULTS);
    written.push(DOCUMENT);
  }
  print(`\nWritten: ${written.map((file) => relative('', file)).join(', ')}`);
}

/** What is published keeps what was published of other benches. */
function whole(report: Report, folder: string, isPublished: boolean): Report {
  return isPublished
    ? renewed(
        report,
        folder,
        BENCHES.map(({ name }) => name),
      )
    : report;
}

/** Without its namespaces and processes, a bench that hangs comes to an end. */
async function within<T>(seconds: number, running: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      closeLabs();
      reject(new Error(`It was not done after ${Math.round(seconds)} s.`));
    }, seconds * 1000);
  });
  return await Promise.race([running, late]).finally(() => clearTimeout(timer));
}
