// The shape of hooks in a bridge or on a port: see docs/hooks.md.

import { z } from 'zod';
import { isFit } from '../wire/plain_text.ts';
import { expecting, mapping, text } from './leaves.ts';

/** On a bridge or a port: each frame meets them one after the other. */
const MAX_HOOKS = 16;

const OPTIONS = expecting('a mapping of what JSON can say');

const hook = mapping({
  module: text(
    'the path of a JavaScript module, such as ./count.mjs',
    (value) => isFit(value) && value.length > 0 && value.length < 4096,
  ).optional(),
  function: text('the name of a function that the program gave the switch', (value) =>
    /^[\w-]{1,64}$/.test(value),
  ).optional(),
  options: z.record(z.string(), z.unknown(), OPTIONS).refine(isJson, OPTIONS).default({}),
  on_error: z.enum(['pass', 'drop'], expecting('pass or drop')).default('pass'),
}).refine(({ module, function: name }) => (module === undefined) !== (name === undefined), {
  error: 'expected module: PATH, or in a program function: NAME',
});

export const hooks = z.array(hook, expecting('a list of { module, options, on_error }')).max(MAX_HOOKS, {
  error: `a bridge or a port has at most ${MAX_HOOKS} hooks`,
});

export type HookConfig = z.output<typeof hook>;

/** Whether nothing of it is lost in a file or on the way to a thread. */
function isJson(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth > 32) return false;
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return isPlain && Object.values(value).every((one) => isJson(one, depth + 1));
}
