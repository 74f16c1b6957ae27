// What senders read in ICMP errors, and when they read nothing. That the kernel says the same is judged by the oracle.

import { expect, test } from 'vitest';
import { ICMP_ERROR, IcmpErrors } from '../../src/engine/icmp_errors.ts';
import { COLUMN, FrameBatch, MARK } from '../../src/frame/frame_batch.ts';
import { parseIp } from '../../src/wire/ip_address.ts';
import { be16, type Packet, packet, sumOf } from '../support/engine/packets.ts';

const PACKET: Packet = { from: 'a', to: 'A', src: '10.0.1.2', dst: '10.0.2.2' };
const PACKET6: Packet = { from: 'a', to: 'A', src: 'fd00:1::2', dst: 'fd00:2::2' };
const ROUTER = 0x0a00_0101;
const ROUTER6 = Int32Array.of(0, 0, 0, 0, 0xfd00_0001, 0, 0, 1);

interface Bench {
  errors: IcmpErrors;
  batch: FrameBatch;
  clock: Float64Array;
}

function open(): Bench {
  const batch = new FrameBatch(64, 70_000);
  const clock = Float64Array.of(1000);
  return { batch, clock, errors: new IcmpErrors(batch, clock) };
}

function place({ batch }: Bench, frame: Uint8Array, shared = false, port = 1): number {
  if (batch.free === 0) batch.clear();
  const row = batch.append(port, frame.length);
  const start = batch.rows[row + COLUMN.start];
  batch.bytes.set(frame, start);
  batch.rows[row + COLUMN.rest] = start + 12;
  batch.rows[row + COLUMN.source] = port;
  if (shared) {
    batch.rows[row + COLUMN.mark] |= MARK.shared;
    batch.own(row);
  }
  return row;
}

/** The error as a packet; null = none is due. */
function tell(bench: Bench, frame: Uint8Array, what: number, rest = 0, shared = false): number[] | null {
  const { batch, errors } = bench;
  const row = place(bench, frame, shared);
  const l3 = batch.rows[row + COLUMN.rest] + 2;
  const is4 = frame[12] === 8;
  if (!(is4 ? errors.isDue4(row, l3) : errors.isDue6(row, l3))) return null;
  const at = batch.aux;
  const length = frame.length - 14;
  const end = is4
    ? errors.write4(at, row, l3, length, what, rest, ROUTER)
    : errors.write6(at, row, l3, length, what, rest, ROUTER6, 4);
  const error = [...batch.bytes.subarray(at, at + end)];
  expect(error.slice(12, 14)).toEqual(is4 ? [8, 0] : [0x86, 0xdd]);
  return error.slice(14);
}

const ip = (text: string) => [...(parseIp(text) as Uint8Array)];

function error4(tos: number, id: number, type: number, code: number, rest: number[], quote: number[]) {
  const message = [type, code, 0, 0, ...rest, ...quote];
  message.splice(2, 2, ...be16(~sumOf(message)));
  const addresses = [...ip('10.0.1.1'), ...ip('10.0.1.2')];
  const header = [0x45, tos, ...be16(20 + message.length), ...be16(id), 0, 0, 64, 1, 0, 0, ...addresses];
  header.splice(10, 2, ...be16(~sumOf(header)));
  return [...header, ...message];
}

function error6(type: number, code: number, rest: number[], quote: number[]) {
  const message = [type, code, 0, 0, ...rest, ...quote];
  const addresses = [...ip('fd00:1::1'), ...ip('fd00:1::2')];
  const pseudo = [...addresses, 0, 0, ...be16(message.length), 0, 0, 0, 58];
  message.splice(2, 2, ...be16(~sumOf([...pseudo, ...message])));
  return [0x60, 0, 0, 0, ...be16(message.length), 58, 64, ...addresses, ...message];
}

test.each<[keyof typeof ICMP_ERROR, [number, number], [number, number]]>([
  ['ttl', [11, 0], [3, 0]],
  ['no_route', [3, 0], [1, 0]],
  ['unreachable', [3, 1], [1, 0]],
  ['prohibited', [3, 13], [1, 1]],
  ['mtu', [3, 4], [2, 0]],
  ['port', [3, 3], [1, 4]],
  ['host', [3, 1], [1, 3]],
  ['protocol', [3, 2], [4, 1]],
])('%s is said with type and code, and the whole packet if it is small', (what, of4, of6) => {
  const [frame, frame6] = [packet(PACKET), packet(PACKET6)];
  const error = tell(open(), frame, ICMP_ERROR[what], 1400);
  expect(error).toEqual(error4(0xc0, 1, ...of4, [0, 0, ...be16(1400)], [...frame.subarray(14)]));
  const expected6 = error6(...of6, [0, 0, ...be16(1400)], [...frame6.subarray(14)]);
  expect(tell(open(), frame6, ICMP_ERROR[what], 1400)).toEqual(expected6);
});

test('a bad option is pointed at', () => {
  const frame = packet({ ...PACKET, options: [7, 0, 0, 0] });
  const expected = error4(0xc0, 1, 12, 0, [21, 0, 0, 0], [...frame.subarray(14)]);
  expect(tell(open(), frame, ICMP_ERROR.parameter, 21)).toEqual(expected);
});

test('as much is quoted as fits into 576 and 1,280 bytes, also of a packet that lies in two pieces', () => {
  for (const shared of [false, true]) {
    const payload = Array.from({ length: 1400 }, (_, n) => (n * 3) & 0xff);
    const frame = packet({ ...PACKET, payload });
    const error = tell(open(), frame, ICMP_ERROR.ttl, 0, shared);
    expect(error).toEqual(error4(0xc0, 1, 11, 0, [0, 0, 0, 0], [...frame.subarray(14, 14 + 548)]));
    const frame6 = packet({ ...PACKET6, payload });
    const error6th = tell(open(), frame6, ICMP_ERROR.ttl, 0, shared);
    expect(error6th).toEqual(error6(3, 0, [0, 0, 0, 0], [...frame6.subarray(14, 14 + 1232)]));
  }
});

test('the type of service is the packet’s, with the precedence of internetwork control', () => {
  const frame = packet(PACKET);
  frame[15] = 0x2d;
  frame.set([0, 0], 24);
  frame.set(be16(~sumOf(frame, 14, 34)), 24);
  expect(tell(open(), frame, ICMP_ERROR.ttl)?.[1]).toBe(0xcc);
});

test('each error of IPv4 has another identification', () => {
  const bench = open();
  const ids = [1, 2, 3].map(() => tell(bench, packet(PACKET), ICMP_ERROR.ttl)?.slice(4, 6));
  expect(ids).toEqual([
    [0, 1],
    [0, 2],
    [0, 3],
  ]);
});

test('nobody hears of errors, of what is not known, or of later fragments of IPv4', () => {
  const message = (type: number) => ({ ...PACKET, protocol: 1, payload: [type, 0, 0, 0, 0, 0, 0, 0] });
  const answered = Array.from({ length: 256 }, (_, type) => type).filter((type) => {
    return tell(open(), packet(message(type)), ICMP_ERROR.ttl) !== null;
  });
  expect(answered).toEqual([0, 8, 13, 14, 15, 16, 17, 18]);
  expect(tell(open(), packet({ ...PACKET, protocol: 1, payload: [] }), ICMP_ERROR.ttl)).toBeNull();
  expect(tell(open(), packet({ ...PACKET, fragment: 0x0001 }), ICMP_ERROR.ttl)).toBeNull();
  expect(tell(open(), packet({ ...PACKET, fragment: 0x2000 }), ICMP_ERROR.ttl)).not.toBeNull();
});

test('IPv6: nobody hears of errors and redirects, wherever they are; of later fragments, yes', () => {
  const message = (type: number) => [type, 0, 0, 0, 0, 0, 0, 0];
  const silent = Array.from({ length: 256 }, (_, type) => type).filter((type) => {
    const frame = packet({ ...PACKET6, protocol: 58, payload: message(type) });
    return tell(open(), frame, ICMP_ERROR.ttl) === null;
  });
  expect(silent).toEqual([...Array(128).keys(), 137]);
  const options = (type: number) => ({
    ...PACKET6,
    protocol: 60,
    payload: [58, 0, 1, 4, 0, 0, 0, 0, ...message(type)],
  });
  expect(tell(open(), packet(options(1)), ICMP_ERROR.ttl)).toBeNull();
  expect(tell(open(), packet(options(128)), ICMP_ERROR.ttl)).not.toBeNull();
  const part = (word: number) => ({
    ...PACKET6,
    protocol: 44,
    payload: [58, 0, ...be16(word), 0, 0, 0, 1, ...message(1)],
  });
  expect(tell(open(), packet(part(1)), ICMP_ERROR.ttl)).toBeNull();
  expect(tell(open(), packet(part(8)), ICMP_ERROR.ttl)).not.toBeNull();
  const empty = packet({ ...PACKET6, protocol: 58, payload: [] });
  expect(tell(open(), empty, ICMP_ERROR.ttl)).toBeNull();
});

test('a port may ask for 50 at once, and for one more each millisecond; others for their own', () => {
  const bench = open();
  const ask = (port: number) => {
    const row = place(bench, packet(PACKET), false, port);
    return bench.errors.isDue4(row, bench.batch.rows[row + COLUMN.rest] + 2);
  };
  expect(Array.from({ length: 60 }, () => ask(1)).filter(Boolean)).toHaveLength(50);
  expect(ask(2)).toBe(true);
  bench.clock[0] += 3;
  expect(Array.from({ length: 60 }, () => ask(1)).filter(Boolean)).toHaveLength(3);
});
