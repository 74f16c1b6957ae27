// A bad configuration is reported whole: all problems, each with its path, one per line.

import { TaploomError } from '../error.ts';
import { formatPath, type Path } from './path.ts';

export interface Problem {
  /** Empty for the configuration as a whole. */
  path: Path;
  message: string;
  /** Line in the file, counted from 1, where known. */
  line?: number;
}

export class ConfigError extends TaploomError {
  /** In the order of the configuration as far as it is known; `path` as text: `bridges.br0.ports.vm1`. */
  readonly problems: { path: string; message: string; line?: number }[];

  /** `source` is the file's name, if there is one. */
  constructor(problems: readonly Problem[], source?: string) {
    super('invalid_config', problems.map((problem) => describe(problem, source)).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems.map(({ path, message, line }) => ({
      path: formatPath(path),
      message,
      ...(line === undefined ? {} : { line }),
    }));
  }
}

/** `file:line: path: message`, as far as these are known. */
function describe({ path, message, line }: Problem, source: string | undefined): string {
  const place = source === undefined ? '' : line === undefined ? `${source}: ` : `${source}:${line}: `;
  return place + (path.length === 0 ? message : `${formatPath(path)}: ${message}`);
}
