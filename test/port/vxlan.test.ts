// VXLAN without sockets: what goes into datagrams, and what is made of those that come. With a kernel on the other
// side: test/system/vxlan_kernel.test.ts.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EgressQueue } from '../../src/engine/port.ts';
import { COLUMN, FrameBatch, STRIDE } from '../../src/frame/frame_batch.ts';
import { DEST_DROP, DEST_VALUE, hop, PORT_BITS, PORT_MASK } from '../../src/frame/hop.ts';
import type { VxlanPort } from '../../src/port/vxlan_port.ts';
import { TX } from '../../src/sys/burst.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { DROP, DROPS } from '../../src/table/drops.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { addressWords } from '../../src/wire/ip_address.ts';
import { build, classified, payloadOf, shapes, verifies } from '../engine/offload_frames.ts';
import { parse, show } from '../support/engine/frame_text.ts';
import { StubBurst } from '../support/engine/stub_burst.ts';
import { tunnelOver } from '../support/engine/tunnel.ts';

const VNI = 42;
const PEER = '192.0.2.2';

interface Options extends Partial<VxlanPort> {
  remotes?: string[];
  txCapacity?: number;
}

function setUp({ remotes = [PEER], txCapacity, ...options }: Options = {}) {
  const batch = new FrameBatch(8, 512 * 1024);
  const burst = new StubBurst(batch.bytes, txCapacity);
  const counters = Counters.allocate(16, 2);
  const table = new Remotes(100, 20, 5);
  const port: VxlanPort = {
    port: 3,
    vni: VNI,
    vtep: 0,
    family: 4,
    dstPort: 4789,
    senders: [100, 101, 102, 103],
    udpSegment: true,
    tos: 0,
    remoteLearning: true,
    maxRemotes: 10,
    ...options,
  };
  const rows = remotes.map((remote, n) => ({ row: n + 1, port: 3, address: addressWords(remote) }));
  table.configure(rows, () => true);
  const { sockets, registry, decapsulation } = tunnelOver(burst.asBurst(), counters, table);
  decapsulation.mtu = new Uint32Array(16).fill(1450);
  registry.add(port);

  /** Sends slot 0, which holds a classified frame. */
  const transmit = (remote = 1, tag = 0, count = 1) => {
    const queue = new EgressQueue(sockets, 8);
    for (let k = 0; k < count; k++) queue.push(0, hop(3, remote), tag, 0);
    counters.values[counters.port(3) + PORT.copies] += count;
    sockets.transmit(batch, queue);
    sockets.flush(batch);
  };
  const put = (bytes: Uint8Array) => {
    const at = batch.slotAt(0);
    batch.bytes.set(bytes, at);
    batch.rows[COLUMN.start] = at;
    batch.rows[COLUMN.rest] = at + 12;
    batch.rows[COLUMN.length] = bytes.length;
    batch.rows[COLUMN.csumStart] = 0;
    batch.rows[COLUMN.gsoType] = 0;
  };
  /** Receives a datagram into slot 0; returns the drop's name or the inner frame's port and remote. */
  const receive = (datagram: Uint8Array, from = PEER, tos = 0, second = 0) => {
    burst.second = second;
    batch.bytes.set(datagram, batch.slotAt(0));
    const row = burst.cameFrom(0, addressWords(from), tos);
    batch.clear();
    decapsulation.receive(batch, 0, datagram.length, row);
    const dest = batch.rows[COLUMN.dest];
    return dest === 0
      ? `port ${batch.rows[COLUMN.ingress] & PORT_MASK} remote ${batch.rows[COLUMN.ingress] >>> PORT_BITS}`
      : DROPS[dest & DEST_VALUE].name;
  };
  const inner = () =>
    Uint8Array.from(
      batch.bytes.subarray(batch.rows[COLUMN.start], batch.rows[COLUMN.start] + batch.rows[COLUMN.length]),
    );
  const count = (counter: number) => counters.values[counters.port(3) + counter];
  return {
    batch,
    burst,
    counters,
    sockets,
    registry,
    decapsulation,
    table,
    port,
    transmit,
    put,
    receive,
    inner,
    count,
  };
}

const header = (vni: number, flags = 0x08) => [flags, 0, 0, 0, vni >>> 16, (vni >>> 8) & 255, vni & 255, 0];
const datagram = (frame: Uint8Array, vni = VNI) => Uint8Array.of(...header(vni), ...frame);

test('a frame becomes a datagram: VXLAN header, then the frame as it is', () => {
  const { burst, put, transmit, count } = setUp();
  const frame = parse('a > b "hello"');
  put(frame);
  transmit();
  expect(burst.sent).toHaveLength(1);
  const [{ bytes, sockaddr, fd, tos }] = burst.sent;
  expect(bytes).toEqual(datagram(frame));
  expect([...sockaddr]).toEqual([2, 0, 4789 >> 8, 4789 & 255, 192, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect([100, 101, 102, 103]).toContain(fd);
  expect(tos).toBe(-1);
  expect(count(PORT.transmittedFrames)).toBe(1);
  expect(count(PORT.transmittedBytes)).toBe(frame.length);
});

test('over IPv6 the address is an IPv6 one', () => {
  const { burst, put, transmit } = setUp({ family: 6, remotes: ['2001:db8::5'] });
  put(parse('a > b'));
  transmit();
  const { sockaddr } = burst.sent[0];
  expect(sockaddr).toHaveLength(28);
  expect([...sockaddr.subarray(0, 4)]).toEqual([10, 0, 4789 >> 8, 4789 & 255]);
  expect([...sockaddr.subarray(8, 24)]).toEqual([0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 5]);
});

test('an egress tag goes between the MACs and the rest', () => {
  const { burst, put, transmit } = setUp();
  put(parse('a > b "x"'));
  transmit(1, (0x8100 << 16) | 0x6007);
  expect(show(burst.sent[0].bytes.subarray(8))).toBe('a > b vlan 7 pcp 3 "x"');
});

test('a flow keeps its sender, and flows differ', () => {
  const { burst, put, transmit } = setUp();
  const frame = (payload: number) =>
    build({ version: 4, protocol: 'udp', payload: payloadOf(payload), gsoSize: 0 });
  put(frame(100).bytes);
  transmit();
  put(frame(900).bytes);
  transmit();
  expect(burst.sent[0].fd).toBe(burst.sent[1].fd);
  const fds = new Set<number>();
  for (let port = 0; port < 50; port++) {
    const { bytes, l4 } = frame(10);
    bytes[l4 + 1] = port;
    put(bytes);
    transmit();
    fds.add(burst.sent[burst.sent.length - 1].fd);
  }
  expect(fds.size).toBe(4);
});

test('a copy to a remote that is no more, or to nobody, is dropped and counted', () => {
  const { burst, put, transmit, table, count } = setUp();
  put(parse('a > b'));
  transmit(0);
  table.configure([], () => true);
  transmit(1);
  expect(burst.sent).toEqual([]);
  expect(count(PORT.drops + DROP.no_remote)).toBe(2);
});

test('a super-frame is cut into segments that all verify, and counts once', () => {
  fc.assert(
    fc.property(shapes, fc.boolean(), (shape, stripped) => {
      const { batch, burst, transmit, count } = setUp({ txCapacity: 5 });
      const frame = build(shape);
      classified(batch, 0, frame, stripped);
      transmit(1, 0, 2);
      const payload = burst.sent.map(({ bytes }) => bytes.subarray(8));
      expect(payload.every((bytes) => verifies(bytes, frame))).toBe(true);
      expect(count(PORT.transmittedFrames)).toBe(2);
      expect(count(PORT.transmittedSegments)).toBe(payload.length);
      const seen = payload
        .slice(0, payload.length / 2)
        .flatMap((bytes) => [...bytes.subarray(frame.headerLength)]);
      expect(Uint8Array.from(seen)).toEqual(frame.shape.payload);
    }),
    { numRuns: 40 },
  );
});

test('a super-frame of which one segment is refused is one dropped copy, and the next one is not blamed', () => {
  const { batch, burst, transmit, count } = setUp();
  const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(4000), gsoSize: 1000 });
  classified(batch, 0, frame, false);
  const EAGAIN = 11;
  const ENETUNREACH = 101;
  burst.results = [0, -EAGAIN, -ENETUNREACH, 0, 0, 0, 0, 0];
  transmit(1, 0, 2);
  expect(count(PORT.drops + DROP.queue_full)).toBe(1);
  expect(count(PORT.drops + DROP.unreachable)).toBe(0);
  expect(count(PORT.transmittedFrames)).toBe(1);
  expect(count(PORT.copies)).toBe(2);
});

test.each([
  [-101, 'unreachable'],
  [-113, 'unreachable'],
  [-90, 'too_big'],
  [-105, 'queue_full'],
  [-22, 'device_error'],
] as const)('errno %i is counted as %s', (errno, name) => {
  const { burst, put, transmit, count } = setUp();
  put(parse('a > b'));
  burst.results = [errno];
  transmit();
  expect(count(PORT.drops + DROP[name])).toBe(1);
});

test('the inner TOS decides the outer congestion mark, and with inherit all of it', () => {
  const { bytes } = build({ version: 4, protocol: 'udp', payload: payloadOf(10), gsoSize: 0 });
  const outer = (portTos: number, innerTos: number) => {
    const { burst, put, transmit } = setUp({ tos: portTos });
    bytes[15] = innerTos;
    put(bytes);
    transmit();
    return burst.sent[0].tos;
  };
  // -1: what the socket has anyway.
  expect([0, 1, 2, 3].map((ecn) => outer(0, 0xb8 | ecn))).toEqual([-1, 1, 2, 2]);
  expect([0, 1, 2, 3].map((ecn) => outer(0x20, 0xb8 | ecn))).toEqual([-1, 0x21, 0x22, 0x22]);
  expect([0, 1, 2, 3].map((ecn) => outer(-1, 0xb8 | ecn))).toEqual([0xb8, 0xb9, 0xba, 0xba]);
});

test('a datagram becomes its inner frame, from its port and remote', () => {
  const { receive, inner } = setUp();
  const frame = parse('b > a "hello"');
  expect(receive(datagram(frame))).toBe('port 3 remote 1');
  expect(inner()).toEqual(frame);
});

test('reserved bits are ignored on receipt (RFC 7348, 5)', () => {
  const { receive } = setUp();
  const bytes = datagram(parse('b > a'));
  bytes.set([0xff, 1, 2, 3]);
  bytes[7] = 0xff;
  expect(receive(bytes)).toBe('port 3 remote 1');
});

test('a datagram without VNI, header or inner frame is dropped', () => {
  const { receive, batch } = setUp();
  const frame = parse('b > a');
  expect(receive(Uint8Array.of(...header(VNI, 0), ...frame))).toBe('vxlan_header');
  for (const length of [0, 1, 7, 8, 21]) {
    expect(receive(datagram(frame).subarray(0, length))).toBe('vxlan_header');
    expect(batch.rows[COLUMN.ingress]).toBe(0);
  }
  expect(receive(datagram(frame).subarray(0, 22))).toBe('port 3 remote 1');
});

test('an unknown VNI belongs to nobody, also one that was mapped before', () => {
  const { receive, registry, batch } = setUp();
  expect(receive(datagram(parse('b > a'), 43))).toBe('vxlan_unknown_vni');
  expect(batch.rows[COLUMN.ingress]).toBe(0);
  registry.remove(3);
  expect(receive(datagram(parse('b > a')))).toBe('vxlan_unknown_vni');
});

test('remotes are learned up to the limit; frames of others are received without a name', () => {
  const { receive } = setUp({ maxRemotes: 3 });
  const frame = datagram(parse('b > a'));
  const rows = [10, 11, 12, 10].map((n) => receive(frame, `192.0.2.${n}`));
  expect(new Set(rows).size).toBe(3);
  expect(rows[3]).toBe(rows[0]);
  expect(receive(frame, '192.0.2.13')).toBe('port 3 remote 0');
  expect(receive(frame)).toBe('port 3 remote 1');
});

test('without remote_learning only configured remotes are received from', () => {
  const { receive } = setUp({ remoteLearning: false });
  expect(receive(datagram(parse('b > a')))).toBe('port 3 remote 1');
  expect(receive(datagram(parse('b > a')), '192.0.2.99')).toBe('vxlan_unknown_remote');
});

test('a stranger is learned with the first frame that the port takes, and not before', () => {
  const { receive, table, decapsulation } = setUp();
  const stranger = '192.0.2.99';
  const row = () => table.find(3, ...([...addressWords(stranger)] as [number, number, number, number]));
  const frame = datagram(parse('b > a'));
  const from = (changes: Record<number, number>) => {
    const changed = Uint8Array.from(frame);
    for (const [at, value] of Object.entries(changes)) changed[Number(at)] = value;
    return changed;
  };
  receive(from({ 14: 0x01 }), stranger); // a group as the source
  expect(row()).toBe(0);
  decapsulation.mayEnter = (_, tci) => (tci & 0xfff) === 7;
  receive(frame, stranger);
  receive(from({ 20: 0x81, 21: 0x00, 22: 0, 23: 8 }), stranger);
  expect(row()).toBe(0);
  receive(from({ 20: 0x81, 21: 0x00, 22: 0, 23: 7 }), stranger);
  expect(row()).toBeGreaterThan(100);
});

test('a learned remote that fell silent makes room', () => {
  const { receive, table } = setUp({ maxRemotes: 1 });
  const frame = datagram(parse('b > a'));
  expect(receive(frame, '192.0.2.10', 0, 1000)).not.toBe('port 3 remote 0');
  expect(receive(frame, '192.0.2.11', 0, 2000)).toBe('port 3 remote 0');
  table.expire(1500);
  expect(receive(frame, '192.0.2.11', 0, 2000)).not.toBe('port 3 remote 0');
});

test.each([4, 6] as const)('congestion marks arrive as RFC 6040 says, IPv%i inside', (version) => {
  const { bytes, l3 } = build({
    version,
    protocol: 'udp',
    payload: payloadOf(10),
    gsoSize: 0,
    finished: true,
  });
  const mark = (frame: Uint8Array) => (version === 4 ? frame[15] & 3 : (frame[15] >> 4) & 3);
  const table = [0, 1, 2, 3].map((inner) =>
    [0, 1, 2, 3].map((outer) => {
      const { receive, inner: innerFrame } = setUp();
      const frame = Uint8Array.from(bytes);
      if (version === 4) {
        frame[15] = (frame[15] & ~3) | inner;
        frame.set([0, 0], 24);
        let sum = 0;
        for (let at = l3; at < l3 + 20; at += 2) sum += frame[at] * 256 + frame[at + 1];
        sum = (sum & 0xffff) + (sum >>> 16);
        frame.set([(~sum >>> 8) & 255, ~sum & 255], 24);
      } else frame[15] = (frame[15] & ~0x30) | (inner << 4);
      const result = receive(datagram(frame), PEER, 0xb8 | outer);
      if (result === 'vxlan_ecn') return 'drop';
      const after = innerFrame();
      if (version === 4) {
        let sum = 0;
        for (let at = l3; at < l3 + 20; at += 2) sum += after[at] * 256 + after[at + 1];
        expect((sum & 0xffff) + (sum >>> 16)).toBe(0xffff);
      }
      return mark(after);
    }),
  );
  // Columns: outer Not-ECT, ECT(1), ECT(0), CE (vxlan_bridge_1d.sh in the kernel's selftests).
  expect(table).toEqual([
    [0, 0, 0, 'drop'],
    [1, 1, 1, 3],
    [2, 1, 2, 3],
    [3, 3, 3, 3],
  ]);
});

test('whatever arrives, nothing throws, and the columns stay within the slot', () => {
  const { batch, decapsulation, burst } = setUp();
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    shapes.map((shape) => build(shape).bytes),
    fc.tuple(shapes, fc.nat(), fc.nat(255)).map(([shape, at, value]) => {
      const { bytes } = build(shape);
      bytes[at % Math.min(bytes.length, 80)] = value;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(pieces, fc.nat(255), fc.nat(300), fc.constantFrom(8, 8, 8, 0), (frame, tos, cut, flags) => {
      const bytes = Uint8Array.of(...header(VNI, flags), ...frame);
      const length = Math.max(0, bytes.length - (cut > 250 ? cut - 250 : 0));
      batch.bytes.fill(0xee, 0, STRIDE);
      batch.bytes.set(bytes, batch.slotAt(0));
      const row = burst.cameFrom(0, addressWords(PEER), tos);
      batch.clear();
      decapsulation.receive(batch, 0, length, row);
      const end = batch.slotAt(0) + bytes.length;
      expect(batch.rows[COLUMN.start] + batch.rows[COLUMN.length]).toBeLessThanOrEqual(
        Math.max(end, batch.rows[COLUMN.start]),
      );
      if (batch.rows[COLUMN.dest] !== 0) expect(batch.rows[COLUMN.dest] & DEST_DROP).not.toBe(0);
      // Nothing was written behind the datagram.
      expect(batch.bytes.subarray(end, end + 64).every((byte) => byte === 0xee)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('when the kernel refuses to segment, the copy counts as sent, it is said once, and not asked again', () => {
  const { batch, burst, sockets, transmit, count } = setUp();
  const EIO = 5;
  burst.refusal = -EIO;
  const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(4000), gsoSize: 1000 });
  classified(batch, 0, frame, false);
  transmit(1, 0, 2);
  transmit();
  expect(sockets.refused).toEqual([[3, EIO]]);
  expect(burst.sent).toHaveLength(12);
  expect(count(PORT.transmittedFrames)).toBe(3);
  expect(burst.tx[TX.udpSegment]).toBe(0);
});
