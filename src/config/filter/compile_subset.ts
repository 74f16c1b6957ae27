// A filter of the subset as a BPF program: of a mirror, and of a capture where tcpdump is missing.

import { TaploomError } from '../../error.ts';
import type { BpfInstruction } from '../../wire/bpf.ts';
import { assemble } from './conditions.ts';
import { parseFilter } from './parse_filter.ts';

/** Characters of a filter: bounds how deep its brackets go. */
const MAX_LENGTH = 1000;

/** @throws TaploomError `invalid_filter`: why, as a part of a sentence */
export function compileSubset(filter: string): BpfInstruction[] {
  if (filter.length > MAX_LENGTH) {
    throw new TaploomError('invalid_filter', `it has more than ${MAX_LENGTH} characters`);
  }
  return assemble(parseFilter(filter));
}
