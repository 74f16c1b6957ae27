// The terminal is given back as it was, however the program ends.

import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Input, type Output, Screen } from '../../../src/cli/top/screen.ts';

function terminal() {
  const rawModes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (raw: boolean) => rawModes.push(raw),
  });
  let written = '';
  const output = Object.assign(new EventEmitter(), {
    columns: 80,
    rows: 24,
    write: (text: string) => {
      written += text;
      return true;
    },
  });
  const onKey = vi.fn();
  const onResize = vi.fn();
  const screen = new Screen(onKey, onResize, input as unknown as Input, output as unknown as Output);
  onTestFinished(() => screen.close());
  return { screen, input, output, onKey, onResize, rawModes, written: () => written };
}

test('a picture is one write, and old text does not shine through', () => {
  const { screen, written } = terminal();
  expect(written()).toBe('\x1b[?1049h\x1b[?25l');
  screen.draw(['one', 'two']);
  expect(written().slice('\x1b[?1049h\x1b[?25l'.length)).toBe('\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J');
});

test('keys and a new size are told', async () => {
  const { input, output, onKey, onResize } = terminal();
  input.write('s\x1b[6~');
  await vi.waitFor(() => expect(onKey.mock.calls.map(([, { name }]) => name)).toEqual(['s', 'pagedown']));
  output.emit('resize');
  expect(onResize).toHaveBeenCalledOnce();
});

test.each(['close', 'exit', 'SIGINT', 'SIGTERM', 'SIGHUP'])('after %s all is as before', (end) => {
  const counts = () => ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => process.listenerCount(name));
  const before = counts();
  const { screen, rawModes, written, output } = terminal();
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  onTestFinished(() => kill.mockRestore());
  if (end === 'close') screen.close();
  else (process.listeners(end as 'SIGINT').at(-1) as NodeJS.SignalsListener)(end as NodeJS.Signals);
  expect(written().endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
  expect(rawModes).toEqual([true, false]);
  expect(counts()).toEqual(before);
  expect(output.listenerCount('resize')).toBe(0);
  if (end.startsWith('SIG')) expect(kill).toHaveBeenCalledWith(process.pid, end);
  const text = written();
  screen.draw(['too late']);
  screen.close();
  expect(written()).toBe(text);
});
