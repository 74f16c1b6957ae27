// Files of ours that cannot be used are renamed and reported, never deleted.

import { existsSync, renameSync } from 'node:fs';
import { TaploomError } from '../error.ts';

/** @throws TaploomError `state_unwritable` */
export function moveAway(file: string, to: string): void {
  try {
    renameSync(file, to);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TaploomError('state_unwritable', `Cannot rename ${file} to ${to}: ${reason}`, { cause: error });
  }
}

/** `name`, or `name.1` and so on: what was kept is not overwritten. */
export function freeName(name: string): string {
  let free = name;
  for (let i = 1; existsSync(free); i++) free = `${name}.${i}`;
  return free;
}
