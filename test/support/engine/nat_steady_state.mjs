// Run by test/engine/nat_allocation.test.ts in a process of its own: the built engine with a router and NAT between TAPs whose
// system calls are taken out. Connections that are known, new ones, some that end, super-frames, hairpin, fragments and ICMP
// errors. Prints what the garbage collector had to do.
//
//   node --expose-gc nat_steady_state.mjs <frames>

import { heapGrowth } from './heap_growth.mjs';

const frames = Number(process.argv[2]);
const dist = new URL('../../../dist/src/', import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const [
  { Engine },
  { Compiler },
  { parseConfig },
  { Counters, PORT },
  { TapSink },
  { TransmitList },
  { KIND, ROW, TX },
  { COLUMN },
  { DROPS },
  { Neighbours },
] = await Promise.all(
  [
    'engine/engine.js',
    'compile/compiler.js',
    'config/schema.js',
    'table/counters.js',
    'port/tap_sink.js',
    'port/transmit_list.js',
    'sys/burst.js',
    'frame/frame_batch.js',
    'table/drops.js',
    'table/neighbours.js',
  ].map(load),
);

const GUESTS = 128;
const PUBLISHED = 8080;
const OUTSIDE = 0xc000_0201 | 0;
const SERVER = 0xc633_6407 | 0;
const FIRST_GUEST = 0x0a00_010a;
const ROUTER_MAC = { lan: 0x0001_0001, up: 0x0001_0002 };
const GATEWAY_MAC = 0x0002_0009;
const [ICMP, TCP, UDP] = [1, 6, 17];
/** Polls in which a second passes: connections time out meanwhile. */
const POLLS_A_SECOND = 20;

const config = parseConfig({
  version: 1,
  bridges: {
    lan: { local: false, ports: { g1: { type: 'tap' }, g2: { type: 'tap' } } },
    wan: { local: false, ports: { u1: { type: 'tap' } } },
  },
  routers: {
    r1: {
      interfaces: {
        lan: { bridge: 'lan', mac: '02:00:00:01:00:01', address: ['10.0.1.1/24'] },
        up: { bridge: 'wan', mac: '02:00:00:01:00:02', address: ['192.0.2.1/24'] },
      },
      routes: [{ to: '0.0.0.0/0', via: '192.0.2.254' }],
      nat: [
        { destination: `tcp/${PUBLISHED}`, to: '10.0.1.10:80' },
        { source: '10.0.1.0/24', to: 'interface' },
      ],
    },
  },
});
const compiler = new Compiler();
const { topology } = compiler.compile(config);
const counters = Counters.allocate(64, 8);
const neighbours = new Neighbours(Neighbours.allocate(1));
const engine = new Engine({ counters, topology, seed: Int32Array.of(1, 2, 3, 4), neighbours });
const { batch } = engine;
const { view, rows } = batch;
const number = (name) => compiler.ports.find(name);
const burst = {
  txCapacity: 512,
  tx: new Int32Array(512 * ROW),
  transmit(count) {
    for (let n = 0; n < count; n++) this.tx[n * ROW + TX.result] = 1;
  },
};
const taps = new TapSink(new TransmitList(burst, counters), counters);
for (const [n, name] of ['g1', 'g2', 'u1'].entries()) {
  taps.add(number(name), 100 + n, KIND.tap, 0x6f);
  engine.attach(number(name), taps);
}
for (let n = 0; n < GUESTS; n++) neighbours.set4(number('r1.lan'), FIRST_GUEST + n, 0x0200, n);
neighbours.set4(number('r1.up'), 0xc000_02fe | 0, 0x0200, GATEWAY_MAC);

const [g1, g2, u1] = ['g1', 'g2', 'u1'].map(number);
let turn = 0;

/** A frame to the router, and its row. */
function packet(port, mac, from, src, dst, protocol, sport, dport, length) {
  const at = batch.slotAt(batch.used);
  view.setUint16(at, 0x0200);
  view.setInt32(at + 2, mac);
  view.setUint16(at + 6, 0x0200);
  view.setInt32(at + 8, from);
  view.setUint16(at + 12, 0x0800);
  const l4 = at + 34;
  header(at + 14, src, dst, protocol, length - 14);
  view.setUint16(l4, sport);
  view.setUint16(l4 + 2, dport);
  view.setInt32(l4 + 4, turn);
  view.setInt32(l4 + 8, 1);
  view.setInt32(l4 + 12, 0x5010_0400);
  return batch.append(port, length);
}

function header(at, src, dst, protocol, length) {
  view.setInt32(at, 0x4500_0000 | length);
  view.setInt32(at + 4, (turn << 16) | 0x4000);
  view.setInt32(at + 8, 0x4000_0000 | (protocol << 16));
  view.setInt32(at + 12, src);
  view.setInt32(at + 16, dst);
  let sum = 0;
  for (let k = 0; k < 20; k += 2) sum += view.getUint16(at + k);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(at + 10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
}

const out = (n, protocol, sport, dport, length) =>
  packet(g1, ROUTER_MAC.lan, n, FIRST_GUEST + n, SERVER, protocol, sport, dport, length);
const back = (protocol, sport, dport, length) =>
  packet(u1, ROUTER_MAC.up, GATEWAY_MAC, SERVER, OUTSIDE, protocol, sport, dport, length);

/** A checksum that the kernel has left to be completed, of TCP. */
function request(row, gsoSize) {
  rows[row + COLUMN.gsoType] = gsoSize === 0 ? 0 : 1;
  rows[row + COLUMN.gsoSize] = gsoSize;
  rows[row + COLUMN.csumStart] = 34;
  rows[row + COLUMN.csumOffset] = 16;
}

/** An error of the server's about a datagram of guest `n`. */
function error(n) {
  const row = back(ICMP, 0x0303, 0, 14 + 20 + 8 + 28);
  const l4 = batch.slotAt(batch.used - 1) + 34;
  view.setInt32(l4 + 4, 0);
  header(l4 + 8, OUTSIDE, SERVER, UDP, 28);
  view.setUint16(l4 + 28, 20_000 + n);
  view.setUint16(l4 + 30, 53);
  view.setInt32(l4 + 32, 0x0008_0000);
  return row;
}

class Traffic {
  receive(_batch, limit) {
    for (let k = 0; k < limit; k++) this.next(turn++);
  }

  next(n) {
    const guest = (n >>> 4) % GUESTS;
    switch (n & 15) {
      case 0: // begins the flows of this guest, where they have ended
        return out(guest, UDP, 20_000 + guest, 53, 60);
      case 1:
        return back(UDP, 53, 20_000 + guest, 60);
      case 2: // picked up, as TCP that was there before
      case 3:
        return request(out(guest, TCP, 30_000 + guest, 443, 60), 0);
      case 4:
        return request(back(TCP, 443, 30_000 + guest, 4034), 1400);
      case 5:
        return request(out(guest, TCP, 30_000 + guest, 443, 4034), 1400);
      case 6: // a new connection each time
        return out(guest, UDP, 40_000 + ((n >>> 4) % 25_000), 53, 60);
      case 7: // hairpin, which a neighbour's SYN begins
        return request(
          packet(g2, ROUTER_MAC.lan, 1, FIRST_GUEST + 1, OUTSIDE, TCP, 50_000, PUBLISHED, 60),
          0,
        );
      case 8: // ping
        return out(guest, ICMP, 0x0800, 0, 60);
      case 9:
        return error(guest);
      case 10: // for nobody
        return back(UDP, 53, 9, 60);
      default:
        return request(out(guest, TCP, 30_000 + guest, 443, 1400), 0);
    }
  }
}
engine.addSource(new Traffic());

let now = 1000;
let done = 0;
function poll() {
  engine.poll(now);
  done += batch.count;
  now += 1000 / POLLS_A_SECOND;
}
for (let n = 0; n < 4000; n++) poll();
const { growth, collections } = await heapGrowth(() => {
  done = 0;
  while (done < frames) poll();
});
const total = (counter) =>
  [g1, g2, u1].reduce((sum, port) => sum + counters.values[counters.port(port) + counter], 0);
const drops = {};
for (const [code, { name }] of DROPS.entries()) {
  const count = total(PORT.drops + code);
  if (count > 0) drops[name] = count;
}
const share = total(PORT.transmittedFrames) / total(PORT.receivedFrames);
console.log(JSON.stringify({ frames: done, growth, collections, share, drops }));
