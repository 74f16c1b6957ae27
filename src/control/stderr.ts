// The log's end: standard error. A pipe whose reader sleeps must not stop the daemon, so what it has no room for is lost,
// and counted; how many lines, the next one that goes through says first.

import { constants, fstatSync, openSync, writeSync } from 'node:fs';

const STDERR = 2;
const FLAGS = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Takes whole lines, and never waits or throws. */
export function stderrWriter(fd = nonBlocking()): (line: string) => void {
  let rest: Buffer = Buffer.alloc(0);
  let lost = 0;
  /** Whether all of it is written. What a pipe took only in part goes on first, so that lines stay whole. */
  const push = (bytes: Buffer): boolean => {
    try {
      const written = writeSync(fd, bytes);
      rest = bytes.subarray(written);
    } catch {
      // Full, or closed: no reason to stop switching.
      return false;
    }
    return rest.length === 0;
  };
  return (line) => {
    if (rest.length > 0 && !push(rest)) {
      lost++;
      return;
    }
    const told = lost === 0 ? line : `${lost} lines of the log were lost: nobody read them\n${line}`;
    const bytes = Buffer.from(told);
    if (push(bytes) || rest.length > 0) lost = 0;
    else lost++;
  };
}

/**
 * A description of our own of the same pipe or terminal: O_NONBLOCK on the one that was inherited would be in force for
 * everybody who has it. Files, and sockets such as the journal's, are used as they are.
 */
function nonBlocking(): number {
  try {
    const stat = fstatSync(STDERR);
    if (stat.isFIFO() || stat.isCharacterDevice()) return openSync(`/proc/self/fd/${STDERR}`, FLAGS);
  } catch {
    // Closed, or another user's: the one we have must do.
  }
  return STDERR;
}
