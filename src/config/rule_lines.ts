// Where rules of access lists and security groups stand in the file that they came from: `office.yaml:7`. A rule that a client has
// changed since is none of the file's, so lines count only as long as a rule is what it was.

import { equal } from './equal.ts';
import { type Path, valueAt } from './path.ts';
import type { SwitchConfig } from './shape.ts';

/** Lines of the rules of a file, counted from 1; 0 = not known. */
export interface RuleLines {
  /** As whoever applied it called it. */
  file: string;
  /** By name of an access list: of its rules. */
  acls: Record<string, number[]>;
  /** By name of a group: of its rules; of `any`, which is no list, one. */
  groups: Record<string, { in: number[]; out: number[] }>;
}

/** A place in a file; lines are counted from 1. */
export interface FileLine {
  file: string;
  line: number;
}

type Lists = Record<string, number[] | Record<string, number[]>>;

/** Lines, and the configuration that they were told of. */
export class RuleOrigin {
  private lines: RuleLines | undefined;
  private config: SwitchConfig | undefined;

  /** @param lines undefined: rules that stay as they are are those of the file before */
  note(lines: RuleLines | undefined, config: SwitchConfig): void {
    if (lines === undefined) return;
    this.lines = lines;
    this.config = config;
  }

  /** Of a rule in the configuration of now, if it is still that of the file. */
  of(path: Path, config: SwitchConfig): FileLine | undefined {
    const { lines } = this;
    if (lines === undefined) return undefined;
    const line = lineAt(lines, path);
    if (line === 0 || !equal(valueAt(this.config, path), valueAt(config, path))) return undefined;
    return { file: lines.file, line };
  }
}

/** Those of a file for a configuration that was the file's once. */
export function linesThatHold(lines: RuleLines, file: SwitchConfig, config: SwitchConfig): RuleLines {
  const hold = (list: readonly number[], ...path: Path) =>
    list.map((line, index) => {
      const whole = valueAt(file, path);
      const own = Array.isArray(whole) ? [...path, index] : path;
      return equal(valueAt(file, own), valueAt(config, own)) ? line : 0;
    });
  const mapped = <Own, To>(record: Record<string, Own>, map: (name: string, own: Own) => To) =>
    Object.fromEntries(Object.entries(record).map(([name, own]) => [name, map(name, own)]));
  return {
    file: lines.file,
    acls: mapped(lines.acls, (name, own) => hold(own, 'acls', name)),
    groups: mapped(lines.groups, (name, own) => ({
      in: hold(own.in, 'groups', name, 'in'),
      out: hold(own.out, 'groups', name, 'out'),
    })),
  };
}

function lineAt(lines: RuleLines, [kind, name, ...rest]: Path): number {
  if (kind !== 'acls' && kind !== 'groups') return 0;
  const lists: Lists = lines[kind];
  if (!Object.hasOwn(lists, name)) return 0;
  const own = lists[name];
  if (Array.isArray(own)) return own[Number(rest[0])] ?? 0;
  const [side, index = 0] = rest;
  return side === 'in' || side === 'out' ? (own[side][Number(index)] ?? 0) : 0;
}

/** `office.yaml:7` */
export function lineText({ file, line }: FileLine): string {
  return `${file}:${line}`;
}
