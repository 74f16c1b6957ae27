// Random switches and hostile frames. Whatever comes in: nothing throws, both conservation laws hold after every
// batch, no frame shows up outside of its domain, and what was segmented or completed in software verifies.
//
//   FUZZ_SECONDS  how long (default 5, in CI 60)        FUZZ_SEED  to run one iteration of a failure again
//
// Each frame carries the domain it was sent into, in clear, where mutations of the headers do not reach. It is there
// twice: a checksum may be asked for in that place, and where a TCP header claims to reach into it, the segments repeat its
// beginning and share out the rest.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { TUNNEL_MAC } from '../../src/config/protocol_tunnels.ts';
import { carriesVlan, parseConfig, type SwitchConfigInput, vlanSet } from '../../src/config/schema.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { Source } from '../../src/engine/port.ts';
import type { Topology } from '../../src/engine/topology.ts';
import type { FrameBatch } from '../../src/frame/frame_batch.ts';
import type { Decapsulation } from '../../src/port/decapsulation.ts';
import { Faults } from '../../src/port/faults.ts';
import { FrameRing } from '../../src/port/frame_ring.ts';
import { MemoryDevice, MemoryPort, type Offload } from '../../src/port/memory.ts';
import { Shapers } from '../../src/port/shapers.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { SharedFdb } from '../../src/table/shared_fdb.ts';
import { add } from '../../src/wire/checksum.ts';
import * as ip from '../../src/wire/ip.ts';
import { addressWords } from '../../src/wire/ip_address.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import { L2CP_NAMES } from '../../src/wire/l2cp.ts';
import * as vlan from '../../src/wire/vlan.ts';
import { Extras } from '../support/engine/extras.ts';
import { bindSome, randomGuard } from '../support/engine/fuzz_guards.ts';
import { addHooks, GENERATED, startHooks } from '../support/engine/fuzz_hooks.ts';
import { FuzzRouters } from '../support/engine/fuzz_routers.ts';
import { Random } from '../support/engine/random.ts';
import { StubBurst } from '../support/engine/stub_burst.ts';
import { lawViolations } from '../support/engine/stubs.ts';
import { tunnelOver } from '../support/engine/tunnel.ts';
import { controlFrame, groupOf } from '../support/l2cp_frames.ts';
import { seedOf } from '../support/seed.ts';
import { build, payloadOf } from './offload_frames.ts';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? (process.env.CI ? 60 : 5));
const SEED = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED);
const BATCHES = 40;
/** More than any of the configurations has. */
const PORTS = 64;
const MARK = 'taploom:';
const VIDS = [1, 2, 3, 4094];

interface FuzzPort {
  name: string;
  number: number;
  bridge: string;
  /** VIDs that it carries; [0] in a VLAN-unaware bridge. */
  vids: number[];
  pvid: number;
  /** Tags are a customer's. */
  isTunnel: boolean;
  memory?: { user: MemoryPort; offloads: boolean };
  /** The end of a mirror, which sees every VLAN of its bridge. */
  isMirrorEnd: boolean;
  vni?: number;
}

function randomConfig(random: Random): SwitchConfigInput {
  const bridges: NonNullable<SwitchConfigInput['bridges']> = {};
  const count = random.between(1, 4);
  for (let b = 0; b < count; b++) {
    const isFiltering = random.chance(0.6);
    const ports: Record<string, Record<string, unknown>> = {};
    for (let p = random.between(1, 6); p > 0; p--) {
      const vids = random.some(VIDS, 0.5);
      ports[`m${b}p${p}`] = {
        type: 'memory',
        offloads: random.chance(0.5),
        hairpin: random.chance(0.2),
        isolated: random.chance(0.2),
        learning: random.chance(0.9),
        flood: random.chance(0.9),
        bcast_flood: random.chance(0.9),
        mcast_flood: random.chance(0.9),
        sticky: random.chance(0.1),
        ...(random.chance(0.1) ? { locked: true, mab: random.chance(0.5) } : {}),
        ...(random.chance(0.1)
          ? {
              storm_control: {
                broadcast: { frames: 20 },
                multicast: { bits: 9000 },
                unknown_unicast: { frames: 5 },
              },
            }
          : {}),
        ...(random.chance(0.15) ? { guard: randomGuard(random) } : {}),
        mtu: random.pick([68, 576, 1500, 65_535]),
        ...(random.chance(0.3) ? { groups: random.some(Object.keys(GROUPS), 0.6) } : {}),
        ...(random.chance(0.3) ? { qos: randomQos(random, isFiltering) } : {}),
        ...(random.chance(0.3)
          ? { fdb_limit: random.between(1, 5), fdb_limit_action: random.pick(['ignore', 'drop', 'shutdown']) }
          : {}),
        ...(isFiltering && random.chance(0.8) ? { vlan: randomVlan(random, vids) } : {}),
        ...(isFiltering && random.chance(0.2) ? randomTunnel(random) : {}),
      };
    }
    if (random.chance(0.6)) {
      const remotes = random.some(['192.0.2.2', '192.0.2.3'], 0.7);
      ports[`v${b}`] = {
        type: 'vxlan',
        vni: b,
        local: '192.0.2.1',
        remotes,
        remote_learning: remotes.length === 0 || random.chance(0.7),
        max_remotes: random.between(1, 4),
        tos: random.chance(0.5) ? 'inherit' : 0,
        // Small ones, so that what is answered is small enough to be quoted with its mark.
        mtu: random.pick([100, 576, 1450]),
        ...(random.chance(0.3) ? { qos: randomQos(random) } : {}),
      };
    }
    const watched = Object.keys(ports);
    const isMirrored = random.chance(0.3);
    if (isMirrored) ports[`w${b}`] = { type: 'memory', offloads: random.chance(0.5), mtu: 65_535 };
    bridges[`b${b}`] = {
      local: false,
      vlan_filtering: isFiltering,
      ageing_time: random.pick([0, 0.5, 300]),
      fdb_limit: random.pick([1, 8, 8192]),
      group_fwd_mask: random.pick([0, 0xfff8]),
      vlans: isFiltering ? { 2: { learning: random.chance(0.5), flood: random.chance(0.5) } } : {},
      ports: ports as never,
      mirrors: isMirrored ? { m1: randomMirror(random, watched, `w${b}`) } : {},
    };
  }
  return { version: 1, bridges };
}

/** Rates at which frames of a few ms wait, or all, or none. */
function randomQos(random: Random, isFiltering = false) {
  const qos = randomQueues(random);
  if (random.chance(0.5)) return qos;
  const trust = random.pick(['pcp', 'dscp', 'none']);
  return {
    ...qos,
    trust,
    ...(trust === 'dscp' && { dscp_map: random.pick(['rfc8325', { 46: 7, 10: 1 }]) }),
    priority: random.between(0, 7),
    pcp_coding: random.pick(['8p0d', '7p1d', '6p2d', '5p3d']),
    rewrite: {
      dscp: random.pick(['class_selector', { 0: 1, 5: 46, 7: 63 }]),
      ...(isFiltering && { pcp: { 0: 3, 5: 1 }, dei: random.chance(0.5) }),
    },
  };
}

function randomQueues(random: Random) {
  const shape = random.pick(['8kbit', '1mbit', '100mbit', '10gbit']);
  const limit = random.pick(['2kb', '64kb', '300kb', '3ms']);
  const rate = random.pick(['3pps', '100kbit', '1gbit']);
  const exceed = random.pick(['pass', 'dei', 'drop']);
  const twice = { rate: '8kbit', burst: '2kb', peak: '1mbit', peak_burst: '9kb', exceed };
  const police = { in: random.pick([rate, twice]), out: random.pick([rate, twice]) };
  if (random.chance(0.3)) return { police };
  if (random.chance(0.5)) return { shape, limit, fair: random.chance(0.5), police };
  const some = (match: object) => ({ match, limit, fair: random.chance(0.5) });
  const classes = [
    { name: 'a', ...some({ pcp: random.pick([5, [0, 1, 2]]) }), priority: random.between(0, 7) },
    { name: 'b', ...some({ dscp: random.pick([0, [10, 20, 46]]) }), max: shape },
    {
      name: 'c',
      ...some({ vlan: random.pick([2, '3-4094']), group: random.pick(Object.keys(GROUPS)) }),
      weight: 3,
      min: shape,
    },
  ];
  return { shape, classes: random.some(classes, 0.7).concat({ name: 'd', limit, fair: false } as never) };
}

/** A customer's, that carries some of his protocols. */
function randomTunnel(random: Random) {
  const protocols = random.some(L2CP_NAMES, 0.6);
  return {
    vlan: { tunnel: random.pick(VIDS) },
    ...(protocols.length > 0 && {
      tunnel_protocols: protocols,
      tunnel_protocols_limit: random.pick([1, 10_000]),
      tunnel_protocols_action: random.pick(['drop', 'shutdown']),
    }),
  };
}

/** Security groups that let in little. */
const GROUPS: NonNullable<SwitchConfigInput['groups']> = {
  open: { in: 'any' },
  some: {
    in: [
      { protocol: 'udp', ports: '0-40000', from: ['10.0.0.0/8', 'fe80::/10', 'open'] },
      { protocol: 'tcp', from: 'some' },
      { protocol: 'icmp', type: 8 },
    ],
    out: [{ protocol: 'tcp' }, { protocol: 'udp', to: ['open', 'any'] }],
  },
  shut: { out: [] },
};

/** That read far into frames, and what is not there. */
const FILTERS = [
  'tcp or udp',
  'udp src or dst portrange 1-60000 or icmp6',
  'ip6 net fe80::/10 or ip host 10.0.0.1 or arp net 10.0.0.0/8',
  'vlan and vlan and vlan and tcp port 80 or not vlan 1',
  'greater 1500 or multicast',
];

function randomMirror(random: Random, watched: string[], to: string) {
  const from = random.some(watched, 0.7);
  return {
    ...(from.length > 0 ? { from } : {}),
    direction: random.pick(['in', 'out', 'both'] as const),
    sample: random.pick([1, 1, 2]),
    snaplen: random.pick([65_557, 65_557, 200]),
    ...(random.chance(0.5) ? { filter: random.pick(FILTERS) } : {}),
    to,
  };
}

function randomVlan(random: Random, vids: number[]): unknown {
  if (vids.length === 0 || random.chance(0.4)) return { access: random.pick(VIDS) };
  return random.chance(0.5) ? { trunk: vids } : { trunk: vids, native: random.pick([1, 2, 3]) };
}

/** Puts datagrams into the batch as FdSource does. */
class DatagramSource implements Source {
  readonly waiting: { bytes: Uint8Array; from: string; tos: number }[] = [];
  private readonly decapsulation: Decapsulation;
  readonly burst: StubBurst;

  constructor(decapsulation: Decapsulation, burst: StubBurst) {
    this.decapsulation = decapsulation;
    this.burst = burst;
  }

  receive(batch: FrameBatch, limit: number): void {
    for (const { bytes, from, tos } of this.waiting.splice(0, limit)) {
      const slot = batch.used;
      batch.bytes.set(bytes, batch.slotAt(slot));
      const row = this.burst.cameFrom(slot, addressWords(from), tos);
      this.decapsulation.receive(batch, 0, bytes.length, row);
    }
  }
}

class Fuzzed {
  readonly engine: Engine;
  readonly counters = Counters.allocate(PORTS, 16);
  readonly burst: StubBurst;
  readonly ports: FuzzPort[];
  private readonly shapers: Shapers;
  private readonly extras: Extras;
  private readonly routers: FuzzRouters;
  private readonly topology: Topology;
  private readonly datagrams: DatagramSource;
  private readonly random: Random;
  private now: number;

  constructor(random: Random) {
    this.random = random;
    this.now = random.pick([0, 1e6, 2 ** 31 * 128 - 50]);
    const compiler = new Compiler();
    const input = randomConfig(random);
    if (random.chance(0.5)) addHooks(random, input.bridges ?? {});
    this.routers = new FuzzRouters(random, input.bridges ?? {}, VIDS);
    const config = parseConfig({
      ...input,
      routers: this.routers.config,
      groups: GROUPS,
      connections: {
        limit: 1024,
        port_limit: random.pick([1, 20, 1024]),
        tcp_window: random.pick(['loose', 'strict']),
      },
    });
    const { topology, remotes } = compiler.compile(config);
    const seed = Int32Array.from({ length: 4 }, () => random.next() | 0);
    const table = random.pick([undefined, SharedFdb.allocate(topology.fdbSlots)]);
    this.topology = topology;
    this.extras = new Extras(random);
    const { createRoute } = this.extras;
    const { neighbours } = this.routers;
    this.engine = new Engine({ counters: this.counters, topology, seed, table, neighbours, createRoute });
    startHooks(this.engine, compiler.hooks, config, random);
    this.routers.start((name) => compiler.ports.find(name));
    this.burst = new StubBurst(this.engine.batch.bytes, random.pick([3, 512]));
    const rows = new Remotes(100, 6, 1);
    rows.configure(remotes, () => true);
    const { decapsulation, registry, sockets } = tunnelOver(this.burst.asBurst(), this.counters, rows);
    decapsulation.mtu = topology.mtu;
    this.datagrams = new DatagramSource(decapsulation, this.burst);
    const faults = new Faults(this.counters);
    this.engine.addSource(faults);
    this.engine.addSource(this.datagrams);
    this.ports = Object.entries(config.bridges).flatMap(([bridge, { vlan_filtering, ports }]) =>
      Object.entries(ports).map(([name, port]) => {
        const number = compiler.ports.find(name) as number;
        const view: FuzzPort = {
          name,
          number,
          bridge,
          vids: vlan_filtering ? VIDS.filter((vid) => carriesVlan(port.vlan, vid)) : [0],
          pvid: vlan_filtering ? vlanSet(port.vlan).pvid : 0,
          isTunnel: vlan_filtering && port.vlan !== undefined && 'tunnel' in port.vlan,
          isMirrorEnd: name.startsWith('w'),
        };
        if (port.type === 'vxlan') {
          view.vni = port.vni;
          registry.add({
            port: number,
            vni: port.vni,
            vtep: 0,
            family: 4,
            dstPort: 4789,
            senders: [1, 2],
            udpSegment: true,
            tos: port.tos === 'inherit' ? -1 : port.tos,
            remoteLearning: port.remote_learning,
            maxRemotes: port.max_remotes,
          });
          this.engine.attach(number, sockets);
        } else if (port.type === 'memory') {
          const [to, from] = [FrameRing.allocate(1 << 18), FrameRing.allocate(1 << 18)];
          const device = new MemoryDevice(number, to.memory, from.memory, port.offloads, this.counters);
          if (random.chance(0.3)) {
            const options = { drop: 0.1, duplicate: 0.2, seed: number };
            faults.add(number, device, options);
            this.engine.addSource(faults.around(device));
            this.engine.attach(number, faults);
          } else {
            this.engine.addSource(device);
            this.engine.attach(number, device);
          }
          view.memory = { user: new MemoryPort(name, to, from, () => {}), offloads: port.offloads };
        }
        return view;
      }),
    );
    this.shapers = new Shapers(this.counters, this.engine.clock, seed);
    this.shapers.load(topology.qos);
    topology.qos?.ports.forEach((port, row) => {
      const queue = this.engine.egress.queueOf[port];
      if (queue === undefined) return;
      this.engine.detach(port);
      this.shapers.add(port, queue.sink, row, this.engine.batch);
      this.engine.attach(port, this.shapers);
    });
    this.extras.ports = this.ports;
    this.extras.start(this.engine, topology);
  }

  /** A few frames into a few ports, one or more polls, and all checks. */
  step(): void {
    const { random, engine } = this;
    this.extras.step(engine, this.topology);
    this.routers.step();
    if (random.chance(0.1)) bindSome(random, this.ports, this.routers.neighbours);
    for (let n = random.between(1, 12); n > 0; n--) this.send(random.pick(this.ports));
    if (random.chance(0.2)) this.burst.results = Array.from({ length: 5 }, () => -random.pick([0, 11, 101]));
    this.now += random.pick([0, 1, 200, 5000]);
    this.datagrams.burst.second = Math.floor(this.now / 1000);
    engine.poll(this.now);
    for (let n = 0; engine.isBusy && n < 100; n++) engine.poll(this.now);
    expect(engine.isBusy).toBe(false);
    // A port that goes takes with it what waits, and one that is shaped no longer gives it on.
    if (random.chance(0.02))
      for (const { number } of this.ports) if (random.chance(0.3)) this.unshape(number);
    expect(lawViolations(this.counters, true, PORTS)).toEqual([]);
    this.checkReceived();
  }

  private unshape(port: number): void {
    const { engine, shapers, topology } = this;
    const row = topology.qos?.ports.indexOf(port) ?? -1;
    const sink = shapers.innerOf(port);
    if (row < 0 || sink === undefined) return;
    if (this.random.chance(0.5)) shapers.release(port, engine.batch);
    else shapers.remove(port);
    shapers.add(port, sink, row, engine.batch);
  }

  answers(): number {
    const { counters } = this;
    return this.ports.reduce(
      (sum, { number }) => sum + counters.values[counters.port(number) + PORT.generated],
      0,
    );
  }

  private send(port: FuzzPort): void {
    const { random } = this;
    // A VLAN-unaware bridge is one domain whatever the tags say.
    const isAware = port.pvid !== 0 || port.vids[0] !== 0;
    const vid = random.pick([...port.vids, 0, 0, 1, 2, 3, 4095]);
    const isTagged = random.chance(isAware ? 0.6 : 0.3);
    const domain = !isAware ? 0 : isTagged && vid !== 0 && !port.isTunnel ? vid : port.pvid;
    const tags = isTagged ? [random.tag(vid)] : [];
    if (isTagged && random.chance(0.1)) tags.push(random.tag(random.pick([5, 6])));
    const payload = Buffer.concat([
      payloadOf(
        random.pick([0, 0, 10, 100, 100, 1000, random.chance(0.1) ? 9000 : 1400]),
        random.between(0, 255),
      ),
      Buffer.from(`${MARK}${port.bridge}/${domain}=${port.bridge}/${domain};`),
    ]);
    const frame = build({
      version: random.pick([4, 6] as const),
      protocol: random.pick(['tcp', 'udp'] as const),
      payload,
      gsoSize: random.pick([1, 100, 536, 1400]),
      tags,
      finished: random.chance(0.1),
    });
    const { bytes } = frame;
    bytes.set(random.macs(), 0);
    if (random.chance(0.1)) {
      this.sendControl(port, tags, domain);
      return;
    }
    if (random.chance(0.1)) {
      port.memory?.user.send(this.routers.question(random.macs()));
      return;
    }
    this.routers.direct(bytes, frame.l3);
    // Mutations stay in front of the payload, and leave the tag alone that decides the domain.
    const from = 14 + 4 * tags.length;
    if (random.chance(0.5)) {
      for (let n = random.between(1, 3); n > 0; n--) {
        const at = random.between(random.chance(0.8) ? from : 0, frame.headerLength - 1);
        if (at >= 12 && at < from) continue;
        bytes[at] = random.between(0, 255);
      }
    }
    const cut = random.chance(0.1) ? bytes.subarray(0, random.between(0, bytes.length)) : bytes;
    if (this.extras.say(port, cut, domain)) return;
    if (port.memory !== undefined) {
      port.memory.user.send(cut, random.chance(0.7) ? this.offload(frame) : undefined);
      return;
    }
    const flags = random.chance(0.95) ? 0x08 : random.between(0, 255);
    const vni = random.chance(0.95) ? (port.vni as number) : 77;
    const datagram = Uint8Array.of(flags, 0, 0, 0, 0, 0, vni, 0, ...cut);
    this.datagrams.waiting.push({
      bytes: random.chance(0.05) ? datagram.subarray(0, random.between(0, 24)) : datagram,
      from: `192.0.2.${random.between(2, 12)}`,
      tos: random.between(0, 255),
    });
  }

  /** What tunnels of protocols look at. */
  private sendControl(port: FuzzPort, tags: number[], domain: number): void {
    const { random } = this;
    const name = random.pick(L2CP_NAMES);
    const dst = random.pick([groupOf(name), groupOf(name), TUNNEL_MAC, groupOf(random.pick(L2CP_NAMES))]);
    const text = tags.map((tag) => (tag >>> 0).toString(16)).join(' ');
    const mark = Buffer.from(`${MARK}${port.bridge}/${domain}=${port.bridge}/${domain};`);
    const head = controlFrame(name, { dst, tags: text });
    const bytes = Buffer.concat([head, Buffer.alloc(random.pick([0, 0, 900])), mark]);
    const cut = random.chance(0.1) ? bytes.subarray(0, random.between(0, bytes.length)) : bytes;
    if (!this.extras.say(port, cut, domain)) port.memory?.user.send(cut);
  }

  private offload(frame: ReturnType<typeof build>): Offload {
    const { random } = this;
    const right = {
      gsoType: frame.gsoType,
      gsoSize: frame.shape.gsoSize,
      csumStart: frame.csumStart,
      csumOffset: frame.csumOffset,
    };
    if (random.chance(0.7)) return right;
    const key = random.pick(['gsoType', 'gsoSize', 'csumStart', 'csumOffset'] as const);
    const value = random.pick([
      0,
      1,
      3,
      4,
      5,
      0x81,
      14,
      right[key] + 1,
      right[key] - 1,
      65_535,
      random.between(0, 65_535),
    ]);
    return { ...right, [key]: Math.max(0, key === 'gsoType' ? value & 0xff : value) };
  }

  private checkReceived(): void {
    for (const port of this.ports) {
      if (port.memory === undefined) continue;
      const { user, offloads } = port.memory;
      for (let frame = user.receive(); frame !== undefined; frame = user.receive()) {
        if (!offloads) expect(frame.offload, `${port.name} takes no offloads`).toBeUndefined();
        const { gsoType = 0, gsoSize = 0, csumStart = 0, csumOffset = 0 } = frame.offload ?? {};
        if (csumStart > 0) expect(csumStart + csumOffset + 2).toBeLessThanOrEqual(frame.bytes.length);
        if (gsoType > 0) expect(gsoSize).toBeGreaterThan(0);
        this.checkDomain(port, frame.bytes);
      }
    }
    for (const { bytes } of this.burst.sent.splice(0)) {
      const port = this.ports.find(({ vni }) => vni === bytes[6]);
      expect(port, `a datagram for VNI ${bytes[6]}`).toBeDefined();
      this.checkDomain(port as FuzzPort, bytes.subarray(8));
    }
  }

  private domainsOf(bridge: string): string[] {
    return [0, ...VIDS].map((vid) => `${bridge}/${vid}`);
  }

  private checkDomain(port: FuzzPort, bytes: Uint8Array): void {
    const text = Buffer.from(bytes.subarray(12)).toString('latin1');
    const mark = /taploom:((\w+)\/(\d+))=\1;/.exec(text);
    if (mark === null) return; // cut short, overwritten, or another segment has it
    const [, , bridge, vid] = mark;
    const name = `${bridge}/${vid}`;
    const isRouted = port.isMirrorEnd
      ? this.domainsOf(port.bridge).some((other) => this.routers.leads(name, other))
      : port.vids.some((own) => this.routers.leads(name, `${port.bridge}/${own}`));
    if (isRouted) return;
    expect(bridge, `a frame of ${bridge} at ${port.name}`).toBe(port.bridge);
    if (!port.isMirrorEnd) expect(port.vids, `a frame of VLAN ${vid} at ${port.name}`).toContain(Number(vid));
  }
}

/** Runs the switch that `seed` makes; says what to do again if it fails. Returns how many ICMP answers it gave. */
function iteration(seed: number): number {
  let step = 0;
  try {
    const fuzzed = new Fuzzed(new Random(seed));
    for (; step < BATCHES; step++) fuzzed.step();
    return fuzzed.answers();
  } catch (error) {
    throw new Error(`FUZZ_SEED=${seed} npx vitest run test/engine/fuzz.test.ts fails at batch ${step}`, {
      cause: error,
    });
  }
}

test(`random switches survive hostile frames for ${SECONDS} s`, { timeout: SECONDS * 1000 + 60_000 }, () => {
  if (SEED !== undefined) {
    iteration(SEED);
    return;
  }
  const first = seedOf(undefined);
  process.stdout.write(`fuzz: first seed ${first}\n`);
  const end = Date.now() + SECONDS * 1000;
  let seed = first;
  let answers = 0;
  for (; Date.now() < end; seed++) answers += iteration(seed);
  process.stdout.write(
    `fuzz: ${seed - first} switches, ${(seed - first) * BATCHES} batches, ${answers} ICMP answers\n`,
  );
});

/** Whether the TCP or UDP checksum of an untagged frame is right. */
function verifiesAnywhere(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const typeAt = vlan.skip(view, 12, bytes.length);
  const type = view.getUint16(typeAt);
  const l3 = typeAt + 2;
  const found = ip.transport(view, type, l3, bytes.length);
  const packet = ip.packetLength(view, type, l3, bytes.length);
  if (found < 0 || packet < 0) return false;
  const l4 = l3 + (found >>> 8);
  const addresses = type === 0x0800 ? add(view, l3 + 12, l3 + 20) : add(view, l3 + 8, l3 + 40);
  const length = l3 + packet - l4;
  if (type === 0x0800 && add(view, l3, l3 + ipv4.headerLength(view, l3)) !== 0xffff) return false;
  if (type !== 0x0800 && ipv6.HEADER_LEN > packet) return false;
  const pseudo = addresses + (found & 0xff) + length;
  return add(view, l4, l3 + packet, pseudo) === 0xffff;
}

test('honest frames through random switches verify wherever software completed or segmented them', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const fuzzed = new Fuzzed(random);
    const from = fuzzed.ports.find(({ memory }) => memory !== undefined);
    if (from?.memory === undefined) continue;
    for (let n = 0; n < 10; n++) {
      const frame = build({
        version: random.pick([4, 6] as const),
        protocol: random.pick(['tcp', 'udp'] as const),
        payload: payloadOf(random.pick([100, 3000, 20_000])),
        gsoSize: random.pick([300, 500]),
        tags: from.pvid === 0 && from.vids[0] !== 0 ? [0x8100_0000 | from.vids[0]] : [],
      });
      frame.bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
      from.memory.user.send(frame.bytes, {
        gsoType: frame.gsoType,
        gsoSize: frame.shape.gsoSize,
        csumStart: frame.csumStart,
        csumOffset: frame.csumOffset,
      });
      for (let polls = 0; polls < 10; polls++) fuzzed.engine.poll(n);
      for (const { memory, isMirrorEnd } of fuzzed.ports) {
        if (isMirrorEnd) memory?.user.receive(); // which may have been cut
        if (isMirrorEnd) continue;
        for (let got = memory?.user.receive(); got !== undefined; got = memory?.user.receive()) {
          if (got.offload === undefined && !Buffer.from(got.bytes).includes(GENERATED))
            expect(verifiesAnywhere(got.bytes), `seed ${seed}`).toBe(true);
        }
      }
      for (const { bytes } of fuzzed.burst.sent.splice(0)) {
        if (Buffer.from(bytes).includes(GENERATED)) continue;
        expect(verifiesAnywhere(bytes.subarray(8)), `seed ${seed}`).toBe(true);
      }
    }
  }
});
