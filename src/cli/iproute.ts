// Asks iproute2 about the interfaces of the namespace that this runs in.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { TaploomError } from '../error.ts';

const run = promisify(execFile);
const PATIENCE_MS = 30_000;
/** A bridge may know a hundred thousand stations. */
const MOST_BYTES = 256 * 1024 * 1024;

/** The rows that a command prints as JSON. @throws TaploomError `iproute2_failed` */
export async function iproute<Row>(command: string, ...args: string[]): Promise<Row[]> {
  // /usr/sbin is not on every user's PATH
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  try {
    const { stdout } = await run(command, args, { env, timeout: PATIENCE_MS, maxBuffer: MOST_BYTES });
    return stdout.trim() === '' ? [] : JSON.parse(stdout);
  } catch (error) {
    const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
    const why =
      code === 'ENOENT' ? 'it is not installed: apt-get install iproute2' : stderr?.trim() || message;
    throw new TaploomError('iproute2_failed', `Cannot run ${[command, ...args].join(' ')}: ${why}`);
  }
}
