import { expect, test } from 'vitest';
import { LinkSocket } from '../../src/sys/link.ts';
import { type DefaultRoute, parseDefaultRoutes, routesRequest } from '../../src/wire/route_listing.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs();

test('default routes are listed with their metrics and interfaces; those of other tables and kinds are not', async () => {
  const netns = await (await openLab()).netns('a');
  await netns.ip('link add eth0 type veth peer name eth1', 'link set eth0 up', 'link set eth1 up');
  await netns.up('eth0', '192.0.2.1/24', '2001:db8::1/64');
  await netns.up('eth1', '198.51.100.1/24');
  await netns.ip(
    'route add default via 192.0.2.2 metric 50',
    'route add default metric 100 nexthop via 192.0.2.2 nexthop via 198.51.100.2',
    'route add 203.0.113.0/24 via 192.0.2.2',
    'route add default via 192.0.2.2 table 7',
    'route add unreachable default metric 4000',
    'route add ::/0 via 2001:db8::2 proto ra',
  );
  const socket = LinkSocket.open(netns.name);
  try {
    const [eth0, eth1] = [socket.index('eth0'), socket.index('eth1')];
    const list = (family: 4 | 6): DefaultRoute[] =>
      [...socket.list(routesRequest(family))].flatMap((part) => [...parseDefaultRoutes(part)]);
    expect(list(4)).toEqual([
      { family: 4, metric: 50, devices: [eth0], isAdvertised: false },
      { family: 4, metric: 100, devices: [eth0, eth1], isAdvertised: false },
    ]);
    expect(list(6)).toEqual([{ family: 6, metric: 1024, devices: [eth0], isAdvertised: true }]);
  } finally {
    socket.close();
  }
});

test('a long list is read to its end', async () => {
  const netns = await (await openLab()).netns('a');
  await netns.up('lo');
  await netns.ip(...Array.from({ length: 2000 }, (_, i) => `route add 10.${i >> 8}.${i & 255}.0/24 dev lo`));
  await netns.ip('route add default dev lo metric 4000000000');
  const socket = LinkSocket.open(netns.name);
  try {
    const parts = [...socket.list(routesRequest(4))];
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.flatMap((part) => [...parseDefaultRoutes(part)])).toEqual([
      { family: 4, metric: 4_000_000_000, devices: [1], isAdvertised: false },
    ]);
  } finally {
    socket.close();
  }
});
