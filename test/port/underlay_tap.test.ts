// A tunnel over a TAP without the TAP: what is written into it, and what is made of what comes out. With kernels on the
// other side: test/system/vxlan_underlay_tap.test.ts.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkOffload } from '../../src/engine/offload.ts';
import { EgressQueue } from '../../src/engine/port.ts';
import { COLUMN, FrameBatch, STRIDE } from '../../src/frame/frame_batch.ts';
import { DEST_DROP, DEST_VALUE, hop, PORT_BITS, PORT_MASK } from '../../src/frame/hop.ts';
import type { VxlanPort } from '../../src/port/vxlan_port.ts';
import { KIND, LOST, RX, TX } from '../../src/sys/burst.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { DROP, DROPS } from '../../src/table/drops.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { addressWords } from '../../src/wire/ip_address.ts';
import {
  build,
  classified,
  type OffloadFrame,
  payloadOf,
  shapes,
  sumWords,
  verifies,
} from '../engine/offload_frames.ts';
import { StubBurst } from '../support/engine/stub_burst.ts';
import { tunnelOver } from '../support/engine/tunnel.ts';

const LOCAL = '198.51.100.1';
const PEER = '198.51.100.2';
const HEADER = 24;
const OUTER = 14 + 20 + 8 + 8;
const EXPERIMENTAL_TAG = (0x8100 << 16) | 0x6007;

const word = (address: string) => address.split('.').reduce((sum, byte) => (sum << 8) | Number(byte), 0);

function setUp(options: Partial<VxlanPort> = {}, [local, remote] = [LOCAL, PEER]) {
  const batch = new FrameBatch(8, 512 * 1024);
  const burst = new StubBurst(batch.bytes);
  const counters = Counters.allocate(16, 2);
  const remotes = new Remotes(100, 20, 5);
  remotes.configure([{ row: 1, port: 3, address: addressWords(remote) }], () => true);
  const { taps, registry, tapDecapsulation } = tunnelOver(burst.asBurst(), counters, remotes);
  const port: VxlanPort = {
    port: 3,
    vni: 42,
    vtep: 0,
    family: 4,
    dstPort: 4789,
    senders: [],
    udpSegment: false,
    tos: 0,
    remoteLearning: true,
    maxRemotes: 10,
    underlay: {
      fd: 77,
      mac: { hi: 0x0600, lo: 9 },
      local: word(local),
      ttl: 65,
      sourcePort: 50_000,
      sourcePorts: 1000,
    },
    ...options,
  };
  registry.add(port);
  tapDecapsulation.add(port);

  /** Sends the classified frame of slot 0; returns what the TAP was given. */
  const transmit = (tag = 0, remote = 1): Uint8Array[] => {
    burst.sent.length = 0;
    const queue = new EgressQueue(taps, 8);
    queue.push(0, hop(3, remote), tag, 0);
    taps.transmit(batch, queue);
    taps.flush(batch);
    return burst.sent.map(({ bytes }) => bytes);
  };
  const send = (frame: OffloadFrame, tag = 0, stripped = false): Uint8Array[] => {
    classified(batch, 0, frame, stripped);
    return transmit(tag);
  };
  /** What the TAP gives, header included. Returns the drop's name, or the inner frame's port and remote. */
  const receive = (bytes: Uint8Array, flags = 0) => {
    batch.bytes.set(bytes, batch.slotAt(0) - HEADER);
    burst.rx.fill(0);
    burst.rx[RX.flags] = flags;
    batch.clear();
    tapDecapsulation.receive(batch, 0, bytes.length - HEADER, 0);
    const dest = batch.rows[COLUMN.dest];
    const ingress = batch.rows[COLUMN.ingress];
    return dest === 0
      ? `port ${ingress & PORT_MASK} remote ${ingress >>> PORT_BITS}`
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
    remotes,
    registry,
    tapDecapsulation,
    port,
    transmit,
    send,
    receive,
    inner,
    count,
  };
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const plain = build({ version: 4, protocol: 'udp', payload: payloadOf(100), gsoSize: 0, finished: true });
const finished: OffloadFrame = { ...plain, gsoType: 0 };

/** A frame as the other end sends it. */
function fromPeer(frame: OffloadFrame = finished, tag = 0): Uint8Array {
  const [bytes] = setUp({}, [PEER, LOCAL]).send(frame, tag);
  return bytes;
}

test('a frame leaves behind Ethernet, IPv4, UDP and VXLAN headers, and asks for nothing', () => {
  const { send, burst, count } = setUp({ tos: 0x20 });
  const [bytes] = send(finished);
  const view = viewOf(bytes);
  expect([...bytes.subarray(0, HEADER)]).toEqual(new Array(HEADER).fill(0));
  expect(Buffer.from(bytes.subarray(HEADER, HEADER + 14)).toString('hex')).toBe(
    '0600000000090200000000000800',
  );
  const ip = bytes.subarray(HEADER + 14, HEADER + 34);
  const length = 20 + 8 + 8 + finished.bytes.length;
  // Version and length, TOS with the inner ECT(0), total length, identification, DF, TTL, UDP.
  expect([...ip.subarray(0, 10)]).toEqual([0x45, 0x22, length >> 8, length & 255, 0, 0, 0x40, 0, 65, 17]);
  expect(sumWords(ip)).toBe(0xffff);
  expect([...ip.subarray(12)]).toEqual([198, 51, 100, 1, 198, 51, 100, 2]);
  expect(view.getUint16(HEADER + 34)).toBeGreaterThanOrEqual(50_000);
  expect(view.getUint16(HEADER + 34)).toBeLessThan(51_000);
  expect(view.getUint16(HEADER + 36)).toBe(4789);
  expect(view.getUint16(HEADER + 38)).toBe(length - 20);
  expect(view.getUint16(HEADER + 40)).toBe(0);
  expect([...bytes.subarray(HEADER + 42, HEADER + 50)]).toEqual([8, 0, 0, 0, 0, 0, 42, 0]);
  expect(bytes.subarray(HEADER + OUTER)).toEqual(finished.bytes);
  expect(burst.sent[0].fd).toBe(77);
  expect(burst.tx[TX.kind]).toBe(KIND.tap);
  expect(count(PORT.transmittedFrames)).toBe(1);
  expect(count(PORT.transmittedBytes)).toBe(finished.bytes.length);
});

test.each([4, 6] as const)(
  'a super-frame stays one, and its request moves with it, IPv%i inside',
  (version) => {
    const frame = build({
      version,
      protocol: 'tcp',
      payload: payloadOf(9000),
      gsoSize: 1300,
      tags: [0x8100_2064],
    });
    const { send, count } = setUp();
    for (const [tag, shift] of [
      [0, 0],
      [EXPERIMENTAL_TAG, 4],
    ]) {
      const [bytes, ...more] = send(frame, tag);
      const view = viewOf(bytes);
      expect(more).toEqual([]);
      expect(bytes[0]).toBe(1);
      expect(bytes[1]).toBe(frame.gsoType | 0x20);
      expect(view.getUint16(2, true)).toBe(OUTER + shift + frame.headerLength);
      expect(view.getUint16(4, true)).toBe(1300);
      expect(view.getUint16(6, true)).toBe(OUTER + shift + frame.csumStart);
      expect(view.getUint16(8, true)).toBe(frame.csumOffset);
      expect(view.getUint16(20, true)).toBe(34);
      expect(view.getUint16(22, true)).toBe(OUTER + shift + frame.l3);
    }
    expect(count(PORT.transmittedSegments)).toBe(14);
  },
);

test('what the kernel would not take whole becomes segments: datagrams, a finished checksum, more than a packet holds', () => {
  const big = { version: 4 as const, protocol: 'tcp' as const, payload: payloadOf(65_480), gsoSize: 32_000 };
  const some = { ...big, payload: payloadOf(5000), gsoSize: 1300 };
  for (const shape of [{ ...some, protocol: 'udp' as const }, { ...some, finished: true }, big]) {
    const frame = build(shape);
    const { send, count } = setUp();
    const sent = send(frame);
    expect(sent.length).toBe(Math.ceil(shape.payload.length / shape.gsoSize));
    for (const bytes of sent) {
      expect([...bytes.subarray(0, HEADER)]).toEqual(new Array(HEADER).fill(0));
      expect(verifies(bytes.subarray(HEADER + OUTER), frame)).toBe(true);
    }
    expect(count(PORT.transmittedFrames)).toBe(1);
    expect(count(PORT.transmittedSegments)).toBe(sent.length);
  }
});

test('what one end sends the other receives as it was, request included', () => {
  fc.assert(
    fc.property(shapes, fc.boolean(), fc.boolean(), fc.boolean(), (shape, isTagged, stripped, isSuper) => {
      const frame = build(shape);
      if (!isSuper) frame.gsoType = 0;
      const near = setUp();
      const far = setUp({}, [PEER, LOCAL]);
      const tag = isTagged ? EXPERIMENTAL_TAG : 0;
      const sent = near.send(frame, tag, stripped);
      fc.pre(sent.length === 1 && (frame.gsoType === 0 || frame.csumStart !== 0) && frame.gsoType !== 5);
      expect(far.receive(sent[0])).toBe('port 3 remote 1');
      const bytes = [...frame.bytes];
      if (isTagged) bytes.splice(12, 0, 0x81, 0, 0x60, 7);
      expect(far.inner()).toEqual(Uint8Array.from(bytes));
      const { rows } = far.batch;
      const shift = isTagged ? 4 : 0;
      expect(rows[COLUMN.gsoType]).toBe(frame.gsoType);
      expect(rows[COLUMN.csumStart]).toBe(frame.csumStart === 0 ? 0 : frame.csumStart + shift);
      expect(rows[COLUMN.csumOffset]).toBe(frame.csumOffset);
      if (frame.gsoType === 0) return;
      expect(rows[COLUMN.gsoSize]).toBe(shape.gsoSize);
      expect(checkOffload(far.batch, 0)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('flows differ in their source port, and a flow keeps it', () => {
  const { send } = setUp();
  const ports = new Set<number>();
  for (let n = 0; n < 50; n++) {
    const frame: OffloadFrame = { ...finished, bytes: Uint8Array.from(finished.bytes) };
    frame.bytes[frame.l4 + 1] = n;
    const [first, again] = [send(frame)[0], send(frame)[0]].map((bytes) =>
      viewOf(bytes).getUint16(HEADER + 34),
    );
    expect(again).toBe(first);
    ports.add(first);
  }
  expect(ports.size).toBeGreaterThan(40);
});

test('a copy to a remote that is no more is dropped and counted', () => {
  const { batch, transmit, remotes, count } = setUp();
  classified(batch, 0, finished, false);
  expect(transmit(0, 0)).toEqual([]);
  remotes.configure([], () => true);
  expect(transmit()).toEqual([]);
  expect(count(PORT.drops + DROP.no_remote)).toBe(2);
});

test('a TAP that is down takes its port down, until it takes a frame again', () => {
  const { batch, burst, transmit, count } = setUp();
  classified(batch, 0, finished, false);
  const isUp = () => count(PORT.up) === 1;
  burst.results = [-5];
  transmit();
  expect(isUp()).toBe(false);
  transmit();
  expect(isUp()).toBe(true);
});

test.each<[string, (bytes: Uint8Array, view: DataView) => unknown]>([
  ['another EtherType', (bytes) => bytes.set([0x86, 0xdd], HEADER + 12)],
  ['another IP version', (bytes) => bytes.set([0x65], HEADER + 14)],
  ['an IP header that is too short', (bytes) => bytes.set([0x44], HEADER + 14)],
  ['an IP header behind the end', (bytes) => bytes.set([0x4f], HEADER + 14)],
  ['a total length behind the end', (_, view) => view.setUint16(HEADER + 16, 1500)],
  ['a total length within the header', (_, view) => view.setUint16(HEADER + 16, 19)],
  ['a total length without a UDP header', (_, view) => view.setUint16(HEADER + 16, 27)],
  ['more fragments', (bytes) => bytes.set([0x20], HEADER + 20)],
  ['a fragment offset', (bytes) => bytes.set([1], HEADER + 21)],
  ['another protocol', (bytes) => bytes.set([6], HEADER + 23)],
  ['another destination', (bytes) => bytes.set([9], HEADER + 33)],
  ['another UDP port', (bytes) => bytes.set([0], HEADER + 36)],
  ['a UDP length within its header', (_, view) => view.setUint16(HEADER + 38, 7)],
  ['a UDP length behind the packet', (_, view) => view.setUint16(HEADER + 38, 159)],
  ['a super-frame that is no tunnel', (bytes) => bytes.set([1, 5], 0)],
])('%s is no datagram for us', (_, break_) => {
  const { receive, batch } = setUp();
  const bytes = Uint8Array.from([...fromPeer({ ...finished, bytes: finished.bytes.subarray(0, 100) })]);
  expect(receive(bytes)).toBe('port 3 remote 1');
  break_(bytes, viewOf(bytes));
  expect(receive(bytes)).toBe('vxlan_outer');
  expect(batch.rows[COLUMN.ingress]).toBe(0);
});

test('IP options and padding behind the packet are skipped', () => {
  const { receive, inner } = setUp();
  const bytes = [...fromPeer(), 0, 0, 0];
  bytes.splice(HEADER + 34, 0, 1, 1, 1, 1);
  const all = Uint8Array.from(bytes);
  all[HEADER + 14] = 0x46;
  const view = viewOf(all);
  view.setUint16(HEADER + 16, view.getUint16(HEADER + 16) + 4);
  expect(receive(all)).toBe('port 3 remote 1');
  expect(inner()).toEqual(finished.bytes);
});

test('what is inside meets the rules of tunnels over sockets', () => {
  const { receive, registry, batch } = setUp({ remoteLearning: false });
  const bytes = fromPeer();
  expect(receive(bytes.subarray(0, 60))).toBe('vxlan_outer');
  const changed = (at: number, value: number) => {
    const copy = Uint8Array.from(bytes);
    copy[at] = value;
    return copy;
  };
  expect(receive(changed(HEADER + 42, 0))).toBe('vxlan_header');
  expect(receive(changed(HEADER + 48, 43))).toBe('vxlan_unknown_vni');
  expect(receive(changed(HEADER + 29, 9))).toBe('vxlan_unknown_remote');
  // ECT(0) inside, congestion outside.
  expect(receive(changed(HEADER + 15, 3))).toBe('port 3 remote 1');
  expect(batch.bytes[batch.rows[COLUMN.start] + 15] & 3).toBe(3);
  expect(receive(new Uint8Array(HEADER), LOST)).toBe('receive_error');
  registry.remove(3);
  expect(receive(bytes)).toBe('vxlan_unknown_vni');
});

test('senders are learned', () => {
  const { receive } = setUp();
  const bytes = fromPeer();
  bytes[HEADER + 29] = 77;
  const first = receive(bytes);
  expect(first).toMatch(/^port 3 remote \d{3}$/);
  expect(receive(bytes)).toBe(first);
});

test('whatever comes out of the TAP, nothing throws, and the columns stay within it', () => {
  const { batch, tapDecapsulation, burst } = setUp();
  const good = fromPeer(build({ version: 4, protocol: 'tcp', payload: payloadOf(3000), gsoSize: 1000 }));
  const broken = fc.oneof(
    fc.uint8Array({ minLength: HEADER, maxLength: 200 }),
    fc
      .tuple(
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 3 }),
        fc.integer({ min: HEADER, max: good.length }),
      )
      .map(([changes, length]) => {
        const bytes = Uint8Array.from(good.subarray(0, length > 200 ? good.length : length));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      }),
  );
  fc.assert(
    fc.property(broken, (bytes) => {
      batch.bytes.fill(0xee, 0, STRIDE);
      batch.bytes.set(bytes, batch.slotAt(0) - HEADER);
      burst.rx.fill(0);
      batch.clear();
      const length = bytes.length - HEADER;
      tapDecapsulation.receive(batch, 0, length, 0);
      const end = batch.slotAt(0) + length;
      const { rows } = batch;
      expect(batch.count).toBe(1);
      if (rows[COLUMN.dest] === 0) {
        expect(rows[COLUMN.start] + rows[COLUMN.length]).toBeLessThanOrEqual(end);
        expect(rows[COLUMN.csumStart]).toBeGreaterThanOrEqual(0);
        if (rows[COLUMN.csumStart] !== 0 || rows[COLUMN.gsoType] !== 0) checkOffload(batch, 0);
      } else expect(rows[COLUMN.dest] & DEST_DROP).not.toBe(0);
      expect(batch.bytes.subarray(end, end + 64).every((byte) => byte === 0xee)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
