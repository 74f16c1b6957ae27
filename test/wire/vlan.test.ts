import { expect, test } from 'vitest';
import * as vlan from '../../src/wire/vlan.ts';
import { TAGGED_TCP4, viewOf } from './frames.ts';

test('a tag is read as one word that keeps TPID, priority, drop eligibility and VLAN apart', () => {
  const { view } = viewOf(TAGGED_TCP4);
  const tag = vlan.read(view, 12);
  expect(vlan.tpid(tag)).toBe(vlan.TPID_8021Q);
  expect(vlan.vid(tag)).toBe(100);
  expect(vlan.pcp(tag)).toBe(5);
  expect(vlan.dei(tag)).toBe(1);
  expect(tag).toBe(vlan.tag(vlan.TPID_8021Q, 0xb064));
});

test('a service tag survives being an int32', () => {
  const { bytes, view } = viewOf('00 00 00 00');
  const tag = vlan.tag(vlan.TPID_8021AD, 0xffff);
  vlan.write(view, 0, tag);
  expect([...bytes]).toEqual([0x88, 0xa8, 0xff, 0xff]);
  expect(vlan.tpid(vlan.read(view, 0))).toBe(vlan.TPID_8021AD);
  expect(vlan.vid(tag)).toBe(vlan.VID_RESERVED);
});

test('changing the VLAN leaves priority and drop eligibility alone', () => {
  const moved = vlan.withVid(0xb064, 4094);
  expect([vlan.vid(moved), vlan.pcp(moved), vlan.dei(moved)]).toEqual([4094, 5, 1]);
  expect(vlan.priority(0xb064)).toBe(0xb000);
});

test('skipping tags ends at the first EtherType that is none', () => {
  expect(vlan.skip(viewOf('08 00').view, 0, 2)).toBe(0);
  expect(vlan.skip(viewOf('88 a8 00 01 81 00 00 02 86 dd').view, 0, 10)).toBe(8);
});

test('skipping tags refuses a frame that ends within them, and a pile of tags', () => {
  expect(vlan.skip(viewOf('81 00 00 01 08').view, 0, 5)).toBe(-1);
  const pile = viewOf(`${'81 00 00 01'.repeat(9)} 08 00`);
  expect(vlan.skip(pile.view, 0, pile.bytes.length)).toBe(-1);
  expect(vlan.skip(pile.view, 4, pile.bytes.length)).toBe(36);
});

test('priority tags in a row are counted, up to the eight that anybody looks through', () => {
  const tags = (...all: string[]) => viewOf([...all, '08 00 45 00 00 1c'].join(' '));
  const length = ({ view }: ReturnType<typeof viewOf>) => vlan.priorityTags(view, 0, view.byteLength);
  const priority = '81 00 a0 00';
  expect(length(tags())).toBe(0);
  expect(length(tags('81 00 00 07'))).toBe(0);
  expect(length(tags(priority, '88 a8 00 00', '81 00 00 07'))).toBe(8);
  expect(length(tags(...Array(8).fill(priority)))).toBe(32);
  expect(length(tags(...Array(9).fill(priority)))).toBe(-1);
  // A tag that the frame's end cuts off is none.
  expect(vlan.priorityTags(viewOf('81 00 a0 00').view, 0, 3)).toBe(0);
});
