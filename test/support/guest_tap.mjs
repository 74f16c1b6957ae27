// A program that embeds a switch and starts a guest: guest_tap.mjs QUEUES COMMAND...  The guest inherits its TAP, or with
// `pass PATH` in place of the command gets it through a Unix socket.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { openGuestTap, Switch } from '../../dist/src/index.js';

const [queues, ...command] = process.argv.slice(2);
const sw = await Switch.open({ version: 1, bridges: { br0: {} } });
const tap = await openGuestTap(sw, 'br0', 'vm1', { queues: Number(queues), port: { isolated: true } });
console.log(JSON.stringify(sw.ports().find(({ name }) => name === 'vm1')?.type));
sw.events.listen((event) => {
  if (event.type === 'port' && event.change === 'removed') console.log(`${event.port} is gone`);
});
if (command[0] === 'pass') {
  const socket = connect(command[1]);
  await once(socket, 'connect');
  tap.passFd(socket, 'vm1');
} else {
  const numbers = tap.fds.map((_, n) => 3 + n);
  const card = tap.as(numbers);
  const own = command[0].includes('qemu') ? card.qemuArgs() : card.cloudHypervisorArgs();
  const stdio = ['ignore', 'inherit', 'inherit', ...tap.fds];
  const guest = spawn(command[0], [...command.slice(1), ...own], { stdio });
  process.once('SIGTERM', () => guest.kill('SIGKILL'));
}
tap.close();
