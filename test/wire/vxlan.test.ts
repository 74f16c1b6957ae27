import { expect, test } from 'vitest';
import * as vxlan from '../../src/wire/vxlan.ts';
import { viewOf } from './frames.ts';

const HEADER = '08 00 00 00 12 34 56 00';

test('a VNI is read from a header that says it has one', () => {
  const { view } = viewOf(HEADER);
  expect(vxlan.hasVni(view, 0)).toBe(true);
  expect(vxlan.vni(view, 0)).toBe(0x123456);
});

test('a header is written with its reserved bits zero, whatever was there', () => {
  const { bytes, view } = viewOf('ff'.repeat(8));
  vxlan.write(view, 0, 0x123456);
  expect(bytes).toEqual(viewOf(HEADER).bytes);
});

test('the largest VNI survives, although it fills the sign bit', () => {
  const { view } = viewOf('00'.repeat(8));
  vxlan.write(view, 0, vxlan.VNI_MAX);
  expect(vxlan.vni(view, 0)).toBe(0xffffff);
});

test('reserved bits are ignored, a missing I flag is not', () => {
  expect(vxlan.hasVni(viewOf('ff ff ff ff 12 34 56 ff').view, 0)).toBe(true);
  expect(vxlan.vni(viewOf('ff ff ff ff 12 34 56 ff').view, 0)).toBe(0x123456);
  expect(vxlan.hasVni(viewOf('f7 ff ff ff 12 34 56 00').view, 0)).toBe(false);
});
