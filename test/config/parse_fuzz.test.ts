import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../src/config/schema.ts';
import { arbitraryConfig } from './arbitrary_config.ts';

/** Throws whatever is not a ConfigError; every problem must be in our words, at a place that its path names. */
function mustExplain(input: unknown): void {
  try {
    parseConfig(input);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { message } of error.problems) {
      expect(message).not.toMatch(/Invalid|Too (small|big)|Unrecognized|received|undefined|\[object/);
    }
    expect(new Set(error.message.split('\n')).size, error.message).toBe(error.problems.length);
  }
}

/** The value with one random part replaced, removed, or a key added. */
function mutate(value: unknown, path: number[], junk: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== 'object' || value === null) return junk;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  const keys = Object.keys(copy);
  const key = [...keys, 'extra'][step % (keys.length + 1)];
  if (step % 7 === 6) delete copy[key];
  else copy[key] = mutate(copy[key], rest, junk);
  return copy;
}

test('whatever comes in, the answer is a configuration or a list of problems in plain words', {
  timeout: 60_000,
}, () => {
  fc.assert(fc.property(fc.jsonValue(), mustExplain));
  const junk = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom(undefined, Number.NaN, -1, 1e9, 1e300, -1e300, 'tap', '1-2'),
  );
  fc.assert(
    fc.property(arbitraryConfig, fc.array(fc.nat(), { maxLength: 7 }), junk, (config, path, value) => {
      mustExplain(mutate(config, path, value));
    }),
    { numRuns: 1000 },
  );
});

test('names and keys that every object has are refused like others', () => {
  for (const text of [
    '{"version":1,"bridges":{"__proto__":{}}}',
    '{"version":1,"bridges":{"br0":{"ports":{"__proto__":{"type":"tap"}}}}}',
    '{"version":1,"__proto__":5}',
  ]) {
    expect(() => parseConfig(JSON.parse(text)), text).toThrow(ConfigError);
  }
});
