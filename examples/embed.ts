// Taploom as a library: a switch with two memory ports and a TAP, in this process. As root, after `npm run build`:
//
//   node dist/examples/embed.js
//
//   left (VLAN 10) ---.
//   right (VLAN 10) --- lab0 --- trunk0, a TAP that carries VLANs 10 and 20 tagged

import { Switch } from 'taploom';

const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const LEFT = [0x02, 0, 0, 0, 0, 0x01];
const RIGHT = [0x02, 0, 0, 0, 0, 0x02];
/** EtherType for experiments, IEEE 802. */
const EXPERIMENT = [0x88, 0xb5];

function frame(to: number[], from: number[], text: string): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([...to, ...from, ...EXPERIMENT, ...new TextEncoder().encode(text)]);
  return bytes;
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes?.subarray(14)).replaceAll('\0', '');
}

// The engine runs in a thread of its own; with { threaded: false } it would run in `lab.poll()`.
await using lab = await Switch.open({
  version: 1,
  bridges: {
    lab0: {
      vlan_filtering: true,
      local: false,
      ports: {
        left: { type: 'memory', vlan: { access: 10 } },
        right: { type: 'memory', vlan: { access: 10 } },
        trunk0: { type: 'tap', vlan: { trunk: [10, 20] } },
      },
    },
  },
});

const left = lab.memoryPort('left');
const right = lab.memoryPort('right');

left.send(frame(BROADCAST, LEFT, 'who is there?'));
await right.received(1000);
console.log('right received:', text(right.receive()?.bytes));

right.send(frame(LEFT, RIGHT, 'me'));
await left.received(1000);
console.log('left received: ', text(left.receive()?.bytes));

for (const { name, state, counters } of lab.ports()) {
  const { receivedFrames, transmittedFrames } = counters;
  console.log(`${name.padEnd(6)} ${state}  received ${receivedFrames}, transmitted ${transmittedFrames}`);
}

for await (const page of lab.fdb({ bridge: 'lab0' })) {
  for (const { mac, vlan, port } of page) console.log(`${mac} in VLAN ${vlan} is behind ${port}`);
}

// Leaving this scope closes the switch, and with it the thread, the TAP and this process.
