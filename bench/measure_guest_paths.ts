// Prints what a switch takes to bring frames from a guest's rings to a TAP, and from a TAP to a TAP, and how long a ping takes
// from each to the host behind a TAP and back, as JSON. It makes TAPs where it runs: give it a namespace of its own.
//
//   throughput   guest ring | TAP `from`  --> switch in this thread, timed --> TAP `to`     who fills the source is not timed
//   ping         guest ring | TAP `from`  --> switch in a thread of its own <--> TAP `to`, where the kernel answers
//
// Frames get into TAP `from` by another switch, which attaches that interface; both askers look without waiting.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { MemoryPort } from '../src/port/memory.ts';
import { Switch } from '../src/switch/switch.ts';
import { FakeGuest } from '../src/tester/guest/fake_guest.ts';
import { FINISHED, type FrameHeader } from '../src/tester/guest/transmit_queue.ts';
import * as checksum from '../src/wire/checksum.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import * as icmp from '../src/wire/icmp.ts';
import * as ipv4 from '../src/wire/ipv4.ts';
import { large, small, testFrame } from './ring_frames.ts';

/** ns a frame, or us a ping, a value for each turn. */
export interface PathTimes {
  small: Times;
  large: Times;
  ping: Times;
}

export interface Times {
  vhost: number[];
  tap: number[];
}

/** Of a turn. */
const POLLS = 80;
/** What a machine with other work to do still tells of the cost of a loop. */
const UNDISTURBED = 0.05;
const WARM_UP = 5;
/** Fewer than a poll takes from one port. */
const BURST = 16;
/** All that the guest sends from fits the cache, as what somebody has just written does. */
const RING = 64;
/** What a TAP's kernel takes whole: less than its `gso_max_size`. */
const SUPER_FRAME = 63_766;
const PINGS = 100;
const PING_MS = 1000;
/** Between two pings, ms: the switch sleeps meanwhile. */
const PAUSE = 2;
const NET = 0x0a61_0000;
const HOST = NET + 1;
/** MACs of the asker behind each source, and of the station behind `to`. */
const ASKER = { vhost: 0xa, tap: 0xc };
const STATION = 0xb;

type Source = keyof Times;

class Rig {
  readonly taploom: Switch;
  readonly guest: FakeGuest;
  private readonly probe: Switch;
  private readonly wire: MemoryPort;

  private constructor(taploom: Switch, guest: FakeGuest, probe: Switch, wire: MemoryPort) {
    this.taploom = taploom;
    this.guest = guest;
    this.probe = probe;
    this.wire = wire;
  }

  static async open(folder: string, threaded: boolean): Promise<Rig> {
    const path = join(folder, threaded ? 'threaded.sock' : 'inline.sock');
    const ports = {
      guest: { type: 'vhost_user', path },
      from: { type: 'tap' },
      to: { type: 'tap' },
    } as const;
    const station = { mac: `02:00:00:00:00:0${STATION.toString(16)}`, port: 'to' };
    const bridge = { local: false as const, ports, static: threaded ? [] : [station] };
    const taploom = await Switch.open({ version: 1, bridges: { br0: bridge } }, { threaded });
    const attached = { type: 'af_packet', interface: 'from', host_stack: true, lldp: false } as const;
    const wires = { out: attached, wire: { type: 'memory' } } as const;
    const probe = await Switch.open(
      { version: 1, bridges: { probe: { local: false, ports: wires } } },
      { threaded: false },
    );
    const guest = await FakeGuest.open({ path, ringSize: RING, maxFrame: SUPER_FRAME });
    return new Rig(taploom, guest, probe, probe.memoryPort('wire'));
  }

  /** Lets the source have `BURST` frames. */
  fill(source: Source, frame: Uint8Array, header: FrameHeader): void {
    if (source === 'vhost') {
      this.guest.device.transmitters[0].repeat(BURST);
      this.guest.device.publish(1);
      return;
    }
    const { gsoType, gsoSize, csumStart, csumOffset } = header;
    const offload = gsoType === 0 ? undefined : { gsoType, gsoSize, csumStart, csumOffset };
    for (let n = 0; n < BURST; n++) this.wire.send(frame, offload);
    this.probe.poll(0);
  }

  /** ns a frame, of the polls that nothing disturbed. */
  turn(source: Source, frame: Uint8Array, header: FrameHeader): number {
    const port = this.taploom.port(source === 'vhost' ? 'guest' : 'from');
    const before = port.counters.forwarded;
    const spent: number[] = [];
    for (let n = 0; n < POLLS; n++) {
      this.fill(source, frame, header);
      const begun = performance.now();
      this.taploom.poll(0);
      spent.push(performance.now() - begun);
    }
    const missing = POLLS * BURST - (port.counters.forwarded - before);
    if (missing !== 0) throw new Error(`${missing} frames of ${source} are missing`);
    return (quantile(spent, UNDISTURBED) * 1e6) / BURST;
  }

  /** us, the median of some pings. */
  async ping(source: Source, frame: Uint8Array): Promise<number> {
    const times: number[] = [];
    for (let n = 0; n < PINGS; n++) {
      await setTimeout(PAUSE);
      while (this.answer(source));
      const begun = performance.now();
      if (source === 'vhost') this.guest.send(frame);
      else {
        this.wire.send(frame);
        this.probe.poll(0);
      }
      while (!this.answer(source))
        if (performance.now() - begun > PING_MS) throw new Error(`no answer to a ping of ${source}`);
      times.push((performance.now() - begun) * 1000);
    }
    return quantile(times, 0.5);
  }

  private answer(source: Source): boolean {
    if (source === 'vhost') return this.guest.receive() !== undefined;
    this.probe.poll(0);
    return this.wire.receive() !== undefined;
  }

  async close(): Promise<void> {
    this.guest.close();
    await this.probe.close();
    await this.taploom.close();
  }
}

const turns = Number(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), 'tlpaths-'));
const times: PathTimes = {
  small: { vhost: [], tap: [] },
  large: { vhost: [], tap: [] },
  ping: { vhost: [], tap: [] },
};
try {
  const inline = await Rig.open(folder, false);
  for (const [size, frame, header] of [
    ['small', small(), FINISHED],
    ['large', large(SUPER_FRAME).frame, large(SUPER_FRAME).header],
  ] as const) {
    inline.guest.device.transmitters[0].fill(frame, header);
    await alternate(times[size], turns, (source) => inline.turn(source, frame, header));
  }
  await inline.close();
  const threaded = await Rig.open(folder, true);
  prepareHost();
  await alternate(times.ping, turns, (source) => threaded.ping(source, echoRequest(source)));
  await threaded.close();
} finally {
  rmSync(folder, { recursive: true });
}
process.stdout.write(`${JSON.stringify(times)}\n`);

async function alternate(
  into: Times,
  count: number,
  turn: (source: Source) => number | Promise<number>,
): Promise<void> {
  for (let n = -WARM_UP; n < count; n++) {
    for (const source of ['vhost', 'tap'] as const) {
      const time = await turn(source);
      if (n >= 0) into[source].push(time);
    }
  }
}

function quantile(values: number[], part: number): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length * part)];
}

/** `to` is the host's, who knows both askers: no ARP. */
function prepareHost(): void {
  const input = [
    'address add 10.97.0.1/24 dev to',
    `link set dev to address 02:00:00:00:00:0${STATION.toString(16)}`,
    ...Object.values(ASKER).map((last) => {
      const mac = `02:00:00:00:00:0${last.toString(16)}`;
      return `neigh replace 10.97.0.${last} lladdr ${mac} dev to nud permanent`;
    }),
  ];
  execFileSync('ip', ['-batch', '-'], { input: `${input.join('\n')}\n` });
}

function echoRequest(source: Source): Uint8Array {
  const asker = ASKER[source];
  const length = ethernet.HEADER_LEN + ipv4.HEADER_LEN + icmp.HEADER_LEN + 56;
  const frame = testFrame(STATION, asker, length, ethernet.TYPE_IPV4);
  const view = new DataView(frame.buffer);
  const ip = ethernet.HEADER_LEN;
  const at = ip + ipv4.HEADER_LEN;
  ipv4.write(view, ip, 0, length - ip, ipv4.DEFAULT_TTL, icmp.PROTOCOL_ICMP, NET + asker, HOST);
  view.setUint8(at, icmp.ECHO);
  view.setUint16(at + 2, checksum.finish(checksum.add(view, at, length)));
  return frame;
}
