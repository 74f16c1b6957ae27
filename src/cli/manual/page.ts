// A man page from a grammar and the texts that no grammar has. Every command and option comes from the grammar.

import { everyGrammar, type Flag, type Grammar } from '../grammar.ts';
import { bold, example, italic, item, paragraphs, plain, prose, section, subsection, usage } from './roff.ts';
import type { Texts } from './texts.ts';

/** Fewer than these are written again rather than looked up in another place. */
const WORTH_A_REFERENCE = 8;

export interface Edition {
  readonly version: string;
  /** `2026-01-31` */
  readonly date: string;
}

export function manPage(grammar: Grammar, texts: Texts, { version, date }: Edition): string {
  const [name] = grammar.path;
  const rows = [...everyGrammar(grammar)].slice(1).filter(({ commands }) => commands.length === 0);
  const terms = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([term, text]) => item(bold(term), text)).join('');
  const parts = [
    section('NAME', `${plain(name)} \\- ${plain(texts.purpose)}\n`),
    section('SYNOPSIS', synopsis(grammar)),
    section('DESCRIPTION', paragraphs(texts.description)),
    section('OPTIONS', flagItems(grammar.flags)),
    rows.length > 0 && section('COMMANDS', commands(rows, texts.notes ?? {})),
    ...Object.entries(texts.sections ?? {}).map(([title, pairs]) => section(title, terms(pairs))),
    section('EXIT STATUS', terms(texts.exitStatus)),
    section('ENVIRONMENT', terms(texts.environment)),
    section('FILES', terms(texts.files)),
    section('EXAMPLES', examples(grammar, texts)),
    section('SEE ALSO', seeAlso(texts)),
  ];
  const head = `.\\" Written by npm run man; do not edit.\n.TH ${name.toUpperCase().replaceAll('-', '\\-')} ${texts.section} ${date} "Taploom ${version}" "${texts.volume}"\n.nh\n.ad l\n`;
  return head + parts.filter((part) => part !== false).join('');
}

function synopsis({ path, flags, commands }: Grammar): string {
  const shown = flags.filter(({ names }) => !names.includes('--help') && !names.includes('--version'));
  const all = shown.map((flag) => `[${usage(flag.usage)}]`).map((text) => text.replaceAll(' ', '\\ '));
  const tail = commands.length > 0 ? [`${italic('command')}`, `[${italic('argument')} ...]`] : [];
  const name = path.join(' ');
  const forms = [[...all, ...tail].join('\n'), `${bold('--help')}\\ |\\ ${bold('--version')}`];
  return forms.map((form) => `.HP\n${bold(name)}\n${form}\n`).join('');
}

function flagItems(flags: readonly Flag[]): string {
  return flags
    .map(({ usage: text, help, byDefault }) => {
      const suffix = byDefault === undefined ? '' : ` (default: ${byDefault})`;
      return item(usage(text), `${sentence(help)}${suffix}.`);
    })
    .join('');
}

/** Groups have no entry of their own: their commands say what they do. */
function commands(rows: readonly Grammar[], notes: Record<string, string>): string {
  return rows
    .map((row, i) => {
      const words = row.path.slice(1);
      const own = row.flags.filter(({ names }) => !names.includes('--help'));
      const twin = rows.slice(0, i).find((other) => isTwin(row, other));
      const left = twin ? own.filter((flag) => !shared(own, twin.flags).includes(flag)) : own;
      const note = notes[words.join(' ')];
      const parts = [
        `${prose(`${sentence(row.summary)}.`)}\n`,
        note === undefined ? '' : `.PP\n${prose(note)}\n`,
        row.operands.some(({ help }) => help !== '')
          ? row.operands.map((operand) => item(usage(operand.usage), `${sentence(operand.help)}.`)).join('')
          : '',
        twin ? reference(row, twin, left.length > 0) : '',
        flagItems(left),
      ];
      const operands = row.operands.map(({ usage: text }) => ` ${usage(text)}`).join('');
      const options = own.length > 0 ? ` [${italic('options')}]` : '';
      return subsection(`${bold(words.join(' '))}${operands}${options}`, parts.join(''));
    })
    .join('');
}

/** `port set` takes what `port add` takes, but for a few. */
function isTwin(row: Grammar, other: Grammar): boolean {
  const same = shared(row.flags, other.flags).length;
  return row.path.at(-2) === other.path.at(-2) && same >= WORTH_A_REFERENCE && other.flags.length - same <= 2;
}

function shared(flags: readonly Flag[], others: readonly Flag[]): Flag[] {
  return flags.filter((flag) =>
    others.some(
      ({ usage: text, help, byDefault }) =>
        text === flag.usage && help === flag.help && byDefault === flag.byDefault,
    ),
  );
}

function reference(row: Grammar, twin: Grammar, more: boolean): string {
  const name = twin.path.slice(1).join(' ');
  const own = new Set(row.flags.flatMap(({ names }) => names));
  const without = twin.flags.filter(({ names }) => !names.some((known) => own.has(known)));
  const except = without.map(({ names }) => `\`${names.at(-1)}\``).join(', ');
  return `.PP\n${prose(`The options of \`${name}\`${except && ` except ${except}`}${more ? ', and:' : '.'}`)}\n`;
}

function examples(grammar: Grammar, texts: Texts): string {
  const all = [...everyGrammar(grammar)].filter(({ examples: lines }) => lines.length > 0);
  const own = all.map(
    ({ path, summary, examples: lines }) =>
      `${path.length > 1 ? `.PP\n${prose(`${sentence(summary)}:`)}\n` : ''}${example(lines.map(fold))}`,
  );
  const more = (texts.examples ?? []).map(([what, lines]) => `.PP\n${prose(what)}\n${example(lines)}`);
  return [...own, ...more].join('');
}

/** A command that is wider than the page goes on in the next line, in a way that the shell takes. */
function fold(line: string): string {
  const at = line.lastIndexOf(' --', 66);
  return line.length <= 68 || at < 0 ? line : `${line.slice(0, at)} \\\n    ${fold(line.slice(at + 1))}`;
}

function seeAlso({ seeAlso: pages, documents }: Texts): string {
  const links = pages.map((page) => {
    const [, name, part] = /^(.*)\((\d)\)$/.exec(page) ?? ['', page, ''];
    return `.BR ${plain(name)} (${part})`;
  });
  return `${links.join(' ,\n')}\n.PP\n${prose(documents)}\n`;
}

function sentence(text: string): string {
  const first = text.charAt(0);
  const rest = text.slice(1).replace(/\.$/, '');
  // `tap: ...` is the name of a type of port
  return /^\w+(, [\w ]+)?: /.test(text) ? text : first.toUpperCase() + rest;
}
