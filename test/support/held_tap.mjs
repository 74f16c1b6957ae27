// A program that embeds a switch with a TAP that stays, vm1, and passes its other end on: held_tap.mjs PATH

import { once } from 'node:events';
import { connect } from 'node:net';
import { Switch } from '../../dist/src/index.js';

const sw = await Switch.open({ version: 1, bridges: { br0: { ports: { vm1: { type: 'af_packet' } } } } });
const port = sw.port('vm1');
console.log(port.qemuArgs({ mac: '02:00:00:00:00:0f' })[1]);
console.log(JSON.stringify(port.firecrackerConfig('eth1', { mac: '02:00:00:00:00:0f' })));
const socket = connect(process.argv[2]);
await once(socket, 'connect');
port.passFd(socket, 'vm1');
try {
  port.openTap();
} catch (error) {
  console.log(error.code);
}
