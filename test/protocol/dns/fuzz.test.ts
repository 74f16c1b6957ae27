// Whatever comes, from guests or resolvers: nothing throws, and what is answered is an answer.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutTo, errorHeader } from '../../../src/protocol/dns/answer.ts';
import { questionKey } from '../../../src/protocol/dns/cache.ts';
import { decide } from '../../../src/protocol/dns/decision.ts';
import { DnsStream } from '../../../src/protocol/dns/framing.ts';
import { parseQuery } from '../../../src/protocol/dns/query.ts';
import { buildUpstreamQuery, readUpstreamAnswer, tailor } from '../../../src/protocol/dns/upstream_answer.ts';
import { Zone } from '../../../src/protocol/dns/zone.ts';
import { FLAG } from '../../../src/wire/dns.ts';
import { a, namesOf, opt, query, question, read, reply, soa, subnet } from './messages.ts';

const NAMES = namesOf([['web', '10.0.0.2']]);
const zone = new Zone('lab.example', subnet('10.0.0.0/8'), () => NAMES);
const QUESTIONS = [
  question('web.lab.example', { edns: { dnssec: true } }),
  question('2.0.0.10.in-addr.arpa', { type: 'PTR' }),
  question('www.example', { type: 'UNKNOWN_65', edns: {} }),
  question('a'.repeat(63).concat('.', 'b'.repeat(63), '.', 'c'.repeat(63), '.', 'd'.repeat(61))),
];
const asked = query('www.example');
const sent = buildUpstreamQuery(asked, 7);
const ANSWERS = [
  reply(sent, { answers: [a('www.example', '192.0.2.1')], additionals: [opt({}), a('x', '192.0.2.2')] }),
  reply(sent, { answers: [a('www.example', '192.0.2.1')] }, FLAG.truncated),
  reply(sent, { authorities: [soa('example', 60, 60)], additionals: [opt({})] }, 3),
];

/** Some bytes, or good ones with some changed, left out or added. */
function hostile(good: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(400), fc.nat(255));
  const changed = fc
    .tuple(
      fc.constantFrom(...good),
      fc.array(change, { maxLength: 6 }),
      fc.nat(300),
      fc.uint8Array({ maxLength: 40 }),
    )
    .map(([bytes, changes, length, more]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return Buffer.concat([copy.subarray(0, length < 30 ? length : undefined), more]);
    });
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }).map((one) => Buffer.from(one)) },
    { weight: 4, arbitrary: changed },
  );
}

test('questions', () => {
  const check = (bytes: Buffer) => {
    const parsed = parseQuery(bytes);
    if ('malformed' in parsed) {
      if (parsed.rcode !== undefined) expect(read(errorHeader(bytes, parsed.rcode)).flag_qr).toBe(true);
      return;
    }
    const decision = decide(parsed, zone, true);
    if (decision.what === 'forward') {
      const upstream = buildUpstreamQuery(parsed, 9);
      expect(read(upstream).questions).toEqual(read(bytes).questions);
      expect(questionKey(parsed).length).toBeLessThan(300);
      return;
    }
    const told = cutTo(decision.bytes, parsed, parsed.size);
    expect(told.length).toBeLessThanOrEqual(parsed.size);
    expect(read(told)).toMatchObject({ id: bytes.readUInt16BE(0), flag_qr: true });
    expect(told.subarray(12, 12 + parsed.question.length)).toEqual(parsed.question);
  };
  fc.assert(fc.property(hostile(QUESTIONS), check), { numRuns: 5000 });
});

test('answers', () => {
  const check = (bytes: Buffer, age: number) => {
    const answer = readUpstreamAnswer(sent, bytes, asked.question);
    if (answer === undefined) return;
    expect(answer.ttl).toBeLessThanOrEqual(86_400);
    for (const client of [asked, query('WWW.example', { edns: { dnssec: true } })]) {
      const told = tailor(answer, client, age);
      expect(told.readUInt16BE(0)).toBe(0x1234);
      expect(cutTo(told, client, client.size).length).toBeLessThanOrEqual(client.size);
      // Whole again, but for what the resolver wrote into its records.
      const again = Buffer.from(told);
      again.writeUInt16BE(7);
      expect(readUpstreamAnswer(sent, again, asked.question)).toBeDefined();
    }
  };
  // Bytes that are no record, behind an answer that has none.
  check(Buffer.concat([reply(sent, {}), Buffer.of(1)]), 0);
  fc.assert(fc.property(hostile(ANSWERS), fc.nat(100_000), check), { numRuns: 5000 });
});

test('streams', () => {
  const check = (chunks: Uint8Array[]) => {
    const stream = new DnsStream(64);
    for (const chunk of chunks) if (stream.push(Buffer.from(chunk)) === undefined) return;
  };
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }), check));
});
