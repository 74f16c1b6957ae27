// The facade, inline: what apply does and reports, and what is left behind when something cannot be had.

import { readdirSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { ConfigError } from '../../src/config/schema.ts';
import type { DeviceSpec } from '../../src/port/spec.ts';
import type { Reconciler } from '../../src/switch/reconciler.ts';
import { Switch } from '../../src/switch/switch.ts';
import type { PlaneClient } from '../../src/worker/plane_client.ts';
import { configOf, openRig, ports } from '../support/engine/rig.ts';

const fds = () => readdirSync('/proc/self/fd').length;
/** An address that no interface of this machine has (RFC 5737), so binding to it fails. */
const NOT_HERE = '192.0.2.77';
const tunnel = (keys = {}) => ({
  type: 'vxlan',
  vni: 1,
  local: '127.0.0.1',
  remote_learning: true,
  dst_port: 14_789,
  ...keys,
});

test('an invalid configuration opens nothing and tells all problems', async () => {
  const bad = { version: 1, bridges: { br0: { ageing_time: -1, ports: { p1: { type: 'x' } } } } };
  const error = await Switch.open(bad as never, { threaded: false }).catch((reason) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.problems).toHaveLength(2);
});

test('a switch that cannot be opened completely leaves nothing open', async () => {
  const before = fds();
  const config = configOf({
    br0: { ports: { p1: {}, ok: tunnel(), bad: tunnel({ vni: 2, local: NOT_HERE }) } },
  });
  await expect(Switch.open(config, { threaded: false })).rejects.toMatchObject({
    code: 'not_applied',
    message: expect.stringContaining('bridges.br0.ports.bad: Cannot attach port bad'),
  });
  await expect.poll(fds).toBeLessThanOrEqual(before);
});

test('apply reports what failed, leaves it out of the configuration, and does the rest', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  const results = await rig.taploom.apply(
    configOf({
      br0: {
        ports: { p1: {}, p2: {}, bad: tunnel({ local: NOT_HERE }) },
        static: [{ mac: '02:00:00:00:00:02', port: 'p2' }],
      },
    }),
  );
  expect(results.map(({ op, path, ok }) => `${op} ${path} ${ok}`)).toContain(
    'add bridges.br0.ports.bad false',
  );
  expect(results.filter(({ ok }) => !ok)).toHaveLength(1);
  expect(Object.keys(rig.taploom.config.bridges.br0.ports)).toEqual(['p1', 'p2']);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  expect(await rig.fdb()).toContain('br0 vlan 0 02:00:00:00:00:02 p2 static');
});

test('a static entry falls with the port that it names', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  const entry = { mac: '02:00:00:00:00:01', port: 'bad' };
  const results = await rig.taploom.apply(
    configOf({
      br0: {
        ports: { p1: {}, bad: tunnel({ local: NOT_HERE, remotes: ['192.0.2.9'] }) },
        static: [{ ...entry, remote: '192.0.2.9' }],
      },
    }),
  );
  const failed = results.filter(({ ok }) => !ok);
  expect(failed.map(({ kind }) => kind).sort()).toEqual(['fdb', 'port']);
  expect(rig.taploom.config.bridges.br0.static).toEqual([]);
});

test('a device that the data plane cannot take is reported and left out, and the others work', async () => {
  const one = tunnel({ dst_port: 14_790 });
  const rig = await openRig({ br0: { ports: { ...ports(2), one } } });
  const before = fds();
  const plane: PlaneClient = Reflect.get(rig.taploom, 'plane');
  const request = plane.request.bind(plane);
  vi.spyOn(plane, 'request').mockImplementationOnce(async (body) => {
    if (body.kind !== 'change') return request(body);
    const isRefused = ({ kind }: DeviceSpec) => kind === 'vxlan';
    const added = body.change.added.filter((spec) => !isRefused(spec));
    await request({ kind: 'change', change: { ...body.change, added } });
    const failed = body.change.added.filter(isRefused).map(({ port }) => ({ port, message: 'no room' }));
    return { kind: 'done', failed };
  });
  const next = configOf({
    br0: {
      ports: { ...ports(3), one, vx: tunnel() },
      static: [{ mac: '02:00:00:00:00:01', port: 'vx', remote: '192.0.2.9' }],
    },
  });
  const results = await rig.taploom.apply(next);
  expect(results.filter(({ ok }) => !ok)).toMatchObject([
    { path: 'bridges.br0.ports.vx', error: 'Cannot attach port vx: no room', code: 'device_failed' },
    { kind: 'fdb', error: 'port vx could not be added' },
  ]);
  await expect.poll(fds).toBeLessThanOrEqual(before);
  expect(Object.keys(rig.taploom.config.bridges.br0.ports)).toEqual(['p1', 'p2', 'p3', 'one']);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *', 'p3: a > *']);
  expect((await rig.taploom.apply(next)).every(({ ok }) => ok)).toBe(true);
});

test('a tunnel that comes does not touch ports whose names look like keys of the configuration', async () => {
  const rig = await openRig({ bridges: { ports: { ports: {} } } });
  const results = await rig.taploom.apply(configOf({ bridges: { ports: { ports: {}, vx: tunnel() } } }));
  expect(results.every(({ ok }) => ok)).toBe(true);
});

test('a port is whole or not there at all, whenever somebody asks', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const seen = new Set<string>();
  let isDone = false;
  const watch = async () => {
    while (!isDone) {
      seen.add(
        rig.taploom
          .ports()
          .map(({ name, mtu, number }) => `${number}${name} ${mtu}`)
          .join(' '),
      );
      rig.taploom.bridges();
      await new Promise((done) => setImmediate(done));
    }
  };
  const watching = watch();
  await rig.taploom.apply(configOf({ br0: { ports: { p2: {}, p3: {}, p4: {} } } }));
  await rig.taploom.apply(configOf({}));
  isDone = true;
  await watching;
  const whole = ['1p1 1500 2p2 1500', '2p2 1500', '1p2 1500', '1p2 1500 2p3 1500 3p4 1500', ''];
  expect(whole).toEqual(expect.arrayContaining([...seen]));
});

test('what failed can be tried again', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  const before = fds();
  const next = (keys: object) => configOf({ br0: { ports: { p1: {}, vx: tunnel(keys) } } });
  for (let n = 0; n < 3; n++) {
    const [result] = await rig.taploom.apply(next({ local: NOT_HERE }));
    expect(result.ok).toBe(false);
  }
  await expect.poll(fds).toBeLessThanOrEqual(before);
  const [result] = await rig.taploom.apply(next({}));
  expect(result).toMatchObject({ ok: true });
});

test('a tunnel without a free source port gives its receiving socket back', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, one: tunnel({ dst_port: 14_790 }) } } });
  const before = fds();
  const next = (source_ports: string) =>
    configOf({
      br0: {
        ports: { p1: {}, one: tunnel({ dst_port: 14_790 }), vx: tunnel({ dst_port: 14_791, source_ports }) },
      },
    });
  // Its only source port is the one that the first tunnel receives on.
  const [failed] = await rig.taploom.apply(next('14790-14790'));
  expect(failed.ok).toBe(false);
  await expect.poll(fds).toBeLessThanOrEqual(before);
  const [result] = await rig.taploom.apply(next('49152-65535'));
  expect(result).toMatchObject({ ok: true });
});

test('a configuration with too many domains is refused as a whole, and leaves no device open', async () => {
  const before = fds();
  const rig = await openRig({ br0: { ports: ports(2) } });
  const trunks = Object.fromEntries(
    Array.from({ length: 17 }, (_, n) => [
      `b${n}`,
      { vlan_filtering: true, ports: { [`t${n}`]: { vlan: { trunk: ['1-4094'] } } } },
    ]),
  );
  const tooMany = configOf({ br0: { ports: { ...ports(2), vx: tunnel() } }, ...trunks });
  await expect(rig.taploom.apply(tooMany)).rejects.toMatchObject({ code: 'too_many' });
  expect(Object.keys(rig.taploom.config.bridges)).toEqual(['br0']);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  const results = await rig.taploom.apply(configOf({ br0: { ports: { ...ports(3), vx: tunnel() } } }));
  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(rig.say('p1', 'a > *').slice(0, 2)).toEqual(['p2: a > *', 'p3: a > *']);
  await rig.taploom.close();
  // The thread that waits for the kernel's news, this switch's or an earlier one's, closes its own.
  await expect.poll(fds).toBeLessThanOrEqual(before);
});

test('a port that a change has given another device is not closed for the loss of the one before', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const { taploom } = rig;
  const replaced = taploom.apply(configOf({ br0: { ports: { p1: { capacity: 64 }, p2: {} } } }));
  // The news of its death comes while the change is under way.
  const { control } = taploom as unknown as { control: { reconciler: Reconciler } };
  control.reconciler.lost('p1', 'its device was deleted');
  await replaced;
  const device = taploom.memoryPort('p1');
  await taploom.apply(taploom.config);
  expect(taploom.memoryPort('p1')).toBe(device);
  expect(taploom.ports().map(({ state }) => state)).toEqual(['up', 'up']);
});

test('plan tells what apply would do and does nothing', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const next = configOf({ br0: { ports: { p1: { hairpin: true }, p3: {} } } });
  const plan = rig.taploom.plan(next);
  expect(plan.map(({ op, path }) => `${op} ${path}`)).toEqual([
    'delete bridges.br0.ports.p2',
    'add bridges.br0.ports.p3',
    'set bridges.br0.ports.p1',
  ]);
  expect(rig.taploom.ports().map(({ name }) => name)).toEqual(['p1', 'p2']);
  expect(await rig.taploom.apply(next)).toEqual(plan.map((action) => ({ ...action, ok: true })));
  expect(rig.taploom.plan(next)).toEqual([]);
  expect(rig.say('p1', 'a > *')).toEqual(['p1: a > *', 'p3: a > *']);
});

test('what does not change keeps its counters, entries and frames under way', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  rig.say('p1', 'a > *');
  rig.taploom.memoryPort('p2').send(new Uint8Array(60).fill(0xff, 0, 6).fill(2, 6, 7));
  await rig.taploom.apply(configOf({ br0: { ports: { p1: {}, p2: { isolated: true }, p4: {} } } }));
  expect(rig.counters('p1')).toMatchObject({ receivedFrames: 1, forwarded: 1 });
  expect(rig.counters('p4')).toMatchObject({ receivedFrames: 0, copies: 0 });
  expect(await rig.fdb()).toEqual(['br0 vlan 0 02:00:00:00:00:61 p1']);
  expect(rig.run()).toHaveLength(2);
});

test('a port that is deleted and added again starts from nothing', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  rig.say('p2', 'b > *');
  await rig.taploom.apply(configOf({ br0: { ports: ports(1) } }));
  expect(await rig.fdb()).toEqual([]);
  expect(rig.taploom.bridges()[0].learnedAddresses).toBe(0);
  await rig.taploom.apply(configOf({ br0: { ports: ports(2) } }));
  expect(rig.counters('p2')).toMatchObject({ receivedFrames: 0, copies: 0 });
  expect(rig.say('p1', 'a > b')).toEqual(['p2: a > b']);
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
});

test('a port that moves to another bridge leaves nothing in the old one', async () => {
  const rig = await openRig({ br0: { ports: ports(3) }, br1: { ports: { q1: {} } } });
  rig.say('p3', 'c > *');
  await rig.taploom.apply(configOf({ br0: { ports: ports(2) }, br1: { ports: { q1: {}, p3: {} } } }));
  expect(rig.say('p1', 'a > c')).toEqual(['p2: a > c']);
  expect(rig.say('p3', 'c > *')).toEqual(['q1: c > *']);
});

test('a bridge that becomes VLAN-aware forgets what it knew without VLANs', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  rig.say('p1', 'a > *');
  await rig.taploom.apply(configOf({ br0: { vlan_filtering: true, ports: ports(2) } }));
  expect(await rig.fdb()).toEqual([]);
  expect(rig.say('p1', 'a > * vlan 1')).toEqual(['p2: a > *']);
});

test('the FDB is filtered by bridge, port, VLAN and address', async () => {
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: { t: { vlan: { trunk: [1, 2] } }, p: {} } },
    br1: { ports: { q: {}, r: {} } },
  });
  for (const line of ['a > * vlan 1', 'a > * vlan 2', 'b > * vlan 2']) rig.say('t', line);
  rig.say('q', 'a > *');
  const find = async (filter: object) => {
    const found: string[] = [];
    for await (const page of rig.taploom.fdb(filter)) {
      found.push(...page.map(({ bridge, vlan, mac }) => `${bridge} ${vlan} ${mac.slice(-2)}`));
    }
    return found.sort();
  };
  expect(await find({ bridge: 'br1' })).toEqual(['br1 0 61']);
  expect(await find({ vlan: 2 })).toEqual(['br0 2 61', 'br0 2 62']);
  expect(await find({ port: 't', mac: '02:00:00:00:00:61' })).toEqual(['br0 1 61', 'br0 2 61']);
  await expect(find({ mac: 'nonsense' })).rejects.toMatchObject({ code: 'invalid_mac' });
});

test('flush forgets one VLAN and leaves the others', async () => {
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: { t: { vlan: { trunk: [1, 2] } }, p: {} } },
  });
  for (const line of ['a > * vlan 1', 'a > * vlan 2']) rig.say('t', line);
  expect(await rig.taploom.flush({ vlan: 2 })).toBe(1);
  expect(await rig.fdb()).toEqual(['br0 vlan 1 02:00:00:00:00:61 t']);
  expect(await rig.taploom.flush({ vlan: 77 })).toBe(0);
});

test('only memory ports have an end for the caller', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, vx: tunnel() } } });
  expect(rig.taploom.memoryPort('p1').name).toBe('p1');
  expect(() => rig.taploom.memoryPort('vx')).toThrow('There is no memory port vx');
  expect(() => rig.taploom.memoryPort('nope')).toThrow('There is no memory port nope');
});

test('a memory port that nobody empties costs its own copies', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { capacity: 1 }, p3: { capacity: 65_536 } } } });
  for (let n = 0; n < 5000; n++) {
    rig.taploom.memoryPort('p1').send(new Uint8Array(60).fill(0xff, 0, 6).fill(2, 6, 7));
    if (n % 32 === 31) rig.taploom.poll(0, rig.now);
  }
  rig.run();
  const { transmittedFrames, transmitDropped } = rig.counters('p2');
  expect(transmittedFrames + transmitDropped.queue_full).toBe(5000);
  expect(transmitDropped.queue_full).toBeGreaterThan(0);
  expect(rig.counters('p3').transmittedFrames).toBe(5000);
});

test('a frame that is longer than a slot is refused at once', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  expect(() => rig.taploom.memoryPort('p1').send(new Uint8Array(70_000))).toThrow(RangeError);
});

test('a closed switch says that it is closed', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  await rig.taploom.close();
  await expect(rig.taploom.apply(configOf({}))).rejects.toMatchObject({ code: 'closed' });
  await rig.taploom.close();
});

test('a static entry of the same station in another VLAN does not fall with it', async () => {
  const rig = await openRig({ br0: { vlan_filtering: true, ports: { p1: { vlan: { trunk: [10, 20] } } } } });
  const mac = '02:00:00:00:00:01';
  const results = await rig.taploom.apply(
    configOf({
      br0: {
        vlan_filtering: true,
        ports: {
          p1: { vlan: { trunk: [10, 20] } },
          bad: tunnel({ local: NOT_HERE, remotes: ['192.0.2.9'], vlan: { access: 10 } }),
        },
        static: [
          { mac, vlan: 10, port: 'bad', remote: '192.0.2.9' },
          { mac, vlan: 20, port: 'p1' },
        ],
      },
    }),
  );
  expect(results.filter(({ ok, kind }) => ok && kind === 'fdb')).toHaveLength(1);
  expect(await rig.fdb()).toEqual(['br0 vlan 20 02:00:00:00:00:01 p1 static']);
});
