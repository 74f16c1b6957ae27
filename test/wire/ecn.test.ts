import { expect, test } from 'vitest';
import { add } from '../../src/wire/checksum.ts';
import * as ecn from '../../src/wire/ecn.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { TAGGED_TCP4, UDP6, viewOf } from './frames.ts';

const { NOT_ECT, ECT_0, ECT_1, CE, DROP } = ecn;

test('the outer header gets the inner mark, and ECT(0) for congestion experienced', () => {
  expect([NOT_ECT, ECT_1, ECT_0, CE].map(ecn.encapsulate)).toEqual([NOT_ECT, ECT_1, ECT_0, ECT_0]);
});

test('the inner header leaves the tunnel as the table of Linux test_ecn_decap says', () => {
  const outers = [NOT_ECT, ECT_1, ECT_0, CE];
  const table = (inner: number) => outers.map((outer) => ecn.decapsulate(inner, outer));
  expect(table(NOT_ECT)).toEqual([NOT_ECT, NOT_ECT, NOT_ECT, DROP]);
  expect(table(ECT_1)).toEqual([ECT_1, ECT_1, ECT_1, CE]);
  expect(table(ECT_0)).toEqual([ECT_0, ECT_1, ECT_0, CE]);
  expect(table(CE)).toEqual([CE, CE, CE, CE]);
});

test('the mark is found in either IP version and absent elsewhere', () => {
  expect(ecn.ecn(viewOf(TAGGED_TCP4).view, 18)).toBe(ECT_1);
  expect(ecn.ecn(viewOf(UDP6).view, 14)).toBe(CE);
  expect(ecn.ecn(viewOf('00 01 08 00').view, 0)).toBe(NOT_ECT);
});

test('marking an IPv4 packet keeps its DSCP and every other byte, and its header checksum verifies', () => {
  for (const mark of [NOT_ECT, ECT_1, ECT_0, CE]) {
    const { bytes, view } = viewOf(TAGGED_TCP4);
    ecn.setEcn(view, 18, mark);
    expect(ipv4.tos(view, 18)).toBe(0xb8 | mark);
    expect(add(view, 18, 38)).toBe(0xffff);
    const changed = viewOf(TAGGED_TCP4).bytes;
    changed[19] = 0xb8 | mark;
    changed.set(bytes.subarray(28, 30), 28);
    expect(bytes).toEqual(changed);
  }
});

test('marking an IPv6 packet changes two bits', () => {
  const { bytes, view } = viewOf(UDP6);
  ecn.setEcn(view, 14, ECT_0);
  const expected = viewOf(UDP6).bytes;
  expected[15] = 0xea;
  expect(bytes).toEqual(expected);
});
