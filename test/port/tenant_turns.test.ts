import { expect, test } from 'vitest';
import { TenantTurns } from '../../src/port/tenant_turns.ts';

const PORT = 3;
const TURN = 1514;

/** How many bytes a port may still send in the turn that begins now. */
function turn(turns: TenantTurns): number {
  turns.begin(PORT);
  let bytes = 0;
  for (; turns.isBegun(PORT); bytes++) turns.spend(PORT, 1);
  return bytes;
}

test('a turn that was cut short goes on, one that a port did not need is not saved up', () => {
  const turns = new TenantTurns(0, 1);
  turns.begin(PORT);
  turns.spend(PORT, 1000);
  expect(turn(turns)).toBe(TURN - 1000);
  turns.begin(PORT);
  turns.spend(PORT, 100);
  turns.end(PORT);
  expect(turn(turns)).toBe(TURN);
});

test('what a port sent beyond its turn it owes, also when it had nothing to send meanwhile', () => {
  const turns = new TenantTurns(0, 1);
  turns.begin(PORT);
  turns.spend(PORT, 2 * TURN + 500);
  turns.end(PORT);
  expect(turn(turns)).toBe(0);
  expect(turn(turns)).toBe(TURN - 500);
});

test('ports wait one behind the other, and whose turn is not over goes first again', () => {
  const turns = new TenantTurns(0, 1);
  for (const port of [5, 6, 7]) turns.push(port, 1);
  expect(turns.shift(1)).toBe(5);
  turns.putBack(5, 1);
  turns.remove(6);
  expect([turns.shift(1), turns.shift(1)]).toEqual([5, 7]);
  expect(turns.isFree(1)).toBe(true);
  turns.push(6, 1);
  turns.putBack(7, 1);
  turns.remove(6);
  turns.push(5, 1);
  expect([turns.shift(1), turns.shift(1), turns.isFree(1)]).toEqual([7, 5, true]);
});
