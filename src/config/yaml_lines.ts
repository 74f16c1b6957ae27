// On which line of a YAML file things of a configuration are.

import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type LineCounter,
  type Pair,
  type YAMLMap,
} from 'yaml';
import type { Path } from './path.ts';
import type { RuleLines } from './rule_lines.ts';
import type { SwitchConfig } from './schema.ts';

export class YamlLines {
  private readonly document: Document;
  private readonly lines: LineCounter;
  /** The keys of mappings, looked up once for each mapping: it may have thousands, and a problem with each. */
  private readonly keys = new Map<YAMLMap, Map<string, Pair>>();

  constructor(document: Document, lines: LineCounter) {
    this.document = document;
    this.lines = lines;
  }

  /** Of the thing at `path`, or of the nearest thing around it that is in the file. */
  nearest(path: Path): number | undefined {
    return this.at(path).line;
  }

  /** Of the thing at `path`; 0 = it is not in the file. */
  exact(path: Path): number {
    const { line, isWhole } = this.at(path);
    return isWhole && line !== undefined ? line : 0;
  }

  /** Of the rules of the file's configuration; undefined: it has none. */
  rules(file: string, config: SwitchConfig): RuleLines | undefined {
    const { acls = {}, groups = {} } = config;
    if (config.acls === undefined && config.groups === undefined) return undefined;
    const ofSide = (path: Path, rules: unknown) =>
      Array.isArray(rules) ? rules.map((_, index) => this.exact([...path, index])) : [this.exact(path)];
    const mapped = <Own, To>(record: Record<string, Own>, map: (name: string, own: Own) => To) =>
      Object.fromEntries(Object.entries(record).map(([name, own]) => [name, map(name, own)]));
    return {
      file,
      acls: mapped(acls, (name, rules) => ofSide(['acls', name], rules)),
      groups: mapped(groups, (name, own) => ({
        in: ofSide(['groups', name, 'in'], own.in),
        out: ofSide(['groups', name, 'out'], own.out),
      })),
    };
  }

  private at(path: Path): { line: number | undefined; isWhole: boolean } {
    const { document, lines } = this;
    let node: unknown = document.contents;
    let offset: number | undefined;
    let isWhole = true;
    for (const key of path) {
      if (isAlias(node)) node = node.resolve(document);
      if (isMap(node)) {
        const pair = this.find(node, String(key));
        isWhole = pair !== undefined;
        if (pair === undefined) break;
        if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
        node = pair.value;
      } else if (isSeq(node) && typeof key === 'number') {
        node = node.items[key];
        isWhole = isNode(node);
        if (isNode(node)) offset = node.range?.[0] ?? offset;
      } else {
        isWhole = false;
        break;
      }
    }
    return { line: offset === undefined ? undefined : lines.linePos(offset).line, isWhole };
  }

  private find(map: YAMLMap, key: string): Pair | undefined {
    const known = this.keys.get(map) ?? keysOf(map);
    this.keys.set(map, known);
    return known.get(key);
  }
}

function keysOf({ items }: YAMLMap): Map<string, Pair> {
  return new Map(items.flatMap((item) => (isScalar(item.key) ? [[String(item.key.value), item]] : [])));
}
