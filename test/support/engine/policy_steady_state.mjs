// Run by test/engine/policy_allocation.test.ts in a process of its own: the built engine with security groups on two of three ports, and a
// sink that forgets. Connections that are known, new ones, some that end or time out, super-frames, fragments, IPv6, errors, and what
// rules refuse. Prints what the garbage collector had to do.
//
//   node --expose-gc policy_steady_state.mjs <frames>

import { heapGrowth } from './heap_growth.mjs';

const frames = Number(process.argv[2]);
const dist = new URL('../../../dist/src/', import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const [{ Engine }, { Compiler }, { parseConfig }, { Counters, PORT }, { COLUMN }, { DROPS }] =
  await Promise.all(
    [
      'engine/engine.js',
      'compile/compiler.js',
      'config/schema.js',
      'table/counters.js',
      'frame/frame_batch.js',
      'table/drops.js',
    ].map(load),
  );

const [ICMP, TCP, UDP, FIN, ACK] = [1, 6, 17, 1, 16];
/** Polls in which a second passes: connections time out meanwhile. */
const POLLS_A_SECOND = 20;
const HOSTS = 64;

const { topology, ...compiler } = (() => {
  const made = new Compiler();
  const rules = [
    { protocol: 'tcp', ports: [80, '1000-2000'], from: 'any' },
    { protocol: 'udp', ports: 53, from: ['g', 'fd00::/8', '10.0.0.0/8'] },
    { protocol: 'icmp', type: 8 },
  ];
  const config = parseConfig({
    version: 1,
    groups: { g: { in: rules } },
    connections: { limit: 4096, udp_timeout: 10 },
    bridges: {
      br0: {
        local: false,
        ports: {
          a: { type: 'tap', groups: ['g'] },
          b: { type: 'tap', groups: ['g'] },
          up: { type: 'tap' },
        },
      },
    },
  });
  const { topology } = made.compile(config);
  return { topology, ports: made.ports };
})();
const counters = Counters.allocate(64, 8);
const engine = new Engine({ counters, topology, seed: Int32Array.of(1, 2, 3, 4) });
const { batch } = engine;
const { view, rows } = batch;
const numbers = ['a', 'b', 'up'].map((name) => compiler.ports.find(name));
const sink = {
  transmit(_batch, queue) {
    queue.count = 0;
  },
};
for (const port of numbers) engine.attach(port, sink);
let turn = 0;

/** From a host behind one port to the one of the same number behind another. */
function begin(from, to, n, type, length) {
  const at = batch.slotAt(batch.used);
  view.setUint16(at, 0x0200);
  view.setInt32(at + 2, (to << 16) | n);
  view.setUint16(at + 6, 0x0200);
  view.setInt32(at + 8, (from << 16) | n);
  view.setUint16(at + 12, type);
  return batch.append(numbers[from], length);
}

function packet(from, to, n, protocol, sport, dport, flags = ACK, length = 60, fragment = 0) {
  const row = begin(from, to, n, 0x0800, length);
  const at = batch.frameAt(row) + 14;
  view.setInt32(at, 0x4500_0000 | (length - 14));
  view.setInt32(at + 4, (turn << 16) | fragment);
  view.setInt32(at + 8, 0x4000_0000 | (protocol << 16));
  view.setInt32(at + 12, 0x0a00_0000 | (from << 16) | n);
  view.setInt32(at + 16, 0x0a00_0000 | (to << 16) | n);
  view.setInt32(at + 20, (sport << 16) | dport);
  view.setInt32(at + 24, 0);
  view.setInt32(at + 32, 0x5000_0400 | (flags << 16));
  return row;
}

function wide(from, to, n, sport, dport) {
  const row = begin(from, to, n, 0x86dd, 74);
  const at = batch.frameAt(row) + 14;
  view.setInt32(at, 0x6000_0000);
  view.setInt32(at + 4, (20 << 16) | (UDP << 8) | 64);
  address(at + 8, from, n);
  address(at + 24, to, n);
  view.setInt32(at + 40, (sport << 16) | dport);
  return row;
}

function address(at, side, n) {
  view.setInt32(at, 0xfd00_0000 | 0);
  view.setInt32(at + 4, 0);
  view.setInt32(at + 8, side);
  view.setInt32(at + 12, n);
}

function superFrame(row) {
  rows[row + COLUMN.gsoType] = 1;
  rows[row + COLUMN.gsoSize] = 1400;
  rows[row + COLUMN.headerLength] = 54;
  rows[row + COLUMN.csumStart] = 34;
  rows[row + COLUMN.csumOffset] = 16;
}

/** What answers a datagram of host `n`: port unreachable. */
function error(n) {
  const row = packet(1, 0, n, ICMP, 0x0303, 0, 0, 70);
  const at = batch.frameAt(row) + 42;
  view.setInt32(at, 0x4500_001c);
  view.setInt32(at + 4, 0);
  view.setInt32(at + 8, 0x4011_0000);
  view.setInt32(at + 12, 0x0a00_0000 | n);
  view.setInt32(at + 16, 0x0a01_0000 | n);
  view.setInt32(at + 20, (4000 << 16) | 53);
  return row;
}

class Traffic {
  receive(_batch, limit) {
    for (let k = 0; k < limit; k++) this.next(turn++);
  }

  next(turn) {
    const n = (turn >>> 4) % HOSTS;
    switch (turn & 15) {
      case 0:
        return packet(0, 1, n, UDP, 4000, 53);
      case 1:
        return packet(1, 0, n, UDP, 53, 4000);
      case 2:
        return error(n);
      case 3: // another one each time
        return packet(0, 1, n, UDP, turn & 0xffff, 53);
      case 4:
        return packet(2, 1, n, TCP, 5000 + ((turn >>> 10) & 255), 80, turn & 0x1000 ? FIN | ACK : ACK);
      case 5: // refused
        return packet(2, 0, n, TCP, 5000, 22);
      case 6:
        return wide(0, 1, n, 6000, 53);
      case 7:
        return wide(1, 0, n, 53, 6000);
      case 8:
        return packet(0, 1, n, UDP, 4000, 53, 0, 1402, 0x2000);
      case 9: // of which the first was another packet's
        return packet(0, 1, n, UDP, 0, 0, 0, 100, 0x00ad);
      case 10:
        return superFrame(packet(0, 2, n, TCP, 7000, 443, ACK, 40_014));
      default:
        return packet(turn & 1, 1 - (turn & 1), n, TCP, 1500, 1500);
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
  numbers.reduce((sum, port) => sum + counters.values[counters.port(port) + counter], 0);
const drops = {};
for (const [code, { name }] of DROPS.entries()) {
  const count = total(PORT.drops + code);
  if (count > 0) drops[name] = count;
}
const share = total(PORT.forwarded) / total(PORT.receivedFrames);
console.log(JSON.stringify({ frames: done, growth, collections, share, drops }));
