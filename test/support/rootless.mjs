// A program without rights that embeds switches: what it can have, and what it is told of the rest.

import { openGuestTap, Switch, TaploomError } from '../../dist/src/index.js';

const ports = { a: { type: 'memory' }, b: { type: 'memory' } };
const frame = Buffer.from(`ffffffffffff02000000000188b5${'00'.repeat(46)}`, 'hex');

for (const threaded of [false, true]) {
  const sw = await Switch.open({ version: 1, bridges: { br0: { local: false, ports } } }, { threaded });
  sw.memoryPort('a').send(frame);
  if (!threaded) sw.poll(0, 0);
  await sw.memoryPort('b').received(2000);
  const received = sw.memoryPort('b').receive()?.bytes;
  console.log(
    threaded ? 'threaded' : 'inline',
    received !== undefined && frame.equals(Buffer.from(received)),
  );
  await sw.close();
}

const tell = (error) => console.log(error instanceof TaploomError ? error.code : error, error.message);
await Switch.open({ version: 1, bridges: { br0: { local: false, ports: { t: { type: 'tap' } } } } }).catch(
  tell,
);
const sw = await Switch.open({ version: 1, bridges: { br0: { local: false } } });
await openGuestTap(sw, 'br0', 'vm1').catch(tell);
await sw.close();
