// Who may import whom, folder by folder: the table of docs/architecture.md, enforced.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

const ALLOWED: Record<string, readonly string[]> = {
  'error.ts': [],
  'parts.ts': [],
  'source_positions.ts': [],
  wire: [],
  sys: [],
  frame: [],
  table: ['wire', 'parts.ts'],
  engine: ['wire', 'frame', 'table'],
  port: ['wire', 'frame', 'table', 'engine', 'sys'],
  protocol: ['wire', 'config', 'api.ts'],
  worker: ['frame', 'table', 'engine', 'port', 'sys', 'error.ts', 'source_positions.ts'],
  config: ['wire', 'frame', 'error.ts', 'parts.ts'],
  'event.ts': ['config'],
  api: [],
  'api.ts': ['api', 'config', 'event.ts'],
  compile: ['config', 'engine', 'frame', 'table', 'wire', 'error.ts', 'parts.ts'],
  device: ['config', 'port', 'sys', 'wire', 'error.ts'],
  uplink: ['wire', 'sys', 'error.ts'],
  hypervisor: ['config', 'error.ts'],
  trace: [
    'config',
    'compile',
    'engine',
    'frame',
    'table',
    'wire',
    'api.ts',
    'error.ts',
    'source_positions.ts',
  ],
  switch: [
    'trace',
    'compile',
    'config',
    'device',
    'engine',
    'frame',
    'hypervisor',
    'port',
    'protocol',
    'sys',
    'table',
    'uplink',
    'wire',
    'worker',
    'api.ts',
    'error.ts',
    'event.ts',
  ],
  control: ['config', 'table', 'wire', 'api.ts', 'error.ts', 'event.ts'],
  'amount.ts': [],
  'rates.ts': ['api.ts'],
  web: ['amount.ts', 'api.ts', 'event.ts', 'rates.ts'],
  tester: ['wire', 'sys', 'error.ts'],
  cli: [
    'control',
    'config',
    'tester',
    'hypervisor',
    'wire',
    'switch',
    'sys',
    'uplink',
    'api.ts',
    'error.ts',
    'event.ts',
    'rates.ts',
    'amount.ts',
    'source_positions.ts',
  ],
  simulation: ['switch', 'config', 'port', 'wire', 'error.ts'],
  testing: ['api.ts', 'switch'],
  'index.ts': [
    'switch',
    'hypervisor',
    'config',
    'engine',
    'port',
    'table',
    'api.ts',
    'error.ts',
    'event.ts',
    'compile',
    'protocol',
    'tester',
  ],
};
/** A device knows the engine by its port interfaces, and its tools to segment and complete checksums. */
const OF_ENGINE_FOR_PORTS = [
  'engine/port.ts',
  'engine/segment.ts',
  'engine/offload.ts',
  'engine/frame_class.ts',
];

interface Import {
  from: string;
  to: string;
}

function imports(): Import[] {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return files.flatMap((from) => {
    const text = readFileSync(join(SRC, from), 'utf8');
    const targets = [...text.matchAll(/(?:from|import) '(\.[^']+)'/g)].map((match) => match[1]);
    return targets.map((target) => ({ from, to: relative(SRC, join(SRC, dirname(from), target)) }));
  });
}

const folder = (file: string) => file.split('/')[0];
const found = imports();

test('docs/architecture.md shows the same table', () => {
  const text = readFileSync(join(SRC, '../docs/architecture.md'), 'utf8');
  const shown = [...text.matchAll(/^\| `([\w.]+)\/?` \|.*\| ([\w. ]+)(?:;.*)? \|$/gm)].map(
    ([, room, list]) => [room, list === 'nothing' ? [] : list.split(' ').sort()],
  );
  const wanted = Object.entries(ALLOWED).map(([room, list]) => [room, [...list].sort()]);
  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(wanted));
});

test('every folder imports only what the table allows', () => {
  const wrong = found.filter(
    ({ from, to }) => folder(from) !== folder(to) && !ALLOWED[folder(from)]?.includes(folder(to)),
  );
  expect(wrong.map(({ from, to }) => `src/${from} imports src/${to}`)).toEqual([]);
});

test('devices reach into the engine only through its port interfaces', () => {
  const wrong = found.filter(({ from, to }) => folder(from) === 'port' && folder(to) === 'engine');
  expect(wrong.filter(({ to }) => !OF_ENGINE_FOR_PORTS.includes(to))).toEqual([]);
});

test('only src/sys reaches native code', () => {
  const wrong = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && folder(file) !== 'sys')
    .filter((file) => /from '(ffi|ref)-napi/.test(readFileSync(join(SRC, file), 'utf8')));
  expect(wrong).toEqual([]);
});

test('the table itself has no cycle', () => {
  const below = (name: string, path: readonly string[]): void => {
    expect(path, `${[...path, name].join(' -> ')}`).not.toContain(name);
    for (const next of ALLOWED[name] ?? []) below(next, [...path, name]);
  };
  for (const name of Object.keys(ALLOWED)) below(name, []);
});
