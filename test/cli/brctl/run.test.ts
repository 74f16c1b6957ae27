import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runBrctl } from '../../../src/cli/brctl/run.ts';
import { ControlFixture } from '../control_fixture.ts';

let brctl: ControlFixture;
beforeEach(async () => {
  brctl = new ControlFixture(runBrctl);
  await brctl.start();
});
afterEach(() => brctl.stop());

const quiet = { out: '', error: '', code: 0 };

test('a bridge comes and goes without a word', async () => {
  expect(await brctl.run('addbr', 'br0')).toEqual(quiet);
  expect(brctl.api.config.bridges.br0).toMatchObject({ vlan_filtering: false, local: {} });
  expect(await brctl.run('addif', 'br0', 'tlcli1', 'tlcli2')).toEqual(quiet);
  expect(brctl.api.config.bridges.br0.ports).toMatchObject({
    tlcli1: { type: 'tap' },
    tlcli2: { type: 'tap' },
  });
  expect(await brctl.run('hairpin', 'br0', 'tlcli1', 'on')).toEqual(quiet);
  expect(brctl.api.config.bridges.br0.ports.tlcli1.hairpin).toBe(true);
  expect(await brctl.run('setageing', 'br0', '12.5')).toEqual(quiet);
  expect(brctl.api.config.bridges.br0.ageing_time).toBe(12.5);
  expect(await brctl.run('stp', 'br0', 'off')).toEqual(quiet);
  expect(await brctl.run('delif', 'br0', 'tlcli2', 'tlcli1')).toEqual(quiet);
  expect(await brctl.run('delbr', 'br0')).toEqual(quiet);
  expect(brctl.api.config.bridges).toEqual({});
});

test('an interface that exists is attached as it is', async () => {
  await brctl.run('addbr', 'br0');
  expect(await brctl.run('addif', 'br0', 'lo')).toEqual(quiet);
  expect(brctl.api.config.bridges.br0.ports).toMatchObject({ lo: { type: 'af_packet' } });
});

test.each([
  ['not_ethernet', "can't add lo to bridge br0: Invalid argument\n"],
  ['interface_enslaved', "device lo is already a member of a bridge; can't add it to bridge br0.\n"],
  ['kernel_bridge', "device lo is a bridge device itself; can't add a bridge device to a bridge device.\n"],
  ['no_isolation', "can't add lo to bridge br0: the reason\n"],
])('an interface that cannot be attached is refused in the words of bridge-utils: %s', async (code, text) => {
  await brctl.run('addbr', 'br0');
  brctl.api.failures.set('bridges.br0.ports.lo', { code, error: 'the reason' });
  expect(await brctl.run('addif', 'br0', 'lo')).toEqual({ code: 1, out: '', error: text });
});

test('of several interfaces those before the first failure are added', async () => {
  await brctl.run('addbr', 'br0');
  brctl.api.failures.set('bridges.br0.ports.lo', { code: 'not_ethernet', error: 'the reason' });
  expect(await brctl.run('addif', 'br0', 'tlcli1', 'lo', 'tlcli2')).toMatchObject({ code: 1 });
  expect(Object.keys(brctl.api.config.bridges.br0.ports)).toEqual(['tlcli1']);
});

test("the daemon's reason for refusing a bridge is printed", async () => {
  const error = 'Cannot create bridge br0: the kernel has a bridge of this name';
  brctl.api.failures.set('bridges.br0', { code: 'interface_exists', error });
  expect(await brctl.run('addbr', 'br0')).toEqual({
    out: '',
    error: `add bridge failed: ${error}\n`,
    code: 1,
  });
});

test('spanning tree is switched on with what was set before, as far as that can run, and off again', async () => {
  await brctl.run('addbr', 'br0');
  await brctl.run('setfd', 'br0', '0');
  await brctl.run('setbridgeprio', 'br0', '1');
  expect(await brctl.run('stp', 'br0', 'on')).toEqual(quiet);
  expect(brctl.api.config.bridges.br0.stp).toMatchObject({ protocol: 'stp', priority: 1, forward_delay: 2 });
  expect((await brctl.run('show', 'br0')).out).toMatch(/\tyes\t/);
  expect(await brctl.run('setfd', 'br0', '1')).toMatchObject({
    error: 'set forward delay failed: Numerical result out of range\n',
  });
  expect(await brctl.run('setfd', 'br0', '5')).toEqual(quiet);
  expect(await brctl.run('stp', 'br0', 'off')).toEqual(quiet);
  expect(brctl.api.config.bridges.br0.stp).toMatchObject({ protocol: 'off', priority: 1, forward_delay: 5 });
});

test('parameters of spanning tree are kept while it is off', async () => {
  await brctl.run('addbr', 'br0');
  await brctl.run('addif', 'br0', 'tlcli1');
  for (const command of [
    'setfd br0 0',
    'sethello br0 1.239',
    'setmaxage br0 6',
    'setbridgeprio br0 0x1000',
  ]) {
    expect(await brctl.run(...command.split(' '))).toEqual(quiet);
  }
  expect(brctl.api.config.bridges.br0.stp).toEqual({
    protocol: 'off',
    forward_delay: 0,
    hello_time: 1.23,
    max_age: 6,
    priority: 4096,
  });
  expect(await brctl.run('setpathcost', 'br0', 'tlcli1', '100')).toEqual(quiet);
  expect(await brctl.run('setportprio', 'br0', 'tlcli1', '010')).toEqual(quiet);
  expect(brctl.api.config.bridges.br0.ports.tlcli1.stp).toEqual({ cost: 100, priority: 8 });
});

test.each(['waiting', 'gone', 'failed', 'down'] as const)(
  'a port that is %s is listed, and disabled to spanning tree',
  async (state) => {
    await brctl.run('addbr', 'br0');
    await brctl.run('addif', 'br0', 'tlcli1', 'tlcli2');
    brctl.api.states.set('tlcli2', state);
    expect((await brctl.run('show', 'br0')).out).toMatch(/tlcli1\n\t+tlcli2\n$/);
    const { out } = await brctl.run('showstp', 'br0');
    expect(out.match(/\tstate.*/g)).toEqual(['\tstate\t\t     forwarding', '\tstate\t\t       disabled']);
  },
);

test('learned, static and local addresses are shown in the order of addresses', async () => {
  await brctl.run('addbr', 'br0');
  await brctl.run('addif', 'br0', 'tlcli1', 'tlcli2');
  const entry = { bridge: 'br0', vlan: 0, age: 0 };
  brctl.api.entries = [
    { ...entry, mac: '02:00:00:00:00:0b', port: 'tlcli2', type: 'learned', age: 1234.567 },
    { ...entry, mac: '02:00:00:00:00:0a', port: 'tlcli1', type: 'static' },
    { ...entry, mac: '02:00:00:00:00:01', port: 'br0', type: 'local' },
  ];
  expect((await brctl.run('showmacs', 'br0')).out).toBe(
    'port no\tmac addr\t\tis local?\tageing timer\n' +
      '  0\t02:00:00:00:00:01\tyes\t\t   0.00\n' +
      '  1\t02:00:00:00:00:0a\tno\t\t   0.00\n' +
      '  2\t02:00:00:00:00:0b\tno\t\t1234.56\n',
  );
});

test('without a daemon there is one clear message', async () => {
  await brctl.stop();
  for (const command of [['addbr', 'br0'], ['show'], ['delif', 'br0', 'x'], ['setageing', 'br0', '1']]) {
    const outcome = await brctl.run(...command);
    expect(outcome).toMatchObject({ code: 1, out: '' });
    expect(outcome.error).toMatch(/^taploomd is not running: no socket at \/.*control\.sock/);
  }
});

describe('usage', () => {
  test('the version names bridge-utils, whose interface this is, and Taploom', async () => {
    expect((await brctl.run('--version')).out).toMatch(/^bridge-utils, 1\.7 \(taploom \d+\.\d+\.\d+\)\n$/);
  });
});
