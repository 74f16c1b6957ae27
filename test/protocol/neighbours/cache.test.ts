// Neighbours of a router's interface, with a clock that is turned by hand.

import { beforeEach, describe, expect, test } from 'vitest';
import { parseAddress } from '../../../src/config/router_address.ts';
import {
  type Hearing,
  MAX_UNRESOLVED,
  NeighbourCache,
  REACHABLE,
} from '../../../src/protocol/neighbours/cache.ts';
import type { InterfaceSpec, NeighbourSays } from '../../../src/protocol/neighbours/spec.ts';
import { WaitingRoom } from '../../../src/protocol/neighbours/waiting_room.ts';
import { formatIp, parseIp } from '../../../src/wire/ip_address.ts';
import { formatMac, type Mac, parseMac } from '../../../src/wire/mac.ts';

const ip = (text: string) => parseIp(text) as Uint8Array;
const mac = (last: number): Mac => parseMac(`02:00:00:00:00:${last.toString(16).padStart(2, '0')}`) as Mac;
const text = ({ hi, lo }: Mac) => formatMac(hi, lo);
const ME = mac(1);

function spec(limit = 100, statics: [string, Mac][] = []): InterfaceSpec {
  const address = parseAddress('10.0.0.1/16');
  return {
    mac: ME,
    addresses: address ? [address] : [],
    linkLocal: undefined,
    statics: new Map(statics),
    limit,
  };
}

let said: string[];
let used: Set<number>;
let table: Map<number, string>;
let now: number;
let room: WaitingRoom;

/** Everything is written down; slots count up. */
function says(): NeighbourSays {
  let slots = 0;
  const bySlot = new Map<string, number>();
  return {
    ask: (address, to) => said.push(`ask ${formatIp(address)}${to ? ` ${text(to)}` : ''}`),
    found: (address, found) => {
      const key = formatIp(address);
      const slot = bySlot.get(key) ?? slots++;
      bySlot.set(key, slot);
      table.set(slot, `${key} ${text(found)}`);
      return slot;
    },
    lost: (slot) => table.delete(slot),
    takeUsed: (slot) => used.delete(slot),
    deliver: (frame) => said.push(`deliver ${frame[13]} to ${text(macAt(frame))}`),
    unreachable: (address, frame) => said.push(`unreachable ${formatIp(address)} ${frame[13]}`),
    tell: (change, address, found) => said.push(`${change} ${formatIp(address)} ${text(found)}`),
  };
}

function macAt(frame: Uint8Array): Mac {
  const view = new DataView(frame.buffer);
  return { hi: view.getUint16(0), lo: view.getInt32(2) };
}

const frame = (mark: number) => new Uint8Array(14).fill(mark, 13);
const answer = (from: Mac, more: Partial<Hearing> = {}): Hearing => ({
  mac: from,
  isSolicited: true,
  overrides: true,
  creates: true,
  ...more,
});
const stateOf = (cache: NeighbourCache, address: string) => cache.entries.get(address)?.state;
const take = () => said.splice(0);

/** Lets time pass as it would: from deadline to deadline. */
function pass(cache: NeighbourCache, ms: number): void {
  const end = now + ms;
  while (cache.deadline <= end) {
    now = Math.max(now, cache.deadline);
    cache.tick(now);
  }
  now = end;
}

beforeEach(() => {
  said = [];
  used = new Set();
  table = new Map();
  now = 1_000_000;
  room = new WaitingRoom();
});

function open(limit?: number, statics?: [string, Mac][]): NeighbourCache {
  return new NeighbourCache(spec(limit, statics), says(), room, now);
}

describe('who is not known', () => {
  test('is asked for three times, and then the sender is told', () => {
    const cache = open();
    cache.resolve(ip('10.0.0.9'), frame(7), now);
    expect(take()).toEqual(['ask 10.0.0.9']);
    pass(cache, 2500);
    expect(take()).toEqual(['ask 10.0.0.9', 'ask 10.0.0.9']);
    pass(cache, 600);
    expect(take()).toEqual(['unreachable 10.0.0.9 7']);
    expect(stateOf(cache, '10.0.0.9')).toBe('failed');
    expect(cache.dropped).toBe(1);
    pass(cache, 60_000);
    expect(cache.entries.size).toBe(0);
    expect(cache.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  test('is asked again by the next packet after a failure', () => {
    const cache = open();
    cache.resolve(ip('10.0.0.9'), frame(7), now);
    pass(cache, 3500);
    take();
    cache.resolve(ip('10.0.0.9'), frame(8), now);
    expect(take()).toEqual(['ask 10.0.0.9']);
  });

  test('gets the newest packets with the answer', () => {
    const cache = open();
    for (let n = 0; n < 20; n++) cache.resolve(ip('10.0.0.9'), frame(n), now);
    expect(room.count).toBe(16);
    cache.hear(ip('10.0.0.9'), answer(mac(9)), now);
    const delivered = Array.from({ length: 16 }, (_, n) => `deliver ${n + 4} to 02:00:00:00:00:09`);
    expect(take()).toEqual(['ask 10.0.0.9', ...delivered]);
    expect(room.count).toBe(0);
    expect(cache.dropped).toBe(4);
    expect(stateOf(cache, '10.0.0.9')).toBe('reachable');
    expect([...table.values()]).toEqual(['10.0.0.9 02:00:00:00:00:09']);
  });

  test('shares the room for packets with all others', () => {
    const [greedy, modest] = [open(), open()];
    for (let n = 0; n < 10; n++) modest.resolve(ip('10.0.2.9'), frame(n), now);
    for (let n = 0; n < 80; n++)
      for (let each = 0; each < 16; each++) greedy.resolve(ip(`10.0.1.${n}`), frame(1), now);
    expect(room.count).toBe(1024);
    expect([modest.waiting, modest.dropped, greedy.waiting]).toEqual([10, 0, 1014]);
    greedy.close();
    modest.close();
    expect(room.count).toBe(0);
  });

  test('and says so itself is remembered as stale, if that is worth it', () => {
    const cache = open();
    cache.hear(ip('10.0.0.9'), answer(mac(9), { isSolicited: false }), now);
    cache.hear(ip('10.0.0.8'), answer(mac(8), { isSolicited: false, creates: false }), now);
    expect(stateOf(cache, '10.0.0.9')).toBe('stale');
    expect(stateOf(cache, '10.0.0.8')).toBeUndefined();
  });

  test('a packet that comes when the answer is there already leaves at once', () => {
    const cache = open();
    cache.hear(ip('10.0.0.9'), answer(mac(9)), now);
    cache.resolve(ip('10.0.0.9'), frame(3), now);
    expect(take()).toEqual(['deliver 3 to 02:00:00:00:00:09']);
  });
});

describe('who is known', () => {
  let cache: NeighbourCache;
  beforeEach(() => {
    cache = open();
    cache.hear(ip('10.0.0.9'), answer(mac(9)), now);
  });

  test('is left alone while nothing goes there, and forgotten in the end', () => {
    used.add(0); // while it was reachable
    pass(cache, REACHABLE + 100);
    expect(stateOf(cache, '10.0.0.9')).toBe('stale');
    pass(cache, 599_000);
    expect(take()).toEqual([]);
    expect(table.size).toBe(1);
    pass(cache, 2000);
    expect(table.size).toBe(0);
    expect(cache.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  test('is asked alone when packets go there, and answers', () => {
    pass(cache, REACHABLE + 100);
    used.add(0);
    pass(cache, 5000);
    expect(stateOf(cache, '10.0.0.9')).toBe('delay');
    pass(cache, 5000);
    expect(take()).toEqual(['ask 10.0.0.9 02:00:00:00:00:09']);
    cache.hear(ip('10.0.0.9'), answer(mac(9)), now);
    expect(stateOf(cache, '10.0.0.9')).toBe('reachable');
  });

  test('is gone if it does not answer', () => {
    pass(cache, REACHABLE + 100);
    used.add(0);
    pass(cache, 15_000);
    expect(take()).toEqual([
      ...Array.from({ length: 3 }, () => 'ask 10.0.0.9 02:00:00:00:00:09'),
      'removed 10.0.0.9 02:00:00:00:00:09',
    ]);
    expect(table.size).toBe(0);
    expect(stateOf(cache, '10.0.0.9')).toBe('failed');
  });

  test('moves to another MAC address, and that is told', () => {
    now += 5000;
    cache.hear(ip('10.0.0.9'), answer(mac(8), { isSolicited: false }), now);
    expect(take()).toEqual(['changed 10.0.0.9 02:00:00:00:00:08']);
    expect(stateOf(cache, '10.0.0.9')).toBe('stale');
    expect([...table.values()]).toEqual(['10.0.0.9 02:00:00:00:00:08']);
  });

  test('of two who answer at once the first counts', () => {
    now += 10;
    cache.hear(ip('10.0.0.9'), answer(mac(8)), now);
    expect([...table.values()]).toEqual(['10.0.0.9 02:00:00:00:00:09']);
    expect(take()).toEqual([]);
  });

  test('is doubted when somebody else says so without the right to override', () => {
    now += 5000;
    cache.hear(ip('10.0.0.9'), answer(mac(8), { overrides: false }), now);
    expect(stateOf(cache, '10.0.0.9')).toBe('stale');
    expect([...table.values()]).toEqual(['10.0.0.9 02:00:00:00:00:09']);
  });

  test('is confirmed by an answer without an address', () => {
    pass(cache, REACHABLE + 100);
    cache.hear(ip('10.0.0.9'), answer(mac(9), { mac: undefined }), now);
    expect(stateOf(cache, '10.0.0.9')).toBe('reachable');
  });

  test('can be forgotten by hand', () => {
    expect(cache.flush(({ key }) => key === '10.0.0.9')).toBe(1);
    expect(table.size).toBe(0);
  });
});

describe('neighbours of the configuration', () => {
  test('are never asked, and believe nobody', () => {
    const cache = open(100, [['10.0.0.5', mac(5)]]);
    cache.resolve(ip('10.0.0.5'), frame(1), now);
    now += 5000;
    cache.hear(ip('10.0.0.5'), answer(mac(6)), now);
    pass(cache, 1_000_000);
    expect(take()).toEqual(['deliver 1 to 02:00:00:00:00:05']);
    expect([...table.values()]).toEqual(['10.0.0.5 02:00:00:00:00:05']);
    expect(cache.flush(() => true)).toBe(0);
  });

  test('come and go with it', () => {
    const cache = open(100, [['10.0.0.5', mac(5)]]);
    cache.configure(spec(100, [['10.0.0.6', mac(6)]]), now);
    expect([...table.values()]).toEqual(['10.0.0.6 02:00:00:00:00:06']);
    cache.close();
    expect(table.size).toBe(0);
  });

  test('one that is being asked for gets what waits', () => {
    const cache = open();
    cache.resolve(ip('10.0.0.5'), frame(1), now);
    cache.configure(spec(100, [['10.0.0.5', mac(5)]]), now);
    expect(take()).toEqual(['ask 10.0.0.5', 'deliver 1 to 02:00:00:00:00:05']);
    pass(cache, 10_000);
    expect(take()).toEqual([]);
  });
});

describe('a guest', () => {
  test('that scans a network leaves room for others', () => {
    const cache = open(1000);
    cache.hear(ip('10.0.0.9'), answer(mac(9)), now);
    for (let n = 0; n < 20_000; n++) cache.resolve(ip(`10.0.${n >> 8}.${n & 255}`), frame(1), now + n);
    expect(cache.entries.size).toBeLessThanOrEqual(MAX_UNRESOLVED + 2);
    expect(room.count).toBeLessThanOrEqual(MAX_UNRESOLVED);
    expect(stateOf(cache, '10.0.0.9')).toBe('reachable');
    now += 20_000;
    cache.resolve(ip('10.0.200.1'), frame(5), now);
    cache.hear(ip('10.0.200.1'), answer(mac(7)), now + 1);
    expect(said.at(-1)).toBe('deliver 5 to 02:00:00:00:00:07');
    pass(cache, 60_000);
    expect(cache.entries.size).toBe(2);
  });

  test('that answers for everybody loses its own, not those of others', () => {
    const cache = open(64);
    for (let n = 0; n < 30; n++) cache.hear(ip(`10.0.1.${n}`), answer(mac(100 + n)), now);
    for (let n = 0; n < 1000; n++)
      cache.hear(ip(`10.0.${2 + (n >> 8)}.${n & 255}`), answer(mac(66)), now + n);
    expect(cache.entries.size).toBe(64);
    for (let n = 0; n < 30; n++) expect(stateOf(cache, `10.0.1.${n}`)).toBe('reachable');
  });
});
