// A guest floods its neighbour with SYNs through security groups, with the kernel at both ends: a connection of the neighbours goes on,
// and they begin others. With memory ports and numbers: test/engine/syn_flood.test.ts.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { build, type Datagram, TCP } from '../support/policy/datagrams.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, tcp } from '../support/traffic.ts';

needs('ping', 'python3');

const ATTACK = fileURLToPath(new URL('../../bench/traffic/attack.py', import.meta.url));
const LIMIT = 2048;
const MAC = { evil: '02:00:00:00:00:65', a: '02:00:00:00:00:61', b: '02:00:00:00:00:62' };

/** SYNs from all ports of the attacker, to ports of b where nobody listens. */
function syns(): string {
  const head = `${MAC.b}${MAC.evil}`.replaceAll(':', '');
  return Array.from({ length: 2 * LIMIT }, (_, n) => {
    const one: Datagram = {
      protocol: TCP,
      src: '10.0.0.6',
      dst: '10.0.0.2',
      sport: 10_000 + n,
      dport: 9,
      type: 0,
      flags: 2,
      seq: n,
      ack: 0,
      window: 1000,
      chunk: 0,
      tag: 0,
      payload: new Uint8Array(0),
      id: n & 0xffff,
    };
    return `${head}0800${Buffer.from(build(one)).toString('hex')}\n`;
  }).join('');
}

test('neighbours of a guest that floods with SYNs keep their connections', async () => {
  const lab = await openLab();
  const [sw, evil, a, b] = await lab.netnsList(['sw', 'evil', 'a', 'b']);
  const tap = (name: keyof typeof MAC, netns: string) => ({
    type: 'tap',
    netns,
    mac: MAC[name],
    groups: ['guests'],
  });
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    groups: { guests: { in: 'any' } },
    connections: { limit: LIMIT },
    bridges: {
      br0: {
        local: false,
        ports: { evil: tap('evil', evil.name), a: tap('a', a.name), b: tap('b', b.name) },
      },
    },
  });
  await evil.up('evil', '10.0.0.6/24');
  await a.up('a', '10.0.0.1/24');
  await b.up('b', '10.0.0.2/24');
  // A connection that is there before the flood, and lasts longer.
  const lasting = tcp(a, b, '10.0.0.2', 4);
  const attacker = evil.spawn(['python3', ATTACK, 'evil', '3', '20000']);
  attacker.child.stdin?.end(syns());
  await attacker.waitFor(/ready/, 20_000);
  await expect
    .poll(async () => (await daemon.port('b')).counters.transmitDropped.connection_limit ?? 0, {
      timeout: 10_000,
    })
    .toBeGreaterThan(0);
  // In the middle of it others begin.
  for (const [from, to] of [
    [a, '10.0.0.2'],
    [b, '10.0.0.1'],
  ] as const)
    expect(await ping(from, to)).toMatchObject({ received: 5 });
  expect((await lasting).bytes).toBeGreaterThan(1_000_000);
  await attacker.exit(20_000);
});
