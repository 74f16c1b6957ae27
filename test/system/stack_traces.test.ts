// Programs are bundled; what they write of an error that nobody expected names the sources all the same.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { program } from '../support/taploomd.ts';

it.each(['taploom', 'brctl', 'bridge'])('a stack trace of %s names a line of its source', async (name) => {
  const breaks = "data:text/javascript,process.stdout.on = () => { throw new Error('broken on purpose'); };";
  const running = promisify(execFile)(process.execPath, ['--import', breaks, program(name), 'show']);
  const { stderr } = await running.then(
    () => expect.fail('it went well'),
    (error: { stderr: string }) => error,
  );
  expect(stderr).toContain('Error: broken on purpose\n');
  const [, line] = new RegExp(`at file:///\\S*/src/cli/${name}\\.ts:(\\d+):\\d+\\n`).exec(stderr) ?? [];
  const source = readFileSync(new URL(`../../src/cli/${name}.ts`, import.meta.url), 'utf8').split('\n');
  expect(source[Number(line) - 1], stderr).toMatch(/^process\.stdout\.on\(/);
});
