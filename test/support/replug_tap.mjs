// A program that embeds a switch and gives a QEMU that runs a network card on a TAP, by QMP alone: replug_tap.mjs PATH MAC
// A line `plug` on its standard input passes a new TAP and adds the card, `pull` takes the card away.

import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { openGuestTap, Switch } from '../../dist/src/index.js';

const [path, mac] = process.argv.slice(2);
const sw = await Switch.open({ version: 1, bridges: { br0: {} } });
sw.events.listen((event) => {
  if (event.type === 'port' && event.change === 'removed') console.log(`${event.port} is gone`);
});
const socket = connect(path);
await once(socket, 'connect');
const lines = createInterface(socket)[Symbol.asyncIterator]();
/** The next message that has this key. */
async function next(key) {
  for (;;) {
    const message = JSON.parse((await lines.next()).value);
    if (message.error) throw new Error(message.error.desc);
    if (key in message) return message;
  }
}
const text = (execute, args = {}) => `${JSON.stringify({ execute, arguments: args })}\n`;
async function execute(command, args) {
  socket.write(text(command, args));
  await next('return');
}

await execute('qmp_capabilities');
console.log('ready');
for await (const line of createInterface(process.stdin)) {
  if (line === 'plug') {
    const tap = await openGuestTap(sw, 'br0', 'vm1');
    tap.passFd(socket, text('getfd', { fdname: 'vm1' }));
    await next('return');
    await execute('netdev_add', { type: 'tap', id: 'net1', fd: 'vm1', vhost: false });
    tap.close();
    await execute('device_add', { driver: 'virtio-net-pci', id: 'card1', netdev: 'net1', mac, romfile: '' });
    console.log('plugged');
  } else {
    await execute('device_del', { id: 'card1' });
    while ((await next('event')).event !== 'DEVICE_DELETED');
    await execute('netdev_del', { id: 'net1' });
  }
}
await sw.close();
