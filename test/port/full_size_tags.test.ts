// Frames of full size behind tags, through an unaware bridge with attached interfaces, and through the kernel's own bridge
// as the judge. Both send over a veth pair of MTU 1500 to an attached interface, whose frames are compared.
//
//   memory --- br0 [a0] --- veth --- [z0] far0 --- memory
//      TAP --- kernel bridge [k0] --- veth --- [y0] far1 --- memory

import { describe, expect, onTestFinished, test } from 'vitest';
import type { MemoryPort, Offload } from '../../src/port/memory.ts';
import { Switch } from '../../src/switch/switch.ts';
import { openTap } from '../../src/sys/tap.ts';
import * as virtioNet from '../../src/wire/virtio_net.ts';
import { type Carried, summary } from '../engine/crossing_cases.ts';
import { build, type Shape } from '../engine/offload_frames.ts';
import { configOf, Rig } from '../support/engine/rig.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { burst, entry, HEADER, owned } from '../sys/rig.ts';

needs('ethtool');

const MTU = 1500;
const C = 0x8100_000a;
const INNER = 0x8100_6014;
const PRIORITY = 0x8100_6000;
const S = 0x88a8_000a;

const TAGS: [string, number[]][] = [
  ['no tag', []],
  ['802.1Q', [C]],
  ['a priority tag', [PRIORITY]],
  ['802.1ad', [S]],
  ['802.1Q in 802.1Q', [C, INNER]],
  ['a priority tag in 802.1Q', [C, PRIORITY]],
  ['802.1Q in a priority tag', [PRIORITY, INNER]],
  ['802.1Q in 802.1ad', [S, INNER]],
  ['three tags', [S, C, INNER]],
];

/** An IPv4 packet of MTU bytes, or a super-frame of three of them. */
const LOADS = {
  datagram: (tags) => carried({ protocol: 'udp', finished: true, gsoSize: 0, payload: fill(MTU - 28), tags }),
  'partial checksum': (tags) => carried({ protocol: 'udp', gsoSize: 0, payload: fill(MTU - 28), tags }),
  'super-frame': (tags) =>
    carried({ protocol: 'tcp', gsoSize: MTU - 40, payload: fill(3 * (MTU - 40)), tags }),
} satisfies Record<string, (tags: number[]) => Carried>;

function fill(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at * 7);
}

function carried(shape: Omit<Shape, 'version'>): Carried {
  const { bytes, gsoType, csumStart, csumOffset } = build({ version: 4, ...shape });
  if (shape.finished) return { bytes };
  const type = shape.gsoSize === 0 ? 0 : gsoType;
  return { bytes, offload: { gsoType: type, gsoSize: shape.gsoSize, csumStart, csumOffset } };
}

async function paths() {
  const lab = await openLab();
  const netns = await lab.netns('tags');
  await netns.withoutIpv6();
  await lab.veth(netns, 'a0', netns, 'z0');
  await lab.veth(netns, 'k0', netns, 'y0');
  const attached = (name: string) => ({
    type: 'af_packet',
    interface: name,
    netns: netns.name,
    stacked_tags: true,
  });
  const taploom = await Switch.open(
    configOf({
      br0: { ports: { a0: attached('a0'), from: {} } },
      far0: { ports: { z0: attached('z0'), ours: {} } },
      far1: { ports: { y0: attached('y0'), kernels: {} } },
    }),
    { threaded: false },
  );
  onTestFinished(() => taploom.close());
  const tap = owned(openTap({ name: 't0', netns: netns.name }));
  await netns.ip(
    'link add kb type bridge mcast_snooping 0',
    'link set kb up',
    'link set t0 master kb',
    'link set k0 master kb',
  );
  const writer = burst({}, 1 << 17);
  const ports = ['from', 'ours', 'kernels'].map((name) => taploom.memoryPort(name));
  const [from, ours, kernels] = ports;

  function send(frame: Carried): void {
    expect(from.send(frame.bytes, frame.offload)).toBe(true);
    const header = Buffer.alloc(HEADER);
    const { gsoType = 0, gsoSize = 0, csumStart = 0, csumOffset = 0 } = frame.offload ?? {};
    const headerLength = gsoType === 0 ? 0 : csumStart + 20;
    if (frame.offload !== undefined) {
      const view = new DataView(header.buffer, header.byteOffset);
      virtioNet.write(view, 0, gsoType, gsoSize, headerLength, csumStart, csumOffset);
    }
    entry(writer, 0, tap.fd, [header, Buffer.from(frame.bytes)], writer.slots * 4288);
    writer.transmit(1);
    expect(writer.result(0)).toBeGreaterThan(0);
  }

  /** Both ways send at once in the kernel: what has not arrived after some polls never will. */
  function arrived(port: MemoryPort): Carried[] {
    for (let polls = 0; polls < 4; polls++) taploom.poll(0);
    const frames: Carried[] = [];
    for (let frame = port.receive(); frame !== undefined; frame = port.receive()) {
      const bytes = Uint8Array.from(frame.bytes);
      frames.push(frame.offload === undefined ? { bytes } : { bytes, offload: requestOf(frame.offload) });
    }
    return frames;
  }

  const dropped = () => new Rig(taploom).counters('a0').transmitDropped;

  return { netns, dropped, send, ours: () => arrived(ours), kernels: () => arrived(kernels) };
}

/** Without hdr_len, which is the kernel's own hint. */
function requestOf({ gsoType, gsoSize, csumStart, csumOffset }: Offload): Offload {
  return { gsoType, gsoSize, csumStart, csumOffset };
}

describe.each([true, false])('an interface of MTU 1500, its offloads %s', (offloads) => {
  test('passes what a kernel bridge passes on it, byte for byte', async () => {
    const { netns, dropped, send, ours, kernels } = await paths();
    for (const name of offloads ? [] : ['a0', 'k0'])
      await netns.check(['ethtool', '-K', name, 'tx', 'off', 'tso', 'off', 'gso', 'off']);
    for (const [tags, list] of TAGS) {
      for (const [load, make] of Object.entries(LOADS)) {
        const frame = make(list);
        send(frame);
        const byKernel = kernels();
        const what = { tags, load };
        expect({ ...what, frames: ours().map(summary) }).toEqual({ ...what, frames: byKernel.map(summary) });
        const isCut = load === 'super-frame' && !offloads;
        const isLost = list.length > 2 && (load !== 'super-frame' || isCut);
        expect({ ...what, count: byKernel.length }).toEqual({ ...what, count: isLost ? 0 : isCut ? 3 : 1 });
        if (offloads && !isLost) expect(byKernel.map(summary)).toEqual([summary(frame)]);
      }
    }
    expect(dropped()).toEqual({ too_big: 2 });
  });
});
