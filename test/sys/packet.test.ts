import { expect, onTestFinished, test } from 'vitest';
import { type Burst, KIND, LOST, ROW, RX, TAGGED, TRUNCATED, TX } from '../../src/sys/burst.ts';
import { PacketSocket } from '../../src/sys/packet.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { burst, callsWhileQuiet, entry, eventList, frame, HEADER, HEADROOM, STRIDE, tap } from './rig.ts';

needs();

const EFAULT = 14;
const ENODEV = 19;
const EINVAL = 22;
const EMSGSIZE = 90;
const ENETDOWN = 100;
const ENXIO = 6;

interface Ends {
  near: Netns;
  far: Netns;
  /** Sources 1 and 2 of `b`. */
  a: PacketSocket;
  z: PacketSocket;
  b: Burst;
}

/** A packet socket at each end of a veth pair a0 - z0, both in one Burst. */
async function ends(): Promise<Ends> {
  const lab = await openLab();
  const [near, far] = await lab.netnsList(['near', 'far']);
  await Promise.all([near, far].map((netns) => netns.withoutIpv6()));
  await lab.veth(near, 'a0', far, 'z0');
  const open = (device: string, netns: Netns) => {
    const socket = PacketSocket.open({ interface: device, netns: netns.name, guard: true });
    onTestFinished(() => socket.close());
    return socket;
  };
  const [a, z] = [open('a0', near), open('z0', far)];
  const b = burst();
  b.add(a.fd, 1, KIND.packet);
  b.add(z.fd, 2, KIND.packet);
  return { near, far, a, z, b };
}

function send(b: Burst, fd: number, pieces: readonly Buffer[]): number {
  entry(b, 0, fd, pieces, b.slots * STRIDE);
  b.tx[TX.kind] = KIND.packet;
  b.transmit(1);
  return b.result(0);
}

interface Arrived {
  source: number;
  flags: number;
  header: Buffer;
  bytes: Buffer;
}

function receiveAll(b: Burst, wanted: number): Arrived[] {
  let count = 0;
  for (let tries = 0; tries < 20 && count < wanted; tries++) count += b.receive(count, b.slots - count, 50);
  return Array.from({ length: count }, (_, slot) => {
    const flags = b.rx[slot * ROW + RX.flags];
    const at = slot * STRIDE + HEADROOM - (flags & TAGGED ? 4 : 0);
    return {
      source: b.rx[slot * ROW + RX.source],
      flags,
      header: Buffer.from(b.bytes.subarray(at - HEADER, at - 2)), // the last two bytes are not the kernel's
      bytes: Buffer.from(b.bytes.subarray(at, at + b.rx[slot * ROW + RX.length])),
    };
  });
}

const NO_HEADER = Buffer.alloc(HEADER);
const PLAIN = NO_HEADER.subarray(2);

function tagged(tpid: number, tci: number, length: number): Buffer {
  const bytes = frame(length);
  const tag = Buffer.alloc(4);
  tag.writeUInt16BE(tpid);
  tag.writeUInt16BE(tci, 2);
  return Buffer.concat([bytes.subarray(0, 12), tag, bytes.subarray(12)]);
}

test('a frame crosses unchanged, in pieces or in one, and is not seen by its sender', async () => {
  const { a, b } = await ends();
  const bytes = frame(100);
  expect(send(b, a.fd, [NO_HEADER, bytes])).toBe(10 + 100);
  expect(send(b, a.fd, [Buffer.concat([NO_HEADER, bytes])])).toBe(10 + 100);
  expect(send(b, a.fd, [Buffer.concat([NO_HEADER, bytes.subarray(0, 12)]), bytes.subarray(12)])).toBe(
    10 + 100,
  );
  const arrived = receiveAll(b, 3);
  expect(arrived).toEqual([1, 2, 3].map(() => ({ source: 2, flags: 0, header: PLAIN, bytes })));
  expect(receiveAll(b, 1)).toEqual([]);
});

test.each([
  ['802.1Q', 0x8100, 0xa064],
  ['all zero', 0x8100, 0],
  ['802.1ad', 0x88a8, 0x2007],
])('a tag that the kernel took off is back in its place: %s', async (_, tpid, tci) => {
  const { a, b } = await ends();
  for (const length of [60, 61, tpid === 0x8100 ? 1514 : 1510]) {
    const bytes = tagged(tpid, tci, length);
    expect(send(b, a.fd, [NO_HEADER, bytes])).toBe(10 + length + 4);
    expect(receiveAll(b, 1)).toEqual([{ source: 2, flags: TAGGED, header: PLAIN, bytes }]);
  }
});

/** TCP over IPv4 with 4,000 bytes, its checksum a sum of the pseudo-header; `shift` bytes of tag are before the IP header. */
function superFrame(shift: 0 | 4): { header: Buffer; bytes: Buffer } {
  const payload = 4000;
  const ip = Buffer.from('450000000001400040060000 0a000001 0a000002'.replaceAll(' ', ''), 'hex');
  ip.writeUInt16BE(40 + payload, 2);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += ip.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  ip.writeUInt16BE(~sum & 0xffff, 10);
  const tcp = Buffer.from('03e807d00000000100000001501000ff12340000', 'hex');
  const macs = Buffer.from('020000000002020000000001', 'hex');
  const tag = shift === 0 ? Buffer.alloc(0) : Buffer.from('8100600a', 'hex');
  const bytes = Buffer.concat([macs, tag, Buffer.from('0800', 'hex'), ip, tcp, Buffer.alloc(payload, 7)]);
  const header = Buffer.alloc(HEADER);
  header[0] = 1; // NEEDS_CSUM
  header[1] = 1; // TCPV4
  header.writeUInt16LE(54 + shift, 2);
  header.writeUInt16LE(1000, 4);
  header.writeUInt16LE(34 + shift, 6);
  header.writeUInt16LE(16, 8);
  return { header, bytes };
}

test.each([0, 4] as const)(
  'a super-frame crosses whole, its offload request moved by %d bytes of tag',
  async (shift) => {
    const { a, b } = await ends();
    const { header, bytes } = superFrame(shift);
    expect(send(b, a.fd, [header, bytes])).toBe(10 + bytes.length);
    const [arrived] = receiveAll(b, 1);
    expect(arrived.flags).toBe(shift === 0 ? 0 : TAGGED);
    expect(arrived.bytes.equals(bytes)).toBe(true);
    // hdr_len is the kernel's own hint.
    const withoutHint = (from: Buffer) => Buffer.concat([from.subarray(0, 2), from.subarray(4, 10)]);
    expect(withoutHint(arrived.header)).toEqual(withoutHint(header));
  },
);

test('a frame that the slot cannot hold is marked', async () => {
  const { near, far, a, b } = await ends();
  await near.ip('link set dev a0 mtu 9000');
  await far.ip('link set dev z0 mtu 9000');
  send(b, a.fd, [NO_HEADER, frame(STRIDE - HEADROOM)]);
  send(b, a.fd, [NO_HEADER, frame(STRIDE - HEADROOM + 1)]);
  expect(receiveAll(b, 2).map(({ flags }) => flags)).toEqual([0, TRUNCATED]);
});

/** UDP over IPv4 that asks to be fragmented (UFO), which no kernel can tell a packet socket any more. */
function fragmentable(): Buffer {
  const payload = 3000;
  const ip = Buffer.from('45000000000140004011 0000 0a0000010a000002'.replaceAll(' ', ''), 'hex');
  ip.writeUInt16BE(28 + payload, 2);
  const udp = Buffer.from('03e807d000000000', 'hex');
  udp.writeUInt16BE(8 + payload, 4);
  const header = Buffer.alloc(HEADER);
  header[0] = 1; // NEEDS_CSUM
  header[1] = 3; // UDP
  header.writeUInt16LE(42, 2);
  header.writeUInt16LE(1000, 4);
  header.writeUInt16LE(34, 6);
  header.writeUInt16LE(6, 8);
  return Buffer.concat([
    header,
    frame(14).subarray(0, 12),
    Buffer.from('0800', 'hex'),
    ip,
    udp,
    Buffer.alloc(payload, 7),
  ]);
}

// UDP super-frames do the same before Linux 6.2. An error behind good frames is told with the next call, or by epoll.
test.each(['gbg', 'bgg', 'ggb', 'bb', 'gbbgbggggggb'])(
  'a frame that the kernel cannot hand over (b) leaves a row that says so, and good ones (g) come: %s',
  async (order) => {
    const lab = await openLab();
    const netns = await lab.netns('sys');
    await netns.withoutIpv6();
    const sender = tap({ name: 't0', netns: netns.name });
    const socket = PacketSocket.open({ interface: 't0', netns: netns.name, guard: false });
    onTestFinished(() => socket.close());
    const b = burst();
    b.add(socket.fd, 1, KIND.packet);
    const seen: string[] = [];
    const send = (kinds: string) => {
      let at = b.slots * STRIDE;
      [...kinds].forEach((kind, n) => {
        at = entry(b, n, sender.fd, kind === 'b' ? [fragmentable()] : [NO_HEADER, frame(60)], at);
      });
      b.transmit(kinds.length);
      [...kinds].forEach((_, n) => {
        expect(b.result(n)).toBeGreaterThan(0);
      });
      const arrived = receiveAll(b, kinds.length);
      for (const { source, flags, bytes } of arrived) {
        expect({ source, length: bytes.length }).toEqual({ source: 1, length: flags === LOST ? 0 : 60 });
        seen.push(flags === LOST ? 'b' : 'g');
      }
    };
    send('gggggggggggggggg'); // from here on several are asked for at once
    send(order);
    expect(seen.join('')).toBe(`gggggggggggggggg${order}`);
    expect(callsWhileQuiet(b)).toBeLessThan(10);
  },
);

test('what cannot be sent has its reason, and hinders nothing else', async () => {
  const { near, a, z, b } = await ends();
  expect(send(b, a.fd, [NO_HEADER, frame(1515)])).toBe(-EMSGSIZE);
  expect(send(b, a.fd, [NO_HEADER, frame(14).subarray(0, 13)])).toBe(-EINVAL);
  expect(send(b, a.fd, [NO_HEADER.subarray(1), frame(60)])).toBe(-EFAULT);
  const aux = b.slots * STRIDE;
  let at = aux;
  [1514, 1515, 60].forEach((length, row) => {
    at = entry(b, row, row === 2 ? z.fd : a.fd, [NO_HEADER, frame(length)], at);
    b.tx[row * ROW + TX.kind] = KIND.packet;
  });
  b.transmit(3);
  expect([0, 1, 2].map((row) => b.result(row))).toEqual([1524, -EMSGSIZE, 70]);
  const arrived = receiveAll(b, 2).map(({ source, bytes }) => [source, bytes.length]);
  expect(arrived.sort()).toEqual([
    [1, 60],
    [2, 1514],
  ]);
  await near.ip('link set dev a0 down');
  // The first says what happened to the socket, those after it what is.
  for (let n = 0; n < 3; n++) expect(send(b, a.fd, [NO_HEADER, frame(60)])).toBe(-ENETDOWN);
});

test('an interface may go down and up, and that is no event', async () => {
  const { near, z, b } = await ends();
  await near.ip('link set dev a0 down');
  expect(receiveAll(b, 1)).toEqual([]);
  expect(eventList(b)).toEqual([]);
  await near.ip('link set dev a0 up');
  expect(send(b, z.fd, [NO_HEADER, frame(60)])).toBe(70);
  expect(receiveAll(b, 1)).toMatchObject([{ source: 1 }]);
});

/** What was told of dead descriptors within two seconds. */
function events(b: Burst, wanted: number): [number, number][] {
  const all: [number, number][] = [];
  for (let tries = 0; tries < 40 && all.length < wanted; tries++) {
    b.receive(0, b.slots, 50);
    all.push(...eventList(b));
  }
  return all;
}

test('an interface that is deleted is told, also when it was down for long', async () => {
  const { near, far, a, b } = await ends();
  await far.ip('link set dev z0 down');
  b.receive(0, b.slots, 20);
  await near.ip('link del dev a0');
  expect(events(b, 2).sort()).toEqual([
    [1, ENODEV],
    [2, ENODEV],
  ]);
  expect(send(b, a.fd, [NO_HEADER, frame(60)])).toBe(-ENXIO);
  expect(a.link()).toBeUndefined();
});

test('a busy neighbour costs a packet socket nothing: each gets its turn', async () => {
  const { a, z, b } = await ends();
  for (let n = 0; n < 200; n++) send(b, a.fd, [NO_HEADER, frame(1514, n)]);
  send(b, z.fd, [NO_HEADER, frame(60)]);
  let turns = 0;
  let isSeen = false;
  while (!isSeen && turns < 10) {
    const count = b.receive(0, 32, 50);
    turns++;
    isSeen = Array.from({ length: count }, (_, slot) => b.rx[slot * ROW + RX.source]).includes(1);
  }
  expect(turns).toBeLessThanOrEqual(2);
});

test('frames for which the socket has no room are counted', async () => {
  const { a, z, b } = await ends();
  const room = 32 << 20;
  for (let n = 0; n < room / 2000; n++) send(b, a.fd, [NO_HEADER, frame(1514)]);
  const sent = Math.ceil(room / 2000);
  const lost = z.dropped();
  expect(lost).toBeGreaterThan(1000);
  expect(z.dropped()).toBe(lost); // the kernel forgets it when it is read
  let count = 0;
  for (let got = 1; got > 0; count += got) got = b.receive(0, b.slots, 20);
  expect(count + lost).toBe(sent);
});
