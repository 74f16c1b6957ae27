// The shape of a configuration, looked at in pieces, so that somebody else may have a turn: 4,000 ports take 30 ms, and
// ten times as long the first time. A piece is a configuration with some of the ports, or some rules of an access list.

import type { z } from 'zod';
import type { Parts } from '../parts.ts';
import { ONCE } from './leaves.ts';
import { configShape, type SwitchConfig } from './shape.ts';

/** Bridges and ports of a piece, or rules. */
const AT_A_TIME = 64;

type Mapping = Readonly<Record<string, unknown>>;

interface Shaped {
  /** With defaults; whole if there are no issues. */
  bridges: SwitchConfig['bridges'];
  routers?: SwitchConfig['routers'];
  groups?: SwitchConfig['groups'];
  acls?: SwitchConfig['acls'];
  connections?: SwitchConfig['connections'];
  tenants?: SwitchConfig['tenants'];
  issues: z.core.$ZodIssue[];
}

export function* shaped(input: unknown): Parts<Shaped> {
  const whole: Shaped = { bridges: {}, issues: [] };
  const how = sizeOf(input) <= AT_A_TIME ? ONCE : {};
  for (const piece of pieces(withShortLists(input))) {
    const { data, error } = configShape.safeParse(piece, how);
    for (const issue of error?.issues ?? []) whole.issues.push(issue);
    if (data?.routers !== undefined) whole.routers = data.routers;
    if (data?.groups !== undefined) whole.groups = data.groups;
    if (data?.acls !== undefined) whole.acls = data.acls;
    if (data?.connections !== undefined) whole.connections = data.connections;
    if (data?.tenants !== undefined) whole.tenants = data.tenants;
    for (const [name, bridge] of Object.entries(data?.bridges ?? {})) {
      const known = whole.bridges[name];
      if (known === undefined) whole.bridges[name] = bridge;
      else Object.assign(known.ports, bridge.ports);
    }
    yield;
  }
  for (const { name, from, rules } of restsOfLists(input)) {
    const { data, error } = configShape.safeParse({ version: 1, acls: { [name]: rules } });
    for (const rule of data?.acls?.[name] ?? []) whole.acls?.[name]?.push(rule);
    for (const issue of error?.issues ?? []) {
      const [top, list, index, ...rest] = issue.path;
      // What is wrong with the name was told with the first rules.
      if (typeof index === 'number')
        whole.issues.push({ ...issue, path: [top, list, from + index, ...rest] });
    }
    yield;
  }
  return whole;
}

/** With the first rules of access lists that are long. */
function withShortLists(input: unknown): unknown {
  const acls = Object.entries(mapping(mapping(input).acls));
  if (!acls.some(([, rules]) => isLong(rules))) return input;
  const short = acls.map(([name, rules]) => [name, isLong(rules) ? rules.slice(0, AT_A_TIME) : rules]);
  return { ...mapping(input), acls: Object.fromEntries(short) };
}

/** The other rules. */
function* restsOfLists(input: unknown): Generator<{ name: string; from: number; rules: unknown[] }> {
  for (const [name, rules] of Object.entries(mapping(mapping(input).acls))) {
    if (!isLong(rules)) continue;
    for (let from = AT_A_TIME; from < rules.length; from += AT_A_TIME)
      yield { name, from, rules: rules.slice(from, from + AT_A_TIME) };
  }
}

function isLong(rules: unknown): rules is unknown[] {
  return Array.isArray(rules) && rules.length > AT_A_TIME;
}

/** Configurations that are `input` together; what is small, or has another form, as it is. */
function* pieces(input: unknown): Generator<unknown> {
  if (sizeOf(input) <= AT_A_TIME) {
    yield input;
    return;
  }
  let rest = mapping(input);
  const bridges = Object.entries(mapping(rest.bridges));
  let piece: [string, unknown][] = [];
  let size = 0;
  for (const [name, bridge] of bridges) {
    const ports = Object.entries(mapping(mapping(bridge).ports));
    for (let n = 0; n === 0 || n < ports.length; n += AT_A_TIME) {
      const some = ports.slice(n, n + AT_A_TIME);
      const keys = n === 0 ? mapping(bridge) : {};
      piece.push([
        name,
        some.length === ports.length ? bridge : { ...keys, ports: Object.fromEntries(some) },
      ]);
      size += 1 + some.length;
      if (size < AT_A_TIME) continue;
      yield { ...rest, bridges: Object.fromEntries(piece) };
      rest = { version: 1 };
      piece = [];
      size = 0;
    }
  }
  yield { ...rest, bridges: Object.fromEntries(piece) };
}

/** Bridges and ports. */
function sizeOf(input: unknown): number {
  let size = 0;
  for (const bridge of Object.values(mapping(mapping(input).bridges)))
    size += 1 + Object.keys(mapping(mapping(bridge).ports)).length;
  return size;
}

function mapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}
