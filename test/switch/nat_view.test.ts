// What users see of NAT.

import { expect, test } from 'vitest';
import { ICMP, packet, SYN, TCP } from '../support/nat/packets.ts';
import { GUESTS, NatWorld, OUTSIDE, SERVER } from '../support/nat/world.ts';

const [GUEST, OTHER] = GUESTS;
const MASQUERADE = { source: '10.0.1.0/24', to: 'interface' };

test('connections with their ends, counters and times', () => {
  const world = new NatWorld([MASQUERADE], { limit: 5000 });
  world.send('g1', packet({ protocol: TCP, src: GUEST, dst: SERVER, sport: 5000, dport: 80, flags: SYN }));
  world.send('u1', packet({ protocol: TCP, src: SERVER, dst: OUTSIDE, sport: 80, dport: 5000, flags: 18 }));
  world.wait(10);
  world.send('g2', packet({ protocol: ICMP, src: OTHER, dst: SERVER, sport: 77 }));
  world.send('g2', packet({ src: OTHER, dst: SERVER, protocol: 47 }));
  world.send('u1', packet({ src: SERVER, dst: GUEST, sport: 1, dport: 2 }));
  const all = [...(world.view?.pages() ?? [])].flat();
  expect(all[0]).toEqual({
    router: 'r1',
    protocol: 'tcp',
    state: 'syn_received',
    source: `${GUEST}:5000`,
    destination: `${SERVER}:80`,
    newSource: `${OUTSIDE}:5000`,
    newDestination: `${SERVER}:80`,
    packets: { sent: 1, received: 1 },
    bytes: { sent: 43, received: 43 },
    age: 10,
    idle: 10,
    expires: 230,
  });
  expect(
    all
      .slice(1)
      .map(({ protocol, source, newSource, destination }) => [protocol, source, newSource, destination]),
  ).toEqual([
    ['icmp', `${OTHER}:77`, `${OUTSIDE}:77`, `${SERVER}:77`],
    ['47', OTHER, OUTSIDE, SERVER],
    ['udp', `${SERVER}:1`, undefined, `${GUEST}:2`],
  ]);
  const found = (filter: object) => [...(world.view?.pages(filter) ?? [])].flat().length;
  expect(found({ protocol: 'tcp' })).toBe(1);
  expect(found({ address: OTHER })).toBe(2);
  expect(found({ address: OUTSIDE })).toBe(3);
  expect(found({ router: 'r2' })).toBe(0);
  expect(world.view?.status()).toEqual([{ router: 'r1', connections: 4, limit: 5000, ports: 2 }]);
  world.wait(8000);
  expect(world.view?.status()).toEqual([{ router: 'r1', connections: 0, limit: 5000, ports: 0 }]);
});
