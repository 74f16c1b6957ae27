// The crossing matrix without system calls: what the sinks hand to native code, virtio-net header included. With real
// devices, and tunnels as sources: test/system/crossing.test.ts.

import { describe, expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { Source } from '../../src/engine/port.ts';
import { COLUMN, type FrameBatch } from '../../src/frame/frame_batch.ts';
import { FrameRing } from '../../src/port/frame_ring.ts';
import { MemoryDevice, MemoryPort } from '../../src/port/memory.ts';
import { TapSink } from '../../src/port/tap_sink.ts';
import { KIND } from '../../src/sys/burst.ts';
import { Counters } from '../../src/table/counters.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { formatMac } from '../../src/wire/mac.ts';
import { OFFLOAD } from '../../src/wire/virtio_net.ts';
import { configOf } from '../support/engine/rig.ts';
import { StubBurst } from '../support/engine/stub_burst.ts';
import { lawViolations } from '../support/engine/stubs.ts';
import { tunnelOver } from '../support/engine/tunnel.ts';
import {
  type Carried,
  type Cell,
  cells,
  type Destination,
  entrance,
  expected,
  INSIDE,
  sent,
  summary,
  TAGGINGS,
  type Tags,
  TUNNEL_MTU,
  tagsOf,
  VLAN,
  VLAN_OF,
} from './crossing_cases.ts';

const SOURCES = ['tap', 'memory', 'af_packet'] as const;
const DESTINATIONS = [
  'tap',
  'tap without offloads',
  'memory',
  'memory without offloads',
  'af_packet',
  'vxlan',
] as const satisfies Destination[];
const ALL = OFFLOAD.csum | OFFLOAD.tso4 | OFFLOAD.tso6 | OFFLOAD.ecn | OFFLOAD.uso;
const MAX_PORTS = 64;
const FIRST_FD = 100;
const FAR = '192.0.2.2';

const names = (role: string, kinds: readonly Destination[]) =>
  kinds.flatMap((kind) => TAGGINGS.map((tagging) => ({ name: `${role} ${kind} ${tagging}`, kind, tagging })));
const PORTS = [...names('from', SOURCES), ...names('to', DESTINATIONS)].map((port, n) => ({
  ...port,
  id: `p${n}`,
  mac: Uint8Array.of(2, 0, 0, 0, 1, n),
}));
const portOf = (name: string) => PORTS.find((port) => port.name === name) as (typeof PORTS)[number];

/** What a TAP would have read. */
class Reader implements Source {
  readonly waiting: (Carried & { port: number })[] = [];

  receive(batch: FrameBatch, limit: number): void {
    for (const { port, bytes, offload } of this.waiting.splice(0, limit)) {
      const row = batch.append(port, bytes.length);
      batch.bytes.set(bytes, batch.rows[row + COLUMN.start]);
      batch.rows[row + COLUMN.gsoType] = offload?.gsoType ?? 0;
      batch.rows[row + COLUMN.gsoSize] = offload?.gsoSize ?? 0;
      batch.rows[row + COLUMN.csumStart] = offload?.csumStart ?? 0;
      batch.rows[row + COLUMN.csumOffset] = offload?.csumOffset ?? 0;
    }
  }
}

function openSwitch({ aware }: { aware: boolean }) {
  const ports = PORTS.map(({ id, kind, tagging }, n) => {
    const [type] = kind.split(' ');
    const tunnel = { vni: n + 1, local: '192.0.2.1', remotes: [FAR], mtu: TUNNEL_MTU };
    const common = { type, mtu: 1500, ...(aware ? { vlan: VLAN_OF[tagging] } : {}) };
    return [id, type === 'vxlan' ? { ...common, ...tunnel } : common];
  });
  const text = ([a, b, c, d, e, f]: Uint8Array) =>
    formatMac((a << 8) | b, (c << 24) | (d << 16) | (e << 8) | f);
  const fixed = PORTS.filter(({ name }) => name.startsWith('to')).map(({ id, kind, mac }) => ({
    mac: text(mac),
    ...(aware ? { vlan: VLAN } : {}),
    port: id,
    ...(kind === 'vxlan' ? { remote: FAR } : {}),
  }));
  const bridge = { vlan_filtering: aware, static: fixed, ports: Object.fromEntries(ports) };
  const compiler = new Compiler();
  const { topology, remotes } = compiler.compile(parseConfig(configOf({ br0: bridge })));
  const counters = Counters.allocate(MAX_PORTS, 4);
  const engine = new Engine({ counters, topology, seed: Int32Array.of(1, 2, 3, 4) });
  const burst = new StubBurst(engine.batch.bytes);
  const table = new Remotes(64, 8, 1);
  table.configure(remotes, () => true);
  const { list, sockets, registry, decapsulation } = tunnelOver(burst.asBurst(), counters, table);
  decapsulation.mtu = topology.mtu;
  const taps = new TapSink(list, counters);
  const reader = new Reader();
  engine.addSource(reader);

  const memory = new Map<string, MemoryPort>();
  const numbers = new Map<string, number>();
  for (const [n, { id, name, kind }] of PORTS.entries()) {
    const port = compiler.ports.find(id) as number;
    numbers.set(name, port);
    const offloads = !kind.endsWith('without offloads');
    if (kind.startsWith('tap') || kind === 'af_packet') {
      taps.add(port, FIRST_FD + n, kind === 'af_packet' ? KIND.packet : KIND.tap, offloads ? ALL : 0);
      engine.attach(port, taps);
    } else if (kind === 'vxlan') {
      const rest = { udpSegment: true, tos: 0, remoteLearning: false, maxRemotes: 1 };
      registry.add({ port, vni: n + 1, vtep: 0, family: 4, dstPort: 4789, senders: [FIRST_FD + n], ...rest });
      engine.attach(port, sockets);
    } else {
      const [to, from] = [FrameRing.allocate(1 << 18), FrameRing.allocate(1 << 18)];
      const device = new MemoryDevice(port, to.memory, from.memory, offloads, counters);
      engine.addSource(device);
      engine.attach(port, device);
      memory.set(name, new MemoryPort(id, to, from, () => {}));
    }
  }

  let now = 0;
  /** Carries one frame: what left, by port. */
  return (from: string, frame: Carried): Map<string, (Carried & { headerLength?: number })[]> => {
    if (!from.startsWith('from memory')) reader.waiting.push({ ...frame, port: numbers.get(from) as number });
    else expect(memory.get(from)?.send(frame.bytes, frame.offload)).toBe(true);
    engine.poll(++now);
    expect(lawViolations(counters, true, MAX_PORTS)).toEqual([]);
    const left = new Map<string, (Carried & { headerLength?: number })[]>();
    const add = (name: string, one: Carried & { headerLength?: number }) =>
      left.set(name, [...(left.get(name) ?? []), one]);
    for (const { fd, bytes } of burst.sent.splice(0)) {
      const { name, kind } = PORTS[fd - FIRST_FD];
      add(name, kind === 'vxlan' ? { bytes: bytes.slice(8) } : fromTap(bytes));
    }
    for (const [name, port] of memory) {
      for (let one = port.receive(); one !== undefined; one = port.receive()) add(name, one);
    }
    return left;
  };
}

/** struct virtio_net_hdr_v1 and the frame behind it. */
function fromTap(written: Uint8Array): Carried & { headerLength?: number } {
  const view = new DataView(written.buffer, written.byteOffset);
  const field = (at: number) => view.getUint16(at, true);
  const bytes = written.slice(12);
  if (written.subarray(0, 12).every((byte) => byte === 0)) return { bytes };
  expect(written[0]).toBe(1); // NEEDS_CSUM: nothing here has a request without
  expect(field(10)).toBe(0);
  const offload = { gsoType: written[1], gsoSize: field(4), csumStart: field(6), csumOffset: field(8) };
  return { bytes, offload, headerLength: field(2) };
}

function expectCells(carry: ReturnType<typeof openSwitch>, all: Cell[]): void {
  test.each(all.map((cell): [string, Cell] => [cell.name, cell]))('%s', (_, cell) => {
    const from = portOf(`from ${cell.source} ${entrance(cell)}`);
    const to = portOf(`to ${cell.destination} ${cell.egress}`);
    const left = carry(from.name, sent(cell, to.mac, from.mac));
    expect([...left.keys()]).toEqual([to.name]);
    const got = left.get(to.name) ?? [];
    expect(got.map(summary)).toEqual(expected(cell, to.mac, from.mac).map(summary));
    if (
      (cell.destination === 'tap' || cell.destination === 'af_packet') &&
      cell.load.startsWith('super-frame')
    ) {
      const shift = tagsOf(cell.egress, 0).length;
      expect(got[0].headerLength).toBe(cell.frame.headerLength + shift);
    }
  });
}

/** What has an offset that tags move. */
function expectTagged(carry: ReturnType<typeof openSwitch>, tags: Tags): void {
  expectCells(carry, cells(SOURCES, DESTINATIONS, { ...tags, loads: ['super-frame', 'partial checksum'] }));
}

describe('every frame leaves as its far side can take it', () => {
  const carry = openSwitch({ aware: true });
  expectCells(carry, cells(SOURCES, DESTINATIONS));
  // An 802.1ad tag is no tag to a port of 802.1Q: it stays inside, on an access port too.
  expectTagged(carry, { inside: '802.1Q in 802.1ad' });
  expectTagged(carry, { ingresses: ['priority-tagged'] });
  expectTagged(carry, { ingresses: ['priority-tagged', 'tagged'], inside: '802.1Q' });
});

describe('tags pass through a bridge without VLANs, and offsets stay right behind them', () => {
  const carry = openSwitch({ aware: false });
  for (const inside of Object.keys(INSIDE))
    expectTagged(carry, { ingresses: ['untagged'], egresses: ['untagged'], inside });
});
