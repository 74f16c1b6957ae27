// `bridge -batch FILE`: a command a line, with the quotes, comments and continued lines of iproute2. Lines are carried out as
// they come, so that a script may hold the other end of `-batch -`.

import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { getSystemErrorMap } from 'node:util';
import { ControlError } from '../../control/client.ts';
import { TaploomError } from '../../error.ts';
import { BridgeFailure, FAILED } from './failure.ts';

/** What iproute2 ends with if a line has failed. */
const LINE_FAILED = 1;

export interface Batch {
  /** `-`: standard input. */
  readonly file: string;
  readonly stdin: Readable;
  /** Goes on after a failure. */
  readonly force: boolean;
  readonly run: (words: readonly string[]) => Promise<void>;
  readonly error: (text: string) => unknown;
}

/** Returns the exit code. */
export async function runBatch({ file, stdin, force, run, error }: Batch): Promise<number> {
  let code = 0;
  const input = file === '-' ? stdin : await openFile(file);
  for await (const { words, number } of commands(input)) {
    try {
      await run(words);
    } catch (failure) {
      if (!(failure instanceof TaploomError)) throw failure;
      if (failure.message !== '') error(`${failure.message}\n`);
      if (endsBatch(failure)) return failure instanceof BridgeFailure ? failure.exitCode : FAILED;
      error(`Command failed ${file}:${number}\n`);
      code = LINE_FAILED;
      if (!force) break;
    }
  }
  return code;
}

/** Nor is it any use to go on when the daemon is gone. */
function endsBatch(failure: TaploomError): boolean {
  if (failure instanceof BridgeFailure) return failure.endsBatch;
  return failure instanceof ControlError && failure.status === 0;
}

async function openFile(file: string): Promise<Readable> {
  const failed = (why: string) =>
    new BridgeFailure(`Cannot open file "${file}" for reading: ${why}`, LINE_FAILED);
  const handle = await open(file).catch((error) => {
    const [, why = 'it cannot be opened'] = getSystemErrorMap().get(error.errno) ?? [];
    throw failed(why[0].toUpperCase() + why.slice(1));
  });
  if ((await handle.stat()).isDirectory()) {
    await handle.close();
    throw failed('Is a directory');
  }
  return handle.createReadStream();
}

/** `number` is that of the last line of a command, from 1. */
async function* commands(input: Readable): AsyncGenerator<{ words: string[]; number: number }> {
  let number = 0;
  let begun = '';
  try {
    for await (const line of createInterface({ input })) {
      number++;
      const text = begun + line.replace(/#.*/, '');
      begun = text.endsWith('\\') ? text.slice(0, -1) : '';
      if (text.endsWith('\\')) continue;
      const words = wordsOf(text);
      if (words.length > 0) yield { words, number };
    }
  } finally {
    // nobody waits for whoever still holds the other end
    input.destroy();
  }
  // iproute2 ends with 0 here
  if (begun !== '') throw new BridgeFailure('Missing continuation line', LINE_FAILED, true);
}

/** A quote counts where a word begins. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain, open] of line.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']\S*)|(["'])/g)) {
    if (open !== undefined) throw new BridgeFailure('Unterminated quoted string', LINE_FAILED, true);
    words.push(double ?? single ?? plain);
  }
  return words;
}
