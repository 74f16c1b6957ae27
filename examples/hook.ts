// A hook on a port: the switch's thread imports count_hook.js, and what that reports comes as events. After `npm run build`:
//
//   node dist/examples/hook.js

import { fileURLToPath } from 'node:url';
import { Switch } from 'taploom';

/** EtherTypes for experiments, IEEE 802. */
const [WANTED, UNWANTED] = [0x88b5, 0x88b6];

function broadcast(type: number): Uint8Array {
  const bytes = new Uint8Array(60).fill(0xff, 0, 6);
  bytes.set([0x02, 0, 0, 0, 0, 0x01, type >>> 8, type & 0xff], 6);
  return bytes;
}

const module = fileURLToPath(new URL('./count_hook.js', import.meta.url));
await using lab = await Switch.open({
  version: 1,
  bridges: {
    lab0: {
      local: false,
      ports: {
        left: { type: 'memory', hooks: [{ module, options: { refuse: UNWANTED }, on_error: 'drop' }] },
        right: { type: 'memory' },
      },
    },
  },
});

const reports = lab.events.subscribe({ types: ['hook'] });
const [left, right] = [lab.memoryPort('left'), lab.memoryPort('right')];
for (const type of [WANTED, UNWANTED, WANTED, UNWANTED, UNWANTED]) left.send(broadcast(type));
for await (const event of reports) {
  console.log(event.message);
  break;
}

let received = 0;
while (right.receive() !== undefined) received += 1;
console.log(`right received ${received} of 5`);
const { receiveDropped } = lab.ports().find(({ name }) => name === 'left')?.counters ?? {
  receiveDropped: {},
};
console.log('dropped:', receiveDropped);
