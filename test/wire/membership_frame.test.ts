import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromCode8, fromCode16, type MembershipQuery, toCode8, toCode16 } from '../../src/wire/membership.ts';
import { parseMembership, queryFrame } from '../../src/wire/membership_frame.ts';
import { hello, join, leave, packet, report } from '../support/membership_frames.ts';

const messageOf = (frame: Uint8Array) => parseMembership(frame)?.message;
const record = (type: string, group: string, ...sources: string[]) => ({ type, group, sources });
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 0xaa);

test('joins and leaves of every version come out in one form', () => {
  expect(parseMembership(join('239.1.1.1', 7))).toEqual({
    family: 4,
    from: '192.0.2.7',
    message: { kind: 'report', version: 2, records: [record('is_ex', '239.1.1.1')] },
  });
  expect(messageOf(leave('239.1.1.1'))).toMatchObject({
    version: 2,
    records: [record('to_in', '239.1.1.1')],
  });
  expect(messageOf(join('ff15::1'))).toMatchObject({ version: 2, records: [record('is_ex', 'ff15::1')] });
  expect(messageOf(leave('ff15::1'))).toMatchObject({ version: 2, records: [record('to_in', 'ff15::1')] });
  for (const [group, source] of [
    ['232.1.1.1', '198.51.100.1'],
    ['ff35::1', '2001:db8::1'],
  ]) {
    const frame = report([
      ['allow', group, source],
      ['to_ex', group],
    ]);
    expect(messageOf(frame)).toEqual({
      kind: 'report',
      version: 3,
      records: [record('allow', group, source), record('to_ex', group)],
    });
  }
});

test('a router says for how long it is there', () => {
  expect(messageOf(hello(105))).toEqual({ kind: 'hello', holdTime: 105_000 });
  expect(messageOf(hello(0xffff, 6))).toEqual({ kind: 'hello', holdTime: Number.POSITIVE_INFINITY });
});

test('a query that is written reads the same', () => {
  const common = { kind: 'query', suppress: false, sources: [] as string[] } as const;
  const cases: [string, MembershipQuery][] = [
    ['0.0.0.0', { ...common, version: 2, maxResponse: 10_000, robustness: 0, interval: 0 }],
    ['192.0.2.1', { ...common, version: 3, maxResponse: 10_000, robustness: 2, interval: 125 }],
    [
      '192.0.2.1',
      {
        ...common,
        version: 3,
        group: '232.1.1.1',
        sources: ['198.51.100.1', '198.51.100.2'],
        maxResponse: 1000,
        suppress: true,
        robustness: 2,
        interval: 125,
      },
    ],
    ['fe80::1', { ...common, version: 2, group: 'ff15::1', maxResponse: 1000, robustness: 0, interval: 0 }],
    [
      'fe80::1',
      {
        ...common,
        version: 3,
        group: 'ff35::1',
        sources: ['2001:db8::1'],
        maxResponse: 1000,
        robustness: 2,
        interval: 124,
      },
    ],
  ];
  for (const [from, query] of cases) {
    expect(parseMembership(queryFrame(MAC, from, query))).toEqual({
      family: from.includes(':') ? 6 : 4,
      from,
      message: { ...query },
    });
  }
});

describe('a malformed message says why', () => {
  const at4 = 14 + 24;
  const changed = (frame: Uint8Array, at: number, value: number) => {
    const copy = frame.slice();
    copy[at] = value;
    return copy;
  };
  test.each([
    ['ip_header', changed(join('239.1.1.1'), 14, 0x44)],
    ['ip_header', join('239.1.1.1').slice(0, 40)],
    ['fragment', changed(join('239.1.1.1'), 20, 0x20)],
    ['too_short', packet('239.1.1.1', 2, [0x16, 0, 0, 0], '192.0.2.1')],
    ['checksum', changed(join('239.1.1.1'), at4 + 7, 9)],
    ['checksum', changed(join('ff15::1'), 14 + 48 + 23, 9)],
    ['hop_limit', changed(join('ff15::1'), 21, 64)],
    ['source', packet('ff15::1', 58, [131, 0, 0, 0, 0, 0, 0, 0, ...new Array(16).fill(0xff)], '2001:db8::1')],
    ['group', packet('224.0.0.1', 2, [0x16, 0, 0, 0, 10, 0, 0, 1], '192.0.2.1')],
    ['records', packet('224.0.0.22', 2, [0x22, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 239, 1, 1, 1], '192.0.2.1')],
    ['records', packet('224.0.0.1', 2, [0x11, 10, 0, 0, 239, 1, 1, 1, 2, 125, 0, 200], '192.0.2.1')],
    ['type', packet('224.0.0.1', 2, [0x30, 0, 0, 0, 0, 0, 0, 0], '192.0.2.1')],
  ])('%s', (reason, frame) => {
    expect(messageOf(frame)).toBe(reason);
  });
});

test('times as small floating-point numbers lose less than a sixteenth', () => {
  const isNear = (value: number, read: number, least: number) => read <= value && read >= value * least;
  const values = Array.from({ length: 4000 }, (_, n) => n);
  expect(values.filter((n) => !isNear(7 * n, fromCode8(toCode8(7 * n)), 15 / 16))).toEqual([]);
  expect(fromCode8(toCode8(1e9))).toBe(0x1f << 10);
  expect(values.filter((n) => !isNear(1997 * n, fromCode16(toCode16(1997 * n)), 4095 / 4096))).toEqual([]);
});

test('whatever comes, parsing ends without an exception', () => {
  const whole = [
    report([['to_ex', '239.1.1.1', '192.0.2.1', '192.0.2.2']]),
    report([['is_in', 'ff15::1', '2001:db8::1']]),
    hello(105, 6),
    join('ff15::1'),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...whole),
      fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
      fc.nat(120),
      (frame, changes, length) => {
        const copy = frame.slice(0, Math.max(length, frame.length - length));
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        parseMembership(copy);
      },
    ),
    { numRuns: 5000 },
  );
});
