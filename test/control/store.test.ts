import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig, type SwitchConfig } from '../../src/config/schema.ts';
import { formatConfig } from '../../src/config/yaml.ts';
import { type ConfigSource, StateStore } from '../../src/control/store.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taploom-store-'));
  file = join(directory, 'state.yaml');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const switchWith = (...ports: string[]): SwitchConfig =>
  parseConfig({
    version: 1,
    bridges: { br0: { ports: Object.fromEntries(ports.map((name) => [name, { type: 'tap' }])) } },
  });
const source = (...ports: string[]): ConfigSource => ({
  file: '/etc/t.yaml',
  text: formatConfig(switchWith(...ports)),
});
const portsOf = ({ bridges }: SwitchConfig) => Object.keys(bridges.br0?.ports ?? {});

/** A run of the daemon: it starts, clients make `change` of its configuration, and it is killed. */
async function run(config: ConfigSource | undefined, change?: SwitchConfig) {
  const store = new StateStore(file);
  const loaded = store.load(config);
  await store.save(change ?? loaded.config);
  return { ...loaded, ports: portsOf(loaded.config) };
}

test('without a state the configuration file is in force', async () => {
  expect(await run(source('vm1'))).toMatchObject({ from: 'config', ports: ['vm1'] });
});

test('without either the switch is empty', async () => {
  expect(await run(undefined)).toMatchObject({ from: 'nothing', ports: [] });
});

test("clients' changes survive as long as the configuration file stays as it is", async () => {
  await run(source('vm1'), switchWith('vm1', 'vm2'));
  expect(await run(source('vm1'))).toMatchObject({ from: 'state', ports: ['vm1', 'vm2'] });
  expect(await run(source('vm1'))).toMatchObject({ from: 'state', ports: ['vm1', 'vm2'] });
});

test('an edited configuration file is in force, and what clients had changed is kept beside', async () => {
  await run(source('vm1'), switchWith('vm1', 'vm2'));
  const { from, ports, notes } = await run(source('vm3'));
  expect([from, ports]).toEqual(['config', ['vm3']]);
  expect(notes).toEqual([{ level: 'warn', message: expect.stringContaining(`are kept in ${file}.old`) }]);
  expect(readFileSync(`${file}.old`, 'utf8')).toContain('vm2');
  expect(await run(source('vm3'))).toMatchObject({ from: 'state', ports: ['vm3'] });
});

test('a state is in force when there is no configuration file, and remembers the one it came from', async () => {
  await run(source('vm1'), switchWith('vm2'));
  expect(await run(undefined)).toMatchObject({ from: 'state', ports: ['vm2'] });
  expect(await run(source('vm1'))).toMatchObject({ from: 'state', ports: ['vm2'] });
});

test('a configuration file that is given for the first time is in force', async () => {
  await run(undefined, switchWith('vm2'));
  expect(await run(source('vm1'))).toMatchObject({ from: 'config', ports: ['vm1'] });
});

test('a reload makes the file the one that the state is built on', async () => {
  const store = new StateStore(file);
  store.load(source('vm1'));
  store.reloaded(source('vm2'));
  await store.save(switchWith('vm2', 'vm9'));
  expect(await run(source('vm2'))).toMatchObject({ from: 'state', ports: ['vm2', 'vm9'] });
});

test('a bad configuration file that would be in force is an error, and the state stays', async () => {
  await run(source('vm1'), switchWith('vm2'));
  expect(() => new StateStore(file).load({ file: 'x.yaml', text: 'version: 7' })).toThrow(
    'x.yaml:1: version: 7 is not 1',
  );
  expect(await run(source('vm1'))).toMatchObject({ from: 'state', ports: ['vm2'] });
});

test('no half, edited or foreign file is taken for a state; it is kept and reported', async () => {
  await run(source('vm1'), switchWith('vm1', 'vm2'));
  const whole = readFileSync(file, 'utf8');
  const spoiled = [
    '',
    'null',
    '{}',
    whole.slice(0, whole.length / 2),
    whole.slice(0, -3),
    whole.replace('vm2', 'vm3'),
    whole.replace('"taploom_state": 1', '"taploom_state": 2'),
    formatConfig(switchWith('vm1')),
  ];
  for (const [index, text] of spoiled.entries()) {
    expect(text).not.toBe(whole);
    writeFileSync(file, text);
    const { from, config, notes } = new StateStore(file).load(source('vm1'));
    const kept = index === 0 ? `${file}.bad` : `${file}.bad.${index}`;
    expect([from, portsOf(config)], text).toEqual(['config', ['vm1']]);
    expect(notes[0]).toEqual({ level: 'error', message: expect.stringContaining(`kept as ${kept}: `) });
    expect(readFileSync(kept, 'utf8')).toBe(text);
    expect(existsSync(file)).toBe(false);
  }
});

test('a state that a later version would refuse is not restored in parts', async () => {
  const config = switchWith('vm1') as SwitchConfig & { later?: boolean };
  config.later = true;
  await run(undefined, config);
  const { from, notes } = new StateStore(file).load();
  expect(from).toBe('nothing');
  expect(notes[0].message).toContain('later: unknown key');
});

test('a state file that cannot be read stops the start', () => {
  expect(() => new StateStore(directory).load()).toThrow(
    `Cannot read the state file ${directory}: it is not a regular file`,
  );
});

test('saving leaves one private file, also when many changes come at once', async () => {
  const store = new StateStore(file);
  await Promise.all(Array.from({ length: 50 }, (_, i) => store.save(switchWith(`vm${i}`))));
  expect(portsOf(new StateStore(file).load().config)).toEqual(['vm49']);
  expect(readdirSync(directory)).toEqual(['state.yaml']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a save resolves when its own change is on the disk', async () => {
  const store = new StateStore(file);
  const first = store.save(switchWith('vm1'));
  await Promise.resolve();
  await Promise.resolve();
  const second = store.save(switchWith('vm2'));
  await first;
  await second;
  expect(readFileSync(file, 'utf8')).toContain('vm2');
});

test('a state that cannot be written is an error, and later ones are tried again', async () => {
  const store = new StateStore(join(directory, 'sub', 'state.yaml'));
  writeFileSync(join(directory, 'sub'), 'in the way');
  await expect(store.save(switchWith('vm1'))).rejects.toMatchObject({ code: 'state_unwritable' });
  rmSync(join(directory, 'sub'));
  await store.save(switchWith('vm2'));
  expect(portsOf(new StateStore(store.file).load().config)).toEqual(['vm2']);
});

test('a leftover of a write that was cut off does no harm', async () => {
  await run(undefined, switchWith('vm1'));
  writeFileSync(`${file}.new`, '{"taploom_st');
  chmodSync(`${file}.new`, 0o600);
  expect(await run(undefined)).toMatchObject({ from: 'state', ports: ['vm1'] });
  expect(readdirSync(directory)).toEqual(['state.yaml']);
});

test('lines of rules are those of the file, also of a state that was built on it', async () => {
  const text = 'version: 1\nacls:\n  web:\n    - { deny: { protocol: tcp } }\n    - { permit: any }\n';
  const own = { file: '/etc/t.yaml', text };
  const first = await run(own);
  expect(first.lines).toEqual({ file: '/etc/t.yaml', acls: { web: [4, 5] }, groups: {} });
  const changed = structuredClone(first.config);
  changed.acls?.web.splice(0, 1, { deny: { protocol: 'udp' } });
  await run(own, changed);
  expect(await run(own)).toMatchObject({ from: 'state', lines: { acls: { web: [0, 5] } } });
  expect((await run(undefined)).lines).toBeUndefined();
});
