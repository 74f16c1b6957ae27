// Files that somebody else may have put there: a FIFO would be waited for without end, a link leads to another file.

import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { TaploomError } from '../error.ts';

/** Bytes of a file that is read whole. The largest useful configuration has some 4 MiB. */
const MAX_BYTES = 16 << 20;
// O_NONBLOCK: opening a FIFO does not wait for its other end; for a regular file it means nothing.
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * The text of a regular file. Error codes are those of open(2) and read(2); TaploomError `not_a_file`, `too_large`, and
 * `foreign_file` if it is to be ours alone (`isOurs`) and is not.
 */
export function readRegularFile(file: string, isOurs = false, most = MAX_BYTES): string {
  const fd = openSync(file, isOurs ? FLAGS | constants.O_NOFOLLOW : FLAGS);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new TaploomError('not_a_file', 'it is not a regular file');
    if (stat.size > most) throw new TaploomError('too_large', `it has more than ${most >> 20} MiB`);
    if (isOurs) requireOurs(stat);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** @throws TaploomError `foreign_file` for a file that another user than this process's, or root, owns or may write to */
export function requireOurs({ uid, mode }: Stats): void {
  if (uid !== 0 && uid !== process.geteuid?.()) {
    throw new TaploomError('foreign_file', `it belongs to user ${uid}: remove it, or use another folder`);
  }
  if ((mode & 0o002) !== 0) {
    throw new TaploomError('foreign_file', 'everybody may write to it: chmod o-w, or use another folder');
  }
}
