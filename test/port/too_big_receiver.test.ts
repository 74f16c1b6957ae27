// Whom a tunnel over IPv6 believes that less fits.

import { beforeEach, expect, test } from 'vitest';
import { EgressQueue } from '../../src/engine/port.ts';
import { COLUMN, FrameBatch } from '../../src/frame/frame_batch.ts';
import { hop } from '../../src/frame/hop.ts';
import { Counters } from '../../src/table/counters.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { addressWords, parseIp } from '../../src/wire/ip_address.ts';
import { build, payloadOf } from '../engine/offload_frames.ts';
import { StubBurst } from '../support/engine/stub_burst.ts';
import { tunnelOver } from '../support/engine/tunnel.ts';

const REMOTE = '2001:db8::5';
const OTHER = '2001:db8::6';
const ROW = 1;

let tunnel: ReturnType<typeof setUp>;
beforeEach(() => {
  tunnel = setUp();
});

function setUp() {
  const batch = new FrameBatch(8, 512 * 1024);
  const burst = new StubBurst(batch.bytes);
  const table = new Remotes(100, 20, 5);
  const counters = Counters.allocate(16, 2);
  const { sockets, registry, paths, tooBig } = tunnelOver(burst.asBurst(), counters, table);
  const rest = { udpSegment: true, tos: 0, remoteLearning: false, maxRemotes: 1 };
  registry.add({ port: 3, vni: 42, vtep: 0, family: 6, dstPort: 4789, senders: [100], ...rest });
  const rows = [REMOTE, OTHER].map((remote, n) => ({ row: n + 1, port: 3, address: addressWords(remote) }));
  table.configure(rows, () => true);
  burst.second = 1000;
  return { batch, burst, sockets, paths, tooBig };
}

/** Sends a TCP segment with so much payload; returns the datagram. */
function send(payload = 1300): Uint8Array {
  const { batch, burst, sockets } = tunnel;
  const { bytes } = build({
    version: 4,
    protocol: 'tcp',
    payload: payloadOf(payload),
    gsoSize: 0,
    finished: true,
  });
  const at = batch.slotAt(0);
  batch.bytes.set(bytes, at);
  batch.rows[COLUMN.start] = at;
  batch.rows[COLUMN.rest] = at + 12;
  batch.rows[COLUMN.length] = bytes.length;
  const queue = new EgressQueue(sockets, 8);
  queue.push(0, hop(3, ROW), 0, 0);
  sockets.transmit(batch, queue);
  sockets.flush(batch);
  return (burst.sent.at(-1) as { bytes: Uint8Array }).bytes;
}

/** What a router says of a datagram; `changes` at offsets from the ICMPv6 header. */
function tell(datagram: Uint8Array, mtu: number, to = REMOTE, changes: Record<number, number> = {}): void {
  const { batch, tooBig } = tunnel;
  const message = new Uint8Array(8 + 40 + 8 + Math.min(datagram.length, 1232 - 48));
  const view = new DataView(message.buffer);
  message[0] = 2;
  view.setUint32(4, mtu);
  message.set([0x60, 0, 0, 0, 0, 0, 17, 64], 8);
  message.set(parseIp(to) as Uint8Array, 8 + 24);
  view.setUint16(8 + 40 + 2, 4789);
  message.set(datagram.subarray(0, message.length - 56), 56);
  for (const [at, value] of Object.entries(changes)) message[Number(at)] = value;
  batch.clear();
  batch.bytes.set(message, batch.slotAt(0));
  tooBig.receive(batch, 0, message.length);
}

const limit = (row = ROW) => tunnel.paths.limits[row];
/** Offsets of the TCP header's fields in the message: ICMPv6, IPv6, UDP, VXLAN, Ethernet, IPv4. */
const TCP = 8 + 40 + 8 + 8 + 14 + 20;

test('who quotes what was sent is believed, for that remote, until ten minutes are over', () => {
  tell(send(), 1400);
  expect(limit()).toBe(1330);
  expect(limit(2)).toBe(0);
  tell(send(), 1450); // more than is believed to fit
  expect(limit()).toBe(1330);
  tunnel.paths.expire(1599, () => true);
  expect(limit()).toBe(1330);
  tunnel.paths.expire(1600, () => true);
  expect(limit()).toBe(0);
});

test('nobody is believed below the least MTU of IPv6', () => {
  tell(send(), 552);
  expect(limit()).toBe(1280 - 70);
});

test.each([
  ['another remote', OTHER, {}],
  ['another flow', REMOTE, { [TCP + 1]: 77 }],
  ['another place in the flow', REMOTE, { [TCP + 7]: 77 }],
  ['another VNI', REMOTE, { [8 + 40 + 8 + 6]: 9 }],
  ['another UDP port', REMOTE, { [8 + 40 + 3]: 1 }],
  ['another protocol', REMOTE, { [8 + 6]: 6 }],
  ['another error', REMOTE, { 0: 1 }],
])('a quotation of %s is not believed', (_, to, changes) => {
  const datagram = send();
  tell(datagram, 1400, to, changes);
  expect([limit(), limit(2)]).toEqual([0, 0]);
  tell(datagram, 1400);
  expect(limit()).toBe(1330);
});

test('what fits everywhere is not remembered, and what was sent long ago is forgotten', () => {
  tell(send(100), 1400);
  expect(limit()).toBe(0);
  const old = send();
  for (let n = 0; n < 4096; n++) tunnel.paths.sent(2, n, n, 1);
  tell(old, 1400);
  expect(limit()).toBe(0);
});

test('a flood of answers costs so many looks in a second', () => {
  const datagram = send();
  for (let n = 0; n < 100; n++) tell(datagram, 1400, OTHER);
  tell(datagram, 1400);
  expect(limit()).toBe(0);
  tunnel.burst.second = 1001;
  tell(datagram, 1400);
  expect(limit()).toBe(1330);
});
