// What stands before the object: `bridge -j -p link`.

import { senseless } from './failure.ts';
import { begins, type Words } from './words.ts';

export interface Options {
  json: boolean;
  pretty: boolean;
  details: boolean;
  statistics: boolean;
  oneline: boolean;
  timestamp: boolean;
  compressVlans: boolean;
  /** A batch goes on after a failure. */
  force: boolean;
  /** File of a batch; `-` is standard input. */
  batch?: string;
  /** Network namespace whose interfaces are meant. */
  netns?: string;
}

export type Parsed = { kind: 'help' } | { kind: 'version' } | { kind: 'command'; options: Options };

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
  'family',
  'netns',
  'color',
  'compressvlans',
  'force',
  'json',
  'pretty',
  'batch',
] as const;

type Switch = { [Key in keyof Options]-?: Options[Key] extends boolean ? Key : never }[keyof Options];

const SWITCHES: Partial<Record<(typeof NAMES)[number], Switch>> = {
  stats: 'statistics',
  statistics: 'statistics',
  details: 'details',
  oneline: 'oneline',
  timestamp: 'timestamp',
  compressvlans: 'compressVlans',
  force: 'force',
  json: 'json',
  pretty: 'pretty',
};

/** Takes the options; the object, if there is one, is the next word. */
export function parseOptions(words: Words): Parsed {
  const options: Options = {
    json: false,
    pretty: false,
    details: false,
    statistics: false,
    oneline: false,
    timestamp: false,
    compressVlans: false,
    force: false,
  };
  while (words.peek()?.startsWith('-')) {
    const word = words.next();
    if (word === '--') break;
    // A family says which addresses are meant, where they do not say so themselves.
    if (word === '-4' || word === '-6') continue;
    const name = nameOf(word);
    if (name === undefined) throw senseless(`Option "${word}" is unknown, try "bridge help".`);
    if (name === 'help') return { kind: 'help' };
    if (name === 'Version' || name === 'version') return { kind: 'version' };
    if ((name === 'family' || name === 'batch') && !words.left) return { kind: 'help' };
    if (name === 'family') checkFamily(words.next());
    if (name === 'batch') options.batch = words.next();
    if (name === 'netns') options.netns = words.left ? words.next() : '(null)';
    const key = SWITCHES[name];
    if (key !== undefined) options[key] = true;
  }
  return { kind: 'command', options };
}

/** A colour can be asked for and is never needed: `-color=always`. `-` alone is the beginning of the first. */
function nameOf(word: string) {
  if (word === '-') return 'help';
  return begins(word.replace(/^--?/, '').replace(/^(c[a-z]*)=(always|auto|never)$/, '$1'), NAMES);
}

function checkFamily(family: string): void {
  if (!['inet', 'inet6'].includes(family))
    throw senseless(`Error: argument "${family}" is wrong: invalid protocol family`);
}
