// A filter expression as a BPF program: by tcpdump where it is installed, else by Taploom's own of a subset. The
// daemon never sees the expression.

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { compileSubset } from '../../config/filter/compile_subset.ts';
import { TaploomError } from '../../error.ts';
import { type BpfInstruction, checkBpf, parseBpf } from '../../wire/bpf.ts';

/** For names that a resolver has to look up, ms. */
const PATIENCE = 30_000;

/** @throws TaploomError `invalid_filter` */
export async function compileFilter(expression: string, tcpdump = 'tcpdump'): Promise<BpfInstruction[]> {
  const program = (await byTcpdump(expression, tcpdump)) ?? bySubset(expression);
  const trouble = checkBpf(program);
  if (trouble !== null) throw new TaploomError('invalid_filter', `Bad filter: ${trouble}`);
  return program;
}

function bySubset(expression: string): BpfInstruction[] {
  try {
    return compileSubset(expression);
  } catch (error) {
    if (!(error instanceof TaploomError)) throw error;
    throw new TaploomError(
      error.code,
      `Bad filter: ${error.message}. tcpdump is not installed, and without it filters are a subset: see docs/capture.md`,
    );
  }
}

/** Undefined if there is no tcpdump. */
async function byTcpdump(expression: string, tcpdump: string): Promise<BpfInstruction[] | undefined> {
  // Without a shell, and the expression behind `--`: it cannot become an option.
  const child = spawn(tcpdump, ['-ddd', '-y', 'EN10MB', '-s', '262144', '--', expression], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE,
  });
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const outputs = Promise.all([text(child.stdout), text(child.stderr), code]);
  const ended = await Promise.race([outputs, failed]);
  if (ended instanceof Error) {
    outputs.catch(() => {});
    if (ended.code === 'ENOENT' || ended.code === 'EACCES') return undefined;
    throw new TaploomError('invalid_filter', `Cannot run tcpdump to compile the filter: ${ended.message}`);
  }
  const [output, errors, status] = ended;
  if (status === 0) return parseBpf(output);
  // "tcpdump: can't parse filter expression: syntax error", perhaps behind warnings.
  const why =
    errors
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^tcpdump: /, '') ?? '';
  throw new TaploomError('invalid_filter', `Bad filter: ${why || 'tcpdump gave no answer'}`);
}
