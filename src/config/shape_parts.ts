// The shape of a configuration, looked at in pieces, so that somebody else may have a turn: 4,000 ports take 30 ms, and
// ten times as long the first time. A piece is a configuration with some of the ports.

import type { z } from 'zod';
import type { Parts } from '../parts.ts';
import { configShape, type SwitchConfig } from './shape.ts';

/** Bridges and ports of a piece. */
const AT_A_TIME = 64;

type Mapping = Readonly<Record<string, unknown>>;

interface Shaped {
  /** With defaults; whole if there are no issues. */
  bridges: SwitchConfig['bridges'];
  routers?: SwitchConfig['routers'];
  groups?: SwitchConfig['groups'];
  connections?: SwitchConfig['connections'];
  tenants?: SwitchConfig['tenants'];
  issues: z.core.$ZodIssue[];
}

export function* shaped(input: unknown): Parts<Shaped> {
  const whole: Shaped = { bridges: {}, issues: [] };
  for (const piece of pieces(input)) {
    const { data, error } = configShape.safeParse(piece);
    for (const issue of error?.issues ?? []) whole.issues.push(issue);
    if (data?.routers !== undefined) whole.routers = data.routers;
    if (data?.groups !== undefined) whole.groups = data.groups;
    if (data?.connections !== undefined) whole.connections = data.connections;
    if (data?.tenants !== undefined) whole.tenants = data.tenants;
    for (const [name, bridge] of Object.entries(data?.bridges ?? {})) {
      const known = whole.bridges[name];
      if (known === undefined) whole.bridges[name] = bridge;
      else Object.assign(known.ports, bridge.ports);
    }
    yield;
  }
  return whole;
}

/** Configurations that are `input` together; what is small, or has another form, as it is. */
function* pieces(input: unknown): Generator<unknown> {
  const whole = mapping(input);
  const bridges = Object.entries(mapping(whole.bridges));
  let size = 0;
  for (const [, bridge] of bridges) size += 1 + Object.keys(mapping(mapping(bridge).ports)).length;
  if (size <= AT_A_TIME) {
    yield input;
    return;
  }
  let rest = whole;
  let piece: [string, unknown][] = [];
  size = 0;
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

function mapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}
