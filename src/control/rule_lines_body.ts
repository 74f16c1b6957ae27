// A configuration in a request may say on which lines of a file its rules stand, in a key of its own that is no configuration.

import { z } from 'zod';
import type { RuleLines } from '../config/rule_lines.ts';
import { RequestError } from './problem.ts';
import { switchConfig } from './resources.ts';

const lines = z.array(z.int().nonnegative());

const ruleLines: z.ZodType<RuleLines> = z
  .strictObject({
    file: z.string().max(4096),
    acls: z.record(z.string(), lines),
    groups: z.record(z.string(), z.strictObject({ in: lines, out: lines })),
  })
  .describe('lines of the rules in the file that they came from, 0 = not known: traces and events name them');

export const configWithLines = switchConfig.extend({ rule_lines: ruleLines.optional() });

/** Takes a body apart. @throws RequestError */
export function takeLines(body: unknown): { config: unknown; lines?: RuleLines } {
  if (typeof body !== 'object' || body === null || !('rule_lines' in body)) return { config: body };
  const { rule_lines, ...config } = body;
  const parsed = ruleLines.optional().safeParse(rule_lines);
  if (!parsed.success) throw new RequestError('rule_lines', parsed.error);
  return { config, lines: parsed.data };
}
