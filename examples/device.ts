// Two switches, joined by a device of one's own: frames as datagrams. After `npm run build`:
//
//   node dist/examples/device.js
//
//   left -- lab -- wire (UDP 127.0.0.1) -- lab -- right

import { Switch } from 'taploom';
import { Counted, UdpDevice } from './udp_device.ts';

const lab = (host: string) =>
  Switch.open({
    version: 1,
    bridges: {
      // Without offloads the device gets frames as they go on a wire: cut, and with all checksums.
      lab: {
        local: false,
        ports: { [host]: { type: 'memory' }, wire: { type: 'memory', offloads: false } },
      },
    },
  });
await using one = await lab('left');
await using other = await lab('right');
const [near, far] = [new UdpDevice(), new UdpDevice()];
const counted = new Counted(near);
await using _near = await one.plug('wire', counted);
await using _far = await other.plug('wire', far);
near.connect(far.address);
far.connect(near.address);

const frame = new Uint8Array(60).fill(0xff, 0, 6);
frame.set([2, 0, 0, 0, 0, 1, 0x88, 0xb5, ...new TextEncoder().encode('hello')], 6);
one.memoryPort('left').send(frame);
const right = other.memoryPort('right');
await right.received(5000);
const text = new TextDecoder().decode(right.receive()?.bytes.subarray(14, 19));
console.log(`right received ${text}; ${counted.frames} frame in a datagram`);
