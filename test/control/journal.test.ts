import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Journal } from '../../src/control/journal.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taploom-journal-'));
  file = join(directory, 'leases');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const loaded = () => new Journal(file).load();
const known = () => Object.fromEntries(loaded().entries);

test('what was put and deleted is known after the next start', async () => {
  const journal = new Journal(file);
  expect(journal.load()).toEqual({ entries: new Map(), notes: [] });
  journal.put('a', 1);
  journal.put('b', { text: 'line\nbreak \u2028 ü' });
  await journal.flushed();
  journal.put('a', 2);
  journal.put('c', 3);
  journal.delete('b');
  journal.delete('nobody');
  await journal.flushed();
  expect(known()).toEqual({ a: 2, c: 3 });
  expect(loaded().notes).toEqual([]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await journal.close();
  const next = new Journal(file);
  next.load();
  next.delete('c');
  await next.close();
  expect(known()).toEqual({ a: 2 });
  expect(readdirSync(directory)).toEqual(['leases']);
});

test('nothing is written where nothing was put', async () => {
  await new Journal(file).close();
  expect(existsSync(file)).toBe(false);
});

test('cut at any byte, it has all that was whole before, and goes on from there', async () => {
  const journal = new Journal(file);
  const states: { size: number; entries: object }[] = [];
  for (let n = 0; n < 12; n++) {
    if (n % 4 === 3) journal.delete(`k${n % 5}`);
    else journal.put(`k${n % 5}`, { n });
    await journal.flushed();
    states.push({ size: statSync(file).size, entries: known() });
  }
  await journal.close();
  const whole = readFileSync(file);
  const header = whole.indexOf('\n') + 1;
  states.unshift({ size: header, entries: {} });
  for (let size = 0; size <= whole.length; size++) {
    writeFileSync(file, whole.subarray(0, size));
    // A line is whole without the end of the line, too.
    const before = states.findLast((state) => state.size - 1 <= size)?.entries ?? {};
    const after = new Journal(file);
    expect(Object.fromEntries(after.load().entries), `cut at ${size}`).toEqual(before);
    if (size < header - 1 || size % 7 !== 0) continue;
    after.put('new', size);
    await after.close();
    expect(known(), `written on after ${size}`).toEqual({ ...before, new: size });
  }
});

test('a damaged line is left out and told of, and the others are not', async () => {
  const journal = new Journal(file);
  journal.put('a', 1);
  journal.put('b', 2);
  journal.put('c', 3);
  await journal.close();
  writeFileSync(file, readFileSync(file, 'utf8').replace('["b",2]', '["b",7]'));
  const { entries, notes } = loaded();
  expect(Object.fromEntries(entries)).toEqual({ a: 1, c: 3 });
  expect(notes).toEqual([`${file} has 1 lines that are damaged or not whole, left out`]);
});

test('what is no journal is kept under another name', async () => {
  for (const [n, text] of ['something else\n', '{"taploom_journal":2}\n', '{"taploom_jou'].entries()) {
    writeFileSync(file, text);
    const journal = new Journal(file);
    const kept = n === 0 ? `${file}.bad` : `${file}.bad.${n}`;
    expect(journal.load().notes).toEqual([
      `${file} is not a journal of this version, and was kept as ${kept}`,
    ]);
    expect(readFileSync(kept, 'utf8')).toBe(text);
    expect(existsSync(file)).toBe(false);
  }
});

test('links and files of others are refused', () => {
  symlinkSync('/etc/hostname', file);
  expect(() => loaded()).toThrow(`Cannot read ${file}: ELOOP`);
  rmSync(file);
  writeFileSync(file, '');
  chmodSync(file, 0o666);
  expect(() => loaded()).toThrow('everybody may write to it');
});

test('it does not grow beyond what it knows', async () => {
  const journal = new Journal(file);
  for (let n = 0; n < 10_000; n++) {
    journal.put('a', n);
    if (n % 100 === 0) await journal.flushed();
  }
  await journal.close();
  expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(1200);
  expect(known()).toEqual({ a: 9999 });
});

test('nobody is told that it is on the disk before it was synchronised', async () => {
  const handle = await open(directory, 'r');
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const done: string[] = [];
  for (const name of ['appendFile', 'sync', 'datasync'] as const) {
    const original = prototype[name] as () => Promise<void>;
    vi.spyOn(prototype, name).mockImplementation(async function (this: typeof handle, ...words: []) {
      await original.apply(this, words);
      done.push(name);
    });
  }
  onTestFinished(() => void vi.restoreAllMocks());
  const journal = new Journal(file);
  journal.put('a', 1);
  await journal.flushed();
  // The header, the lines, the file, its folder.
  expect(done.splice(0)).toEqual(['appendFile', 'appendFile', 'sync', 'sync']);
  journal.put('a', 2);
  journal.put('b', 2);
  await journal.flushed();
  expect(done.splice(0)).toEqual(['appendFile', 'datasync']);
  await journal.close();
  expect(done).toEqual([]);
});

test('those who wait together wait for one write, and each until its own is there', async () => {
  const journal = new Journal(file);
  const seen: boolean[] = [];
  const puts = Array.from({ length: 200 }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, n % 7));
    journal.put(`k${n}`, n);
    await journal.flushed();
    seen.push(readFileSync(file, 'utf8').includes(`["k${n}",${n}]`));
  });
  await Promise.all(puts);
  await journal.close();
  expect(seen.filter((isThere) => isThere).length).toBe(200);
  expect(Object.keys(known()).length).toBe(200);
});

test('a write that fails is told to who waits, and made good by the next one', async () => {
  const journal = new Journal(file);
  journal.put('a', 1);
  await journal.flushed();
  // A folder in its place: nothing can be renamed to it.
  rmSync(file);
  mkdirSync(join(file, 'x'), { recursive: true });
  for (let n = 0; n < 2000; n++) journal.put('b', n);
  await expect(journal.flushed()).rejects.toThrow(`Cannot write ${file}: EISDIR`);
  rmSync(file, { recursive: true });
  await journal.flushed();
  expect(known()).toEqual({ a: 1, b: 1999 });
  await journal.close();
});

test('killed at any time, it has all that was told to be there', async () => {
  const source = `
    import { Journal } from ${JSON.stringify(new URL('../../dist/src/control/journal.js', import.meta.url).href)};
    const journal = new Journal(process.argv[1]);
    const { entries } = journal.load();
    for (let n = (entries.get('n') ?? 0) + 1; ; n++) {
      journal.put('n', n);
      journal.put('key' + (n % 50), n);
      await journal.flushed();
      process.stdout.write(n + '\\n');
    }`;
  let told = 0;
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', source, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
      if (text.split('\n').length > 20 + 30 * round) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.on('close', resolve));
    const last = Number(text.split('\n').at(-2));
    expect(last).toBeGreaterThan(told);
    told = last;
    const { entries, notes } = loaded();
    expect(entries.get('n')).toBeGreaterThanOrEqual(told);
    expect(entries.get(`key${told % 50}`)).toBeGreaterThanOrEqual(told);
    expect(notes.length).toBeLessThanOrEqual(1);
  }
}, 20_000);
