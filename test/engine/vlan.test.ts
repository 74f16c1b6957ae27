import { expect, test } from 'vitest';
import { parse, show } from '../support/engine/frame_text.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const access = (vid: number) => ({ vlan: { access: vid } });
const trunk = (list: unknown[], native?: number) => ({
  vlan: native === undefined ? { trunk: list } : { trunk: list, native },
});

/** Two access ports in VLAN 10, one in 20, a trunk without and one with a native VLAN, and a port without a key. */
async function office(): Promise<Rig> {
  return openRig({
    br0: {
      vlan_filtering: true,
      ports: {
        a10: access(10),
        b10: access(10),
        c20: access(20),
        up: trunk([10, 20, '100-199']),
        nat: trunk([20], 10),
        plain: {},
      },
    },
  });
}

test('frames are read as they were written', () => {
  for (const line of ['a > *', 'a > b vlan 10 pcp 5 dei "x"', 'b > a vlan 7 vlan 8', 'a > b size 1514']) {
    expect(show(parse(line))).toBe(line);
  }
});

test('an untagged frame on an access port reaches its VLAN: tagged on trunks, untagged where it is native', async () => {
  const rig = await office();
  expect(rig.say('a10', 'a > * "hi"')).toEqual([
    'b10: a > * "hi"',
    'up: a > * vlan 10 "hi"',
    'nat: a > * "hi"',
  ]);
});

test('an access port accepts its own VID, and drops every other one', async () => {
  const rig = await office();
  expect(rig.say('a10', 'a > * vlan 10')).toEqual(['b10: a > *', 'up: a > * vlan 10', 'nat: a > *']);
  expect(rig.say('a10', 'a > * vlan 20')).toEqual(['a10 drops: vlan_not_allowed']);
  expect(rig.say('a10', 'a > * vlan 1')).toEqual(['a10 drops: vlan_not_allowed']);
});

test('a port with an empty trunk is in no VLAN: nothing comes from it, nothing reaches it', async () => {
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: { none: trunk([]), a: {}, b: {} } },
  });
  expect(rig.say('a', 'a > *')).toEqual(['b: a > *']);
  expect(rig.say('none', 'c > *')).toEqual(['none drops: vlan_untagged']);
  expect(rig.say('none', 'c > * vlan 1')).toEqual(['none drops: vlan_not_allowed']);
});

test('a priority tag means the VLAN of the port, and its priority survives into the trunk', async () => {
  const rig = await office();
  expect(rig.say('a10', 'a > * vlan 0 pcp 5')).toEqual([
    'b10: a > *',
    'up: a > * vlan 10 pcp 5',
    'nat: a > *',
  ]);
  expect(rig.say('nat', 'b > * vlan 0 pcp 1 dei')).toEqual([
    'a10: b > *',
    'b10: b > *',
    'up: b > * vlan 10 pcp 1 dei',
  ]);
  expect(rig.say('up', 'c > * vlan 0 pcp 1')).toEqual(['up drops: vlan_untagged']);
});

test('priority and drop eligibility survive from trunk to trunk', async () => {
  const rig = await office();
  for (const pcp of [0, 1, 7]) {
    for (const dei of ['', ' dei']) {
      const priority = `${pcp === 0 ? '' : ` pcp ${pcp}`}${dei}`;
      expect(rig.say('up', `a > * vlan 20${priority}`)).toEqual([
        'c20: a > *',
        `nat: a > * vlan 20${priority}`,
      ]);
    }
  }
});

test('a trunk drops what is not in its list, and untagged frames without a native VLAN', async () => {
  const rig = await office();
  expect(rig.say('up', 'a > *')).toEqual(['up drops: vlan_untagged']);
  expect(rig.say('up', 'a > * vlan 30')).toEqual(['up drops: vlan_not_allowed']);
  expect(rig.say('up', 'a > * vlan 200')).toEqual(['up drops: vlan_not_allowed']);
  expect(rig.say('nat', 'a > * vlan 100')).toEqual(['nat drops: vlan_not_allowed']);
});

test('a native VLAN is implicitly a member, and its tagged frames are accepted', async () => {
  const rig = await office();
  expect(rig.say('nat', 'a > *')).toEqual(['a10: a > *', 'b10: a > *', 'up: a > * vlan 10']);
  expect(rig.say('nat', 'a > * vlan 10')).toEqual(['a10: a > *', 'b10: a > *', 'up: a > * vlan 10']);
});

test('a port without a vlan key is untagged in VLAN 1', async () => {
  const rig = await office();
  expect(rig.say('plain', 'a > *')).toEqual(['plain drops: no_destination']);
  expect(rig.say('plain', 'a > * vlan 1')).toEqual(['plain drops: no_destination']);
  expect(rig.say('plain', 'a > * vlan 10')).toEqual(['plain drops: vlan_not_allowed']);
});

test('VID 4095 is refused everywhere', async () => {
  const rig = await office();
  for (const port of ['a10', 'up', 'nat', 'plain']) {
    expect(rig.say(port, 'a > * vlan 4095')).toEqual([`${port} drops: vlan_invalid`]);
  }
});

test('only the outer tag is the switch’s: a second one stays in the frame', async () => {
  const rig = await office();
  expect(rig.say('up', 'a > * vlan 20 pcp 3 vlan 10 "x"')).toEqual([
    'c20: a > * vlan 10 "x"',
    'nat: a > * vlan 20 pcp 3 vlan 10 "x"',
  ]);
  expect(rig.say('c20', 'b > a vlan 20 vlan 10 "y"')).toEqual(['up: b > a vlan 20 vlan 10 "y"']);
});

test('the same station in two VLANs is two stations', async () => {
  const rig = await office();
  rig.say('a10', 'x > *');
  rig.say('c20', 'x > *');
  expect(rig.say('up', 'y > x vlan 10')).toEqual(['a10: y > x']);
  expect(rig.say('up', 'y > x vlan 20')).toEqual(['c20: y > x']);
  expect(await rig.fdb()).toEqual([
    'br0 vlan 10 02:00:00:00:00:78 a10',
    'br0 vlan 10 02:00:00:00:00:79 up',
    'br0 vlan 20 02:00:00:00:00:78 c20',
    'br0 vlan 20 02:00:00:00:00:79 up',
  ]);
});

test('a bridge without vlan_filtering passes tags untouched, in one domain', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: {}, p3: {} } } });
  expect(rig.say('p1', 'a > * vlan 10 pcp 5 dei "x"')).toEqual([
    'p2: a > * vlan 10 pcp 5 dei "x"',
    'p3: a > * vlan 10 pcp 5 dei "x"',
  ]);
  expect(rig.say('p2', 'b > a vlan 4095')).toEqual(['p1: b > a vlan 4095']);
  expect(rig.say('p2', 'b > a vlan 0 pcp 7')).toEqual(['p1: b > a vlan 0 pcp 7']);
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
});

test('a frame that ends within its tag is a runt', async () => {
  const rig = await office();
  const send = (length: number) =>
    rig.run(() => rig.taploom.memoryPort('up').send(parse('a > * vlan 10').subarray(0, length)));
  expect(send(13)).toEqual(['up drops: runt']);
  expect(send(17)).toEqual(['up drops: runt']);
  expect(send(0)).toEqual(['up drops: runt']);
  expect(send(18)).toEqual(['a10: a > * size 14', 'b10: a > * size 14', 'nat: a > * size 14']);
});
