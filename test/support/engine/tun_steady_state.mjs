// A TUN's end in the data plane, without system calls, in a process of its own: packets both ways, ARP and neighbour discovery in
// between. Prints what the garbage collector had to do.
//
//   node --expose-gc tun_steady_state.mjs <frames>

import { heapGrowth } from './heap_growth.mjs';

const frames = Number(process.argv[2]);
const dist = new URL('../../../dist/src/', import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const [
  { FrameBatch, COLUMN },
  { TransmitList },
  { TunDevice },
  { tunSpec },
  { EgressQueue },
  burstJs,
  countersJs,
  arp,
] = await Promise.all(
  [
    'frame/frame_batch.js',
    'port/transmit_list.js',
    'port/tun_device.js',
    'port/tun_spec.js',
    'engine/port.js',
    'sys/burst.js',
    'table/counters.js',
    'wire/arp.js',
  ].map(load),
);
const { ROW, TX } = burstJs;
const { Counters, PORT } = countersJs;

const PORT_NUMBER = 3;
const MAC = { hi: 0x0200, lo: 0x62 };
const STATIONS = 64;
const batch = new FrameBatch(64, 512 * 1024);
const counters = Counters.allocate(16, 2);
const burst = {
  txCapacity: 512,
  tx: new Int32Array(512 * ROW),
  rx: new Int32Array(64 * ROW),
  second: 0,
  transmit(count) {
    for (let n = 0; n < count; n++) this.tx[n * ROW + TX.result] = 60;
  },
};
const list = new TransmitList(burst, counters);
const settings = { address: ['10.0.0.1/16', 'fd00::1/64'], gateway: ['10.0.0.2'] };
const spec = tunSpec(PORT_NUMBER, { fds: [7], offloads: 0x6f }, '02:00:00:00:00:62', settings);
const device = new TunDevice(spec, 0, burst, list, counters);
const queue = new EgressQueue(device, 512);
const { view, rows } = batch;

/** A frame of station `n` for the TUN: every 16th is ARP. */
function say(row, n) {
  const at = rows[row + COLUMN.start];
  if (n % 16 === 0) {
    arp.write(view, at, arp.REQUEST, 0x0200, n, 0x0a00_0002 + (n % STATIONS), 0xffff, -1, 0x0a00_0001);
  } else {
    view.setUint16(at, MAC.hi);
    view.setInt32(at + 2, MAC.lo);
    view.setUint16(at + 12, 0x0800);
    view.setUint16(at + 14, 0x4500);
    view.setUint16(at + 16, 46);
  }
  rows[row + COLUMN.rest] = at + 12;
}

let turn = 0;
let done = 0;
function poll() {
  batch.clear();
  if (turn % 64 === 0) burst.second = (burst.second + 1) | 0;
  for (let n = 0; n < 32; n++) {
    const row = batch.append(1, 60);
    say(row, turn++);
    queue.push(row, PORT_NUMBER, 0, 0);
  }
  device.transmit(batch, queue);
  device.flush(batch);
  if (device.isReady()) device.receive(batch, batch.free);
  while (batch.free > 0) {
    const at = batch.slotAt(batch.used);
    view.setInt32(at - 12, 0);
    view.setInt32(at - 8, 0);
    view.setUint8(at, 0x45);
    view.setInt32(at + 16, turn % 8 === 0 ? 0xc000_0201 | 0 : 0x0a00_0002 + (turn % STATIONS));
    device.take(batch, 46, 0);
    turn++;
  }
  done += 64;
}

const polls = Math.ceil(frames / 64);
for (let n = 0; n < 20_000; n++) poll();
const { growth, collections } = await heapGrowth(() => {
  done = 0;
  for (let n = 0; n < polls; n++) poll();
});
const transmitted = counters.values[counters.port(PORT_NUMBER) + PORT.transmittedFrames];
console.log(JSON.stringify({ frames: done, collections, growth, transmitted }));
