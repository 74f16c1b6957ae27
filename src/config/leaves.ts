// The leaves of a configuration's shape: each says in words what it accepts, and the error texts are made of these words.

import { z } from 'zod';
import { show } from './show.ts';

export type Issue = { readonly input?: unknown };

/** A key that is elsewhere, as the message says: clearer than that it is unknown. */
export function refused(message: string) {
  return z.undefined({ error: message }).optional();
}

/** Zod interprets a shape, where else it compiles functions first: 20 ms and more, worth it from some hundred objects on. */
export const ONCE = { jitless: true } as const;

/** What is meant where nothing is said. */
export function defaultsOf<T>(shape: z.ZodType<T>): T {
  return shape.parse({}, ONCE);
}

/** Error text of a leaf that accepts `what`. */
export function expecting(what: string) {
  return {
    error: ({ input }: Issue) =>
      input === undefined ? `missing, expected ${what}` : `${show(input)} is not ${what}`,
  };
}

export function number(what: string, min: number, max: number) {
  const error = expecting(what);
  return z.number(error).min(min, error).max(max, error);
}

export function integer(what: string, min: number, max: number) {
  const error = expecting(what);
  return whole(error, min, max);
}

/** A number beyond 2^53 is out of a range of its own for zod: `abort` makes that one problem instead of two. */
export function whole(error: { error: (issue: Issue) => string }, min: number, max: number) {
  return z
    .int({ ...error, abort: true })
    .min(min, error)
    .max(max, error);
}

export function boolean() {
  return z.boolean(expecting('true or false'));
}

export function text(what: string, accepts: (text: string) => boolean) {
  const error = {
    error: (issue: Issue) => {
      const quoted = String(issue.input);
      // YAML makes a number of a namespace called 10.
      return typeof issue.input === 'number' && accepts(quoted)
        ? `${quoted} is a number, expected ${what}: put it in quotes`
        : expecting(what).error(issue);
    },
  };
  return z.string(error).refine(accepts, error);
}

export function mapping<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? expecting('a mapping').error(issue) : undefined),
  });
}
