// What a system test needs of the machine. Without it the tests of the file are skipped, with the reason; `.ci/run`
// takes a skipped system test for a failure.

import { accessSync, constants, existsSync } from 'node:fs';
import { beforeEach } from 'vitest';

const DIRS = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** First thing that is missing, as a sentence, or undefined. */
export function missing(tools: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: network namespaces and TAP devices';
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return 'needs /dev/net/tun';
  }
  const absent = ['ip', 'nsenter', ...tools].find(
    (tool) => !DIRS.some((dir) => existsSync(`${dir}/${tool}`)),
  );
  return absent && `needs the tool ${absent}`;
}

/** Called at the top of a test file. */
export function needs(...tools: string[]): void {
  const reason = missing(tools);
  beforeEach(({ skip }) => {
    skip(reason !== undefined, reason);
  });
}
