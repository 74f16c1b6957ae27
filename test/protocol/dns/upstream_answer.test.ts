// Answers of resolvers: which are believed, how long they hold, and what each client gets of them.

import { expect, test } from 'vitest';
import { DnsCache, questionKey } from '../../../src/protocol/dns/cache.ts';
import {
  buildUpstreamQuery,
  readUpstreamAnswer,
  tailor,
  type UpstreamAnswer,
} from '../../../src/protocol/dns/upstream_answer.ts';
import { FLAG } from '../../../src/wire/dns.ts';
import { type Asking, a, opt, query, read, reply, soa } from './messages.ts';

const asked = query('www.Example');
const sent = buildUpstreamQuery(asked, 77);
const take = (bytes: Buffer) => readUpstreamAnswer(sent, bytes, asked.question);
const taken = (...rest: Parameters<typeof reply> extends [Buffer, ...infer R] ? R : never) =>
  take(reply(sent, ...rest)) as UpstreamAnswer;

test('a resolver is asked with an id of its own, and by EDNS', () => {
  expect(read(buildUpstreamQuery(query('a', { flags: FLAG.checkingDisabled }), 5))).toMatchObject({
    id: 5,
    questions: [{ name: 'a', type: 'A' }],
    flag_cd: true,
    flag_rd: false,
    flag_ad: true,
    additionals: [{ type: 'OPT', udpPayloadSize: 1232 }],
  });
});

test('only an answer to the question is one', () => {
  const answer = reply(sent, { answers: [a('www.example', '198.51.100.7')] });
  expect(take(answer)).toBeDefined();
  expect(take(sent)).toBeUndefined();
  expect(take(answer.subarray(0, answer.length - 1))).toBeUndefined();
  expect(take(reply(sent, { id: 78 }))).toBeUndefined();
  expect(take(reply(sent, { questions: [{ name: 'www.examplf', type: 'A' }] }))).toBeUndefined();
  expect(take(reply(sent, { questions: [{ name: 'www.example', type: 'AAAA' }] }))).toBeUndefined();
  expect(take(reply(sent, { questions: [] }))).toBeUndefined();
  expect(take(reply(sent, { questions: [{ name: 'WWW.EXAMPLE', type: 'A' }] }))).toBeDefined();
});

test('types whose codes are a letter in two cases are two types', () => {
  const https = query('example', { type: 'UNKNOWN_65' });
  const one = buildUpstreamQuery(https, 1);
  const other = reply(one, { questions: [{ name: 'example', type: 'UNKNOWN_97' as 'A' }] });
  expect(readUpstreamAnswer(one, reply(one, {}), https.question)).toBeDefined();
  expect(readUpstreamAnswer(one, other, https.question)).toBeUndefined();
  expect(questionKey(https)).not.toBe(questionKey(query('example', { type: 'UNKNOWN_97' })));
});

test.each([
  ['the shortest of its records', { answers: [a('x', '192.0.2.1', 300), a('y', '192.0.2.2', 60)] }, 0, 60],
  ['a day at most', { answers: [a('x', '192.0.2.1', 1_000_000)] }, 0, 86_400],
  ['not at all with a TTL that is none', { answers: [a('x', '192.0.2.1', 0x8000_0000)] }, 0, 0],
  ['the minimum of the zone if there is no such name', { authorities: [soa('example', 900, 60)] }, 3, 60],
  ['the TTL of the SOA if that is less', { authorities: [soa('example', 30, 60)] }, 3, 30],
  ['three hours at most if there is none', { authorities: [soa('example', 86_400, 86_400)] }, 0, 10_800],
  ['not at all if the zone does not say', {}, 3, 0],
  ['not at all if the server is at a loss', { authorities: [soa('example', 900, 60)] }, 2, 0],
  ['not at all if it is cut', { answers: [a('x', '192.0.2.1', 300)] }, FLAG.truncated, 0],
])('it holds %s', (_, packet, flags, ttl) => {
  expect(taken(packet, flags).ttl).toBe(ttl);
});

test('a client gets its own id, letters, flags and EDNS, and what is left of the TTL', () => {
  const answer = taken(
    { answers: [a('www.example', '192.0.2.1', 300)], additionals: [opt({ size: 4096 })] },
    FLAG.authoritative | FLAG.authentic,
  );
  const plain = tailor(answer, query('WWW.example', { flags: 0 }), 100);
  expect(read(plain)).toMatchObject({
    id: 0x1234,
    questions: [{ name: 'WWW.example' }],
    answers: [{ name: 'www.example', data: '192.0.2.1', ttl: 200 }],
    additionals: [],
    flag_qr: true,
    flag_ra: true,
    flag_rd: false,
    flag_aa: false,
    flag_ad: false,
  });
  const dnssec: Asking = { edns: { dnssec: true }, flags: FLAG.recursionDesired | FLAG.checkingDisabled };
  expect(read(tailor(answer, query('www.example', dnssec), 400))).toMatchObject({
    answers: [{ ttl: 0 }],
    additionals: [{ type: 'OPT', udpPayloadSize: 1232, flag_do: true }],
    flag_rd: true,
    flag_cd: true,
    flag_ad: true,
  });
  // What is kept stays as it came.
  expect(read(answer.bytes).answers).toMatchObject([{ ttl: 300 }]);
});

test('records behind the EDNS are left out with it', () => {
  const additionals = [a('ns', '192.0.2.9'), opt({}), a('ns', '192.0.2.10')];
  const { bytes } = taken({ answers: [a('x', '192.0.2.1')], additionals });
  expect(read(bytes)).toMatchObject({ answers: [{ name: 'x' }], additionals: [{ data: '192.0.2.9' }] });
});

test('the cache keeps an answer as long as it holds', () => {
  const cache = new DnsCache();
  const answer = taken({ answers: [a('x', '192.0.2.1', 10)] });
  cache.put('x', answer, 5000);
  expect(cache.get('x', 5000)).toEqual({ answer, age: 0 });
  expect(cache.get('x', 14_999)).toEqual({ answer, age: 9 });
  expect(cache.get('x', 15_000)).toBeUndefined();
  cache.put('y', taken({}, 2), 5000);
  expect(cache.get('y', 5000)).toBeUndefined();
});

test('the cache is bounded, by bytes too', () => {
  const cache = new DnsCache();
  const answers = Array.from({ length: 3000 }, () => a('x', '192.0.2.1'));
  const large = taken({ answers });
  expect(large.bytes.length).toBeGreaterThan(45_000);
  for (let n = 0; n < 100; n++) cache.put(`${n}`, large, 0);
  const kept = Array.from({ length: 100 }, (_, n) => cache.get(`${n}`, 0)).filter((one) => one !== undefined);
  expect(kept.length).toBeGreaterThan(30);
  expect(kept.length).toBeLessThan(95);
});

test('questions with other signatures or checks are others', () => {
  const keys = [{}, { edns: {} }, { edns: { dnssec: true } }, { flags: FLAG.checkingDisabled }].map(
    (asking) => questionKey(query('A', asking)),
  );
  expect(keys).toEqual(['a 10001', 'a 10001', 'a 10001 do', 'a 10001 cd']);
});
