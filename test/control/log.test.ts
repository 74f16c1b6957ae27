import { expect, test } from 'vitest';
import { createLogger, type LogOptions } from '../../src/control/log.ts';

function lines(options: LogOptions, log: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  log(createLogger({ journal: false, ...options, write: (line) => (text += line) }));
  return text;
}

test('a line has time, level, message and fields', () => {
  expect(
    lines({}, (log) => log.info({ bridge: 'br0', reason: 'no such "device"', ports: 2 }, 'port vm1 is down')),
  ).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info {2}port vm1 is down bridge=br0 reason="no such \\"device\\"" ports=2\n$/,
  );
});

test('the level decides what is written', () => {
  const both = (log: ReturnType<typeof createLogger>) => {
    log.debug('quiet');
    log.warn('loud');
  };
  expect(lines({}, both)).not.toContain('quiet');
  expect(lines({ level: 'debug' }, both)).toContain('debug quiet');
  expect(lines({ level: 'silent' }, both)).toBe('');
});

test('the journal gets priorities instead of times, on every line', () => {
  expect(lines({ journal: true }, (log) => log.error('one\ntwo'))).toBe('<3>one\n<3>two\n');
});

test('an error brings its stack, indented', () => {
  expect(lines({}, (log) => log.error(new Error('broken')))).toMatch(
    /error broken\n {2}Error: broken\n {2} {4}at /,
  );
});

test('JSON lines are for collectors', () => {
  const line = JSON.parse(lines({ format: 'json' }, (log) => log.info({ port: 'vm1' }, 'up'))) as object;
  expect(line).toEqual({ level: 30, time: expect.stringMatching(/Z$/), port: 'vm1', msg: 'up' });
});

test('what a terminal would obey is written as text', () => {
  const lines: string[] = [];
  const log = createLogger({ journal: false, write: (line) => lines.push(line) });
  log.info({ netns: 'a\u202eb' }, 'port \u001b[2J\u0007 is\r up');
  expect(lines.join('')).toContain('port \\u001b[2J\\u0007 is\\u000d up');
  expect(lines.join('')).toContain('netns=a\\u202eb');
});
