// What stands before the object: `bridge -j -p link`.

import { BridgeFailure } from './failure.ts';
import { begins, type Words } from './words.ts';

export interface Options {
  json: boolean;
  pretty: boolean;
  details: boolean;
  statistics: boolean;
  oneline: boolean;
  timestamp: boolean;
  compressVlans: boolean;
}

export type Parsed =
  | { kind: 'help' }
  | { kind: 'version' }
  | { kind: 'command'; object: string; options: Options };

// In iproute2's order: `-c` is the colour, and `-s` the statistics.
const NAMES = [
  'help',
  'Version',
  'version',
  'stats',
  'statistics',
  'details',
  'oneline',
  'timestamp',
  'color',
  'compressvlans',
  'json',
  'pretty',
] as const;

const KEYS: Partial<Record<(typeof NAMES)[number], keyof Options>> = {
  stats: 'statistics',
  statistics: 'statistics',
  details: 'details',
  oneline: 'oneline',
  timestamp: 'timestamp',
  compressvlans: 'compressVlans',
  json: 'json',
  pretty: 'pretty',
};

export function parseOptions(words: Words): Parsed {
  const options: Options = {
    json: false,
    pretty: false,
    details: false,
    statistics: false,
    oneline: false,
    timestamp: false,
    compressVlans: false,
  };
  while (words.left) {
    const word = words.next();
    if (!word.startsWith('-')) return { kind: 'command', object: word, options };
    // a colour can be asked for and is never needed: `-color=always`
    const name = begins(word.replace(/^--?/, '').replace(/^(c[a-z]*)=.*/, '$1'), NAMES);
    if (name === undefined) throw new BridgeFailure(`Option "${word}" is unknown, try "bridge help".`);
    if (name === 'help') return { kind: 'help' };
    if (name === 'Version' || name === 'version') return { kind: 'version' };
    const key = KEYS[name];
    if (key !== undefined) options[key] = true;
  }
  return { kind: 'help' };
}
