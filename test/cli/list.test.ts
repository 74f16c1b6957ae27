// Lists: which rows, in which order, and as what.

import { expect, test } from 'vitest';
import { parseSi, si } from '../../src/amount.ts';
import type { FdbEntry } from '../../src/api.ts';
import { type Columns, chosen } from '../../src/cli/list.ts';
import { formatted } from '../../src/cli/list_text.ts';
import { simulatedCli } from './simulated_cli.ts';

const ports = Object.fromEntries(['vm1', 'vm2', 'vm10'].map((name) => [name, { type: 'tap' }]));
const cli = simulatedCli({ version: 1, bridges: { br0: { local: false, ports }, br1: {} } });

const lines = async (line: string) => {
  const { code, out, error } = await cli.run(...line.split(' '));
  expect({ code, error }).toEqual({ code: 0, error: '' });
  return out.trimEnd().split('\n');
};

type Row = { name: string; size?: number };
const ROWS: Row[] = [{ name: 'vm10', size: 1500 }, { name: 'vm2' }, { name: 'VM1', size: 2 }];
const COLUMNS: Columns<Row> = {
  name: { title: 'NAME', value: ({ name }) => name },
  size: { title: 'SIZE', value: ({ size }) => size },
};
const names = (choice: object) => chosen(ROWS, COLUMNS, choice).map(({ name }) => name);

test('numbers are sorted from the largest, words by the alphabet and their numbers, nothing comes last', () => {
  expect(names({ sort: 'size' })).toEqual(['vm10', 'VM1', 'vm2']);
  expect(names({ sort: 'size', reverse: true })).toEqual(['VM1', 'vm10', 'vm2']);
  expect(names({ sort: 'name' })).toEqual(['VM1', 'vm2', 'vm10']);
  expect(names({ reverse: true, top: 2 })).toEqual(['VM1', 'vm2']);
  expect(ROWS[0].name).toBe('vm10');
});

test.each([
  ['vm1', ['vm10', 'VM1']],
  ['name=vm1', ['VM1']],
  ['name=v*1*', ['vm10', 'VM1']],
  ['name=v.10', []],
  ['name!=vm*0', ['vm2', 'VM1']],
  ['size>1k', ['vm10']],
  ['size<1k', ['VM1']],
  ['size=', ['vm2']],
])('--filter %s', (filter, wanted) => {
  expect(names({ filter: [filter] })).toEqual(wanted);
  expect(names({ filter: [filter, 'nowhere'] })).toEqual([]);
});

test('CSV quotes what it must, TSV and lines have values as they are', () => {
  const rows = [{ name: 'a,"b"', size: 12_345_678 }, { name: 'c' }];
  expect(formatted(rows, COLUMNS, 'csv')).toBe('name,size\n"a,""b""",12345678\nc,\n');
  expect(formatted(rows, COLUMNS, 'tsv', false)).toBe('a,"b"\t12345678\nc\t\n');
  expect(formatted(rows, COLUMNS, '{size}: {name}')).toBe('12345678: a,"b"\n: c\n');
});

test('amounts are read as they are written', () => {
  for (const value of [0, 7, 950, 12_300, 9_410_000_000]) expect(parseSi(si(value))).toBe(value);
  for (const text of ['', 'k', '1.2.3', '1x']) expect(parseSi(text)).toBeNaN();
});

test('every list takes them', async () => {
  cli.api.counters.set('vm2', { receivedFrames: 12_345_678, receiveDropped: { runt: 5 } });
  cli.api.counters.set('vm10', { receivedFrames: 7, transmitDropped: { too_big: 9 } });
  cli.api.states.set('vm10', 'gone');

  expect(await lines('stats --sort rx --top 2 --format {port}:{rx}')).toEqual(['vm2:12345678', 'vm10:7']);
  expect(await lines('stats --watch --rounds 1 --filter port=vm* --reverse --format {port}')).toEqual([
    'vm10',
    'vm2',
    'vm1',
  ]);
  expect(JSON.parse((await lines('stats --json --filter rx>1M')).join('')).ports).toMatchObject([
    { name: 'vm2' },
  ]);
  expect(await lines('port show --filter state=gone --format csv')).toEqual([
    'bridge,port,type,state,mtu,learned,stp,lost,details',
    'br0,vm10,tap,gone,1500,0,,,',
  ]);
  expect(await lines('bridge show --sort bridge --reverse --format {bridge}')).toEqual(['br1', 'br0']);
  expect(await lines('drops --sort frames --format {reason}')).toEqual(['too_big', 'runt']);
  expect(await lines('mirror show --filter nothing')).toEqual(['no mirrors']);
  expect(await lines('lldp --format tsv')).toEqual(['bridge\tport\tneighbour\tits_port\texpires\twhat']);

  const shown = await lines('show --filter gone');
  expect(shown.slice(2)).toEqual([
    expect.stringMatching(/^br0 /),
    expect.stringMatching(/PORT/),
    expect.stringMatching(/^ {2}vm10 /),
  ]);
  expect(await lines('show --filter nothing')).toEqual(['no ports']);
  expect(await lines('show --sort port --format {port}')).toEqual(['br1', 'vm1', 'vm2', 'vm10']);
  expect(JSON.parse((await lines('show --top 1 --format json')).join(''))).toMatchObject({
    bridges: [{ name: 'br0' }],
    ports: [{ name: 'vm1' }],
  });
});

test('the forwarding database is sorted as a whole, and read no further than asked', async () => {
  const entries = Array.from({ length: 2500 }, (_, i): FdbEntry => {
    const mac = `02:00:00:00:00:${(i % 256).toString(16).padStart(2, '0')}`;
    return { bridge: 'br0', mac, vlan: 0, port: i % 2 === 0 ? 'vm1' : 'vm2', type: 'learned', age: i };
  });
  cli.api.entries = entries;
  expect(await lines('fdb show --sort age --top 2 --format {age}')).toEqual(['2499', '2498']);
  expect(await lines('fdb show --filter age>2497 --format {age}')).toEqual(['2498', '2499']);
  expect(await lines('fdb show --sort age --format csv')).toHaveLength(2501);
  expect(JSON.parse((await lines('fdb show --reverse --top 1 --json')).join(''))).toEqual([entries[2499]]);
  expect(JSON.parse((await lines('fdb show --top 3 --json')).join(''))).toEqual(entries.slice(0, 3));
  expect(await lines('fdb show --filter nothing')).toEqual(['no entries']);
  expect(await lines('fdb show --top 1 --filter port=vm2')).toHaveLength(2);
});

test.each([
  ['stats --sort colour', "argument 'colour' is invalid. Allowed choices are bridge, port,"],
  ['stats --format xml', 'Expected table, csv, tsv, json'],
  ['stats --format {colour}', '--format: there is no column colour, but bridge, port,'],
  ['stats --filter colour=red', '--filter: there is no column colour, but bridge, port,'],
  ['stats --filter rx>many', '--filter: "many" is not a number'],
  ['stats --watch --interval 1e9', 'Expected 0.1 to 86400 seconds.'],
  ['stats --top 0', 'Expected a number from 1.'],
  ['drops --last --sort frames', "option '--last' cannot be used with option '--sort <column>'"],
])('%s is a usage error', async (line, text) => {
  const { code, out, error } = await cli.run(...line.split(' '));
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(error).toContain(text);
});
