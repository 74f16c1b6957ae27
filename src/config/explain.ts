// Turns zod's issues into problems that a person can act on. Most texts come from shape.ts; here are those that depend
// on where the issue is: unknown keys, unknown port types, and unions, of which only the branch that was meant counts.

import { z } from 'zod';
import type { Problem } from './config_error.ts';
import { type Path, valueAt } from './path.ts';
import { configShape } from './shape.ts';
import { show } from './show.ts';
import { suggest } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/** `input` is what was validated, to look up values that issues do not carry. */
export function explain(issues: readonly Issue[], input: unknown): Problem[] {
  return issues.flatMap((issue) => explainIssue(issue, input, []));
}

/** Looking for what was meant takes 20 us, and of thousands of problems only the first are told. */
class LazyProblem implements Problem {
  readonly path: Path;
  line?: number;
  private readonly find: () => string;

  constructor(path: Path, find: () => string) {
    this.path = path;
    this.find = find;
  }

  get message(): string {
    return this.find();
  }
}

function explainIssue(issue: Issue, input: unknown, prefix: Path): Problem[] {
  const path = [...prefix, ...issue.path.map((key) => (typeof key === 'number' ? key : String(key)))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => new LazyProblem([...path, key], () => unknownKey(key, path, input)));
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ path, message }));
    case 'invalid_union':
      return explainUnion(issue, path, input);
    default:
      return [{ path, message: issue.message }];
  }
}

function explainUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, input: unknown): Problem[] {
  if ('discriminator' in issue) {
    const port = path.slice(0, -1);
    const isMember = port.at(-2) === 'members';
    return [new LazyProblem(path, () => unknownType(valueAt(input, path), shapesAt(port), isMember))];
  }
  // The branch that was meant is the one whose type is right, so that only what is inside it is wrong.
  const meant = issue.errors.find((issues) =>
    issues.every((inner) => inner.path.length > 0 || isForeign(inner)),
  );
  return meant
    ? meant.flatMap((inner) => explainIssue(inner, input, path))
    : [{ path, message: issue.message }];
}

function isForeign(issue: Issue): boolean {
  return issue.code === 'unrecognized_keys';
}

/** Ports that are no links. */
const NO_LINKS: readonly unknown[] = ['vxlan', 'aggregate'];

function unknownType(type: unknown, shapes: readonly Shape[], isMember: boolean): string {
  const types = shapes.map(typeOf);
  if (isMember && NO_LINKS.includes(type))
    return `an aggregate joins links, which ${type === 'vxlan' ? 'a tunnel' : 'another aggregate'} is not: expected one of ${types.join(', ')}`;
  const allowed = types.join(', ');
  if (type === undefined) return `missing, expected one of ${allowed}`;
  const meant = typeof type === 'string' ? suggest(type, types) : undefined;
  return `${show(type)} is not one of ${allowed}${meant ? `, did you mean ${meant}?` : ''}`;
}

function unknownKey(key: string, path: Path, input: unknown): string {
  const shapes = shapesAt(path);
  const type = shapes.length > 1 ? valueAt(input, [...path, 'type']) : undefined;
  const shape = shapes.find((candidate) => type === undefined || typeOf(candidate) === type) ?? {};
  const keys = Object.keys(shape);
  if (key === 'stp' && path.at(-2) === 'vlans')
    return 'unknown key: all VLANs run over the tree of their bridge';
  const meant = suggest(key, keys);
  if (meant) return `unknown key, did you mean ${meant}?`;
  const owners = shapes.filter((other) => Object.hasOwn(other, key)).map(typeOf);
  if (owners.length > 0)
    return `unknown key: only ${owners.join(' and ')} ports have it, this is a ${type} port`;
  return `unknown key, the keys here are ${keys.join(', ')}`;
}

type Shape = Readonly<Record<string, z.core.$ZodType>>;

/** Value of a port's `type` key. */
function typeOf(shape: Shape): string {
  return shape.type instanceof z.ZodLiteral ? String(shape.type.value) : '';
}

/** The mappings that the configuration may have at `path`: several where ports differ by type. */
function shapesAt(path: Path): Shape[] {
  let schemas = branches(configShape);
  for (const key of path) {
    schemas = schemas.flatMap((schema) => {
      if (schema instanceof z.ZodRecord) return branches(schema.valueType);
      if (schema instanceof z.ZodArray) return branches(schema.element);
      if (schema instanceof z.ZodObject && key in schema.shape) return branches(schema.shape[key]);
      return [];
    });
  }
  return schemas.flatMap((schema) => (schema instanceof z.ZodObject ? [schema.shape] : []));
}

/** The schema without `optional` and `default`; of a union each. */
function branches(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return branches(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(branches);
  return [schema];
}
