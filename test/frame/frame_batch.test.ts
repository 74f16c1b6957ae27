import { expect, test } from 'vitest';
import {
  COLUMN,
  FRAME_ROOM,
  FrameBatch,
  HEADROOM,
  MADE_ROOM,
  MARK,
  ROW,
  STRIDE,
} from '../../src/frame/frame_batch.ts';
import {
  DEST_DROP,
  DEST_LIST,
  DEST_VALUE,
  hop,
  MAX_PORTS,
  MAX_REMOTES,
  PORT_BITS,
  PORT_MASK,
} from '../../src/frame/hop.ts';
import { DROPS } from '../../src/table/drops.ts';

test('a slot holds the largest frame behind its headroom, and does not reach into the next one', () => {
  const batch = new FrameBatch(4, 1000);
  for (let i = 0; i < 4; i++) {
    expect(batch.slotAt(i)).toBe(i * STRIDE + HEADROOM);
    expect(batch.slotAt(i) + FRAME_ROOM).toBeLessThanOrEqual((i + 1) * STRIDE);
  }
});

test('headers of neighbouring slots fall into different cache sets', () => {
  expect(STRIDE % 4096).not.toBe(0);
  expect(STRIDE % 64).toBe(0);
});

test('the spare slot and the auxiliary area lie behind the slots', () => {
  const batch = new FrameBatch(4, 1000);
  expect(batch.slotAt(batch.slots) + FRAME_ROOM).toBeLessThanOrEqual(batch.aux);
});

test('made frames have rows and room of their own behind all others', () => {
  const batch = new FrameBatch(4, 1000);
  const last = { row: batch.shaped, end: batch.shapedAt + batch.shapedLength };
  let made = 0;
  for (let row = batch.make(); row >= 0; row = batch.make(), made++) {
    expect(row).toBe(last.row + ROW);
    expect(batch.rows[row + COLUMN.start]).toBeGreaterThanOrEqual(last.end);
    last.row = row;
    last.end = batch.rows[row + COLUMN.start] + MADE_ROOM;
  }
  expect(made).toBeGreaterThan(0);
  let shadows = 0;
  for (let row = batch.shadow(0, 60); row >= 0; row = batch.shadow(0, 60), shadows++) {
    expect(row).toBe(last.row + ROW);
    last.row = row;
  }
  expect(shadows).toBeGreaterThan(0);
  expect(batch.rows.length).toBe(last.row + ROW);
  // Behind them is room for the own headers of every row.
  expect(batch.bytes.length).toBeGreaterThanOrEqual(last.end + (batch.spare / ROW) * 512);
  batch.forgetMade();
  expect(batch.make()).toBe(batch.shaped + ROW);
  expect(batch.shadow(0, 60)).toBe(last.row + ROW - shadows * ROW);
});

test('a shadow of a frame with headers of its own has no more of them than bytes', () => {
  const batch = new FrameBatch(4, 1000);
  const row = batch.append(1, 2000);
  batch.rows[row + COLUMN.rest] = batch.rows[row + COLUMN.start] + 12;
  batch.rows[row + COLUMN.mark] |= MARK.shared;
  batch.own(row);
  expect(batch.headLength(row)).toBeLessThan(2000);
  expect(batch.headLength(batch.shadow(row, 60))).toBe(60);
  expect(batch.headLength(batch.shadow(row, 1999))).toBe(batch.headLength(row));
});

test('next hops, lists and drops cannot be taken for each other', () => {
  const last = hop(MAX_PORTS - 1, MAX_REMOTES - 1);
  expect(last & (DEST_DROP | DEST_LIST)).toBe(0);
  expect(last & PORT_MASK).toBe(MAX_PORTS - 1);
  expect(last >>> PORT_BITS).toBe(MAX_REMOTES - 1);
  expect((DEST_DROP | (DROPS.length - 1)) & DEST_VALUE).toBe(DROPS.length - 1);
  // Two lists for each of 65,536 domains.
  expect(2 * 65_536).toBeLessThan(DEST_VALUE);
});
