import { expect, test } from 'vitest';
import { type Burst, KIND, ROW, RX, TRUNCATED, TX } from '../../src/sys/burst.ts';
import { LinkSocket } from '../../src/sys/link.ts';
import { AF_INET, AF_INET6, sockaddr } from '../../src/sys/sockaddr.ts';
import { openSenders, openVtep, type VtepOptions, type VtepSocket } from '../../src/sys/udp.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { burst, callsWhileQuiet, closeQuietly, entry, HEADROOM, owned, received, STRIDE } from './rig.ts';

needs('tcpdump');

const ECONNREFUSED = 111;
const EMSGSIZE = 90;
const EFAULT = 14;
const EINVAL = 22;

/** A namespace of its own with a loopback, so that every port is free. */
async function loopback(): Promise<Netns> {
  const netns = await (await openLab()).netns('udp');
  await netns.ip('link set lo up');
  return netns;
}

function vtep(options: Partial<VtepOptions> & { netns: string }): VtepSocket {
  return owned(openVtep({ address: '127.0.0.1', port: 0, checksum: false, receive: true, ...options }));
}

/** As `entry`, for a datagram. */
function datagram(
  b: Burst,
  row: number,
  fd: number,
  pieces: Buffer[],
  to: Buffer,
  at: number,
  tos = -1,
): number {
  const end = entry(b, row, fd, pieces, at);
  to.copy(b.bytes, end);
  b.tx[row * ROW + TX.kind] = KIND.udp;
  b.tx[row * ROW + TX.sockaddr] = end;
  b.tx[row * ROW + TX.sockaddrLength] = to.length;
  b.tx[row * ROW + TX.tos] = tos;
  return end + to.length;
}

function receiveAll(b: Burst, wanted: number): number {
  let count = 0;
  for (let tries = 0; tries < 20 && count < wanted; tries++) count += b.receive(count, wanted - count, 200);
  return count;
}

const row = (b: Burst, slot: number) => b.rx.subarray(slot * ROW, (slot + 1) * ROW);
const address = (b: Burst, slot: number, bytes: number) =>
  Buffer.from(b.rx.buffer, (slot * ROW + RX.address) * 4, bytes).toString('hex');

test.each([
  { address: '127.0.0.1', family: AF_INET, hex: '7f000001', checksum: false },
  { address: '127.0.0.1', family: AF_INET, hex: '7f000001', checksum: true },
  { address: '::1', family: AF_INET6, hex: '00000000000000000000000000000001', checksum: false },
  { address: '::1', family: AF_INET6, hex: '00000000000000000000000000000001', checksum: true },
])('$address, checksum $checksum: payload, sender, port and TOS arrive', async (a) => {
  const netns = await loopback();
  const receiver = vtep({ netns: netns.name, address: a.address, port: 4789 });
  const sender = vtep({
    netns: netns.name,
    address: a.address,
    receive: false,
    checksum: a.checksum,
    tos: 0x20,
  });
  const b = burst();
  b.add(receiver.fd, 11, KIND.udp);
  const to = sockaddr(a.address, 4789);
  const payload = [Buffer.from('outer'), Buffer.from('and'), Buffer.from('inner')];
  let at = datagram(b, 0, sender.fd, payload, to, b.slots * STRIDE, 0xb8 | 2);
  at = datagram(b, 1, sender.fd, payload.slice(0, 1), to, at);
  datagram(b, 2, sender.fd, [Buffer.alloc(0)], to, at);
  b.transmit(3);
  expect([b.result(0), b.result(1), b.result(2)]).toEqual([13, 5, 0]);

  expect(receiveAll(b, 3)).toBe(3);
  expect(received(b, 0).toString()).toBe('outerandinner');
  expect(received(b, 1).toString()).toBe('outer');
  expect([...row(b, 0).subarray(0, 6)]).toEqual([11, 13, 0, 0xba, a.family, sender.port]);
  expect([...row(b, 1).subarray(0, 4)]).toEqual([11, 5, 0, 0x20]);
  expect(row(b, 2)[RX.length]).toBe(0);
  expect(address(b, 0, a.hex.length / 2)).toBe(a.hex);
});

test('checksums are left out or computed as asked, the TTL is set and DF is not', async () => {
  const netns = await loopback();
  vtep({ netns: netns.name, port: 4789 });
  const capture = netns.spawn(['tcpdump', '-i', 'lo', '-c', '2', '-nvvx', '--immediate-mode', 'udp']);
  await capture.waitFor(/listening on/);
  const b = burst();
  const to = sockaddr('127.0.0.1', 4789);
  const bare = vtep({ netns: netns.name, receive: false, ttl: 77 });
  const summed = vtep({ netns: netns.name, receive: false, checksum: true });
  const at = datagram(b, 0, bare.fd, [Buffer.from('x')], to, b.slots * STRIDE);
  datagram(b, 1, summed.fd, [Buffer.from('x')], to, at);
  b.transmit(2);
  await capture.exited;
  const text = capture.stdout;
  expect(text).toMatch(/ttl 77, .*flags \[none\]/);
  expect(text).toMatch(/ttl 64, .*flags \[none\]/);
  // Bytes 26 and 27 of the packet: the UDP checksum, which loopback leaves partial but not zero.
  const sums = [...text.matchAll(/0x0010: {2}(?:\w+ ){5}(\w+)/g)].map((m) => m[1]);
  expect(sums[0]).toBe('0000');
  expect(sums[1]).not.toBe('0000');
});

test('an error costs its own datagram only, in the middle of a run and across sockets', async () => {
  const netns = await loopback();
  const receiver = vtep({ netns: netns.name, port: 4789 });
  const [one, two] = [
    vtep({ netns: netns.name, receive: false }),
    vtep({ netns: netns.name, receive: false }),
  ];
  const b = burst({}, 1 << 18);
  b.add(receiver.fd, 1, KIND.udp);
  const to = sockaddr('127.0.0.1', 4789);
  let at = b.slots * STRIDE;
  const put = (n: number, fd: number, bytes: Buffer, where = to) => {
    at = datagram(b, n, fd, [bytes], where, at);
  };
  put(0, one.fd, Buffer.from('a'));
  put(1, one.fd, Buffer.alloc(65_536)); // more than any IP packet carries
  put(2, one.fd, Buffer.from('b'));
  put(3, one.fd, Buffer.from('bad'));
  b.tx[3 * ROW + TX.sockaddr] = b.bytes.length - 3;
  put(4, one.fd, Buffer.from('c'));
  put(5, two.fd, Buffer.from('d'));
  put(6, two.fd, Buffer.from('short'), to.subarray(0, 8));
  put(7, two.fd, Buffer.from('e'));
  b.transmit(8);
  const results = Array.from({ length: 8 }, (_, n) => b.result(n));
  expect(results).toEqual([1, -EMSGSIZE, 1, -EFAULT, 1, 1, -EINVAL, 1]);
  expect(receiveAll(b, 5)).toBe(5);
  expect([0, 1, 2, 3, 4].map((slot) => received(b, slot).toString()).join('')).toBe('abcde');
});

test('more datagrams than one system call takes all arrive in order', async () => {
  const netns = await loopback();
  const receiver = vtep({ netns: netns.name, port: 4789 });
  const sender = vtep({ netns: netns.name, receive: false });
  const b = burst();
  b.add(receiver.fd, 1, KIND.udp);
  const to = sockaddr('127.0.0.1', 4789);
  let at = b.slots * STRIDE;
  for (let n = 0; n < 300; n++) at = datagram(b, n, sender.fd, [Buffer.from([n >> 8, n & 255])], to, at);
  b.transmit(300);
  const seen: number[] = [];
  for (let tries = 0; tries < 100 && seen.length < 300; tries++) {
    const count = b.receive(0, 64, 200);
    for (let slot = 0; slot < count; slot++) seen.push(received(b, slot).readUInt16BE());
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => n));
});

test('a datagram longer than its slot is marked truncated', async () => {
  const netns = await loopback();
  const receiver = vtep({ netns: netns.name, port: 4789 });
  const b = burst();
  b.add(receiver.fd, 1, KIND.udp);
  const room = STRIDE - HEADROOM;
  const sender = vtep({ netns: netns.name, receive: false });
  const to = sockaddr('127.0.0.1', 4789);
  const at = datagram(b, 0, sender.fd, [Buffer.alloc(room)], to, b.slots * STRIDE);
  datagram(b, 1, sender.fd, [Buffer.alloc(room + 1)], to, at);
  b.transmit(2);
  expect(receiveAll(b, 2)).toBe(2);
  expect([row(b, 0)[RX.length], row(b, 0)[RX.flags]]).toEqual([room, 0]);
  expect([row(b, 1)[RX.length], row(b, 1)[RX.flags]]).toEqual([room, TRUNCATED]);
});

test('a socket that only sends keeps nothing of what arrives at its port', async () => {
  const netns = await loopback();
  const sender = vtep({ netns: netns.name, receive: false });
  const b = burst();
  b.add(sender.fd, 1, KIND.udp);
  datagram(b, 0, sender.fd, [Buffer.from('x')], sockaddr('127.0.0.1', sender.port), b.slots * STRIDE);
  b.transmit(1);
  expect(b.receive(0, 8, 50)).toBe(0);
});

test('an ICMP error for an earlier datagram neither ends the socket nor spins', async () => {
  const netns = await loopback();
  const vtepSocket = vtep({ netns: netns.name, port: 4789 });
  const b = burst();
  b.add(vtepSocket.fd, 1, KIND.udp);
  datagram(b, 0, vtepSocket.fd, [Buffer.from('x')], sockaddr('127.0.0.1', 9), b.slots * STRIDE);
  b.transmit(1);
  expect([1, -ECONNREFUSED]).toContain(b.result(0));
  // The answer, if it comes during the wait, ends it once.
  expect(callsWhileQuiet(b)).toBeLessThan(10);
});

test('an address in use, an address that is not here, and no address at all are told apart', async () => {
  const netns = await loopback();
  vtep({ netns: netns.name, port: 4789 });
  expect(() => vtep({ netns: netns.name, port: 4789 })).toThrow(
    'Cannot open UDP on 127.0.0.1 port 4789: address already in use (EADDRINUSE)',
  );
  expect(() => vtep({ netns: netns.name, address: '192.0.2.1' })).toThrow(
    expect.objectContaining({ code: 'EADDRNOTAVAIL' }),
  );
  expect(() => vtep({ netns: netns.name, address: '192.0.2' })).toThrow('192.0.2 is no IP address');
  vtep({ netns: netns.name, address: '::', port: 4789 }); // IPv6 only: the IPv4 port stays ours
  vtep({ netns: netns.name, port: 4790, reusePort: true });
  vtep({ netns: netns.name, port: 4790, reusePort: true });
});

test('senders spread over their range, pass over taken ports, and fail only if none is free', async () => {
  const netns = await loopback();
  const options = { netns: netns.name, address: '127.0.0.1', checksum: false };
  const spread = openSenders(options, { from: 50_000, to: 50_999 }, 4).map(owned);
  const ports = spread.map((one) => one.port - 50_000);
  expect(ports.slice(1).map((port, n) => (port - ports[n] + 1000) % 1000)).toEqual([250, 250, 250]);
  const first = openSenders(options, { from: 51_000, to: 51_999 }, 1).map(owned)[0];
  const starts = Array.from(
    { length: 8 },
    () => openSenders(options, { from: 51_000, to: 51_999 }, 1).map(owned)[0],
  );
  expect(new Set([first, ...starts].map(({ port }) => port)).size).toBeGreaterThan(2); // at random: 8 in a row are not
  owned(openVtep({ ...options, port: 52_000, receive: false }));
  const few = openSenders(options, { from: 52_000, to: 52_003 }, 8).map((one) => owned(one).port);
  expect(few.sort()).toEqual([52_001, 52_002, 52_003]);
  expect(() => openSenders(options, { from: 52_000, to: 52_003 }, 8)).toThrow(
    expect.objectContaining({ code: 'EADDRINUSE' }),
  );
});

test('a sockaddr carries family, port, address and zone', () => {
  expect(sockaddr('192.0.2.1', 4789).toString('hex')).toBe('020012b5c00002010000000000000000');
  expect(sockaddr('2001:db8::1', 4789).toString('hex')).toBe(
    '0a0012b50000000020010db800000000000000000000000100000000',
  );
  expect(sockaddr('fe80::1%7', 1).readUInt32LE(24)).toBe(7);
  using links = LinkSocket.open();
  expect(sockaddr('fe80::1%lo', 1).readUInt32LE(24)).toBe(links.index('lo'));
});

test('datagrams that were sent at once arrive as one train where that was asked for', async () => {
  const netns = await loopback();
  for (const [address, trains] of [
    ['127.0.0.1', true],
    ['127.0.0.1', false],
    ['::1', true],
  ] as const) {
    const receiver = vtep({ netns: netns.name, address, port: 4789, trains });
    const sender = vtep({ netns: netns.name, address, receive: false, checksum: true, tos: 0x20 });
    const b = burst();
    b.add(receiver.fd, 7, KIND.udp);
    // An IPv4 and TCP header behind 4 bytes of tunnel, and what three segments carry: 1000, 1000 and 500 bytes.
    const header = Buffer.alloc(44);
    header[4] = 0x45;
    datagram(b, 0, sender.fd, [header, Buffer.alloc(2500)], sockaddr(address, 4789), b.slots * STRIDE);
    b.tx[TX.kind] = KIND.segments;
    b.tx[TX.segment] = (6 << 16) | 1000;
    b.tx[TX.layers] = (4 << 16) | 24;
    b.tx[TX.udpSegment] = 1;
    b.transmit(1);
    expect([b.result(0), b.tx[TX.udpSegment]]).toEqual([3 * 44 + 2500, 1]);
    const count = trains ? 1 : 3;
    expect(receiveAll(b, count)).toBe(count);
    const rows = Array.from({ length: count }, (_, n) => [
      row(b, n)[RX.length],
      row(b, n)[RX.train],
      row(b, n)[RX.tos],
    ]);
    expect(rows).toEqual(
      trains
        ? [[3 * 44 + 2500, 1044, 0x20]]
        : [
            [1044, 0, 0x20],
            [1044, 0, 0x20],
            [544, 0, 0x20],
          ],
    );
    closeQuietly(receiver.fd);
  }
});
