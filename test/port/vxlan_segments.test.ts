// Super-frames through real sockets, one loopback away: what native code and the kernel make of them must be, byte by
// byte and in order, what the TypeScript segmenter makes.

import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { EgressQueue } from '../../src/engine/port.ts';
import { Segmenter } from '../../src/engine/segment.ts';
import { FrameBatch, HEADROOM, STRIDE } from '../../src/frame/frame_batch.ts';
import { hop } from '../../src/frame/hop.ts';
import { Burst, KIND, ROW, RX } from '../../src/sys/burst.ts';
import { openVtep } from '../../src/sys/udp.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { DROP } from '../../src/table/drops.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { addressWords } from '../../src/wire/ip_address.ts';
import { build, classified, payloadOf, type Shape, shapes } from '../engine/offload_frames.ts';
import { tunnelOver } from '../support/engine/tunnel.ts';
import { openLab } from '../support/lab.ts';
import { owned } from '../sys/rig.ts';

const EINVAL = 22;
const TAG = 0x8100_6007 | 0;
const ROOM = 8 * 1024 * 1024;

interface Options {
  family: 4 | 6;
  checksum: boolean;
  udpSegment: boolean;
}

async function connect({ family, checksum, udpSegment }: Options) {
  const netns = await (await openLab()).netns('seg');
  await netns.ip('link set lo up');
  const address = family === 4 ? '127.0.0.1' : '::1';
  const open = (port: number, receive: boolean) =>
    owned(openVtep({ address, port, checksum, receive, netns: netns.name }));
  const receiver = open(4789, true);
  const sender = open(0, false);

  const batch = new FrameBatch(2, 256 * 1024);
  const options = { stride: STRIDE, headroom: HEADROOM, vnetHeader: 12, txCapacity: 8 };
  const out = new Burst(batch.bytes, { ...options, slots: batch.slots });
  const into = new Burst(Buffer.alloc(ROOM), { ...options, slots: ROOM / 4096, stride: 4096 });
  into.add(receiver.fd, 1, KIND.udp);
  const counters = Counters.allocate(16, 2);
  const remotes = new Remotes(100, 20, 5);
  remotes.configure([{ row: 1, port: 3, address: addressWords(address) }], () => true);
  const { sockets, registry } = tunnelOver(out, counters, remotes);
  const port = { port: 3, vni: 42, vtep: 0, family, dstPort: 4789, senders: [sender.fd], udpSegment };
  registry.add({ ...port, tos: 0, remoteLearning: true, maxRemotes: 10 });

  /** Sends one super-frame; what the receiver got behind the VXLAN headers, and what it should have got. */
  const send = (shape: Shape, stripped: boolean, tag: number) => {
    const frame = build(shape);
    classified(batch, 0, frame, stripped);
    const queue = new EgressQueue(sockets, 1);
    queue.push(0, hop(3, 1), tag, 0);
    sockets.transmit(batch, queue);
    sockets.flush(batch);
    return { got: receive(), wanted: expected(batch, tag) };
  };
  const receive = () => {
    const got: string[] = [];
    for (let more = into.receive(0, into.slots, 50); more > 0; more = into.receive(0, into.slots, 0)) {
      for (let slot = 0; slot < more; slot++) {
        const at = slot * 4096 + HEADROOM;
        const bytes = into.bytes.subarray(at, at + into.rx[slot * ROW + RX.length]);
        expect(bytes.toString('hex', 0, 8)).toBe('0800000000002a00');
        got.push(bytes.toString('hex', 8));
      }
    }
    return got;
  };
  const count = (counter: number) => counters.values[counters.port(3) + counter];
  return { netns, send, sockets, count };
}

function expected(batch: FrameBatch, tag: number): string[] {
  const segmenter = new Segmenter();
  segmenter.begin(batch, 0);
  const wanted: string[] = [];
  const at = batch.aux + 1024;
  const inserted = tag === 0 ? '' : (tag >>> 0).toString(16);
  for (let length = segmenter.next(batch, at); length > 0; length = segmenter.next(batch, at)) {
    const hex = batch.bytes.toString('hex', at, at + length);
    wanted.push(hex.slice(0, 24) + inserted + hex.slice(24));
  }
  return wanted;
}

const fit = shapes.filter(({ payload, gsoSize }) => payload.length > gsoSize);

describe.each([
  { name: 'UDP_SEGMENT', family: 4, checksum: true, udpSegment: true, refused: [] },
  { name: 'UDP_SEGMENT', family: 6, checksum: true, udpSegment: true, refused: [] },
  { name: 'one datagram at a time', family: 4, checksum: true, udpSegment: false, refused: [] },
  // The kernel segments only what carries a checksum.
  { name: 'a refusal', family: 4, checksum: false, udpSegment: true, refused: [[3, EINVAL]] },
  { name: 'a refusal', family: 6, checksum: false, udpSegment: true, refused: [[3, EINVAL]] },
] as const)('$name over IPv$family', ({ refused, ...options }) => {
  test('segments arrive as the TypeScript segmenter makes them', async () => {
    const { send, sockets, count } = await connect(options);
    let frames = 0;
    fc.assert(
      fc.property(fit, fc.boolean(), fc.constantFrom(0, TAG), (shape, stripped, tag) => {
        const { got, wanted } = send(shape, stripped, tag);
        expect(got).toEqual(wanted);
        frames++;
      }),
      { numRuns: 60 },
    );
    expect(count(PORT.transmittedFrames)).toBe(frames);
    // Said once, however many were refused.
    expect(sockets.refused).toEqual(refused);
  });
});

describe('a full-sized super-frame', () => {
  let payload: Uint8Array;
  beforeAll(() => {
    payload = payloadOf(65_535 - 40);
  });
  const shape = (gsoSize: number): Shape => ({
    version: 4,
    protocol: 'tcp',
    payload,
    gsoSize,
    flags: 0x99, // CWR, ACK, PSH, FIN
    seq: 0xffff_f000,
    id: 0xfffe,
  });

  test('takes more than one message, and nobody sees the seam', async () => {
    const { send, sockets, count } = await connect({ family: 4, checksum: true, udpSegment: true });
    for (const gsoSize of [1398, 536, 1410]) {
      const { got, wanted } = send(shape(gsoSize), false, 0);
      expect(got.length).toBe(Math.ceil(payload.length / gsoSize));
      expect(got).toEqual(wanted);
    }
    expect(sockets.refused).toEqual([]);
    expect(count(PORT.transmittedFrames)).toBe(3);
  });

  test.each([true, false])(
    'for which the route is too small is too big (UDP_SEGMENT: %s)',
    async (udpSegment) => {
      const { netns, send, sockets, count } = await connect({ family: 4, checksum: true, udpSegment });
      await netns.ip('link set lo mtu 1400');
      expect(send({ ...shape(1398), payload: payload.subarray(0, 5 * 1398) }, false, 0).got).toEqual([]);
      expect(count(PORT.drops + DROP.too_big)).toBe(1);
      expect(count(PORT.transmittedFrames)).toBe(0);
      expect(sockets.refused).toEqual([]);
    },
  );
});
