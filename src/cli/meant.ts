// What was meant by words that are nearly a command: `bridge ls`, `ports`, `show fdb`, `port help`, `shwo`. A misspelt
// command is guessed only if it changes nothing; commander refuses the others, with a suggestion.

import type { Command } from 'commander';

const SYNONYMS = new Map([
  ...['mac', 'macs'].map((word) => [word, 'fdb'] as const),
  ...['neighbors', 'neighbor', 'neigh', 'arp'].map((word) => [word, 'neighbour'] as const),
  ['counters', 'stats'],
  ['tcpdump', 'capture'],
  ['log', 'events'],
  ['config', 'export'],
  ...['ls', 'list', 'status'].map((word) => [word, 'show'] as const),
  ...['create', 'new'].map((word) => [word, 'add'] as const),
  ['up', 'enable'],
  ...['delete', 'remove', 'rm'].map((word) => [word, 'del'] as const),
]);
const HARMLESS = new Set([
  'show',
  'stats',
  'drops',
  'events',
  'lldp',
  'mdb',
  'guard',
  'network',
  'lease',
  'router',
  'group',
  'acl',
  'route',
  'neighbour',
  'top',
  'export',
  'help',
]);

/** `args` in the words of `program`; `tell` hears of a guess. */
export function meant(
  args: readonly string[],
  program: Command,
  tell: (word: string, command: string) => void,
): string[] {
  const words = [...args];
  const [first, second] = operands(words, program);
  if (first === undefined) return words;
  if (words[first] === 'version') words[first] = '--version';
  const guess = (parent: Command, at: number): Command | undefined => {
    const exact = find(parent, words[at]);
    const nearly = (other: Command) => isNear(words[at], other.name()) && isHarmless(other, words[second]);
    const command = exact ?? parent.commands.find(nearly);
    if (command === undefined) return undefined;
    if (exact === undefined) tell(words[at], command.name());
    words[at] = command.name();
    return command;
  };

  // the verb first: `show ports`, `add bridge br1`. A bridge with the name of a group needs `bridge show NAME`
  const noun = second === undefined ? undefined : find(program, words[second]);
  if (second !== undefined && noun !== undefined && find(noun, words[first]) !== undefined) {
    [words[first], words[second]] = [words[second], words[first]];
  }
  const group = guess(program, first);
  if (group === undefined || group.commands.length === 0) return words;
  if (second !== undefined) {
    if (words[second] === 'help') words[second] = '--help';
    else guess(group, second);
  } else if (find(group, 'show') && !words.includes('--help') && !words.includes('-h')) {
    words.splice(first + 1, 0, 'show');
  }
  return words;
}

/** Where the first two words stand that are neither options of the program nor their values. */
function operands(words: readonly string[], program: Command): number[] {
  const found: number[] = [];
  for (let at = 0; at < words.length && found.length < 2; at++) {
    if (!words[at].startsWith('-')) {
      found.push(at);
      continue;
    }
    const [name] = words[at].split('=');
    const option = program.options.find(({ short, long }) => name === short || name === long);
    if (option === undefined) break;
    if (option.required && name === words[at]) at++;
  }
  return found;
}

/** By its name, or a word that means the same. */
export function find({ commands }: Command, word: string): Command | undefined {
  const wanted = [word, SYNONYMS.get(word), word.replace(/s$/, '')];
  return (
    commands.find((command) => command.name() === word) ??
    commands.find((command) => wanted.includes(command.name()))
  );
}

/** Of a group it is the verb that counts. */
function isHarmless(command: Command, verb = 'show'): boolean {
  const meant = command.commands.length > 0 ? find(command, verb) : command;
  return meant === undefined || HARMLESS.has(meant.name());
}

/** One letter too many, missing, or wrong, or two in the wrong order. */
function isNear(word: string, name: string): boolean {
  let same = 0;
  while (same < word.length && word[same] === name[same]) same++;
  const [rest, right] = [word.slice(same), name.slice(same)];
  const isSwapped = rest[0] === right[1] && rest[1] === right[0] && rest.slice(2) === right.slice(2);
  return rest.slice(1) === right || rest === right.slice(1) || rest.slice(1) === right.slice(1) || isSwapped;
}
