// bridge-utils' command line: its commands with their help texts, and getopt_long's way of finding options anywhere.
// Texts and layout are part of the interface, since scripts compare them.

export interface BrctlCommand {
  readonly name: string;
  /** Arguments it must have; more are ignored, as bridge-utils does, or repeat the last one. */
  readonly args: number;
  readonly help: string;
}

export const BRCTL_COMMANDS: readonly BrctlCommand[] = [
  { name: 'addbr', args: 1, help: '<bridge>\t\tadd bridge' },
  { name: 'delbr', args: 1, help: '<bridge>\t\tdelete bridge' },
  { name: 'addif', args: 2, help: '<bridge> <device>\tadd interface to bridge' },
  { name: 'delif', args: 2, help: '<bridge> <device>\tdelete interface from bridge' },
  { name: 'hairpin', args: 3, help: '<bridge> <port> {on|off}\tturn hairpin on/off' },
  { name: 'setageing', args: 2, help: '<bridge> <time>\t\tset ageing time' },
  { name: 'setbridgeprio', args: 2, help: '<bridge> <prio>\t\tset bridge priority' },
  { name: 'setfd', args: 2, help: '<bridge> <time>\t\tset bridge forward delay' },
  { name: 'sethello', args: 2, help: '<bridge> <time>\t\tset hello time' },
  { name: 'setmaxage', args: 2, help: '<bridge> <time>\t\tset max message age' },
  { name: 'setpathcost', args: 3, help: '<bridge> <port> <cost>\tset path cost' },
  { name: 'setportprio', args: 3, help: '<bridge> <port> <prio>\tset port priority' },
  { name: 'show', args: 0, help: '[ <bridge> ]\t\tshow a list of bridges' },
  { name: 'showmacs', args: 1, help: '<bridge>\t\tshow a list of mac addrs' },
  { name: 'showstp', args: 1, help: '<bridge>\t\tshow bridge stp info' },
  { name: 'stp', args: 2, help: '<bridge> {on|off}\tturn stp on/off' },
];

export const USAGE = `Usage: brctl [commands]\ncommands:\n${BRCTL_COMMANDS.map(
  ({ name, help }) => `\t${name.padEnd(10)}\t${help}\n`,
).join('')}`;

/** What getopt_long makes of the arguments: the first option decides, wherever it stands before `--`. */
export type Parsed =
  | { kind: 'help' | 'version' }
  | { kind: 'invalid'; complaint: string }
  | { kind: 'command'; words: string[] };

const LONG = { help: 'help', version: 'version' } as const;

export function parseArguments(args: readonly string[]): Parsed {
  const words: string[] = [];
  for (const [i, arg] of args.entries()) {
    if (arg === '--') return { kind: 'command', words: [...words, ...args.slice(i + 1)] };
    if (!arg.startsWith('-') || arg === '-') words.push(arg);
    else if (arg.startsWith('--')) return longOption(arg.slice(2));
    else if (arg[1] === 'h') return { kind: 'help' };
    else if (arg[1] === 'V') return { kind: 'version' };
    else return { kind: 'invalid', complaint: `brctl: invalid option -- '${arg[1]}'` };
  }
  return { kind: 'command', words };
}

/** Any unambiguous beginning of a long option will do. */
function longOption(text: string): Parsed {
  const [name, value] = text.split('=', 2);
  const found = Object.values(LONG).find((long) => long.startsWith(name));
  if (found === undefined) return { kind: 'invalid', complaint: `brctl: unrecognized option '--${name}'` };
  if (value !== undefined) {
    return { kind: 'invalid', complaint: `brctl: option '--${found}' doesn't allow an argument` };
  }
  return { kind: found };
}
