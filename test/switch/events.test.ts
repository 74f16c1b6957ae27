// What a switch says by itself, inline and under simulated time.

import { expect, test } from 'vitest';
import type { EventFact, SwitchEvent } from '../../src/event.ts';
import { configOf, openRig, ports } from '../support/engine/rig.ts';

/** Events without their numbers and times. */
function facts(events: readonly SwitchEvent[]): EventFact[] {
  return events.map(({ seq, time, message, ...fact }) => fact as EventFact);
}

async function open(bridge: object) {
  const rig = await openRig({ br0: { ports: ports(3), ...bridge } });
  const { events } = rig.taploom;
  let last = events.stored().at(-1)?.seq ?? 0;
  /** What is new after a look at `ms`. */
  const look = (ms: number) => {
    events.look({ now: ms });
    const fresh = events.stored({ since: last });
    last = fresh.at(-1)?.seq ?? last;
    return facts(fresh);
  };
  look(0);
  return { ...rig, rig, events, look };
}

test('a change tells who made it, and which ports came and went', async () => {
  const { taploom, events } = await open({});
  expect(facts(events.stored())).toMatchObject([
    { type: 'configuration', by: { kind: 'program' }, total: 4, failed: 0 },
    { type: 'port', change: 'added', bridge: 'br0', port: 'p1' },
    { type: 'port', change: 'added', port: 'p2' },
    { type: 'port', change: 'added', port: 'p3' },
  ]);
  const since = events.stored().at(-1)?.seq;
  const by = { kind: 'client', pid: 7, uid: 0, gid: 0, user: 'root', command: 'curl' } as const;
  await taploom.apply(configOf({ br0: { ports: ports(2) } }), { by });
  expect(events.stored({ since }).map(({ message }) => message)).toEqual([
    'root (uid 0), process 7 `curl`, changed the configuration: delete bridges.br0.ports.p3',
    'port p3 was removed from bridge br0',
  ]);
});

test('an apply that changes nothing is no event', async () => {
  const { taploom, look } = await open({});
  await taploom.apply(configOf({ br0: { ports: ports(3) } }));
  expect(look(1000)).toEqual([]);
});

test('a station that moves is told with both ports', async () => {
  const { rig, look } = await open({});
  rig.say('p1', 'a > *');
  expect(look(1000)).toEqual([]);
  rig.say('p2', 'a > *');
  expect(look(2000)).toEqual([
    {
      type: 'station',
      change: 'moved',
      bridge: 'br0',
      vlan: 0,
      mac: expect.stringMatching(/^02:/),
      from: 'p1',
      to: 'p2',
    },
  ]);
});

test('a station that flaps is told when it begins and when it is calm, and not in between', async () => {
  const { rig, look } = await open({});
  const told: EventFact[] = [];
  for (let n = 0; n <= 60; n++) {
    rig.say(n % 2 === 0 ? 'p1' : 'p2', 'a > *');
    told.push(...look(1000 + n * 100));
  }
  expect(told).toHaveLength(5);
  expect(told.slice(0, 4)).toMatchObject(Array(4).fill({ change: 'moved' }));
  expect(told[4]).toMatchObject({ change: 'flapping', from: 'p1', to: 'p2', moves: 5, seconds: 1 });
  expect(look(16_000)).toEqual([]);
  expect(look(18_000)).toMatchObject([{ type: 'station', change: 'calm', to: 'p1' }]);
  expect(look(40_000)).toEqual([]);
});

test('of many stations that move at once some are told, and of the others how many', async () => {
  const { rig, look } = await open({});
  const all = 'abcdefghijklmnopqrstuvwxyz';
  for (const name of all) rig.say('p1', `${name} > *`);
  for (const name of all) rig.say('p2', `${name} > *`);
  const told = look(5000);
  expect(told).toHaveLength(20);
  expect(look(6000)).toEqual([{ type: 'station', change: 'more', moves: all.length - 20 }]);
});

test('a limit is told once, of the port or of the bridge, whichever is full', async () => {
  const { rig, look } = await open({ fdb_limit: 3, ports: { ...ports(3), p1: { fdb_limit: 1 } } });
  for (const name of 'abc') rig.say('p1', `${name} > *`);
  const limit = { type: 'limit', bridge: 'br0', vlan: 0 };
  expect(look(1000)).toMatchObject([{ ...limit, limit: 'port_fdb_limit', port: 'p1', value: 1 }]);
  for (const name of 'defgh') rig.say('p2', `${name} > *`);
  expect(look(2000)).toMatchObject([{ ...limit, limit: 'bridge_fdb_limit', port: 'p2', value: 3 }]);
  rig.say('p2', 'i > *');
  expect(look(30_000)).toEqual([]);
  rig.say('p2', 'j > *');
  expect(look(63_000)).toMatchObject([{ limit: 'bridge_fdb_limit' }]);
});

test('drops are told once a minute, and once a second while somebody follows, with the number since', async () => {
  const { rig, look, events } = await open({});
  const drop = { type: 'drop', bridge: 'br0', port: 'p1', side: 'receive', reason: 'bad_source' };
  const send = (count: number) => {
    for (let n = 0; n < count; n++) {
      rig.taploom.memoryPort('p1').send(Buffer.alloc(60));
      rig.taploom.poll();
    }
  };
  send(3);
  expect(look(1000)).toEqual([{ ...drop, frames: 3 }]);
  send(2);
  expect(look(30_000)).toEqual([]);
  send(2);
  expect(look(61_000)).toEqual([{ ...drop, frames: 4 }]);
  const subscription = events.subscribe();
  send(1);
  expect(look(62_000)).toEqual([{ ...drop, frames: 1 }]);
  send(5);
  expect(look(62_300)).toEqual([]);
  expect(look(63_000)).toEqual([{ ...drop, frames: 5 }]);
  subscription.close();
});

test('a port that was made again drops from zero', async () => {
  const { rig, look, taploom } = await open({});
  const bad = () => {
    taploom.memoryPort('p1').send(Buffer.alloc(60));
    taploom.poll();
  };
  for (let n = 0; n < 5; n++) bad();
  expect(look(1000)).toMatchObject([{ frames: 5 }]);
  await taploom.apply(configOf({ br0: { ports: { p2: {}, p3: {} } } }));
  await taploom.apply(configOf({ br0: { ports: ports(3) } }));
  look(2000);
  bad();
  expect(look(3000)).toMatchObject([{ type: 'drop', port: 'p1', frames: 1 }]);
  expect(rig.taploom).toBe(taploom);
});

test("listeners of 'event' get each as it happens, and then the switch looks by itself", async () => {
  const { rig, taploom } = await open({});
  const seen: SwitchEvent[] = [];
  const listener = (event: SwitchEvent) => void seen.push(event);
  taploom.on('event', listener);
  rig.say('p1', 'a > *');
  rig.say('p2', 'a > *');
  const end = Date.now() + 5000;
  while (seen.length === 0 && Date.now() < end) await new Promise((done) => setTimeout(done, 20));
  expect(seen).toMatchObject([{ type: 'station', change: 'moved' }]);
  taploom.off('event', listener);
  rig.say('p3', 'a > *');
  await new Promise((done) => setTimeout(done, 400));
  expect(seen).toHaveLength(1);
});

test('subscriptions end with the switch', async () => {
  const { taploom, events } = await open({});
  const subscription = events.subscribe();
  const next = subscription.next();
  await taploom.close();
  expect((await next).done).toBe(true);
});
