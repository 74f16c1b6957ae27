// Configuration files: YAML 1.2 text to a validated configuration, and back.
//
// Problems carry the line where they are. The way back is for people and version control: only what differs from the
// defaults, short mappings on one line, and `loadConfig(formatConfig(config))` is `config` again.

import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { ConfigError } from './config_error.ts';
import type { RuleLines } from './rule_lines.ts';
import { type SwitchConfig, validate } from './schema.ts';
import { YamlLines } from './yaml_lines.ts';

export { formatConfig } from './format_config.ts';

/** Throws `ConfigError` with all problems, each with its line. `fileName` is for messages only. */
export function loadConfig(text: string, fileName: string): SwitchConfig {
  return load(text, fileName).config;
}

/** The same, and where its rules stand. */
export function loadConfigWithLines(
  text: string,
  fileName: string,
): { config: SwitchConfig; lines: RuleLines | undefined } {
  const { config, lines } = load(text, fileName);
  return { config, lines: lines.rules(fileName, config) };
}

function load(text: string, fileName: string): { config: SwitchConfig; lines: YamlLines } {
  const lines = new LineCounter();
  // maxAliasCount of toJS below bounds what a few lines of aliases can expand to.
  const { document, repeated } = parse(text, lines, fileName);
  const syntax = [...document.errors, ...document.warnings, ...repeated];
  if (syntax.length > 0) {
    const problems = syntax.map(({ message, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { path: [], message: `column ${col}: ${message.replace(/\.$/, '')}`, line };
    });
    throw new ConfigError(problems, fileName);
  }
  const { config, problems } = validate(withEmptyMappings(contentsOf(document, fileName)), {
    allowFd: false,
  });
  const places = new YamlLines(document, lines);
  if (problems.length === 0) return { config, lines: places };
  for (const problem of problems) problem.line = places.nearest(problem.path);
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  throw new ConfigError(problems, fileName);
}

function parse(text: string, lines: LineCounter, fileName: string) {
  try {
    const options = { lineCounter: lines, prettyErrors: false, stringKeys: true, uniqueKeys: false };
    const document = parseDocument(text, options);
    return { document, repeated: repeatedKeys(document) };
  } catch (error) {
    // The parser and the visitor call themselves for each level.
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError([{ path: [], message: 'lists and mappings are nested too deeply' }], fileName);
  }
}

function contentsOf(document: Document, fileName: string): unknown {
  if (document.contents === null) {
    throw new ConfigError(
      [{ path: [], message: 'the file is empty, expected at least version: 1' }],
      fileName,
    );
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError(
      [{ path: [], message: error instanceof Error ? error.message : String(error) }],
      fileName,
    );
  }
}

/** In place of the parser's own check, which compares each key with every other: 200,000 took it minutes. */
function repeatedKeys(document: Document): { message: string; pos: [number, number] }[] {
  const repeated: { message: string; pos: [number, number] }[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          const [start, end] = key.range ?? [0, 0];
          repeated.push({ message: 'this key is there already', pos: [start, end] });
        }
        seen.add(key.value);
      }
    },
  });
  return repeated;
}

type Mapping = Record<string, unknown>;

/** YAML reads `ports:` with nothing after it as null; whoever writes it means an empty mapping. */
function withEmptyMappings(input: unknown): unknown {
  const config = withEmptyLists(
    withEmptyRouters(filled(input, ['bridges', 'routers', 'groups', 'acls', 'connections'])),
  );
  if (!isMapping(config) || !isMapping(config.bridges)) return config;
  const bridges = Object.entries(config.bridges).map(([name, bridge]) => [
    name,
    filled(bridge ?? {}, ['ports', 'local', 'static']),
  ]);
  return { ...config, bridges: Object.fromEntries(bridges) };
}

const LISTS: ReadonlySet<string> = new Set(['static', 'routes']);

function withEmptyRouters(config: unknown): unknown {
  if (!isMapping(config) || !isMapping(config.routers)) return config;
  const routers = Object.entries(config.routers).map(([name, router]) => [
    name,
    filled(router ?? {}, ['interfaces', 'routes']),
  ]);
  return { ...config, routers: Object.fromEntries(routers) };
}

/** Groups without keys, and access lists without rules. */
function withEmptyLists(config: unknown): unknown {
  if (!isMapping(config)) return config;
  const withEmpty = (value: unknown, empty: unknown) =>
    isMapping(value)
      ? Object.fromEntries(Object.entries(value).map(([name, own]) => [name, own ?? empty]))
      : value;
  return {
    ...config,
    ...('groups' in config && { groups: withEmpty(config.groups, {}) }),
    ...('acls' in config && { acls: withEmpty(config.acls, []) }),
  };
}

function filled(value: unknown, keys: readonly string[]): unknown {
  if (!isMapping(value)) return value;
  const copy = { ...value };
  for (const key of keys) if (copy[key] === null) copy[key] = LISTS.has(key) ? [] : {};
  return copy;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
