// A program that embeds a switch and gives a running QEMU a TAP by QMP: qmp_tap.mjs PATH

import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { openGuestTap, Switch } from '../../dist/src/index.js';

const sw = await Switch.open({ version: 1, bridges: { br0: { local: false } } });
const tap = await openGuestTap(sw, 'br0', 'vm1');
const socket = connect(process.argv[2]);
await once(socket, 'connect');
const lines = createInterface(socket)[Symbol.asyncIterator]();
const answer = async () => console.log(Object.keys(JSON.parse((await lines.next()).value)).join());
const say = (command, args = {}) => `${JSON.stringify({ execute: command, arguments: args })}\n`;

await answer();
socket.write(say('qmp_capabilities'));
await answer();
tap.passFd(socket, say('getfd', { fdname: 'vm1' }));
await answer();
socket.write(say('netdev_add', { type: 'tap', id: 'net1', fd: 'vm1', vhost: false }));
await answer();
tap.close();
sw.events.listen((event) => {
  if (event.type === 'port' && event.change === 'removed') console.log(`${event.port} is gone`);
});
console.log(sw.ports().find(({ name }) => name === 'vm1')?.state);
socket.write(say('netdev_del', { id: 'net1' }));
await answer();
