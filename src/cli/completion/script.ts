// Completion scripts: the grammar as tables of the shell, then the code that walks them, which is completion/walk.*.
//
// Words come from the tables, so that TAB starts no program. Only names of bridges and ports need one, `taploom names`,
// which asks the running switch and says nothing if there is none.

import { existsSync, readFileSync } from 'node:fs';
import { everyGrammar, type Flag, type Grammar, type Operand } from '../grammar.ts';
import type { Shell } from './command.ts';

export function completionScript(shell: Shell, programs: readonly Grammar[]): string {
  const rows = programs.flatMap((program) => [
    ...helpRows(program),
    ...[...everyGrammar(program)].filter(({ path }) => path.at(-1) !== 'help').map(row),
  ]);
  const [head, ...rest] = walker(shell).split('# TABLES\n');
  return `${head}${TABLES[shell](rows)}${rest.join('')}`;
}

/** One command as the walkers know it. */
interface Row {
  readonly path: string;
  readonly verbs: readonly (readonly [string, string])[];
  /** `--json`, `--vni=` with its kind of value, `--vlan-filtering?` with one that may be left out. */
  readonly flags: readonly (readonly [string, string])[];
  readonly operands: readonly string[];
}

function row({ path, commands, flags, inherited, operands }: Grammar): Row {
  return {
    path: path.join(' '),
    verbs: commands.map(verb),
    flags: [...flags, ...inherited].flatMap(flagWords),
    operands: operands.map(operandWord),
  };
}

const verb = ({ path, summary }: Grammar) => [path.at(-1) as string, summary] as const;

function flagWords({ names, value, optionalValue, help }: Flag): [string, string][] {
  return names.map((name) => [
    value === undefined ? name : `${name}${optionalValue ? '?' : '='}${value}`,
    help,
  ]);
}

function operandWord({ value, variadic }: Operand): string {
  return `${value || 'nothing'}${variadic ? '...' : ''}`;
}

/** `taploom help port add`: commands again, without what they take. */
function helpRows(program: Grammar): Row[] {
  const help = program.commands.find(({ path }) => path.at(-1) === 'help');
  if (help === undefined) return [];
  return [...everyGrammar(program)].map(({ path: [name, ...words], commands }) => ({
    path: [name, 'help', ...words].join(' '),
    verbs: commands.map(verb),
    flags: row(help).flags,
    operands: [],
  }));
}

const first = (pair: readonly [string, string]) => pair[0];
const second = (pair: readonly [string, string]) => pair[1];

// bash and zsh know no escapes between single quotes; fish knows two.
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const quoteFish = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const list = (words: readonly string[]) => `(${words.map(quote).join(' ')})`;
// `_describe` takes what follows the first colon for the description.
const described = ([word, help]: readonly [string, string]) =>
  `${word.replaceAll('\\', '\\\\').replaceAll(':', '\\:')}:${help}`;
/** Without its kind of value. */
const bare = ([word, help]: readonly [string, string]) => [word.replace(/[=?].*/, ''), help] as const;

const TABLES: Record<Shell, (rows: readonly Row[]) => string> = {
  bash: (rows) =>
    `_taploom_tables() {\n    case $1 in\n${rows
      .map(
        ({ path, verbs, flags, operands }) =>
          `    ${quote(path)})\n        verbs=${list(verbs.map(first))}\n        flags=${list(flags.map(first))}\n` +
          `        operands=${list(operands)}\n        ;;\n`,
      )
      .join('')}    esac\n}\n`,
  zsh: (rows) =>
    `_taploom_tables() {\n    case $1 in\n${rows
      .map(
        ({ path, verbs, flags, operands }) =>
          `    ${quote(path)})\n        verbs=${list(verbs.map(first))}\n        verb_help=${list(verbs.map(described))}\n` +
          `        flags=${list(flags.map(first))}\n        flag_help=${list(flags.map(bare).map(described))}\n` +
          `        operands=${list(operands)}\n        ;;\n`,
      )
      .join('')}    esac\n}\n`,
  fish: (rows) =>
    `function __taploom_tables --no-scope-shadowing\n    switch $argv[1]\n${rows
      .map(({ path, verbs, flags, operands }) => {
        const set = (name: string, words: readonly string[]) =>
          `            set ${[name, ...words.map(quoteFish)].join(' ')}\n`;
        return (
          `        case ${quoteFish(path)}\n${set('verbs', verbs.map(first))}${set('verb_help', verbs.map(second))}` +
          `${set('flags', flags.map(first))}${set('flag_help', flags.map(second))}${set('operands', operands)}`
        );
      })
      .join('')}    end\nend\n`,
};

/** The sources and the built package are at different distances from the package's root. */
function walker(shell: Shell): string {
  const places = ['../../..', '../../../..'].map(
    (up) => new URL(`${up}/completion/walk.${shell}`, import.meta.url),
  );
  return readFileSync(places.find((place) => existsSync(place)) ?? places[0], 'utf8');
}
