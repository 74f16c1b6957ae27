// `taploom guard`: what it prints, and what it says to mistakes.

import { beforeEach, expect, test } from 'vitest';
import type { GuardStatus } from '../../src/api.ts';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({
  version: 1,
  bridges: { br0: { ports: { vm1: { type: 'memory' }, vm3: { type: 'memory' } } } },
});
const taploom = cli.run;
const lines = (text: string) => text.split('\n').map((line) => line.trimEnd());

const UPLINK: GuardStatus = {
  bridge: 'br0',
  port: 'uplink',
  trusted: true,
  bindings: [],
  unplaced: 0,
  refused: {},
};
const VM1: GuardStatus = {
  bridge: 'br0',
  port: 'vm1',
  source: 'strict',
  trusted: false,
  bindings: [
    { mac: '02:00:5e:10:00:02', from: 'static' },
    { mac: '02:00:5e:10:00:01', ip: '192.0.2.7', vlan: 10, from: 'dhcp', expiresIn: 3540.6 },
  ],
  unplaced: 0,
  refused: { arp_spoofed: 9, spoofed_ip: 3 },
};
const VM2: GuardStatus = {
  ...VM1,
  port: 'vm2',
  bindings: [{ mac: '02:00:5e:10:00:03', ip: 'fd00::1', from: 'first' }],
  unplaced: 2,
  refused: {},
};

beforeEach(() => {
  cli.api.guardStates = [UPLINK, VM1, VM2];
});

test('guards are a table: who asks for what, and how much was refused', async () => {
  expect(lines((await taploom('guard', 'list')).out)).toEqual([
    'BRIDGE  PORT    SOURCE   BINDINGS  REFUSED  REASONS',
    'br0     uplink  trusted         0        0',
    'br0     vm1     strict          2       12  arp_spoofed spoofed_ip',
    'br0     vm2     strict          1        0',
    '',
  ]);
  expect(JSON.parse((await taploom('guard', 'list', '--json')).out)).toEqual([UPLINK, VM1, VM2]);
  const filtered = await taploom('guard', 'list', '--filter', 'refused>0', '--format', '{port} {refused}');
  expect(filtered.out).toBe('vm1 12\n');
});

test('the bindings of a port, of which VLAN and from where, and what was refused', async () => {
  expect(lines((await taploom('guard', 'show', 'vm1')).out)).toEqual([
    'PORT  ADDRESS    MAC                VLAN  FROM    EXPIRES',
    'vm1              02:00:5e:10:00:02        static',
    'vm1   192.0.2.7  02:00:5e:10:00:01    10  dhcp       3541',
    '',
    'refused 9: arp_spoofed',
    'refused 3: spoofed_ip',
    '',
  ]);
  expect(JSON.parse((await taploom('guard', 'show', 'vm1', '--json')).out)).toEqual(VM1);
  expect(lines((await taploom('guard', 'show', 'vm2')).out).slice(2)).toEqual([
    '',
    '2 of them have no room, and are refused',
    '',
  ]);
  expect((await taploom('guard', 'show', 'uplink')).out).toBe('no bindings\n');
});

test('without a port, the bindings of all', async () => {
  for (const words of [['guard', 'show'], ['guard'], ['guards'], ['guard', 'ls'], ['show', 'guards']]) {
    const { out } = await taploom(...words, '--sort', 'mac', '--format', '{port} {address} {vlan} {from}');
    expect(out, words.join(' ')).toBe('vm1 192.0.2.7 10 dhcp\nvm1   static\nvm2 fd00::1  first\n');
  }
  const { out } = await taploom('guard', 'show', '--json', '--filter', 'from=first');
  expect(JSON.parse(out)).toEqual([{ bridge: 'br0', port: 'vm2', ...VM2.bindings[0] }]);
});

test('mistakes are told, with what helps', async () => {
  const failed = async (...words: string[]) => {
    const { code, out, error } = await taploom(...words);
    expect(code).not.toBe(0);
    expect(out).toBe('');
    return error;
  };
  expect(await failed('guard', 'show', 'nope')).toBe('taploom: There is no port nope\n');
  expect(await failed('guard', 'show', 'vm3')).toBe(
    'taploom: vm3 has no guard; `taploom port set BRIDGE vm3 --guard on` makes one\n',
  );
  expect(await failed('guard', 'list', '--sort', 'mac')).toContain(
    'Allowed choices are bridge, port, source, bindings, refused, reasons.',
  );
  expect(await failed('guard', 'show', 'vm1', '--filter', 'ip=10.0.0.1')).toContain(
    'there is no column ip, but port,',
  );
  expect(await failed('guard', 'vm1')).toContain("unknown command 'vm1'");
  expect(await failed('guard', 'delete', 'vm1')).toContain("unknown command 'del");
  expect(await failed('guard', 'show', 'nope', '--json')).toContain('"no_such_port"');
  cli.api.guardStates = [];
  for (const verb of ['list', 'show'])
    expect((await taploom('guard', verb)).out).toContain(
      '`taploom port set BRIDGE PORT --guard on` makes one',
    );
});

test('a guard is made, changed and taken away by settings of its port', async () => {
  const guard = () => cli.api.config.bridges.br0.ports.vm1.guard;
  const set = (text: string) => taploom('port', 'set', 'br0', 'vm1', '--guard', text);
  expect(await set('on')).toEqual({ code: 0, out: '', error: '' });
  expect(guard()).toMatchObject({ ra: false, dhcp_server: false });
  await set('ra=on,source=first');
  await set('limit=3');
  expect(guard()).toMatchObject({ ra: true, source: 'first', limit: 3 });
  expect((await set('source=strct')).error).toContain('guard.source: "strct" is not mac, strict or first');
  expect((await set('sorce=strict')).error).toMatch(/guard\.sorce.*did you mean source/i);
  expect((await set('source=strict')).error).toContain(
    'guard.source: strict lets in what is bound to the port',
  );
  await set('none');
  expect(guard()).toBeUndefined();
});
