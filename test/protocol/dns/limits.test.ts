import { expect, test } from 'vitest';
import { DnsStream, framed } from '../../../src/protocol/dns/framing.ts';
import { DnsLimits, dnsRoom } from '../../../src/protocol/dns/limits.ts';

test('a guest may ask so often a second, and all of them together', () => {
  const limits = new DnsLimits(dnsRoom(), { aSecond: 3, waiting: 1 }, { aSecond: 2, waiting: 1 });
  const asks = (client: string, now: number) => limits.mayAsk(client, now);
  expect([asks('a', 1000), asks('a', 1500), asks('a', 1999)]).toEqual([true, true, false]);
  expect([asks('b', 1999), asks('b', 1999), asks('c', 1999)]).toEqual([true, false, false]);
  expect(asks('a', 2000)).toBe(true);
});

test('so many questions of a guest wait, and so many of all', () => {
  const limits = new DnsLimits(dnsRoom(), { aSecond: 1, waiting: 3 }, { aSecond: 1, waiting: 2 });
  const enters = (...clients: string[]) => clients.map((client) => limits.enter(client));
  expect(enters('a', 'a', 'a', 'b', 'b')).toEqual([true, true, false, true, false]);
  limits.leave('a');
  expect(enters('b', 'a')).toEqual([true, false]);
});

test('networks share what the process has', () => {
  const room = { left: 2 };
  const [one, other] = [new DnsLimits(room), new DnsLimits(room)];
  expect([one.enter('a'), other.enter('a'), other.enter('b')]).toEqual([true, true, false]);
  one.leave('a');
  expect(other.enter('b')).toBe(true);
});

test('messages of a stream are whole, however it is cut', () => {
  const messages = ['', 'one', 'two!'].map((text) => Buffer.from(text));
  const stream = Buffer.concat(messages.map(framed));
  for (let cut = 1; cut <= stream.length; cut++) {
    const reader = new DnsStream(100);
    const found: Buffer[] = [];
    for (let at = 0; at < stream.length; at += cut)
      found.push(...(reader.push(stream.subarray(at, at + cut)) as Buffer[]));
    expect(found.map(String)).toEqual(['', 'one', 'two!']);
  }
  expect(new DnsStream(2).push(framed(Buffer.alloc(3)))).toBeUndefined();
});
