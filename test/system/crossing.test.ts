// The crossing matrix with real devices: one switch, and on the far side of every port what a host would have there.
//
//   TAP:        the switch's TAP -- kernel bridge -- a TAP of the test's own, with a virtio-net header both ways
//   af_packet:  a veth pair, and behind its other end the same
//   memory:     the library's own face
//   VXLAN:      a UDP socket on the loopback interface
//
// All frames are carried at once, one after the other, before the tests look at what arrived: each cell is one test.

import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Switch } from '../../src/switch/switch.ts';
import { Burst, KIND, ROW, RX, TX } from '../../src/sys/burst.ts';
import { openTap } from '../../src/sys/tap.ts';
import { closeFd } from '../../src/sys/wake.ts';
import * as virtioNet from '../../src/wire/virtio_net.ts';
import {
  type Carried,
  type Cell,
  cells,
  DESTINATIONS,
  type Destination,
  entrance,
  expected,
  finished,
  isCustomers,
  SOURCES,
  sent,
  summary,
  TAGGINGS,
  type Tagging,
  TUNNEL_MTU,
  tagsOf,
  VLAN,
  VLAN_OF,
} from '../engine/crossing_cases.ts';
import { verifies } from '../engine/offload_frames.ts';
import { Lab } from '../support/lab.ts';
import { missing, needs } from '../support/needs.ts';

needs();

const LOCAL = '127.0.0.41';
const FAR = '127.0.0.42';
const VXLAN_PORT = 14_841;
/** Of two tags, what depends on where headers begin; the rest is in test/engine. */
const CELLS = cells().filter(
  ({ ingress, load, frame }) =>
    !isCustomers(ingress) ||
    (frame.shape.protocol === 'tcp' && (load === 'super-frame' || load === 'partial checksum')),
);
const STRIDE = 65_536 + 192;
const HEADROOM = 64;
/**
 * How long frames that do not come are waited for, all together. The first gets a tenth, later ones less and less, so that
 * a broken switch fails tests and not their preparation.
 */
const PATIENCE_MS = 10_000;

const nameOf = (role: 'from' | 'to', kind: string, tagging: Tagging) => {
  const [family, ...rest] = kind.split(' ');
  return `${role === 'from' ? 'f' : 't'}${family.slice(0, 3)}${rest.length > 0 ? 'raw' : ''}${tagging[0]}`;
};

interface Port {
  name: string;
  kind: Destination;
  tagging: Tagging;
  mac: Uint8Array;
  vni: number;
}

const PORTS: Port[] = [
  ...SOURCES.flatMap((kind) =>
    TAGGINGS.map((tagging) => ({ name: nameOf('from', kind, tagging), kind, tagging })),
  ),
  ...(Object.keys(DESTINATIONS) as Destination[]).flatMap((kind) =>
    TAGGINGS.map((tagging) => ({ name: nameOf('to', kind, tagging), kind, tagging })),
  ),
].map((port, n) => ({ ...port, mac: Uint8Array.of(2, 0, 0, 0, 1, n), vni: n + 1 }));
const portOf = (name: string) => PORTS.find((port) => port.name === name) as Port;

/** The far side of all ports. */
class FarSide {
  readonly taploom: Switch;
  private readonly socket: Socket;
  private readonly taps: Map<string, number>;
  private readonly burst: Burst;
  private readonly waiting = new Map<string, Carried[]>();

  constructor(taploom: Switch, socket: Socket, taps: Map<string, number>) {
    this.taploom = taploom;
    this.socket = socket;
    this.taps = taps;
    const options = { slots: 8, stride: STRIDE, headroom: HEADROOM, vnetHeader: 12, txCapacity: 8 };
    this.burst = new Burst(Buffer.alloc(9 * STRIDE), options);
    for (const [name, fd] of taps) this.burst.add(fd, PORTS.indexOf(portOf(name)) + 1, KIND.tap);
    socket.on('message', (bytes) => {
      const vni = bytes.readUInt32BE(4) >>> 8;
      const port = PORTS.find((one) => one.vni === vni && one.kind === 'vxlan') as Port;
      this.arrived(port.name, { bytes: Uint8Array.from(bytes.subarray(8)) });
    });
  }

  private arrived(port: string, frame: Carried): void {
    this.waiting.set(port, [...(this.waiting.get(port) ?? []), frame]);
  }

  async send(port: Port, { bytes, offload }: Carried): Promise<void> {
    if (port.kind === 'memory') this.taploom.memoryPort(port.name).send(bytes, offload);
    else if (port.kind === 'vxlan') {
      const header = Buffer.alloc(8);
      header[0] = 8;
      header.writeUInt32BE(port.vni << 8, 4);
      await new Promise((done) => this.socket.send([header, bytes], VXLAN_PORT, LOCAL, done));
    } else this.write(this.taps.get(port.name) as number, bytes, offload);
  }

  private write(fd: number, bytes: Uint8Array, offload: Carried['offload']): void {
    const { burst } = this;
    const at = 8 * STRIDE;
    const view = new DataView(burst.bytes.buffer, burst.bytes.byteOffset);
    const { gsoType = 0, gsoSize = 0, csumStart = 0, csumOffset = 0 } = offload ?? {};
    // What a driver would give as its hint; the kernel copes with any.
    const headerLength = gsoType === 0 ? 0 : csumStart + (csumOffset === 16 ? 32 : 8);
    virtioNet.write(view, at, gsoType, gsoSize, headerLength, csumStart, csumOffset);
    burst.bytes.set(bytes, at + 12);
    burst.tx.fill(0, 0, ROW);
    burst.tx[TX.fd] = fd;
    burst.tx[TX.kind] = KIND.tap;
    burst.tx[TX.pieces] = 1;
    burst.tx[TX.piece] = at;
    burst.tx[TX.piece + 1] = 12 + bytes.length;
    burst.transmit(1);
    expect(burst.tx[TX.result]).toBe(12 + bytes.length);
  }

  /** Takes what has arrived, by port. */
  async take(): Promise<Map<string, Carried[]>> {
    await turn();
    const { burst } = this;
    const view = new DataView(burst.bytes.buffer, burst.bytes.byteOffset);
    for (let more = burst.receive(0, 8, 0); more > 0; more = burst.receive(0, 8, 0)) {
      for (let slot = 0; slot < more; slot++) {
        const at = slot * STRIDE + HEADROOM;
        const bytes = Uint8Array.from(burst.bytes.subarray(at, at + burst.rx[slot * ROW + RX.length]));
        const header = at - 12;
        const frame: Carried = { bytes };
        if (
          (virtioNet.flags(view, header) & virtioNet.NEEDS_CSUM) !== 0 ||
          virtioNet.gsoType(view, header) !== 0
        ) {
          frame.offload = {
            gsoType: virtioNet.gsoType(view, header),
            gsoSize: virtioNet.gsoSize(view, header),
            csumStart: virtioNet.csumStart(view, header),
            csumOffset: virtioNet.csumOffset(view, header),
          };
        }
        this.arrived(PORTS[burst.rx[slot * ROW + RX.source] - 1].name, frame);
      }
    }
    for (const { name, kind } of PORTS) {
      if (!kind.startsWith('memory')) continue;
      const port = this.taploom.memoryPort(name);
      for (let frame = port.receive(); frame !== undefined; frame = port.receive()) this.arrived(name, frame);
    }
    const taken = new Map(this.waiting);
    this.waiting.clear();
    return taken;
  }

  close(): void {
    this.burst.close();
    this.socket.close();
    for (const fd of this.taps.values()) closeFd(fd);
  }
}

async function open(lab: Lab): Promise<FarSide> {
  const [here, netns] = await lab.netnsList(['sw', 'far']);
  await here.withoutIpv6();
  await netns.withoutIpv6();
  const attached = PORTS.filter(({ kind }) => kind === 'af_packet');
  for (const { name } of attached) await lab.veth(here, name, netns, `${name}-peer`);
  const ports = PORTS.map(({ name, kind, tagging, vni }) => {
    const common = {
      vlan: VLAN_OF[tagging],
      ...(kind.endsWith('without offloads') ? { offloads: false } : {}),
    };
    if (kind.startsWith('memory')) return [name, { type: 'memory', mtu: 1500, ...common }];
    if (kind.startsWith('tap')) return [name, { type: 'tap', netns: netns.name, mtu: 1500, ...common }];
    if (kind === 'af_packet') return [name, { type: 'af_packet', netns: here.name, mtu: 1500, ...common }];
    const tunnel = { vni, local: LOCAL, remotes: [FAR], dst_port: VXLAN_PORT, mtu: TUNNEL_MTU };
    // From one tunnel to another, as in a hub.
    return [name, { type: 'vxlan', hairpin: true, ...tunnel, ...common }];
  });
  const colons = (mac: Uint8Array) => [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  const fixed = PORTS.filter(({ name }) => name.startsWith('t')).map(({ name, kind, mac }) => ({
    mac: colons(mac),
    vlan: VLAN,
    port: name,
    ...(kind === 'vxlan' ? { remote: FAR } : {}),
  }));
  const bridge = {
    local: false as const,
    vlan_filtering: true,
    static: fixed,
    ports: Object.fromEntries(ports),
  };
  const taploom = await Switch.open({ version: 1, bridges: { br0: bridge } }, { threaded: false });

  const taps = new Map<string, number>();
  for (const { name, kind } of PORTS) {
    if (kind.startsWith('memory') || kind === 'vxlan') continue;
    taps.set(name, openTap({ name: `${name}-far`, netns: netns.name }).fd);
    await netns.ip(
      `link add ${name}-br type bridge mcast_snooping 0`,
      `link set ${name}-br up`,
      `link set ${kind === 'af_packet' ? `${name}-peer` : name} master ${name}-br`,
      `link set ${name}-far master ${name}-br`,
    );
  }
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
  socket.bind(VXLAN_PORT, FAR);
  await once(socket, 'listening');
  return new FarSide(taploom, socket, taps);
}

let lab: Lab;
let far: FarSide;
const arrived = new Map<Cell, Carried[]>();
const strays: string[] = [];
let patience = PATIENCE_MS;

async function carry(cell: Cell): Promise<void> {
  const from = portOf(nameOf('from', cell.source, entrance(cell)));
  const to = portOf(nameOf('to', cell.destination, cell.egress));
  await far.send(from, sent(cell, to.mac, from.mac));
  const wanted = expected(cell, to.mac, from.mac).length;
  const got: Carried[] = [];
  const begin = performance.now();
  do {
    far.taploom.poll(1);
    for (const [port, frames] of await far.take()) {
      if (port === to.name) got.push(...frames);
      else strays.push(`${cell.name}: ${frames.length} at ${port}`);
    }
  } while (got.length < wanted && performance.now() - begin < patience / 10);
  if (got.length < wanted) patience -= performance.now() - begin;
  arrived.set(cell, got);
}

beforeAll(async () => {
  if (missing([]) !== undefined) return;
  lab = new Lab();
  far = await open(lab);
  for (const cell of CELLS) await carry(cell);
}, 60_000);

afterAll(async () => {
  await far?.taploom.close();
  far?.close();
  await lab?.close();
});

describe('every frame arrives as its far side can take it', () => {
  test.each(CELLS.map((cell) => [cell.name, cell] as const))('%s', (_, cell) => {
    const from = portOf(nameOf('from', cell.source, entrance(cell)));
    const to = portOf(nameOf('to', cell.destination, cell.egress));
    const got = arrived.get(cell) ?? [];
    expect(got.map(summary)).toEqual(expected(cell, to.mac, from.mac).map(summary));
    if (cell.action === 'pass') return;
    for (const { bytes } of got) {
      const rest = 12 + tagsOf(cell.egress, 0).length;
      const untagged = Uint8Array.of(...bytes.subarray(0, 12), ...bytes.subarray(rest));
      expect(verifies(untagged, cell.frame)).toBe(true);
    }
  });
});

test('nothing arrives anywhere else, and the laws hold', async () => {
  far.taploom.poll(20);
  for (const [port, frames] of await far.take()) strays.push(`afterwards: ${frames.length} at ${port}`);
  expect(strays).toEqual([]);
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, n) => total + n, 0);
  for (const { name, counters } of far.taploom.ports()) {
    const frames =
      counters.receivedFrames + counters.generated - counters.forwarded - sum(counters.receiveDropped);
    const copies =
      counters.copies - counters.held - counters.transmittedFrames - sum(counters.transmitDropped);
    expect({ name, frames, copies, drops: [counters.receiveDropped, counters.transmitDropped] }).toEqual({
      name,
      frames: 0,
      copies: 0,
      drops: [{}, {}],
    });
  }
});

test('scapy builds the same finished frames', () => {
  const script = readFileSync(new URL('../engine/segment_oracle.py', import.meta.url), 'utf8');
  const frames = CELLS.filter(({ action }) => action !== 'pass').map(({ frame }) => frame);
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const unique = [...new Map(frames.map((frame) => [hex(frame.bytes), frame])).values()];
  const input = JSON.stringify(
    unique.map(({ bytes, shape }) => ({ frame: hex(bytes), size: shape.gsoSize })),
  );
  const answers = JSON.parse(execFileSync('/usr/bin/python3', ['-c', script], { input }).toString());
  expect(unique.map((frame) => finished(frame).map(hex))).toEqual(answers);
});
