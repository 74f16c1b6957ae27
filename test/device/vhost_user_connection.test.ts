// What comes through a front end's socket, in pieces of any size, and how long anybody waits for it.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { Connection } from '../../src/device/vhost_user/connection.ts';
import { offeredFeatures } from '../../src/device/vhost_user/features.ts';
import { Patience } from '../../src/device/vhost_user/patience.ts';
import { ProtocolError, type Rings, Session } from '../../src/device/vhost_user/session.ts';
import { closeFds, receiveRights, sendRights, unixPair } from '../../src/sys/rights.ts';
import { closeFd, createWake } from '../../src/sys/wake.ts';
import { message, REQUEST, u64, vringState } from '../../src/wire/vhost_user.ts';

let guest: number;
let connection: Connection;
/** What the rings were told. */
let told: string[];

beforeEach(() => {
  const [left, right] = unixPair();
  guest = left;
  told = [];
  const rings = new Proxy({} as Rings, {
    get: (_, name) => (ring: unknown, which: unknown, fd: unknown) => {
      if (name === 'setFd' && typeof fd === 'number' && fd >= 0) {
        told.push(`ring ${ring} has descriptor ${which}`);
        closeFd(fd);
      }
      return 0;
    },
  });
  const session = new Session(rings, { pairs: 1, features: offeredFeatures(1, true), mtu: 1500 });
  connection = new Connection(right, session);
});

afterEach(() => {
  connection.close();
  closeFd(guest);
});

const kick = (index: number) => message(REQUEST.setVringKick, u64(BigInt(index)));

test('messages in pieces and several at once are the same messages, and each has its own descriptors', () => {
  const wakes = [createWake(), createWake()];
  for (const [n, byte] of [...kick(0)].entries()) {
    sendRights(guest, Buffer.from([byte]), n === 0 ? [wakes[0]] : []);
    expect(connection.read()).toBe(true);
  }
  sendRights(guest, Buffer.concat([message(REQUEST.setVringNum, vringState({ index: 0, num: 8 }))]));
  sendRights(guest, kick(1), [wakes[1]]);
  sendRights(guest, Buffer.concat([message(REQUEST.getFeatures), message(REQUEST.getQueueNum)]));
  expect(connection.read()).toBe(true);
  expect(told).toEqual(['ring 0 has descriptor 0', 'ring 1 has descriptor 0']);
  const room = Buffer.alloc(100);
  expect(receiveRights(guest, room)).toMatchObject({ length: 40, fds: [] });
  closeFds(wakes);
});

test('a message that is longer than any is the end, and its descriptors are closed', () => {
  const [here, there] = unixPair();
  const head = message(REQUEST.setVringKick);
  head.writeUInt32LE(0xffff_ffff, 8);
  sendRights(guest, head, [there]);
  closeFd(there);
  expect(() => connection.read()).toThrow(ProtocolError);
  connection.close();
  // Nobody has the other end any more.
  expect(receiveRights(here, Buffer.alloc(8)).length).toBe(0);
  connection = new Connection(here, connection.session);
});

test('the end of the socket is the end, also within a message', () => {
  sendRights(guest, kick(0).subarray(0, 15));
  expect(connection.read()).toBe(true);
  closeFd(guest);
  expect(connection.read()).toBe(false);
  guest = createWake();
});

test('who is in the middle of its negotiation is waited for, all together a sixteenth of the time', () => {
  const patience = new Patience();
  let waited = 0;
  for (let ms = 5000; ms < 6000; ms += 0.125) waited += patience.grant(ms);
  expect(waited).toBeGreaterThan(50_000);
  expect(waited).toBeLessThanOrEqual(64_000);
  expect(patience.grant(5999)).toBe(0);
});
