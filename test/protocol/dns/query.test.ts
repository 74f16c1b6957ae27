// Questions of clients: what is read in them, and what is none.

import { encode } from 'dns-packet';
import { expect, test } from 'vitest';
import { parseQuery } from '../../../src/protocol/dns/query.ts';
import { opt, query, question } from './messages.ts';

/** `bytes` with a 16-bit word changed. */
function withWord(bytes: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt16BE(value, at);
  return changed;
}

test('a question is read with its EDNS', () => {
  expect(query('WWW.Example', { type: 'AAAA', edns: { size: 4096, dnssec: true } })).toMatchObject({
    name: 'www.example',
    asked: { name: 'WWW.Example' },
    type: 28,
    isInternet: true,
    hasEdns: true,
    dnssec: true,
    size: 1232,
  });
  expect(query('www.example')).toMatchObject({ hasEdns: false, dnssec: false, size: 512 });
  expect(query('www.example', { edns: { size: 100 } }).size).toBe(512);
  expect(query('.', { type: 'NS' }).name).toBe('.');
  expect(query('example', { type: 'UNKNOWN_65' }).type).toBe(65);
});

const good = question('www.example');
const two = encode({
  questions: [
    { name: 'a', type: 'A' },
    { name: 'b', type: 'A' },
  ],
});
const twoOpts = encode({ questions: [{ name: 'a', type: 'A' }], additionals: [opt({}), opt({})] });
/** One label `a.b`, which as text is two. */
const dotted = Buffer.concat([good.subarray(0, 12), Buffer.from('\x03a.b\0\0\x01\0\x01', 'latin1')]);

test.each([
  ['a few bytes', good.subarray(0, 11), 'short', undefined],
  ['an answer', withWord(good, 2, 0x8100), 'response', undefined],
  ['an update', withWord(good, 2, 5 << 11), 'opcode', 4],
  ['no question', withWord(good, 4, 0), 'counts', 1],
  ['two questions', two, 'counts', 1],
  ['answers in a question', withWord(good, 6, 1), 'counts', 1],
  ['a thousand records', withWord(good, 10, 1000), 'counts', 1],
  ['a record that is not there', withWord(good, 10, 1), 'format', 1],
  ['a name without an end', good.subarray(0, 16), 'format', 1],
  ['a name that leads to itself', withWord(good, 12, 0xc00c), 'format', 1],
  ['EDNS twice', twoOpts, 'format', 1],
  ['a name that is another one as text', dotted, 'name', 5],
])('%s is malformed', (_, bytes, malformed, rcode) => {
  expect(parseQuery(bytes)).toEqual({ malformed, rcode });
});
