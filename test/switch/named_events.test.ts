// Events by their names: listeners, and streams of several.

import { expect, test } from 'vitest';
import type { NamedEvent } from '../../src/api.ts';
import { openRig, ports } from '../support/engine/rig.ts';

test('a listener gets what its name says, with all fields', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { fdb_limit: 1 }, p3: {} } } });
  const { taploom } = rig;
  const heard: string[] = [];
  taploom.on('station-moved', ({ mac, from, to }) => heard.push(`${mac} ${from} ${to}`));
  taploom.on('limit', ({ limit, port, value }) => heard.push(`${limit} ${port} ${value}`));
  taploom.on('drop', ({ port, reason, frames }) => heard.push(`${port} ${reason} ${frames}`));
  taploom.on('port-up', ({ port }) => heard.push(`${port} up`));
  taploom.on('port-down', ({ port, change }) => heard.push(`${port} ${change}`));
  rig.say('p1', 'a > *');
  rig.say('p3', 'a > *');
  rig.say('p2', 'b > *');
  rig.say('p2', 'c > *');
  taploom.memoryPort('p1').send(Buffer.alloc(60));
  rig.run();
  taploom.events.look({ now: 10_000 });
  await rig.change(({ bridges }) => {
    bridges.br0.ports.p4 = structuredClone(bridges.br0.ports.p1);
    delete bridges.br0.ports.p3;
  });
  expect(heard).toEqual([
    '02:00:00:00:00:61 p1 p3',
    'port_fdb_limit p2 1',
    'p1 bad_source 1',
    'p3 removed',
    'p4 up',
  ]);
});

test('stations that are learned are told while somebody listens, and are in no log', async () => {
  const rig = await openRig({ br0: { vlan_filtering: true, ports: ports(2, { vlan: { access: 10 } }) } });
  const { taploom } = rig;
  const learned: unknown[] = [];
  const listener = (station: unknown) => void learned.push(station);
  rig.say('p1', 'a > *');
  taploom.on('station-learned', listener);
  rig.say('p1', 'b > *');
  taploom.events.look();
  taploom.off('station-learned', listener);
  rig.say('p1', 'c > *');
  taploom.events.look();
  expect(learned).toEqual([{ bridge: 'br0', vlan: 10, mac: '02:00:00:00:00:62', port: 'p1' }]);
  expect(taploom.events.stored({ types: ['station'] })).toEqual([]);
});

test('a stream has several names, in their order, and ends with its loop or the switch', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  const { taploom } = rig;
  const stream = taploom.watch('station-learned', 'station-moved');
  rig.say('p1', 'a > *');
  rig.say('p2', 'a > *');
  taploom.events.look();
  const seen: string[] = [];
  for await (const { name, event } of stream) {
    seen.push(name === 'lost' ? 'lost' : `${name} ${event.mac}`);
    if (name === 'station-moved') break;
  }
  expect(seen).toEqual(['station-learned 02:00:00:00:00:61', 'station-moved 02:00:00:00:00:61']);
  expect(taploom.listenerCount('station-moved')).toBe(0);
  const last = taploom.watch('drop').next();
  await taploom.close();
  expect(await last).toEqual({ done: true, value: undefined });
});

test('who reads too slowly loses the newest, and is told how many', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const stream = rig.taploom.watch('lease');
  const lease = {
    type: 'lease',
    change: 'bound',
    network: 'br0',
    bridge: 'br0',
    port: 'p1',
    mac: '',
  } as const;
  for (let n = 0; n < 300; n++) rig.taploom.events.add(lease);
  await rig.taploom.close();
  const all: NamedEvent<'lease'>[] = [];
  for await (const event of stream) all.push(event);
  expect(all).toHaveLength(257);
  expect(all.at(-1)).toEqual({ name: 'lost', event: { count: 300 - 256 } });
});
