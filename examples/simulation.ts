// Taploom as a simulator: four switches in a ring on a virtual clock, over links that lose frames. No rights, no kernel:
//
//   node dist/examples/simulation.js [ring.pcapng]
//
//   alice --- s0 --- s1
//              |      |      spanning tree blocks one of the four links, and opens it when another is cut
//             s3 --- s2 --- bob
//
// Two runs print the same, and write the same bytes.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Simulation } from 'taploom/simulation';

const RING = ['s0', 's1', 's2', 's3'];
const ALICE = [0x02, 0, 0, 0, 0, 0x0a];
const BOB = [0x02, 0, 0, 0, 0, 0x0b];
/** EtherType for experiments, IEEE 802. */
const EXPERIMENT = [0x88, 0xb5];

function frame(to: number[], from: number[], text: string): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([...to, ...from, ...EXPERIMENT, ...new TextEncoder().encode(text)]);
  return bytes;
}

await using sim = new Simulation({ seed: 42 });
const switches = [];
for (const name of RING) {
  const guest = { type: 'memory', stp: { edge: true } } as const;
  const ports = { left: { type: 'memory' }, right: { type: 'memory' }, guest } as const;
  switches.push(await sim.switch(name, { version: 1, bridges: { br0: { local: false, stp: true, ports } } }));
}
const links = RING.map((name, n) =>
  sim.link(`${name}/right`, `${RING[(n + 1) % RING.length]}/left`, { latency: 0.5, rate: 1e9, loss: 0.01 }),
);
const [alice, bob] = [sim.station('alice'), sim.station('bob')];
sim.link('alice', 's0/guest');
sim.link('bob', 's2/guest');
bob.onFrame = (bytes) => {
  if (bytes[5] === BOB[5]) bob.send(frame(ALICE, BOB, 'I am here'));
};

/** How long bob's answer takes, ms of virtual time. Frames may be lost: alice asks every second. */
async function ask(): Promise<number> {
  for (let tries = 0; tries < 60; tries++) {
    const begun = sim.now;
    alice.send(frame(BOB, ALICE, 'where are you?'));
    const isAnswer = (bytes: Uint8Array) => bytes[12] === EXPERIMENT[0] && bytes[13] === EXPERIMENT[1];
    if (await alice.expect(isAnswer, 1000).catch(() => undefined)) return sim.now - begun;
  }
  throw new Error('bob does not answer');
}

await sim.run(1000);
for (const [n, link] of links.entries()) {
  link.cut();
  await sim.run(10_000);
  console.log(`without link ${n}: ${(await ask()).toFixed(3)} ms to bob and back`);
  link.mend();
  await sim.run(10_000);
}
for (const [n, taploom] of switches.entries()) {
  const roles = taploom.ports().map(({ name, stp }) => `${name} ${stp?.role}`);
  console.log(`${RING[n]}: ${roles.join(', ')}`);
}

const capture = sim.capture();
const digest = createHash('sha256').update(capture).digest('hex');
console.log(`${sim.now / 1000} s, ${capture.length} bytes of pcapng, SHA-256 ${digest}`);
const [, , file] = process.argv;
if (file !== undefined) writeFileSync(file, capture);
