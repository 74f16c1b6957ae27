// One daemon for one path: the lock is a file beside it, held as long as the process lives and not a moment longer,
// whatever ends it. The file stays, because between a test and a removal another daemon could have taken it.

import { closeSync, constants, fstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { TaploomError } from '../error.ts';
import { requireOurs } from './regular_file.ts';

/** Takes an exclusive flock(2) without waiting; false: somebody else has it. */
export type TakeLock = (fd: number) => boolean;

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Returns what releases it. @throws TaploomError `already_running`, or `lock_failed` if the file cannot be had
 * @param what in errors: `the state file /var/lib/taploom/state.json`
 */
export function lockFor(path: string, what: string, take: TakeLock): () => void {
  const file = `${path}.lock`;
  let fd = -1;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    fd = openSync(file, FLAGS, 0o600);
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new TaploomError('not_a_file', 'it is not a regular file');
    requireOurs(stat);
    if (take(fd)) return () => closeSync(fd);
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = error instanceof TaploomError ? message : (code ?? message);
    throw new TaploomError('lock_failed', `Cannot lock ${what} with ${file}: ${reason}`, { cause: error });
  }
  closeSync(fd);
  throw new TaploomError('already_running', `taploomd is already running: another one has ${what}`);
}
