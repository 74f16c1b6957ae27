// `taploom capture`: its arguments and options. What it does is in run.ts.

import { type Command, InvalidArgumentError } from 'commander';
import type { CaptureDirection } from '../../api.ts';
import { number } from '../setting_values.ts';

const DIRECTIONS: readonly string[] = ['in', 'out', 'drop'];
/** tcpdump's: more than any frame has. */
const MAX_SNAPLEN = 262_144;
const MAX_COUNT = 0x7fff_ffff;

export interface CaptureCommandOptions {
  direction?: CaptureDirection[];
  filter?: string;
  snaplen?: number;
  count?: number;
  write?: string;
}

const whole =
  (what: string, max: number) =>
  (text: string): number => {
    const value = number(text);
    if (!Number.isInteger(value) || value < 1 || value > max) {
      throw new InvalidArgumentError(`Expected ${what}, 1 to ${max}.`);
    }
    return value;
  };

const directions = (text: string, before: CaptureDirection[] | undefined): CaptureDirection[] => {
  const words = text.split(',');
  if (!words.every((word) => DIRECTIONS.includes(word))) {
    throw new InvalidArgumentError('Expected in, out or drop, or several separated by commas.');
  }
  return [...new Set([...(before ?? []), ...words])] as CaptureDirection[];
};

/** Gives `capture` its options. */
export function addCaptureOptions(command: Command): Command {
  return command
    .option('--direction <list>', 'in, out, drop; in,out unless told', directions)
    .option('--filter <expression>', "only these frames, in tcpdump's language")
    .option('--snaplen <bytes>', 'most bytes of each frame', whole('bytes', MAX_SNAPLEN))
    .option('--count <frames>', 'end after so many', whole('frames', MAX_COUNT))
    .option('-w, --write <file>', 'write pcapng in place of text; - is standard output');
}
