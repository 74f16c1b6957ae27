import { expect, test } from 'vitest';
import { type Known, mayConcern } from '../../src/uplink/news.ts';
import { attribute, message } from '../support/rtnetlink.ts';

const KNOWN: Known = { names: new Set(['br0', 'eth0']), indices: new Set([2, 3]) };
const RTM = { newlink: 16, dellink: 17, newaddr: 20, deladdr: 21, newroute: 24, delroute: 25 };
const MAIN = attribute(15, Buffer.from([254, 0, 0, 0]));

function link(type: number, index: number, name: string): Buffer {
  const body = Buffer.alloc(16);
  body.writeInt32LE(index, 4);
  return message(type, Buffer.concat([body, attribute(3, Buffer.from(`${name}\0`))]));
}

function route(type: number, bits: number, table = MAIN): Buffer {
  return message(type, Buffer.concat([Buffer.from([2, bits, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]), table]));
}

test.each([
  ['a default route comes', route(RTM.newroute, 0)],
  ['a default route goes', route(RTM.delroute, 0)],
  ['an interface comes back', link(RTM.newlink, 9, 'br0')],
  ['an interface changes, or has another name', link(RTM.newlink, 2, 'wan')],
  ['an interface goes', link(RTM.dellink, 3, 'other')],
  [
    'an address goes',
    message(
      RTM.deladdr,
      Buffer.concat([Buffer.from([2, 24, 0, 0, 9, 0, 0, 0]), attribute(2, Buffer.alloc(4))]),
    ),
  ],
])('it matters that %s', (_, bytes) => {
  expect(mayConcern(bytes, KNOWN)).toBe(true);
  expect(mayConcern(Buffer.concat([route(RTM.newroute, 24), bytes]), KNOWN)).toBe(true);
});

test.each([
  ['other routes', route(RTM.newroute, 24)],
  ['default routes of other tables', route(RTM.newroute, 0, attribute(15, Buffer.from([7, 0, 0, 0])))],
  ['other interfaces', link(RTM.newlink, 9, 'veth7')],
  ['nothing', Buffer.alloc(0)],
])('nobody looks because of %s', (_, bytes) => {
  expect(mayConcern(bytes, KNOWN)).toBe(false);
});
