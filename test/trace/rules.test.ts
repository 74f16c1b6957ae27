// Each rule of the switch as a trace tells it: in a sentence, with the key of the configuration that made it so.

import { Switch, type SwitchConfigInput } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { mac, parse } from '../support/engine/frame_text.ts';
import { openTraceRig, type TraceRig } from './trace_rig.ts';

const access10 = { vlan: { access: 10 } };
const PORTS = {
  a1: access10,
  a2: { ...access10, isolated: true },
  a3: { ...access10, isolated: true, flood: false },
  t1: { vlan: { trunk: [10, 20, '100-102'], native: 1 } },
  t2: { vlan: { trunk: [10, 20] }, fdb_limit: 1 },
  d: {},
  n: { ...access10, learning: false, mtu: 100 },
};
const STATIC = { mac: '02:00:00:00:00:73', vlan: 10, port: 'a2' };

async function open(): Promise<TraceRig> {
  const rig = await openTraceRig({
    br0: { vlan_filtering: true, ageing_time: 10, static: [STATIC], ports: PORTS },
    br1: { ports: { u1: { hairpin: true }, u2: {} } },
  });
  rig.say('a1', 'a > *');
  rig.say('t2', 'z > * vlan 20');
  rig.now += 3000;
  rig.run(); // the data plane's clock is that of its last poll
  return rig;
}

test('a frame of a VLAN that its port does not carry, with the key that says so', async () => {
  const rig = await open();
  const { steps, outcome } = await rig.trace('a1', 'a > * vlan 20');
  expect(steps.slice(1)).toEqual([
    {
      stage: 'classify',
      verdict: 'vlan_not_allowed',
      message:
        'VLAN 20 is not allowed on a1 (bridges.br0.ports.a1.vlan.access: 10): dropped, vlan_not_allowed',
      path: 'bridges.br0.ports.a1.vlan.access',
      value: 10,
    },
  ]);
  expect(outcome).toEqual({
    verdict: 'dropped',
    reason: 'vlan_not_allowed',
    help: 'tagged with a VLAN that the ingress port does not carry',
    copies: [],
  });
});

test('a flood, with every port that is reached, and every one that is left out for what', async () => {
  const rig = await open();
  expect(await rig.told('t1', 'a > b vlan 10 pcp 5')).toEqual([
    'classify: t1 carries VLAN 10 (bridges.br0.ports.t1.vlan.trunk: [10, 20, 100-102])',
    'learn: 02:00:00:00:00:61 would move from a1, where it was seen 2.9 s ago, to t1 in VLAN 10',
    'decide: 02:00:00:00:00:62 is not known: it floods VLAN 10',
    'replicate: a3 is left out: no unknown addresses (bridges.br0.ports.a3.flood: false)',
    'replicate: t1 is left out: the frame came from there (bridges.br0.ports.t1.hairpin: false, as installed)',
    'replicate: d is left out: not in VLAN 10 (bridges.br0.ports.d.vlan.access: 1, as installed)',
    'egress: a1: untagged (bridges.br0.ports.a1.vlan.access: 10), 60 bytes',
    'egress: a2: untagged (bridges.br0.ports.a2.vlan.access: 10), 60 bytes',
    'egress: t2: tagged with VLAN 10, priority 5 (bridges.br0.ports.t2.vlan.trunk: [10, 20]), 64 bytes',
    'egress: n: untagged (bridges.br0.ports.n.vlan.access: 10), 60 bytes',
  ]);
});

const DROPPED: [string, string, string, string][] = [
  ['untagged on a trunk', 't2', 'c > *', 'vlan.native: none, as installed): dropped, vlan_untagged'],
  [
    'a priority tag there',
    't2',
    'c > * vlan 0 pcp 3',
    'A priority tag names no VLAN, and t2 has no native VLAN',
  ],
  [
    'VID 4095',
    't2',
    'c > * vlan 4095',
    'VLAN 4095 is reserved (IEEE 802.1Q, table 9-2): dropped, vlan_invalid',
  ],
  [
    'back through its port',
    'a1',
    'c > a',
    'a1 is where it came from (bridges.br0.ports.a1.hairpin: false, as installed): dropped, same_port',
  ],
  [
    'isolated from isolated',
    'a3',
    'b > s',
    'a3 and a2 are both isolated (bridges.br0.ports.a2.isolated: true): dropped, isolated',
  ],
  [
    'LLDP',
    'a1',
    'c > 01:80:c2:00:00:0e',
    'bit 14 is not set (bridges.br0.group_fwd_mask: 0, as installed): dropped, reserved_group',
  ],
  [
    'PAUSE',
    'a1',
    'c > 01:80:c2:00:00:01',
    'PAUSE, which ends at the link and is never forwarded: dropped, reserved_group',
  ],
];

test.each(DROPPED)('%s: dropped, and told why', async (_, port, line, message) => {
  const rig = await open();
  const { steps, outcome } = await rig.trace(port, line);
  expect(outcome.verdict).toBe('dropped');
  expect(steps.at(-1)?.message).toContain(message);
  expect(steps.at(-1)?.verdict).toBe(outcome.reason);
});

const FORWARDED: [string, string, string, string][] = [
  [
    'a priority tag',
    'a1',
    'c > * vlan 0 pcp 3',
    'A priority tag on a1 is VLAN 10, priority 3 (bridges.br0.ports.a1.vlan.access: 10)',
  ],
  [
    'a double tag',
    'd',
    'c > * vlan 1 vlan 30',
    '(bridges.br0.ports.d.vlan.access: 1, as installed); the inner tag (VLAN 30) stays in the frame',
  ],
  ['native', 'd', 'c > *', 't1: untagged (bridges.br0.ports.t1.vlan.native: 1), 60 bytes'],
  ['a limit', 't2', 'c > * vlan 20', 'no more addresses are allowed (bridges.br0.ports.t2.fdb_limit: 1)'],
  [
    'no learning',
    'n',
    'c > *',
    '02:00:00:00:00:63 is not learned on n (bridges.br0.ports.n.learning: false)',
  ],
  [
    'a static source',
    'a1',
    's > *',
    'is a static entry on a2: nothing is learned of it (bridges.br0.static[0]: { mac: 02:00:00:00:00:73, vlan: 10, port: a2 })',
  ],
  [
    'a static destination',
    'a1',
    'c > s',
    '02:00:00:00:00:73 is on a2 in VLAN 10, a static entry (bridges.br0.static[0]',
  ],
  ['a known source', 'a1', 'a > *', 'is known on a1 in VLAN 10, seen 2.9 s ago: it would be refreshed'],
  ['a known destination', 't1', 'c > a vlan 10', '02:00:00:00:00:61 is on a1 in VLAN 10, seen 2.9 s ago'],
  ['a BPDU', 'a1', 'c > 01:80:c2:00:00:00', 'goes to all of VLAN 10, as no spanning tree runs here'],
  [
    'too big for one port',
    'a1',
    'c > * size 400',
    'n: 400 bytes carry a packet larger than its MTU (bridges.br0.ports.n.mtu: 100): dropped, too_big',
  ],
];

test.each(FORWARDED)('%s: forwarded, and told why', async (_, port, line, message) => {
  const rig = await open();
  const { outcome } = await rig.trace(port, line);
  expect(outcome.verdict).toBe('forwarded');
  expect((await rig.told(port, line)).join('\n')).toContain(message);
});

test('a bridge that does not filter leaves tags alone, and a hairpin port gets its own frames', async () => {
  const rig = await open();
  expect(await rig.told('u1', 'c > * vlan 5', 'br1')).toEqual([
    'classify: br1 does not filter VLANs (bridges.br1.vlan_filtering: false, as installed): one domain, and tags stay in the frame',
    'learn: 02:00:00:00:00:63 is new: it would be learned on u1 in br1',
    'decide: A broadcast goes to all of br1',
    'egress: u1: as it came, 64 bytes',
    'egress: u2: as it came, 64 bytes',
  ]);
});

test("isolated ports are left out of each other's floods", async () => {
  const rig = await open();
  expect(await rig.told('a2', 'b > *')).toContain(
    'replicate: a3 is left out: a2 and a3 are both isolated (bridges.br0.ports.a3.isolated: true)',
  );
});

test('what a protocol holds back: on the way in, on the way out, and in a flood', async () => {
  const rig = await open();
  await rig.taploom.setPortState('a1', 10, 'learning');
  expect(await rig.told('a1', 'q > *')).toEqual([
    'classify: Untagged on a1 is VLAN 10 (bridges.br0.ports.a1.vlan.access: 10)',
    'classify: A protocol holds a1 learning in VLAN 10: dropped, port_blocked',
    'learn: 02:00:00:00:00:71 is new: it would be learned on a1 in VLAN 10',
  ]);
  expect(await rig.told('t1', 'q > * vlan 10')).toContain(
    'replicate: a1 is left out: a protocol holds it learning',
  );
  expect((await rig.trace('t1', 'q > a vlan 10')).outcome.reason).toBe('port_blocked');
});

test('an entry that has expired is told with its age', async () => {
  const rig = await open();
  // The sweeper has done its share, so that it leaves the entry alone for the 90 ms in which it expires.
  rig.now = 1_010_100;
  rig.run(() => {}, 20);
  rig.now += 90;
  rig.run();
  expect(await rig.told('t1', 'q > a vlan 10')).toContain(
    'decide: 02:00:00:00:00:61 was seen on a1 10.2 s ago and has expired (bridges.br0.ageing_time: 10): it floods VLAN 10',
  );
});

test('after a reconfiguration a trace goes by the new one', async () => {
  const rig = await open();
  const { config } = rig.taploom;
  const next = structuredClone(config);
  next.bridges.br0.ports.a1.vlan = { access: 20 };
  const applied = rig.taploom.apply(next);
  const trace = rig.trace('a1', 'a > * vlan 20'); // asked while the change is under way
  await applied;
  expect((await trace).outcome.verdict).toBe('forwarded');
  expect(await rig.told('a1', 'a > *')).toContain(
    'learn: 02:00:00:00:00:61 is new: it would be learned on a1 in VLAN 20',
  );
});

test('runts, zero sources, and input that is no frame', async () => {
  const rig = await open();
  const reason = async (frame: string) =>
    (await rig.taploom.trace({ bridge: 'br0', port: 't1', frame })).outcome.reason;
  expect(await reason('0102')).toBe('runt');
  expect(await reason('ffffffffffff0200000000618100')).toBe('runt');
  expect(await reason(`ffffffffffff0000000000000800${'00'.repeat(46)}`)).toBe('bad_source');
  expect(await reason(`ff:ff:ff:ff:ff:ff 01 00 00 00 00 01 0800${'00'.repeat(46)}`)).toBe('bad_source');
  await expect(reason('123')).rejects.toThrow(/3 hexadecimal digits: an odd number makes no whole bytes/);
  await expect(reason('12zz')).rejects.toThrow('"z" in the frame is no hexadecimal digit');
  await expect(reason(' ')).rejects.toThrow('The frame has no bytes');
  await expect(reason('00'.repeat(65_558))).rejects.toThrow('at most 65557');
  const options = { bridge: 'br0', port: 'a1' };
  await expect(rig.taploom.trace(options)).rejects.toMatchObject({ code: 'invalid_frame' });
  await expect(rig.taploom.trace({ ...options, port: 'u1', frame: '00' })).rejects.toMatchObject({
    code: 'no_such_port',
  });
  await expect(rig.taploom.trace({ ...options, bridge: 'x', frame: '00' })).rejects.toMatchObject({
    code: 'no_such_bridge',
  });
});

test('tunnels: remotes are named, two tunnels keep apart, and what is too big is answered', async () => {
  const tunnel = (vni: number, ...remotes: string[]) => ({
    type: 'vxlan',
    vni,
    local: '127.0.0.1',
    dst_port: 14_789,
    remotes,
    mtu: 1400,
  });
  const rig = await openTraceRig({
    br0: { ports: { m: {}, v1: tunnel(7, '127.0.0.2', '127.0.0.3'), v2: tunnel(8, '127.0.0.4') } },
  });
  const from2 = await rig.trace('v1', 'r > *', 'br0', '127.0.0.3');
  expect(from2.steps.map(({ message }) => message).slice(2)).toEqual([
    '02:00:00:00:00:72 is new: it would be learned on v1 (127.0.0.3) in br0',
    'A broadcast goes to all of br0',
    'v1 is left out: the frame came from there (bridges.br0.ports.v1.hairpin: false, as installed)',
    'v2 is left out: v1 and v2 are both tunnels (bridges.br0.ports.v2.hairpin: false, as installed)',
    'm: as it came, 60 bytes',
  ]);
  const flood = await rig.trace('m', 'a > *');
  expect(flood.outcome.copies.map(({ port, remote }) => [port, remote])).toEqual([
    ['v1', '127.0.0.2'],
    ['v1', '127.0.0.3'],
    ['v2', '127.0.0.4'],
  ]);
  expect(flood.steps.at(-1)?.message).toBe('v2: as it came, 60 bytes, through VNI 8 to 127.0.0.4');
  const fields = {
    src: '02:00:00:00:00:61',
    dst: '02:00:00:00:00:62',
    ipSrc: '192.0.2.1',
    ipDst: '192.0.2.2',
  };
  const big = await rig.taploom.trace({ bridge: 'br0', port: 'm', fields: { ...fields, size: 1514 } });
  expect(big.outcome).toMatchObject({ verdict: 'dropped', reason: 'too_big' });
  expect(big.outcome.copies.filter(({ isAnswer }) => isAnswer)).toMatchObject([{ port: 'm' }]);
  expect(big.steps.map(({ message }) => message)).toContain(
    'v1: 1514 bytes carry a packet larger than its MTU (bridges.br0.ports.v1.mtu: 1400): dropped, too_big',
  );
  await expect(rig.trace('v1', 'a > *', 'br0', '127.0.0.9')).rejects.toMatchObject({
    code: 'no_such_remote',
  });
  await expect(rig.trace('m', 'a > *', 'br0', '127.0.0.2')).rejects.toMatchObject({ code: 'invalid_trace' });
});

test('of two limits the one that is reached is named', async () => {
  const limits = { br0: { fdb_limit: 2, ports: { p1: { fdb_limit: 2 }, p2: { fdb_limit: 1 }, p3: {} } } };
  const rig = await openTraceRig(limits);
  rig.say('p1', 'a > *');
  rig.say('p2', 'b > *');
  const learn = async (port: string) =>
    (await rig.told(port, 'c > *')).find((line) => line.startsWith('learn'));
  expect(await learn('p1')).toContain('(bridges.br0.fdb_limit: 2)');
  expect(await learn('p2')).toContain('(bridges.br0.ports.p2.fdb_limit: 1)');
  expect(await learn('p3')).toContain('(bridges.br0.fdb_limit: 2)');
});

test('faults on purpose are told of, and a tag that is cut short', async () => {
  const rig = await openTraceRig({
    br0: { vlan_filtering: true, ports: { p1: {}, p2: { fault: { drop: 1 } } } },
  });
  const { steps, outcome } = await rig.trace('p1', 'a > *');
  expect(outcome.verdict).toBe('forwarded');
  expect(steps.at(-1)?.message).toBe(
    'p2 has faults on purpose, which a trace leaves out (bridges.br0.ports.p2.fault: { drop: 1 })',
  );
  const short = await rig.taploom.trace({
    bridge: 'br0',
    port: 'p1',
    frame: 'ffffffffffff02000000006181000014',
  });
  expect(short.steps[0].message).toContain('a tag that is cut short');
});

test("the bridge's own address and its local interface", async () => {
  const config: SwitchConfigInput = { version: 1, bridges: { br0: { ports: { m: { type: 'memory' } } } } };
  // Without the right to make interfaces there is none, so a static entry stands in for it elsewhere.
  const taploom = await Switch.open(config, { threaded: false }).catch(() => undefined);
  if (taploom === undefined) return;
  onTestFinished(() => taploom.close());
  const [{ mac: own }] = taploom.bridges();
  const frame = parse('a > b');
  frame.set(mac(own), 0);
  const { steps, outcome } = await taploom.trace({ bridge: 'br0', port: 'm', frame });
  expect(steps.map(({ message }) => message)).toContain(`${own} is br0's own address in br0`);
  expect(outcome.copies.map(({ port }) => port)).toEqual(['br0']);
});

test('what a mirror copies is told apart, and so is its end', async () => {
  const rig = await openTraceRig({
    br0: {
      mirrors: { m1: { from: ['p1'], direction: 'in', to: 'mon', sample: 5 } },
      ports: { p1: {}, p2: {}, mon: {} },
    },
  });
  const { outcome } = await rig.trace('p1', 'a > *');
  expect(outcome.copies).toEqual([
    { port: 'mon', bytes: 60, isMirrored: true },
    { port: 'p2', bytes: 60 },
  ]);
  const told = await rig.told('p1', 'a > *');
  expect(told).toContain('egress: mon: mirrored (bridges.br0.mirrors.m1.to: mon), without a tag, 60 bytes');
  expect(told.join()).not.toContain('mon is left out');
  expect(await rig.told('p2', 'b > *')).toContain(
    'replicate: mon is left out: the end of a mirror (bridges.br0.mirrors.m1.to: mon)',
  );
  expect(await rig.told('mon', 'm > *')).toContain(
    'classify: mon is the end of a mirror (bridges.br0.mirrors.m1.to: mon): dropped, port_blocked',
  );
});

test('the queue of a shaped port is named', async () => {
  const classes = [
    { name: 'control', match: { pcp: 6 }, priority: 7 },
    { name: 'rest', fair: true },
  ];
  const vlan = { trunk: [10] };
  const rig = await openTraceRig({
    br0: { vlan_filtering: true, ports: { p1: { vlan }, p2: { vlan, qos: { shape: '10mbit', classes } } } },
  });
  const last = async (line: string) => (await rig.trace('p1', line)).steps.at(-1)?.message;
  expect(await last('a > * vlan 10 pcp 6')).toContain('p2 is shaped to 10mbit: the queue of class control');
  expect(await last('a > * vlan 10')).toContain('p2 is shaped to 10mbit: the queue of class rest');
});
