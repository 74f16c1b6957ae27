// How the client makes a program of a filter: by tcpdump, and without it by the subset of config/filter.

import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { compileFilter } from '../../../src/cli/capture/compile_filter.ts';
import { compileSubset } from '../../../src/config/filter/compile_subset.ts';
import { parseBpf } from '../../../src/wire/bpf.ts';
import { needs } from '../../support/needs.ts';

needs('tcpdump');

describe('compiling a filter', () => {
  test('is tcpdump`s job where it is installed', async () => {
    const filter = 'tcp[tcpflags] & tcp-syn != 0';
    const { stdout } = spawnSync('tcpdump', ['-ddd', '-y', 'EN10MB', '--', filter], { encoding: 'utf8' });
    expect(await compileFilter(filter)).toEqual(parseBpf(stdout));
  });

  test('falls back to the subset', async () => {
    const program = await compileFilter('tcp port 80', '/nonexistent/tcpdump');
    expect(program).toEqual(compileSubset('tcp port 80'));
    await expect(compileFilter('tcp[13] = 2', '/nonexistent/tcpdump')).rejects.toThrow(
      /tcpdump is not installed/,
    );
  });

  test('tells tcpdump`s errors as ours, and never takes a filter for an option', async () => {
    await expect(compileFilter('tcp prt 80')).rejects.toMatchObject({
      code: 'invalid_filter',
      message: expect.stringMatching(/^Bad filter: can't parse.*syntax error/),
    });
    await expect(compileFilter('-w/tmp/never')).rejects.toThrow(/^Bad filter/);
  });

  test('refuses what only the kernel`s capture knows', async () => {
    await expect(compileFilter('inbound')).rejects.toThrow(/not in the frame/);
  });
});
