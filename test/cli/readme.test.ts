// What the README lets a new user type is what the program takes.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Trace, TraceStep } from '../../src/api.ts';
import { simulatedCli } from './simulated_cli.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const config = /```yaml\n# lab\.yaml\n([\s\S]*?)```/.exec(README)?.[1] ?? '';
const lines = [...README.matchAll(/^# taploom (.*?)(?: +#.*)?$/gm)].map(([, words]) => words);

const cli = simulatedCli(parse(config));

// The others go on until Ctrl-C, or read a file.
test.each(lines.filter((line) => !/^(top|capture|events|apply)\b/.test(line)))('taploom %s', async (line) => {
  const step: TraceStep = { stage: 'receive', verdict: 'received', message: '' };
  const outcome: Trace['outcome'] = { verdict: 'forwarded', copies: [] };
  cli.api.traces = [{ bridge: 'br0', port: 'vm1', frame: '00', bytes: 60, steps: [step], outcome }];
  expect(await cli.run(...line.split(' '))).toMatchObject({ code: 0, error: '' });
});
