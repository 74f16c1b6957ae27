import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Action } from '../../src/config/action.ts';
import { diff } from '../../src/config/diff.ts';
import { inForce } from '../../src/config/in_force.ts';
import { parseConfig, type SwitchConfig } from '../../src/config/schema.ts';
import { arbitraryConfig } from './arbitrary_config.ts';

const br0 = (bridge: object): SwitchConfig => parseConfig({ version: 1, bridges: { br0: bridge } });
const VXLAN = { type: 'vxlan', local: '192.0.2.1', remotes: ['192.0.2.2'] };
const ops = (actions: Action[]): string[] => actions.map(({ op, kind, path }) => `${op} ${kind} ${path}`);

test('all actions together lead from any configuration to any other', () => {
  fc.assert(
    fc.property(arbitraryConfig, arbitraryConfig, (old, next) => {
      expect(inForce(old, next, diff(old, next))).toEqual(next);
    }),
  );
});

test('no action leads nowhere, and equal configurations need none', () => {
  fc.assert(
    fc.property(arbitraryConfig, arbitraryConfig, (old, next) => {
      expect(diff(old, structuredClone(old))).toEqual([]);
      expect(diff(inForce(old, next, []), old)).toEqual([]);
    }),
  );
});

test('whatever fails, the configuration in force has no entry without a port and no port without a bridge', () => {
  fc.assert(
    fc.property(arbitraryConfig, arbitraryConfig, fc.infiniteStream(fc.boolean()), (old, next, luck) => {
      const done = diff(old, next).filter(() => luck.next().value);
      for (const [name, bridge] of Object.entries(inForce(old, next, done).bridges)) {
        for (const { port } of bridge.static) expect([...Object.keys(bridge.ports), name]).toContain(port);
      }
    }),
  );
});

test('deletions come first, and every thing finds what it needs', () => {
  const order = [
    'delete fdb',
    'delete router',
    'delete port',
    'delete bridge',
    'add bridge',
    'add port',
    'set bridge',
    'set port',
    'add fdb',
    'add router',
    'set router',
  ];
  fc.assert(
    fc.property(arbitraryConfig, arbitraryConfig, (old, next) => {
      const ranks = diff(old, next).map(({ op, kind }) => order.indexOf(`${op} ${kind}`));
      expect(ranks).not.toContain(-1);
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    }),
  );
});

test('a port that moves to another bridge is deleted before it is added', () => {
  const old = parseConfig({ version: 1, bridges: { br0: { ports: { vm1: { type: 'tap' } } }, br1: {} } });
  const next = parseConfig({ version: 1, bridges: { br0: {}, br1: { ports: { vm1: { type: 'tap' } } } } });
  expect(ops(diff(old, next))).toEqual([
    'delete port bridges.br0.ports.vm1',
    'add port bridges.br1.ports.vm1',
  ]);
});

test.each([
  ['netns', { type: 'af_packet' }, { type: 'af_packet', netns: 'h1' }],
  ['netns of an fd', { type: 'tap', fd: 5 }, { type: 'tap', fd: 6 }],
  ['owner, none,', { type: 'tap', owner: 'root' }, { type: 'tap' }],
  ['fault', { type: 'tap' }, { type: 'tap', fault: { drop: 0.5 } }],
  ['type', { type: 'tap' }, { type: 'memory' }],
  ['interface', { type: 'af_packet' }, { type: 'af_packet', interface: 'eth1' }],
  ['host_stack', { type: 'af_packet' }, { type: 'af_packet', host_stack: true }],
  ['stacked_tags', { type: 'af_packet' }, { type: 'af_packet', stacked_tags: true }],
  ['capacity', { type: 'memory' }, { type: 'memory', capacity: 5 }],
  ['vni', { ...VXLAN, vni: 1 }, { ...VXLAN, vni: 2 }],
])('another %s is another port', (_, from, to) => {
  const actions = diff(br0({ ports: { p: from } }), br0({ ports: { p: to } }));
  expect(ops(actions)).toEqual(['delete port bridges.br0.ports.p', 'add port bridges.br0.ports.p']);
});

test('what does not make the device changes in place', () => {
  const from = { type: 'vxlan', vni: 1, local: '192.0.2.1', remotes: ['192.0.2.2'] };
  const to = { ...from, remotes: ['192.0.2.3'], isolated: true, mtu: 1400 };
  expect(diff(br0({ ports: { p: from } }), br0({ ports: { p: to } }))).toEqual([
    {
      op: 'set',
      kind: 'port',
      path: 'bridges.br0.ports.p',
      changes: {
        remotes: { from: ['192.0.2.2'], to: ['192.0.2.3'] },
        isolated: { from: false, to: true },
        mtu: { from: undefined, to: 1400 },
      },
    },
  ]);
});

test.each([
  ['netns', 'h1'],
  ['mac', '02:00:00:00:00:01'],
  ['owner', 'nobody'],
  ['persist', true],
  ['offloads', false],
])('another %s of a TAP changes in place', (key, value) => {
  const actions = diff(
    br0({ ports: { p: { type: 'tap' } } }),
    br0({ ports: { p: { type: 'tap', [key]: value } } }),
  );
  expect(ops(actions)).toEqual(['set port bridges.br0.ports.p']);
});

test('the tags of a bridge, and the address of its tunnels, change in place', () => {
  const to = { vlan_filtering: true, vlan_protocol: '802.1ad', tunnel_mac: '03:00:00:00:00:01' };
  const [action, ...others] = diff(br0({ vlan_filtering: true }), br0(to));
  expect(others).toEqual([]);
  expect(Object.keys(action.changes ?? {})).toEqual(['vlan_protocol', 'tunnel_mac']);
});

test('a key that is undefined is no difference to a key that is not there', () => {
  const from = { type: 'tap', fault: { drop: 0.5 } };
  const to = { type: 'tap', mtu: undefined, fault: { drop: 0.5, delay: undefined } };
  expect(diff(br0({ ports: { p: from } }), br0({ ports: { p: to } }))).toEqual([]);
});

test('the local interface comes and goes like a port', () => {
  expect(ops(diff(br0({}), br0({ local: false })))).toEqual(['delete port bridges.br0.local']);
  expect(ops(diff(br0({ local: false }), br0({})))).toEqual(['add port bridges.br0.local']);
  expect(ops(diff(br0({}), br0({ local: { mtu: 1400 } })))).toEqual(['set port bridges.br0.local']);
  expect(ops(diff(br0({}), br0({ local: { netns: 'h1' } })))).toEqual(['set port bridges.br0.local']);
  expect(ops(diff(br0({ local: { owner: 'root' } }), br0({})))).toEqual([
    'delete port bridges.br0.local',
    'add port bridges.br0.local',
  ]);
});

test('a static entry that points elsewhere is replaced; its place in the list means nothing', () => {
  const ports = { a: { type: 'tap' }, b: { type: 'tap' } };
  const one = { mac: '02:00:00:00:00:01', port: 'a' };
  const two = { mac: '02:00:00:00:00:02', port: 'a' };
  const old = br0({ ports, static: [one, two] });
  expect(ops(diff(old, br0({ ports, static: [two, { ...one, port: 'b' }] })))).toEqual([
    'delete fdb bridges.br0.static["02:00:00:00:00:01"]',
    'add fdb bridges.br0.static["02:00:00:00:00:01"]',
  ]);
  expect(diff(old, br0({ ports, static: [two, one] }))).toEqual([]);
});

test('a new bridge brings its local interface and ports as actions of their own', () => {
  const next = parseConfig({ version: 1, bridges: { 'lan.7': { ports: { 'eth0.10': { type: 'tap' } } } } });
  expect(ops(diff({ version: 1, bridges: {} }, next))).toEqual([
    'add bridge bridges["lan.7"]',
    'add port bridges["lan.7"].local',
    'add port bridges["lan.7"].ports["eth0.10"]',
  ]);
});
