// Run by test/engine/allocation.test.ts in a process of its own: the built engine with TAPs and a tunnel whose system
// calls are taken out, and a million frames. Prints what the garbage collector had to do.
//
//   node --expose-gc steady_state.mjs <plain | controls | listed | tunnelled | captured | mirrored | hooked | shared | segments | underlay | too_big | trains | memory | faults | aggregate | routed | shaped | guarded> <frames>
import { heapGrowth } from './heap_growth.mjs';
import { bindStations, writeGuest } from './steady_guards.mjs';
import { settle } from './steady_ports.mjs';

const [kind, frames] = [process.argv[2], Number(process.argv[3])];
const dist = new URL('../../../dist/src/', import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const [
  { Engine },
  { Compiler },
  { parseConfig },
  { Counters, PORT },
  { SharedFdb },
  { Paths },
  { Remotes },
  { TapSink },
  { TransmitList },
  { VniRegistry },
  { VxlanSockets },
  { VxlanTaps },
  { Decapsulation },
  { KIND, ROW, RX, TX },
  { Faults },
  { MemoryDevice, MemoryPort },
  { FrameRing },
  { COLUMN },
  { Captures },
  { DropKeeper },
  { CaptureRing },
  { L2CP },
  { Neighbours },
  { Shapers },
  { Bindings },
  { DROP },
] = await Promise.all(
  [
    'engine/engine.js',
    'compile/compiler.js',
    'config/schema.js',
    'table/counters.js',
    'table/shared_fdb.js',
    'table/paths.js',
    'table/remotes.js',
    'port/tap_sink.js',
    'port/transmit_list.js',
    'port/vni_registry.js',
    'port/vxlan_sockets.js',
    'port/vxlan_taps.js',
    'port/decapsulation.js',
    'sys/burst.js',
    'port/faults.js',
    'port/memory.js',
    'port/frame_ring.js',
    'frame/frame_batch.js',
    'engine/capture.js',
    'engine/drop_keeper.js',
    'table/capture_ring.js',
    'wire/l2cp.js',
    'table/neighbours.js',
    'port/shapers.js',
    'table/bindings.js',
    'table/drops.js',
  ].map(load),
);

const PORTS = 8;
const STATIONS = 512;
const hasTunnel = ['segments', 'underlay', 'too_big', 'trains'].includes(kind);
const ports = Object.fromEntries(
  Array.from({ length: PORTS }, (_, n) => [
    `t${n}`,
    { type: kind === 'memory' ? 'memory' : 'tap', vlan: n % 2 === 0 ? { access: 10 } : { trunk: [10] } },
  ]),
);
const admitted = settle(kind, ports, STATIONS);
const tunnel = {
  type: 'vxlan',
  vni: 1,
  local: '192.0.2.1',
  remotes: ['192.0.2.2', '192.0.2.3'],
  vlan: { access: 10 },
};
/** Whole copies of what comes in, and cut ones of what leaves, each through a filter. */
const mirrors = {
  m1: { direction: 'in', filter: 'ip or (vlan 10 and ip)', to: 'mon' },
  m2: { direction: 'out', filter: 'greater 100 and not arp', snaplen: 64, to: 'mon' },
};
/** Of one interface: what is sent to it turns round. */
const GATEWAY = { bridge: 'br0', vlan: 10, mac: '02:00:00:01:00:01', address: ['10.0.0.254/16'] };
const members = { x1: { type: 'tap' }, x2: { type: 'tap' } };
/** Both members take frames in, and every other bucket is the other's. */
const distribution = {
  collecting: ['x1', 'x2'],
  buckets: Array.from({ length: 256 }, (_, n) => (n % 2 === 0 ? 'x1' : 'x2')),
};
/** In and out, at a port, a VLAN and the bridge; the last rule of many decides. */
const acls = {
  many: [
    ...Array.from({ length: 2000 }, (_, n) => ({
      deny: { protocol: 'tcp', from: `192.0.2.${n & 255}`, ports: 1 + (n >>> 8) },
    })),
    { count: 'any', mark: 7, police: '100gbit', log: true },
    { permit: { from_mac: '02:00:00:00:00:00/ff:ff:ff:ff:00:00' } },
    { permit: 'any' },
  ],
};
const listed = { acls: { in: ['many'], out: ['many'] } };
if (kind === 'listed') Object.assign(ports.t0, listed);
const config = parseConfig({
  version: 1,
  ...(kind === 'shaped' && { tenants: { acme: { bandwidth: '10gbit' } } }),
  ...(kind === 'listed' && { acls }),
  ...(kind === 'routed' && { routers: { r1: { interfaces: { one: GATEWAY } } } }),
  bridges: {
    br0: {
      local: false,
      vlan_filtering: true,
      // Damaged addresses fill the table while the code still warms up: afterwards all of it has run.
      fdb_limit: kind === 'faults' ? 2 * STATIONS : 8192,
      mirrors: kind === 'mirrored' ? mirrors : {},
      hooks: kind === 'hooked' ? [{ function: 'look' }] : [],
      static: admitted,
      ...(kind === 'listed' && { ...listed, vlans: { 10: listed } }),
      ports: {
        ...ports,
        ...(hasTunnel ? { vx: tunnel } : {}),
        ...(kind === 'mirrored' ? { mon: { type: 'tap' } } : {}),
        ...(kind === 'aggregate'
          ? { bond: { type: 'aggregate', lacp: 'off', hash: 'l2', vlan: { trunk: [10] }, members } }
          : {}),
      },
    },
  },
});
const compiler = new Compiler();
const { topology, remotes } = compiler.compile(config, { distributions: new Map([['bond', distribution]]) });
const counters = Counters.allocate(64, 8);
const engine = new Engine({
  counters,
  topology,
  seed: Int32Array.of(1, -2_000_000_001, 333_333_333, 44_444),
  neighbours: kind === 'routed' || kind === 'guarded' ? new Neighbours(Neighbours.allocate(1)) : undefined,
  table: kind === 'shared' ? SharedFdb.allocate(topology.fdbSlots) : undefined,
});
const { batch } = engine;

const burst = {
  txCapacity: 512,
  second: 1,
  join: (_at, _stride, count) => count,
  tx: new Int32Array(512 * ROW),
  rx: new Int32Array(batch.slots * ROW),
  transmit(count) {
    for (let n = 0; n < count; n++) this.tx[n * ROW + TX.result] = 1;
  },
};
const list = new TransmitList(burst, counters);
const taps = new TapSink(list, counters);
const table = new Remotes(16, 16, 1);
table.configure(remotes, () => true);
const registry = new VniRegistry(counters, table);
const sockets = new VxlanSockets(list, registry, table, new Paths(33));
const decapsulation = new Decapsulation(burst, registry, table);
const faults = new Faults(counters);
engine.addSource(faults);
const number = (name) => compiler.ports.find(name);

/** Slots hold the same frames again and again; only the addresses change. */
class Replay {
  turn = 0;
  receive(batch, limit) {
    const { view } = batch;
    for (let n = 0; n < limit; n++) {
      const at = batch.slotAt(batch.used);
      const station = Math.imul(this.turn++, 0x9e37_79b1) >>> 23;
      const from = station % PORTS;
      view.setUint16(at, 0x0200);
      // Every other destination is unknown where there is a tunnel to flood to.
      view.setInt32(
        at + 2,
        Math.imul(this.turn, 0x85eb_ca6b) >>> (hasTunnel || kind === 'controls' ? 22 : 23),
      );
      view.setUint16(at + 6, 0x0200);
      view.setInt32(at + 8, station);
      let l3 = at + 14;
      if (from % 2 === 1) {
        view.setInt32(at + 12, 0x8100_000a | 0);
        l3 += 4;
      }
      view.setUint16(l3 - 2, 0x0800);
      view.setInt32(l3, hasTunnel ? 0x4500_0000 | (20 + 20 + 4000) : 0x4500_002e);
      view.setInt32(l3 + 4, kind === 'too_big' ? 0x4000 : 0);
      view.setInt32(l3 + 8, kind === 'too_big' ? 0x4006_172e : 0x4006_0000);
      view.setInt32(l3 + 12, 0x0a00_0001);
      view.setInt32(l3 + 16, 0x0a00_0002);
      view.setInt32(l3 + 32, 0x5010_0000);
      // Of customers, and of those at the other end of the tunnel.
      if (kind === 'tunnelled' && station % 8 < 2) {
        view.setUint16(at, from % 2 === 0 ? 0x0180 : 0x0100);
        view.setInt32(at + 2, from % 2 === 0 ? 0xc200_000e | 0 : 0x0ccd_cdd0);
        view.setUint16(l3 - 2, 0x88cc);
      }
      if (kind === 'routed' && station % 2 === 0) this.route(view, at, l3);
      const { rows } = batch;
      const most = hasTunnel ? 4040 : n % 4 === 0 ? 1500 : 46;
      const length = kind === 'guarded' ? writeGuest(view, at, l3, this.turn, station, most) : most;
      const row = batch.append(number_[from], l3 - at + length);
      rows[row + COLUMN.gsoType] = hasTunnel ? 1 : 0;
      rows[row + COLUMN.gsoSize] = kind === 'too_big' ? 1460 : 1400;
      rows[row + COLUMN.csumStart] = l3 - at + 20;
      rows[row + COLUMN.csumOffset] = 16;
    }
  }

  /** To a gateway, from another subnet's point of view: some for nobody, some with no hop left, some ask who it is. */
  route(view, at, l3) {
    view.setUint16(at, 0x0200);
    view.setInt32(at + 2, 0x0001_0001);
    if (this.turn % 32 === 5) {
      view.setUint16(l3 - 2, 0x0806);
      view.setInt32(l3, 0x0001_0800);
      view.setInt32(l3 + 4, 0x0604_0001);
      view.setInt32(l3 + 8, view.getInt32(at + 6));
      view.setInt32(l3 + 12, (view.getUint16(at + 10) << 16) | 0x0a00);
      view.setInt32(l3 + 16, 0x0107_0000);
      view.setInt32(l3 + 20, 0);
      view.setInt32(l3 + 24, 0x0a00_00fe);
      return;
    }
    view.setInt32(l3 + 8, this.turn % 16 === 3 ? 0x0111_0000 : 0x4011_0000);
    view.setInt32(l3 + 12, 0x0a00_0100 | (this.turn % 190));
    view.setInt32(l3 + 16, 0x0a00_0100 | (this.turn & 0xff));
    let sum = 0;
    for (let k = 0; k < 20; k += 2) sum += view.getUint16(l3 + k);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(l3 + 10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  }
}
let seen = 0;
/** All of what hooks may do; what two ports' generate once a millisecond is a flood. */
function addHooks() {
  const frame = new Uint8Array(60).fill(0xff, 0, 6);
  frame.set([2, 0, 0, 0, 0, 1, 0x88, 0xb5], 6);
  const look = {
    observe(one) {
      seen = (seen + one.getUint16(30) + one.flowHash + one.segments) | 0;
    },
  };
  const all = () => ({
    ...look,
    filter: (one) => one.getUint16(12) !== 0x0806 && one.vlan === 10,
    rewrite: (one) => one.setUint16(20, one.getUint16(20)),
    generate(out) {
      out.receive(frame);
      return 1;
    },
  });
  for (const { id, bridge, port } of compiler.hooks.number(config))
    engine.hooks.add({ id, bridge, port, onError: 'drop' }, port === undefined ? look : all());
}
/** Who is behind the gateway; some are not. */
function introduce(port) {
  for (let n = 0; n < 200; n++) engine.neighbours.set4(port, 0x0a00_0100 | n, 0x0200, n);
}
const SEGMENTS = 8;
const DATAGRAM = 8 + 14 + 20 + 20 + 1400;
/** Trains of datagrams, each the segments of one frame, as a tunnel's socket hands them over. */
class Trains {
  turn = 0;
  receive(batch, limit) {
    const { view } = batch;
    for (let n = 0; n < limit; n++) {
      const slot = batch.used;
      this.turn++;
      for (let k = 0; k < SEGMENTS; k++) {
        const at = batch.slotAt(slot) + k * DATAGRAM;
        view.setInt32(at, 0x0800_0000);
        view.setInt32(at + 4, 1 << 8);
        view.setUint16(at + 8, 0x0200);
        view.setInt32(at + 10, Math.imul(this.turn, 0x85eb_ca6b) >>> 23);
        view.setUint16(at + 14, 0x0200);
        view.setInt32(at + 16, 0x100_0000 | (this.turn & 0xff));
        view.setUint16(at + 20, 0x0800);
        view.setInt32(at + 22, 0x4500_0000 | (40 + 1400));
        view.setInt32(at + 26, k << 16);
        view.setInt32(at + 30, 0x4006_0000);
        view.setInt32(at + 46, k * 1400);
        view.setInt32(at + 54, 0x5010_0000);
      }
      burst.rx[slot * ROW + RX.train] = DATAGRAM;
      burst.rx[slot * ROW + RX.address] = 0x0202_00c0 | 0;
      decapsulation.receive(batch, 0, SEGMENTS * DATAGRAM, slot * ROW);
    }
  }
}
// Half of the stations are behind an aggregate of two members.
const portName = (n) => (kind !== 'aggregate' || n % 2 === 0 ? `t${n}` : n % 4 === 1 ? 'x1' : 'x2');
const number_ = Int32Array.from({ length: PORTS }, (_, n) => number(portName(n)));

const users = [];
if (kind === 'memory') {
  for (let n = 0; n < PORTS; n++) {
    const [to, from] = [FrameRing.allocate(1 << 20), FrameRing.allocate(1 << 20)];
    const device = new MemoryDevice(number_[n], to.memory, from.memory, true, counters);
    engine.addSource(faults.around(device));
    engine.attach(number_[n], device);
    users.push({ to, from, port: new MemoryPort(`t${n}`, to, from, () => {}) });
  }
} else {
  engine.addSource(faults.around(kind === 'trains' ? new Trains() : new Replay()));
  if (kind === 'aggregate') engine.attach(number('bond'), engine.aggregates);
  for (let n = 0; n < PORTS; n++) {
    taps.add(number_[n], 100 + n, KIND.tap, 0x6f);
    if (kind === 'faults') {
      faults.add(number_[n], taps, { drop: 0.05, duplicate: 0.1, corrupt: 0.1, delay: 0.5, seed: n });
      if (n < 2) faults.add(number_[n], taps, { duplicate: 0.1, corrupt: 0.1, seed: n });
    }
    engine.attach(number_[n], kind === 'faults' ? faults : taps);
  }
  if (hasTunnel) {
    const family = {
      family: 4,
      dstPort: 4789,
      senders: [1, 2, 3, 4],
      udpSegment: true,
      tos: -1,
      remoteLearning: true,
      maxRemotes: 4,
    };
    const mac = { hi: 0x0200, lo: 1 };
    const underlay = { fd: 9, mac, local: 0x0a00_0001, ttl: 64, sourcePort: 49152, sourcePorts: 1000 };
    const port = { port: number('vx'), vni: 1, vtep: 0, ...family, underlay };
    registry.add(port);
    engine.attach(port.port, kind === 'underlay' ? new VxlanTaps(list, registry, table) : sockets);
  }
}
if (kind === 'hooked') addHooks();
if (kind === 'guarded') bindStations(new Bindings(engine.neighbours.bound), number_, STATIONS);
if (kind === 'routed') introduce(number('r1.one'));
if (kind === 'shaped') {
  const shapers = new Shapers(counters, engine.clock, Int32Array.of(1, 2));
  shapers.load(topology.qos);
  topology.qos.ports.forEach((port, row) => {
    engine.detach(port);
    shapers.add(port, taps, row, batch);
    engine.attach(port, shapers);
  });
}
engine.drops.passes.push(new DropKeeper(batch, engine.clock));
if (kind === 'mirrored') {
  taps.add(number('mon'), 100 + PORTS, KIND.tap, 0x6f);
  engine.attach(number('mon'), taps);
}
const rings = [];
if (kind === 'captured') {
  const captures = new Captures(batch, engine.clock);
  const spec = { ports: new SharedArrayBuffer(4096), directions: 7, snaplen: 128, count: 0 };
  new Uint8Array(spec.ports).fill(1);
  const isTagged = [
    [0x28, 0, 0, 12],
    [0x15, 0, 1, 0x8100],
    [0x06, 0, 0, 0xffff_ffff],
    [0x06, 0, 0, 0],
  ];
  for (const program of [null, isTagged]) {
    const ring = CaptureRing.allocate(4096);
    captures.start({ ...spec, id: rings.length, rings: [ring.memory], program }, 0);
    rings.push(ring);
  }
  engine.ingressPasses.push(captures);
  engine.egress.passes.push(captures);
  engine.drops.passes.push(captures);
}
let captured = 0;
let now = 1000;
let done = 0;
let turn = 0;
function poll() {
  if (kind === 'memory') feed();
  engine.poll(now);
  for (let n = 0; n < rings.length; n++) {
    for (let at = rings[n].peek(); at >= 0; at = rings[n].peek()) {
      captured++;
      rings[n].release(at);
    }
  }
  done += batch.count;
  now += 1;
}
/** Writes into the rings as MemoryPort.send does, less the wake-up, and empties those that the switch fills. */
function feed() {
  for (let n = 0; n < PORTS; n++) {
    const { to, from } = users[n];
    for (let k = 0; k < 8; k++) {
      const at = to.reserve(n % 2 === 0 ? 60 : 64);
      if (at < 0) break;
      const { view } = to;
      view.setUint16(at, 0x0200);
      view.setInt32(at + 2, Math.imul(turn++, 0x85eb_ca6b) >>> 23);
      view.setUint16(at + 6, 0x0200);
      view.setInt32(at + 8, (turn % (STATIONS / PORTS)) * PORTS + n);
      if (n % 2 === 1) view.setInt32(at + 12, 0x8100_000a | 0);
      to.describe(at, 0, 0, 0, 0);
      to.commit();
    }
    for (let at = from.peek(); at >= 0; at = from.peek()) from.release(at);
  }
}

for (let n = 0; n < 10_000 || done < frames / 5; n++) poll();
const { growth, collections } = await heapGrowth(() => {
  done = 0;
  while (done < frames) poll();
});
// What members receive their aggregate does.
const direct = number_.filter((_, n) => kind !== 'aggregate' || n % 2 === 0);
const received =
  kind === 'trains' ? [number('vx')] : [...direct, ...(kind === 'aggregate' ? [number('bond')] : [])];
const total = (counter) =>
  received.reduce((sum, port) => sum + counters.values[counters.port(port) + counter], 0);
const tunnelAt = counters.port(number('vx') ?? 0);
const sent = counters.values[tunnelAt + PORT.transmittedSegments];
const answers =
  counters.values[(kind === 'routed' ? counters.port(number('r1.one')) : tunnelAt) + PORT.generated];
const mirrored = counters.values[counters.port(number('mon') ?? 0) + PORT.transmittedFrames];
/** Frames of LLDP into the tunnel, and out of it. */
const tunnelled = Math.min(
  ...[PORT.encapsulated, PORT.decapsulated].map((counter) => total(counter + L2CP.lldp)),
);
/** Of each kind of what guards refuse. */
const refused = Math.min(
  ...['spoofed_ip', 'arp_spoofed', 'nd_spoofed', 'rogue_router'].map((name) =>
    total(PORT.drops + DROP[name]),
  ),
);
const share = total(PORT.forwarded) / total(PORT.receivedFrames);
console.log(
  JSON.stringify({
    frames: done,
    collections,
    growth,
    forwarded: share,
    sent,
    answers,
    captured,
    mirrored,
    tunnelled,
    refused,
  }),
);
