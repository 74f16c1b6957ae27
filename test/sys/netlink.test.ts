import { expect, test } from 'vitest';
import { endsList } from '../../src/sys/netlink.ts';
import { message } from '../../src/wire/netlink.ts';

test('the end of a list may be behind its last entries', () => {
  const entry = message(20, 0, 0, [Buffer.alloc(8)]);
  const done = message(3, 0, 0, [Buffer.alloc(4)]);
  expect(endsList(Buffer.concat([entry, entry]))).toBe(false);
  expect(endsList(Buffer.concat([entry, done]))).toBe(true);
});
