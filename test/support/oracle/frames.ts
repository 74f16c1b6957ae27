// Frames for the oracle: few stations, so that they meet and move; groups, also reserved ones; tags of every kind.

import type { Random } from '../engine/random.ts';

export const STATIONS = 6;
const BROADCAST = Buffer.alloc(6, 255);
const TPIDS = [0x8100, 0x8100, 0x8100, 0x88a8, 0x9100];
const MIN_LENGTH = 60;

let serial = 0;

export function station(number: number): Buffer {
  return Buffer.from([2, 0, 0, 0, 0, number]);
}

export function macText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export function tag(tpid: number, tci: number): Buffer {
  return Buffer.from([tpid >> 8, tpid & 255, tci >> 8, tci & 255]);
}

/** @param vids of the bridge; none if it is not VLAN-aware @param service EtherType of service tags, if there are */
export function any(random: Random, vids: readonly number[], service?: number): Buffer {
  return build(random, destination(random), source(random), vids, service);
}

/** To no station that could be known: of use where one switch may know others than the other one. */
export function anyStranger(random: Random, vids: readonly number[], service?: number): Buffer {
  const from = station(random.between(1, 4 * STATIONS));
  return build(random, random.pick([BROADCAST, Buffer.from([2, 9, 9, 9, 9, 9])]), from, vids, service);
}

function destination(random: Random): Buffer {
  const one = () => station(random.between(1, STATIONS));
  return random.pick([
    one(),
    one(),
    one(),
    one(),
    BROADCAST,
    Buffer.from([1, 0, 0x5e, 0, 0, random.between(0, 255)]),
    Buffer.from([0x33, 0x33, 0, 0, 0, random.between(1, 3)]),
    Buffer.from([1, 0x80, 0xc2, 0, 0, random.between(0, 17)]),
    random.pick([Buffer.alloc(6), randomBytes(random, 6)]),
  ]);
}

function source(random: Random): Buffer {
  if (random.chance(0.95)) return station(random.between(1, STATIONS));
  return random.pick([
    Buffer.alloc(6),
    BROADCAST,
    Buffer.from([1, 0, 0x5e, 0, 0, 1]),
    randomBytes(random, 6),
  ]);
}

function build(
  random: Random,
  to: Buffer,
  from: Buffer,
  vids: readonly number[],
  service: number | undefined,
): Buffer {
  const tags = Array.from({ length: random.pick([0, 0, 1, 1, 1, 2]) }, (_, n) => {
    const vid = random.pick([...vids, ...vids, 0, 1, 7, 4095]);
    const usual = n === 0 && service !== undefined && random.chance(0.5) ? service : 0x8100;
    const tpid = random.chance(n === 0 ? 0.9 : service === undefined ? 0 : 0.8) ? usual : random.pick(TPIDS);
    const priority = random.chance(0.5) ? 0 : random.between(0, 15) << 12;
    // Row 6 of docs/differences.md: an inner tag may be written anew, too.
    return tag(tpid, vid | (service !== undefined && n > 0 ? priority & 0xe000 : priority));
  });
  const body = payload(random);
  const frame = Buffer.concat([to, from, ...tags, body]);
  return frame.length < MIN_LENGTH ? Buffer.concat([frame, Buffer.alloc(MIN_LENGTH - frame.length)]) : frame;
}

/** Each has a number of its own, so that no frame is taken for another. */
function payload(random: Random): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(++serial);
  const filling = randomBytes(random, random.pick([0, 20, 46, 46, 300, 1400]));
  const head = random.pick([
    [0x88, 0xb5],
    [0x88, 0xb5],
    // An ARP announcement: some switches make more of it.
    [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1],
    [0x08, 0x00, 0x45, 0, 0, 60, 0, 1, 0x20, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
    [0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 58, 255],
    // LLC: a length where others have a type.
    [0x00, 0x2e, 0x42, 0x42, 0x03],
  ]);
  return Buffer.concat([Buffer.from(head), number, filling]);
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.between(0, 255)));
}
