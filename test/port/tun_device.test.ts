// A TUN without system calls: what goes to it, what is made of what comes from it, and what it says of its addresses. With a
// kernel at the other end: test/system/tun.test.ts.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EgressQueue } from '../../src/engine/port.ts';
import { COLUMN, FrameBatch } from '../../src/frame/frame_batch.ts';
import { DEST_VALUE } from '../../src/frame/hop.ts';
import { TransmitList } from '../../src/port/transmit_list.ts';
import { TunDevice } from '../../src/port/tun_device.ts';
import { type TunDeviceSpec, tunSpec } from '../../src/port/tun_spec.ts';
import { LOST, RX, TRUNCATED } from '../../src/sys/burst.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { DROP, DROPS, type DropName } from '../../src/table/drops.ts';
import { arpProbe, buildArp, parseArp, REPLY, REQUEST } from '../../src/wire/arp.ts';
import { parseIp } from '../../src/wire/ip_address.ts';
import * as neighbour from '../../src/wire/neighbour.ts';
import { OFFLOAD } from '../../src/wire/virtio_net.ts';
import { build, classified, payloadOf, shapes } from '../engine/offload_frames.ts';
import { parse } from '../support/engine/frame_text.ts';
import { StubBurst } from '../support/engine/stub_burst.ts';

const ALL = OFFLOAD.csum | OFFLOAD.tso4 | OFFLOAD.tso6 | OFFLOAD.ecn | OFFLOAD.uso;
const FD = 7;
const OURS = { hi: 0x0200, lo: 0x0000_0062 }; // station b
const GUEST = { hi: 0x0200, lo: 0x0000_0061 }; // station a
const VNET = 12;
const ETHERNET = 14;

function words(address: string): number[] {
  const bytes = parseIp(address) as Uint8Array;
  const view = new DataView(bytes.buffer);
  return bytes.length === 4 ? [0, 0, 0xffff, view.getInt32(0)] : [0, 4, 8, 12].map((at) => view.getInt32(at));
}
const put = (view: DataView, at: number, address: string) => {
  for (const [n, word] of words(address).entries()) view.setInt32(at + 4 * n, word);
};
const number = (address: string) => words(address)[3] >>> 0;

function setUp(gateways: string[] = [], changes: Partial<TunDeviceSpec> = {}) {
  const batch = new FrameBatch(8, 512 * 1024);
  const burst = new StubBurst(batch.bytes);
  const counters = Counters.allocate(16, 2);
  const list = new TransmitList(burst.asBurst(), counters);
  const spec = {
    ...tunSpec(3, { fds: [FD], offloads: ALL }, '02:00:00:00:00:62', {
      address: ['10.0.0.1/24', 'fd00::1/64'],
      gateway: gateways,
    }),
    ...changes,
  };
  const device = new TunDevice(spec, 0, burst.asBurst(), list, counters);

  const transmit = (tag = 0) => {
    const queue = new EgressQueue(device, 8);
    queue.push(0, 3, tag, 0);
    counters.values[counters.port(3) + PORT.copies] += 1;
    device.transmit(batch, queue);
    device.flush(batch);
    const sent = burst.sent.splice(0);
    expect(sent.every(({ fd }) => fd === FD)).toBe(true);
    return sent.map(({ bytes }) => bytes);
  };
  /** A frame for the port; what the kernel got. */
  const send = (bytes: Uint8Array, tag = 0) => {
    batch.clear();
    const row = batch.append(1, bytes.length);
    batch.bytes.set(bytes, batch.frameAt(row));
    batch.rows[row + COLUMN.rest] = batch.frameAt(row) + 12;
    return transmit(tag);
  };
  const frameOf = (row: number) =>
    Uint8Array.from(
      batch.bytes.subarray(batch.frameAt(row), batch.frameAt(row) + batch.rows[row + COLUMN.length]),
    );
  /** What the kernel gave, a virtio-net header before it; the frame that it became, or the drop. */
  const take = (bytes: Uint8Array, flags = 0): Uint8Array | string => {
    batch.clear();
    batch.bytes.set(bytes, batch.slotAt(0) - VNET);
    burst.rx[RX.flags] = flags;
    device.take(batch, bytes.length - VNET, 0);
    const dest = batch.rows[COLUMN.dest];
    return dest === 0 ? frameOf(0) : DROPS[dest & DEST_VALUE].name;
  };
  /** What the port says of itself. */
  const says = () => {
    const frames: Uint8Array[] = [];
    while (device.isReady()) {
      batch.clear();
      device.receive(batch, 1);
      frames.push(frameOf(0));
    }
    return frames;
  };
  const dropped = (name: DropName) => counters.values[counters.port(3) + PORT.drops + DROP[name]];
  return { batch, burst, counters, device, transmit, send, take, says, dropped };
}

const packet = (to: string, from = '10.0.0.1') => {
  const bytes = new Uint8Array(VNET + (to.includes(':') ? 48 : 28));
  const view = new DataView(bytes.buffer, VNET);
  if (to.includes(':')) {
    view.setUint8(0, 0x60);
    put(view, 24, to);
  } else {
    view.setUint8(0, 0x45);
    view.setInt32(12, words(from)[3]);
    view.setInt32(16, words(to)[3]);
  }
  return bytes;
};
const destination = (frame: Uint8Array | string) =>
  typeof frame === 'string' ? frame : Buffer.from(frame.subarray(0, 6)).toString('hex');
const A = '020000000061';

const request = (target: string, sender = '10.0.0.2') =>
  buildArp(
    { hi: 0xffff, lo: -1 },
    {
      operation: REQUEST,
      senderMac: GUEST,
      sender: number(sender),
      targetMac: { hi: 0, lo: 0 },
      target: number(target),
    },
  );

/** A solicitation from station a; `from` :: looks whether somebody has the address. */
function solicitation(target: string, from: string): Uint8Array {
  const frame = new Uint8Array(neighbour.FRAME_LEN);
  const view = new DataView(frame.buffer);
  put(view, ETHERNET + 8, from);
  put(view, ETHERNET + 24, 'ff02::1:ff00:1');
  put(view, neighbour.targetAt(ETHERNET), target);
  neighbour.write(view, 0, neighbour.SOLICITATION, 0, GUEST.hi, GUEST.lo, 0x3333, 0xff00_0001 | 0);
  return frame;
}

test('whatever frame goes through it and comes back is the same, its offload request with it', () => {
  fc.assert(
    fc.property(shapes, fc.boolean(), (shape, stripped) => {
      if (shape.tags !== undefined && shape.tags.length > 0) return;
      const { batch, device, transmit, take, send } = setUp();
      send(request('10.0.0.1'));
      const frame = build(shape);
      frame.bytes.set([2, 0, 0, 0, 0, 0x62, 2, 0, 0, 0, 0, 0x61]);
      batch.clear();
      classified(batch, 0, frame, stripped);
      const out = transmit();
      expect(out).toHaveLength(1);
      expect(out[0].subarray(VNET)).toEqual(frame.bytes.subarray(ETHERNET));
      const [before, csum] = [COLUMN.gsoType, COLUMN.csumStart].map((column) => batch.rows[column]);
      const size = batch.rows[COLUMN.gsoSize];
      // The kernel sends it back, to a station that is known.
      const view = new DataView(out[0].buffer, VNET);
      const isIpv4 = shape.version === 4;
      if (isIpv4) view.setInt32(16, words('10.0.0.2')[3]);
      else put(view, 24, 'fd00::2');
      if (!isIpv4) send(solicitation('fd00::1', 'fd00::2'));
      expect(device.isReady()).toBe(true);
      const back = take(out[0]);
      expect(destination(back)).toBe(A);
      expect((back as Uint8Array).subarray(ETHERNET)).toEqual(out[0].subarray(VNET));
      expect(batch.rows[COLUMN.gsoType]).toBe(before);
      expect(batch.rows[COLUMN.gsoSize]).toBe(before === 0 ? 0 : size);
      expect(batch.rows[COLUMN.csumStart]).toBe(csum);
    }),
    { numRuns: 60 },
  );
});

test('a super-frame for a TUN that takes none is cut', () => {
  const { batch, counters, transmit } = setUp([], { offloads: 0 });
  const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(2500), gsoSize: 1000 });
  frame.bytes.set([2, 0, 0, 0, 0, 0x62]);
  classified(batch, 0, frame, false);
  const sent = transmit();
  expect(sent.map((bytes) => bytes.length - VNET)).toEqual([1040, 1040, 540]);
  expect(sent.every((bytes) => bytes.subarray(0, VNET).every((byte) => byte === 0))).toBe(true);
  expect(counters.values[counters.port(3) + PORT.transmittedFrames]).toBe(1);
});

test('what is no IP, has a tag, or is for another station does not go out', () => {
  const { send, dropped } = setUp();
  expect(send(parse('a > b "x"'))).toEqual([]);
  expect(send(parse('a > b vlan 7 "x"'))).toEqual([]);
  expect(dropped('tun_not_ip')).toBe(2);
  const udp = build({ version: 4, protocol: 'udp', payload: payloadOf(9), gsoSize: 0 }).bytes;
  udp.set([2, 0, 0, 0, 0, 0x62]);
  expect(send(udp, 0x8100_0007 | 0)).toEqual([]);
  expect(dropped('tun_not_ip')).toBe(3);
  expect(send(udp)).toHaveLength(1);
  udp.set([2, 0, 0, 0, 0, 0x63]);
  expect(send(udp)).toEqual([]);
  expect(dropped('tun_other_station')).toBe(1);
  udp.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  expect(send(udp)).toHaveLength(1);
});

test('it answers ARP for the addresses of the other end, and for no others', () => {
  const { send, says, counters } = setUp();
  expect(send(request('10.0.0.1'))).toEqual([]);
  const [answer, ...more] = says();
  expect(more).toEqual([]);
  expect(parseArp(answer)).toEqual({
    operation: REPLY,
    senderMac: OURS,
    sender: number('10.0.0.1'),
    targetMac: GUEST,
    target: number('10.0.0.2'),
  });
  send(request('10.0.0.3'));
  expect(says()).toEqual([]);
  // A probe is answered, too: the address is taken.
  send(arpProbe(GUEST, number('10.0.0.1')));
  expect(says()).toHaveLength(1);
  // All of these were taken by the station, and count as transmitted.
  expect(counters.values[counters.port(3) + PORT.transmittedFrames]).toBe(3);
});

test('it answers solicitations, those of nobody to all', () => {
  const { send, says } = setUp();
  send(solicitation('fd00::1', 'fd00::2'));
  send(solicitation('fd00::1', '::'));
  send(solicitation('fd00::9', 'fd00::2'));
  const answers = says();
  expect(answers.map(destination)).toEqual([A, '333300000001']);
  for (const answer of answers) {
    const view = new DataView(answer.buffer);
    expect(neighbour.typeOf(view, ETHERNET, answer.length)).toBe(neighbour.ADVERTISEMENT);
  }
});

test('a packet goes to the station that has its destination, which is asked for if nobody knows it', () => {
  const { send, take, says, burst } = setUp();
  expect(take(packet('10.0.0.2'))).toBe('tun_unknown_station');
  expect(take(packet('10.0.0.2'))).toBe('tun_unknown_station');
  // Once a second.
  const asked = says();
  expect(asked.map(destination)).toEqual(['ffffffffffff']);
  expect(parseArp(asked[0])).toMatchObject({
    operation: REQUEST,
    sender: number('10.0.0.1'),
    target: number('10.0.0.2'),
  });
  send(
    buildArp(OURS, {
      operation: REPLY,
      senderMac: GUEST,
      sender: number('10.0.0.2'),
      targetMac: OURS,
      target: number('10.0.0.1'),
    }),
  );
  expect(destination(take(packet('10.0.0.2')))).toBe(A);
  // A station that has not been heard for half a minute is asked itself, and forgotten after a whole one.
  burst.second = 31;
  expect(destination(take(packet('10.0.0.2')))).toBe(A);
  expect(says().map(destination)).toEqual([A]);
  burst.second = 61;
  expect(take(packet('10.0.0.2'))).toBe('tun_unknown_station');
  expect(says().map(destination)).toEqual(['ffffffffffff']);
});

test('the same over IPv6', () => {
  const { send, take, says } = setUp();
  expect(take(packet('fd00::2'))).toBe('tun_unknown_station');
  const [asked] = says();
  expect(destination(asked)).toBe('3333ff000002');
  expect(neighbour.typeOf(new DataView(asked.buffer), ETHERNET, asked.length)).toBe(neighbour.SOLICITATION);
  send(solicitation('fd00::1', 'fd00::2'));
  expect(destination(take(packet('fd00::2')))).toBe(A);
});

test('what is for other subnets goes to the gateway, groups and broadcasts to all', () => {
  const { send, take, says } = setUp(['10.0.0.2', 'fd00::2']);
  expect(take(packet('192.0.2.1'))).toBe('tun_unknown_station');
  expect(parseArp(says()[0])).toMatchObject({ target: number('10.0.0.2') });
  send(request('10.0.0.1'));
  send(solicitation('fd00::1', 'fd00::2'));
  expect(destination(take(packet('192.0.2.1')))).toBe(A);
  expect(destination(take(packet('2001:db8::1')))).toBe(A);
  expect(take(packet('10.0.0.9'))).toBe('tun_unknown_station');
  expect(take(packet('fe80::9'))).toBe('tun_unknown_station');
  expect(destination(take(packet('239.129.2.3')))).toBe('01005e010203');
  expect(destination(take(packet('ff02::5')))).toBe('333300000005');
  expect(destination(take(packet('10.0.0.255')))).toBe('ffffffffffff');
  expect(destination(take(packet('255.255.255.255')))).toBe('ffffffffffff');
});

test('nobody takes an address of the other end', () => {
  const { send, take } = setUp();
  send(
    buildArp(OURS, {
      operation: REPLY,
      senderMac: GUEST,
      sender: number('10.0.0.1'),
      targetMac: OURS,
      target: number('10.0.0.1'),
    }),
  );
  expect(take(packet('10.0.0.1'))).toBe('tun_unknown_station');
});

test('what is no packet, or not whole, is dropped', () => {
  const { take } = setUp();
  expect(take(new Uint8Array(VNET))).toBe('tun_packet');
  expect(take(packet('10.0.0.2').subarray(0, VNET + 19))).toBe('tun_packet');
  expect(take(packet('fd00::2').subarray(0, VNET + 39))).toBe('tun_packet');
  expect(take(packet('10.0.0.2'), TRUNCATED)).toBe('truncated');
  expect(take(new Uint8Array(VNET), LOST)).toBe('receive_error');
});

test('no bytes from either side are too much for it, and what it says is bounded', () => {
  const { batch, device, send, take, counters } = setUp();
  const types = fc.constantFrom([8, 6], [0x86, 0xdd], [8, 0]);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 14, maxLength: 120 }),
      types,
      fc.boolean(),
      (bytes, type, toUs) => {
        if (toUs) bytes.set([2, 0, 0, 0, 0, 0x62]);
        bytes.set(type, 12);
        send(bytes);
        take(Uint8Array.of(...new Uint8Array(VNET), ...bytes.subarray(14)));
      },
    ),
  );
  const { values } = counters;
  const at = counters.port(3);
  const drops = DROPS.map(({ side }, code) => (side === 'transmit' ? values[at + PORT.drops + code] : 0));
  expect(values[at + PORT.copies]).toBe(
    values[at + PORT.transmittedFrames] + drops.reduce((sum, one) => sum + one),
  );
  for (let n = 0; n < 200; n++) send(request('10.0.0.1'));
  let said = 0;
  for (; device.isReady(); said++) {
    batch.clear();
    device.receive(batch, 1);
  }
  expect(said).toBeLessThanOrEqual(64);
});
