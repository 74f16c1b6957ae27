import { expect, test } from 'vitest';
import { openRig, ports } from '../support/engine/rig.ts';

const GROUP = '01:00:5e:00:00:fb';

test('a port with bcast_flood off gets multicasts and unknown unicast, and no broadcasts', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { bcast_flood: false }, p3: {} } } });
  expect(rig.say('p1', 'a > *')).toEqual(['p3: a > *']);
  expect(rig.say('p1', `a > ${GROUP}`)).toEqual([`p2: a > ${GROUP}`, `p3: a > ${GROUP}`]);
  expect(rig.say('p1', 'a > x')).toEqual(['p2: a > x', 'p3: a > x']);
  expect(rig.say('p2', 'b > *')).toEqual(['p1: b > *', 'p3: b > *']);
  expect(rig.say('p1', 'a > b')).toEqual(['p2: a > b']);
});

test('a port with mcast_flood off gets broadcasts and unknown unicast, and no multicasts', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { mcast_flood: false }, p3: {} } } });
  expect(rig.say('p1', `a > ${GROUP}`)).toEqual([`p3: a > ${GROUP}`]);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *', 'p3: a > *']);
  expect(rig.say('p1', 'a > x')).toEqual(['p2: a > x', 'p3: a > x']);
});

test('two ports that get no broadcasts still get unknown unicast from each other', async () => {
  const rig = await openRig({ br0: { ports: ports(2, { bcast_flood: false, mcast_flood: false }) } });
  expect(rig.say('p1', 'a > x')).toEqual(['p2: a > x']);
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: no_destination']);
});

test('three kinds of flooding, each on its own', async () => {
  const one = { flood: false, bcast_flood: false, mcast_flood: false };
  const rig = await openRig({
    br0: {
      ports: {
        p1: {},
        uni: { ...one, flood: true },
        multi: { ...one, mcast_flood: true },
        broad: { ...one, bcast_flood: true },
      },
    },
  });
  expect(rig.say('p1', 'a > x')).toEqual(['uni: a > x']);
  expect(rig.say('p1', `a > ${GROUP}`)).toEqual([`multi: a > ${GROUP}`]);
  expect(rig.say('p1', 'a > *')).toEqual(['broad: a > *']);
});

test('a locked port lets in stations with an entry there, and learns none', async () => {
  const rig = await openRig({
    br0: { static: [{ mac: '02:00:00:00:00:61', port: 'p1' }], ports: { p1: { locked: true }, p2: {} } },
  });
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  expect(rig.say('p1', 'b > *')).toEqual(['p1 drops: locked']);
  expect(rig.say('p2', 'c > b')).toEqual(['p1: c > b']);
  expect(rig.say('p1', 'c > *')).toEqual(['p1 drops: locked']);
  expect(await rig.fdb()).toEqual([
    'br0 vlan 0 02:00:00:00:00:61 p1 static',
    'br0 vlan 0 02:00:00:00:00:63 p2',
  ]);
});

test('a station of a locked port may not send from another one, nor the other way round', async () => {
  const rig = await openRig({
    br0: {
      static: [{ mac: '02:00:00:00:00:61', port: 'p1' }],
      ports: { p1: { locked: true }, p2: { locked: true }, p3: {} },
    },
  });
  expect(rig.say('p2', 'a > *')).toEqual(['p2 drops: locked']);
  rig.say('p3', 'b > *');
  expect(rig.say('p1', 'b > *')).toEqual(['p1 drops: locked']);
  expect(await rig.fdb()).toContain('br0 vlan 0 02:00:00:00:00:62 p3');
});

test('with MAB a stranger gets a locked entry, and sends as soon as a static one takes its place', async () => {
  const keys = { p1: { locked: true, mab: true }, p2: {} };
  const rig = await openRig({ br0: { ports: keys } });
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: locked']);
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: locked']);
  const entries = [];
  for await (const page of rig.taploom.fdb()) entries.push(...page);
  expect(entries).toMatchObject([{ mac: '02:00:00:00:00:61', port: 'p1', type: 'learned', locked: true }]);
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
  await rig.change((config) => config.bridges.br0.static.push({ mac: '02:00:00:00:00:61', port: 'p1' }));
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
});

test('a locked entry moves to a port that is not locked, and may send there', async () => {
  const rig = await openRig({ br0: { ports: { p1: { locked: true, mab: true }, p2: {} } } });
  rig.say('p1', 'a > *');
  expect(rig.say('p2', 'a > *')).toEqual(['p1: a > *']);
  const entries = [];
  for await (const page of rig.taploom.fdb()) entries.push(...page);
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({ port: 'p2' });
  expect(entries[0]).not.toHaveProperty('locked');
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: locked']);
});

test('locked entries age by what was seen of them, and go when MAB is switched off', async () => {
  const rig = await openRig({ br0: { ageing_time: 10, ports: { p1: { locked: true, mab: true }, p2: {} } } });
  rig.say('p1', 'a > *');
  rig.now += 8_000;
  rig.say('p1', 'a > *');
  rig.now += 8_000;
  expect(await rig.fdb()).toHaveLength(1);
  await rig.change((config) => {
    config.bridges.br0.ports.p1.mab = false;
  });
  expect(await rig.fdb()).toEqual([]);
});

test('a learned station of a port that is locked later goes on until it ages', async () => {
  const rig = await openRig({ br0: { ageing_time: 10, ports: ports(2) } });
  rig.say('p1', 'a > *');
  await rig.change((config) => {
    config.bridges.br0.ports.p1.locked = true;
  });
  rig.now += 8_000;
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  rig.now += 8_000;
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  rig.now += 11_000;
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: locked']);
});

test('a station of a sticky port stays there while it is known, and its namesake sends all the same', async () => {
  const rig = await openRig({ br0: { ageing_time: 10, ports: { p1: { sticky: true }, p2: {}, p3: {} } } });
  rig.say('p1', 'a > *');
  expect(rig.say('p2', 'a > *')).toEqual(['p1: a > *', 'p3: a > *']);
  expect(rig.say('p3', 'b > a')).toEqual(['p1: b > a']);
  expect(rig.counters('p2').stationMoves).toBe(0);
  rig.now += 11_000;
  rig.say('p2', 'a > *');
  expect(rig.say('p3', 'b > a')).toEqual(['p2: b > a']);
});

test('beyond the fdb_limit of a port frames pass, or are dropped where it says so', async () => {
  const limit = { fdb_limit: 1 };
  const rig = await openRig({
    br0: { ports: { p1: limit, p2: { ...limit, fdb_limit_action: 'drop' }, p3: {} } },
  });
  for (const port of ['p1', 'p2']) rig.say(port, `${port === 'p1' ? 'a' : 'b'} > x`);
  expect(rig.say('p1', 'c > a')).toEqual(['p1 drops: same_port']);
  expect(rig.say('p2', 'd > a')).toEqual(['p2 drops: address_limit']);
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
  expect(rig.counters('p2').learnRefused).toBe(1);
});

test('who pretends to be another behind a full port that drops does not make it forgotten', async () => {
  const rig = await openRig({
    br0: { ports: { p1: { fdb_limit: 1, fdb_limit_action: 'drop' }, p2: {}, p3: {} } },
  });
  rig.say('p1', 'a > x');
  rig.say('p2', 'b > x');
  expect(rig.say('p1', 'b > x')).toEqual(['p1 drops: address_limit']);
  expect(rig.say('p3', 'c > b')).toEqual(['p2: c > b']);
});

test('a full bridge drops nothing of a port that has room', async () => {
  const rig = await openRig({
    br0: { fdb_limit: 1, ports: { p1: { fdb_limit: 5, fdb_limit_action: 'drop' }, p2: {} } },
  });
  rig.say('p2', 'a > x');
  expect(rig.say('p1', 'b > a')).toEqual(['p2: b > a']);
});

test('storm control lets so many frames of a kind pass, and others untouched', async () => {
  const storm_control = { broadcast: { frames: 100 }, unknown_unicast: { frames: 20 } };
  const rig = await openRig({ br0: { ports: { p1: { storm_control }, p2: {} } } });
  const passed = (line: string, times: number, ms: number) => {
    let count = 0;
    for (let n = 0; n < times; n++, rig.now += ms) if (rig.say('p1', line)[0] === `p2: ${line}`) count++;
    return count;
  };
  expect(passed('a > *', 1000, 1)).toBe(110);
  rig.now += 1000;
  expect(passed('a > x', 1000, 1)).toBe(22);
  rig.now += 1000;
  expect(passed(`a > ${GROUP}`, 100, 1)).toBe(100);
  rig.say('p2', 'b > *');
  expect(passed('a > b', 100, 1)).toBe(100);
  expect(rig.counters('p1').receiveDropped).toEqual({ storm_broadcast: 890, storm_unknown_unicast: 978 });
  expect(rig.counters('p2').receiveDropped).toEqual({});
});

test('a rate in bits counts bytes', async () => {
  const storm_control = { multicast: { bits: 1_000_000 } };
  const rig = await openRig({ br0: { ports: { p1: { storm_control }, p2: {} } } });
  const line = `a > ${GROUP} size 1250`;
  let passed = 0;
  for (let n = 0; n < 1000; n++, rig.now++) if (rig.say('p1', line)[0] === `p2: ${line}`) passed++;
  expect(passed).toBe(110);
});

test('a stranger on a locked port is not learned from what the bridge takes itself, and so not let in', async () => {
  const rig = await openRig({ br0: { ports: { p1: { locked: true }, p2: {} } } });
  for (const group of ['01:80:c2:00:00:00', '01:80:c2:00:00:03', '01:80:c2:00:00:0e'])
    rig.say('p1', `a > ${group}`);
  expect(await rig.fdb()).toEqual([]);
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: locked']);
});
