// A bad configuration is reported whole: its problems, each with its path, one per line. Of very many the first, and how
// many more there are: nobody reads 100,000 lines, and a log must not grow by them.

import { TaploomError } from '../error.ts';
import { formatPath, type Path } from './path.ts';

/** Problems that are told. */
export const MAX_PROBLEMS = 100;
/** Characters of a path that are told: a key may be as long as its file. */
const MAX_PATH = 200;

export interface Problem {
  /** Empty for the configuration as a whole. */
  path: Path;
  readonly message: string;
  /** Line in the file, counted from 1, where known. */
  line?: number;
}

/** A configuration is not valid: `code` is `invalid_config`, and `problems` has all that is wrong. */
export class ConfigError extends TaploomError {
  /**
   * In the order of the configuration as far as it is known; `path` as text: `bridges.br0.ports.vm1`. Of more than
   * `MAX_PROBLEMS` the first, and one without a path that counts the others.
   */
  readonly problems: { path: string; message: string; line?: number }[];

  /** `source` is the file's name, if there is one. */
  constructor(problems: readonly Problem[], source?: string) {
    // A message may be found when it is asked for: once is enough.
    const told = first(problems).map(({ path, message, line }) => ({ path, message, line }));
    super('invalid_config', told.map((problem) => describe(problem, source)).join('\n'));
    this.name = 'ConfigError';
    this.problems = told.map(({ path, message, line }) => ({
      path: pathText(path),
      message,
      ...(line === undefined ? {} : { line }),
    }));
  }
}

function first(problems: readonly Problem[]): readonly Problem[] {
  const more = problems.length - MAX_PROBLEMS;
  if (more <= 0) return problems;
  const message = `and ${more.toLocaleString('en-US')} more problem${more === 1 ? '' : 's'}`;
  return [...problems.slice(0, MAX_PROBLEMS), { path: [], message }];
}

function pathText(path: Path): string {
  const text = formatPath(path);
  return text.length > MAX_PATH ? `${text.slice(0, MAX_PATH)}...` : text;
}

/** `file:line: path: message`, as far as these are known. */
function describe({ path, message, line }: Problem, source: string | undefined): string {
  const place = source === undefined ? '' : line === undefined ? `${source}: ` : `${source}:${line}: `;
  return place + (path.length === 0 ? message : `${pathText(path)}: ${message}`);
}
