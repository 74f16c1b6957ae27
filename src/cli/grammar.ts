// What the four programs take, as plain data: read from commander and from the tables of brctl and bridge, so that completion and man
// pages cannot forget a command or an option. A placeholder says what its value is: `<bridge>`, `<file>`, `<on|off>`.

import type { EventEmitter } from 'node:events';
import type { Argument, Command, Option } from 'commander';
import { BRCTL_COMMANDS } from './brctl/usage.ts';
import { BRIDGE_COMMANDS, BRIDGE_OPTIONS, type BridgeCommand, OBJECTS } from './bridge/usage.ts';

/** What a shell can offer for a value: one of these kinds, words with `|` between them, or nothing. */
const KINDS: Record<string, string> = {
  bridge: 'bridge',
  network: 'bridge',
  port: 'port',
  ports: 'port',
  file: 'file',
  path: 'file',
  interface: 'interface',
  device: 'interface',
  netns: 'netns',
  user: 'user',
  group: 'group',
};

export interface Operand {
  /** As in a usage line: `<bridge>`, `[ports...]`. */
  readonly usage: string;
  readonly help: string;
  readonly value: string;
  readonly variadic: boolean;
}

export interface Flag {
  /** `-h, --help`, `--vni <number>` */
  readonly usage: string;
  readonly names: readonly string[];
  readonly help: string;
  /** Undefined if it takes none. */
  readonly value?: string;
  readonly optionalValue: boolean;
  /** As shown to people. */
  readonly byDefault?: string;
}

export interface Grammar {
  /** The words up to here: `taploom`, `port`, `add`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly operands: readonly Operand[];
  readonly flags: readonly Flag[];
  /** Those of the program, which its commands take too. */
  readonly inherited: readonly Flag[];
  readonly commands: readonly Grammar[];
  readonly examples: readonly string[];
}

export function commanderGrammar(
  command: Command,
  above: readonly string[] = [],
  inherited: readonly Flag[] = [],
): Grammar {
  const path = [...above, command.name()];
  const help = command.createHelp();
  const flags = help.visibleOptions(command).map(flag);
  const own = flags.filter(({ names }) => !names.includes('--help') && !names.includes('--version'));
  return {
    path,
    summary: command.description(),
    operands: command.registeredArguments.map((argument) => operand(argument, path)),
    flags,
    inherited,
    commands: help
      .visibleCommands(command)
      .map((child) => commanderGrammar(child, path, [...inherited, ...own])),
    examples: examples(command),
  };
}

/** Every command with its commands, parents first. */
export function* everyGrammar(grammar: Grammar): Generator<Grammar> {
  yield grammar;
  for (const child of grammar.commands) yield* everyGrammar(child);
}

function operand(argument: Argument, path: readonly string[]): Operand {
  const { required, variadic, description, argChoices } = argument;
  const name = argument.name();
  const inner = variadic ? `${name}...` : name;
  // `bridge add <bridge>`: a name that is not there yet
  const isNew = path.at(-1) === 'add' && path.at(-2) === name;
  return {
    usage: required ? `<${inner}>` : `[${inner}]`,
    help: withChoices(description, argChoices),
    value: isNew ? '' : kindOf(name, argChoices),
    variadic,
  };
}

function flag(option: Option): Flag {
  const { flags, short, long, description, required, optional, argChoices } = option;
  const placeholder = /[<[](.*)[>\]]$/.exec(flags)?.[1];
  const shown = option.defaultValueDescription ?? option.defaultValue;
  return {
    usage: flags,
    names: [short, long].filter((name) => name !== undefined),
    help: withChoices(description, argChoices),
    value: placeholder === undefined ? undefined : kindOf(placeholder, argChoices),
    optionalValue: optional && !required,
    byDefault: shown === undefined ? undefined : String(shown),
  };
}

function withChoices(description: string, choices?: readonly string[]): string {
  return choices ? `${description}: ${choices.join(', ')}` : description;
}

function kindOf(placeholder: string, choices?: readonly string[]): string {
  if (choices) return choices.join('|');
  if (/^[\w-]+(\|[\w-]+)+$/.test(placeholder)) return placeholder;
  // `interface[@netns]` begins with an interface; `host:port` with nothing that can be offered
  return KINDS[/^[a-z]+/.exec(placeholder)?.[0] ?? ''] ?? '';
}

/** The lines that `addHelpText` shows after a command's help. */
function examples(command: Command): string[] {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  // commander's types do not say that it is one
  (command as unknown as EventEmitter).emit('afterHelp', { write, error: false, command });
  return [...text.matchAll(/^ {2}[$#] (.*)$/gm)].map((match) => match[1]);
}

const BRCTL_FLAGS: readonly Flag[] = [
  { usage: '-h, --help', names: ['-h', '--help'], help: 'print help', optionalValue: false },
  { usage: '-V, --version', names: ['-V', '--version'], help: 'print the version', optionalValue: false },
];

export function brctlGrammar(): Grammar {
  const path = ['taploom-brctl'];
  const commands = BRCTL_COMMANDS.map(({ name, help }) => {
    const [usage, summary] = help.split(/\t+/);
    const operands = [...usage.matchAll(/[<{]([^>}]+)[>}]/g)].map(([, placeholder], i) => {
      const variadic = name.endsWith('if') && i === 1;
      const inner = variadic ? `${placeholder}...` : placeholder;
      return {
        usage: usage.startsWith('[') ? `[${inner}]` : `<${inner}>`,
        help: '',
        value: brctlValue(name, placeholder, i),
        variadic,
      };
    });
    return {
      path: [...path, name],
      summary,
      operands,
      flags: [],
      inherited: BRCTL_FLAGS,
      commands: [],
      examples: [],
    };
  });
  const summary = 'Look at and change a running Taploom switch in the words of bridge-utils.';
  return { path, summary, operands: [], flags: BRCTL_FLAGS, inherited: [], commands, examples: [] };
}

function brctlValue(name: string, placeholder: string, position: number): string {
  if (name === 'addbr') return '';
  if (name === 'delif' && position === 1) return 'port';
  return kindOf(placeholder);
}

export function bridgeGrammar(): Grammar {
  const path = ['taploom-bridge'];
  const flags = BRIDGE_OPTIONS.map(([usage, help]): Flag => {
    const [names, placeholder] = usage.split(/ <(.*)>/);
    const value = placeholder === undefined ? undefined : kindOf(placeholder);
    return { usage, names: names.split(', '), help, value, optionalValue: false };
  });
  const none = { flags: [], inherited: [], operands: [], commands: [], examples: [] };
  const leaf = (above: readonly string[], { name, help, takes }: BridgeCommand): Grammar => ({
    ...none,
    path: name === '' ? above : [...above, name],
    summary: help,
    operands: [{ usage: takes, help: '', value: keywords(takes), variadic: true }],
  });
  const commands = OBJECTS.map((object): Grammar => {
    const above = [...path, object];
    const leaves = BRIDGE_COMMANDS.filter((other) => other.object === object).map((one) => leaf(above, one));
    return object === 'monitor'
      ? leaves[0]
      : { ...none, path: above, summary: SUMMARIES[object], commands: leaves };
  });
  const summary = 'Look at and change a running Taploom switch in the words of bridge of iproute2.';
  return { ...none, path, summary, flags, commands };
}

const SUMMARIES = {
  link: 'ports',
  fdb: 'the forwarding database',
  mdb: 'multicast groups',
  vlan: 'VLANs',
} as const;

/** The words in small letters of `dev DEV [ vlan VID ] [ self | master ]`. */
function keywords(takes: string): string {
  return [...new Set(takes.match(/(?<![\w|[-])[a-z_]+(?![\w|-])/g))].join('|');
}
