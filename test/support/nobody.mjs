// Run by test/system/library_rights.test.ts as a user without rights: what the library can, and what it says of the rest.

import { Switch } from '../../dist/src/index.js';

const open = (ports) => Switch.open({ version: 1, bridges: { br0: { local: false, ports } } });
const result = { refused: {} };

const sw = await open({
  p1: { type: 'memory' },
  vx: { type: 'vxlan', vni: 1, local: '127.0.0.1', remotes: ['127.0.0.2'] },
});
for (const type of ['tap', 'tun']) {
  const { code, message } = await sw.attach('br0', 'x0', { type }).catch((error) => error);
  result.refused[type] = { code, message };
}
const frame = new Uint8Array(60).fill(0xff, 0, 6).fill(2, 6, 12);
sw.port('p1').memory.send(frame);
for (let n = 0; n < 100 && sw.port('p1').counters.forwarded === 0; n++)
  await new Promise((go) => setTimeout(go, 10));
result.forwarded = sw.port('p1').counters.forwarded;
result.ports = sw.ports().map(({ name, state }) => `${name} ${state}`);
result.handlers = process.eventNames().filter((name) => /^SIG|^uncaught|^unhandled/.test(String(name)));
await sw.close();
console.log(JSON.stringify(result));
