// `taploom acl`: what it prints.

import { expect, test } from 'vitest';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({
  version: 1,
  acls: {
    office: [
      { deny: { protocol: 'tcp', ports: [25, 465] }, log: true },
      { permit: 'any', mark: 7, police: '10mbit' },
    ],
    spare: [],
  },
  bridges: {
    br0: { acls: { out: ['office'] }, ports: { vm1: { type: 'memory', acls: { in: ['office'] } } } },
  },
});
const taploom = cli.run;
const lines = (text: string) => text.split('\n').map((line) => line.trimEnd());

test('lists are a table, with the places that have them', async () => {
  expect(lines((await taploom('acl', 'list')).out)).toEqual([
    'ACL     RULES  PERMITTED  DENIED  PLACES',
    'office      2          0       0  br0 out, vm1 in',
    'spare       0          0       0',
    '',
  ]);
});

test('rules stand in their order, and the end behind them', async () => {
  const { out } = await taploom('acl', 'show', 'office');
  expect(lines(out).map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
    'ACL | RULE | VERDICT | MATCH | DOES | FRAMES | BYTES',
    'office | 1 | deny | protocol: tcp, ports: [25, 465] | log | 0 | 0',
    'office | 2 | permit | any | mark 7, police 10mbit (0 over) | 0 | 0',
    'office | end | permit | ARP and neighbour discovery, if no rule fits | 0 | 0',
    'office | end | deny | everything else | 0 | 0',
    '',
  ]);
  expect(JSON.parse((await taploom('acl', 'show', 'office', '--json')).out)).toMatchObject([
    { acl: 'office', rule: 1, path: 'acls.office[0]', verdict: 'deny', log: true },
    { rule: 2 },
    { verdict: 'permit' },
    { verdict: 'deny' },
  ]);
});

test('a rule that came from a file has its line, and the table a column for it', async () => {
  const { api } = cli;
  api.acls.origin.note(
    { file: '/etc/taploom/office.yaml', acls: { office: [4, 0] }, groups: {} },
    api.config,
  );
  const cells = lines((await taploom('acl', 'show', 'office')).out).map((line) =>
    line.split(/ {2,}/).slice(-2),
  );
  expect(cells.slice(0, 3)).toEqual([
    ['BYTES', 'LINE'],
    ['0', 'office.yaml:4'],
    ['0', '0'],
  ]);
  expect((await taploom('acl', 'show', '--filter', 'line=*office*', '--format', '{rule} {line}')).out).toBe(
    '1 /etc/taploom/office.yaml:4\n',
  );
  const [first, second] = JSON.parse((await taploom('acl', 'show', 'office', '--json')).out);
  expect(first).toMatchObject({ rule: 1, file: '/etc/taploom/office.yaml', line: 4 });
  expect(second).not.toHaveProperty('line');
});

test('counters begin at 0 again, and a list that is not there has none', async () => {
  expect((await taploom('acl', 'reset')).out).toBe('counters of 2 lists begin at 0\n');
  expect((await taploom('acl', 'reset', 'office')).out).toBe('counters of 1 list begin at 0\n');
  const { error } = await taploom('acl', 'show', 'offices');
  expect(error).toContain('There is no access list offices');
});

test('ports and bridges get lists, side by side, and lose them', async () => {
  const port = (name: string) => cli.api.config.bridges.br0.ports[name].acls;
  const done = { code: 0, out: '', error: '' };
  expect(await taploom('port', 'set', 'br0', 'vm1', '--acls', 'out=spare+office')).toEqual(done);
  expect(port('vm1')).toEqual({ in: ['office'], out: ['spare', 'office'] });
  expect(await taploom('port', 'set', 'br0', 'vm1', '--acls', 'in=none', '--acls', 'out=spare')).toEqual(
    done,
  );
  expect(port('vm1')).toEqual({ in: [], out: ['spare'] });
  expect(await taploom('port', 'set', 'br0', 'vm1', '--acls', 'none')).toEqual(done);
  expect(port('vm1')).toBeUndefined();
  const add = ['port', 'add', 'br0', 'vm2', '--type', 'memory', '--acls', 'in=spare'];
  expect(await taploom(...add)).toEqual(done);
  expect(port('vm2')).toEqual({ in: ['spare'], out: [] });
  expect(await taploom('bridge', 'set', 'br0', '--acls', 'in=office,out=none')).toEqual(done);
  expect(cli.api.config.bridges.br0.acls).toEqual({ in: ['office'], out: [] });
});

test.each([
  ['in=ofice', 'there is no access list ofice, did you mean office?'],
  ['in=office+office', 'office is listed twice'],
  ['side=office', 'side is no side: expected in=LIST for what comes in, out=LIST for what leaves.'],
  ['in=office+', 'in=office+ lacks the name of a list: join names with +, or say in=none.'],
  ['office', 'Expected in=LIST+LIST,out=LIST'],
  ['in=any', '"any" is not a name of 1 to 32 letters'],
])('%s is answered by a sentence, and changes nothing', async (text, sentence) => {
  const before = JSON.stringify(cli.api.config);
  const { code, error } = await taploom('port', 'set', 'br0', 'vm1', '--acls', text);
  expect(code).not.toBe(0);
  expect(error).toContain(sentence);
  expect(JSON.stringify(cli.api.config)).toBe(before);
});
