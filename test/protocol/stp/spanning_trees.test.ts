// The trees of a switch on a host of the test's own: what comes in, what goes out, what is asked of the data plane.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StpChange } from '../../../src/api.ts';
import type { Guard } from '../../../src/config/stp.ts';
import type { Host, Punt } from '../../../src/protocol/host.ts';
import { SpanningTrees } from '../../../src/protocol/stp/spanning_trees.ts';
import { GUARD_TIME, type StpPortSpec } from '../../../src/protocol/stp/tree_of_bridge.ts';
import { buildBpdu, PROVIDER_BRIDGE_GROUP, parseBpdu } from '../../../src/wire/bpdu.ts';
import { macAt } from '../../../src/wire/mac.ts';
import { NEIGHBOUR, PROPOSAL } from '../../support/proposal.ts';

class World implements Host {
  now = 0;
  protocol: 'rstp' | 'stp' = 'rstp';
  sent: { port: string; frame: Uint8Array }[] = [];
  done: string[] = [];
  told: StpChange[] = [];
  readonly listeners = new Map<unknown, (punt: Punt) => void>();
  readonly trees = new SpanningTrees(
    this,
    {
      setState: async (port, state) => void this.done.push(`${port} ${state}`),
      flush: async (_, port) => void this.done.push(`${port} flush`),
      tell: (change) => this.told.push(change),
    },
    () => this.now,
  );

  send(port: string, frame: Uint8Array): boolean {
    this.sent.push({ port, frame });
    return true;
  }

  sendIn(): boolean {
    return false;
  }

  flood(): boolean {
    return false;
  }

  relay(): boolean {
    return false;
  }

  async trap(): Promise<void> {}

  onPunt(reason: unknown, listener: (punt: Punt) => void) {
    this.listeners.set(reason, listener);
    return () => this.listeners.delete(reason);
  }

  isProvider = false;

  ports(...specs: Partial<StpPortSpec>[]): void {
    const times = { helloTime: 2_000, maxAge: 20_000, forwardDelay: 15_000 };
    const mac = '02:00:5e:00:00:aa';
    const ports = specs.map((spec, n) => ({
      name: `p${n + 1}`,
      number: n + 1,
      priority: 32,
      cost: 2_000,
      edge: 'auto' as const,
      pointToPoint: true,
      guard: new Set<Guard>(),
      isUp: true,
      mac,
      ...spec,
    }));
    this.trees.setBridges(
      [
        {
          name: 'br0',
          protocol: this.protocol,
          priority: 0x8000,
          mac,
          isProvider: this.isProvider,
          ...times,
          ports,
        },
      ],
      this.now,
    );
  }

  receive(bytes: Uint8Array, port = 'p1', reason = 'bpdu'): void {
    this.listeners.get(reason)?.({ port, vlan: 0, tag: 0, bytes, at: this.now });
  }

  async run(ms: number): Promise<void> {
    const end = this.now + ms;
    while (this.trees.deadline() <= end) {
      this.now = Math.max(this.now, this.trees.deadline());
      this.trees.tick(this.now);
      for (let n = 0; n < 5; n++) await null; // what was asked is done
    }
    this.now = end;
    await new Promise(setImmediate); // flushes wait for states
  }

  status(port = 'p1') {
    return this.trees.portStatus(port, this.now);
  }
}

test('a better bridge becomes the root: the port opens, and says so', async () => {
  const world = new World();
  world.ports({}, {});
  await world.run(10);
  world.receive(buildBpdu(NEIGHBOUR, PROPOSAL));
  await world.run(10);
  expect(world.status()).toMatchObject({ id: '8001', role: 'root', state: 'forwarding', cost: 2_000 });
  expect(world.trees.status('br0', world.now)).toMatchObject({
    id: '8000.02005e0000aa',
    root: '0000.02005e000001',
    rootPort: 'p1',
    rootPathCost: 2_000,
  });
  const agreement = parseBpdu(
    world.sent.filter(({ port }) => port === 'p1').at(-1)?.frame ?? new Uint8Array(),
  );
  expect(agreement).toMatchObject({ role: 'root', agreement: true, forwarding: true });
  expect(world.done).toEqual(expect.arrayContaining(['p1 blocking', 'p1 learning', 'p1 forwarding']));
  const forwarding = world.told.find(({ change }) => change === 'forwarding');
  expect(forwarding).toMatchObject({ bridge: 'br0', port: 'p1', role: 'root' });
});

test('a BPDU guard closes the port, for five minutes or until the link is cut', async () => {
  const world = new World();
  const guarded = { edge: true, guard: new Set<Guard>(['bpdu']) };
  world.ports(guarded);
  await world.run(10);
  expect(world.status()?.state).toBe('forwarding');
  world.receive(buildBpdu(NEIGHBOUR, PROPOSAL));
  await world.run(10);
  expect(world.status()).toMatchObject({
    role: 'disabled',
    reason: 'BPDU guard: it received a BPDU; it opens after five minutes, or by `taploom port enable p1`',
  });
  expect(world.done.at(-2)).toBe('p1 blocking');
  expect(world.done.at(-1)).toBe('p1 flush');
  expect(world.told.map(({ change }) => change)).toContain('guarded');
  await world.run(GUARD_TIME);
  expect(world.status()?.state).toBe('forwarding');

  world.receive(buildBpdu(NEIGHBOUR, PROPOSAL));
  world.ports({ ...guarded, isUp: false });
  world.ports(guarded);
  await world.run(10);
  expect(world.status()?.state).toBe('forwarding');
});

test.each(['rstp', 'stp'] as const)(
  '%s: times of a stranger are believed within the ranges of a bridge',
  async (protocol) => {
    const world = new World();
    world.protocol = protocol;
    world.ports({}, {});
    await world.run(10);
    const config = { ...PROPOSAL, kind: 'config' as const };
    world.receive(buildBpdu(NEIGHBOUR, { ...config, helloTime: 0, maxAge: 1_000, forwardDelay: 0 }));
    expect(world.trees.status('br0', world.now)).toMatchObject({ helloTime: 1, maxAge: 6, forwardDelay: 2 });
    await world.run(1_900);
    if (protocol === 'stp') expect(world.status()?.state).toBe('listening');
    world.receive(
      buildBpdu(NEIGHBOUR, { ...config, helloTime: 99_000, maxAge: 99_000, forwardDelay: 99_000 }),
    );
    expect(world.trees.status('br0', world.now)).toMatchObject({
      helloTime: 10,
      maxAge: 40,
      forwardDelay: 30,
    });
  },
);

describe('a port that does not forward says why', () => {
  const guard = (...guards: Guard[]) => ({ guard: new Set(guards) });
  const OWN = 0x8000_0200_5e00_00aan;
  const worse = { root: 0x9000_0200_5e00_0002n, bridge: 0x9000_0200_5e00_0002n };
  const twice = (bpdu: object) => [bpdu, bpdu];
  test.each<[string, Partial<StpPortSpec>, object[], number, string]>([
    [
      'root guard',
      guard('root'),
      [{}],
      10,
      'root guard: bridge 0000.02005e000001 behind it would be the root or nearer to it',
    ],
    ['loop guard', guard('loop'), [{}], 7_000, 'loop guard: its neighbour fell silent'],
    [
      'disputed',
      {},
      twice({ ...worse, learning: true, forwarding: true }),
      10,
      'its neighbour does not hear it, or it hears itself',
    ],
    [
      'backup',
      {},
      [{ root: OWN, bridge: OWN, port: 1 }],
      10,
      'port 0001 of this bridge, or of one with its address, serves the same segment',
    ],
    [
      'no answer yet',
      { edge: false },
      [],
      10,
      'it waits for an answer of its neighbour, or 20 s until it learns',
    ],
    ['link down', { isUp: false }, [], 10, 'it is not up'],
  ])('%s', async (_, port, bpdus, ms, reason) => {
    const world = new World();
    world.ports(port, {});
    for (const bpdu of bpdus) {
      world.receive(buildBpdu(NEIGHBOUR, { ...PROPOSAL, proposal: false, ...bpdu }));
      await world.run(10);
    }
    await world.run(ms);
    expect(world.status()).toMatchObject({ reason });
    expect(world.status()?.state).not.toBe('forwarding');
  });

  test('on its way, with 802.1D-1998', async () => {
    const world = new World();
    world.protocol = 'stp';
    world.ports({}, {});
    await world.run(10_000);
    expect(world.status()).toMatchObject({ state: 'listening', reason: 'it waits 5 s until it learns' });
    await world.run(10_000);
    expect(world.status()).toMatchObject({ state: 'learning', reason: 'it waits 10 s until it forwards' });
    await world.run(10_000);
    expect(world.status()?.reason).toBeUndefined();
  });

  test('second way', async () => {
    const world = new World();
    world.ports({}, {});
    for (const port of ['p1', 'p2'])
      world.receive(buildBpdu(NEIGHBOUR, { ...PROPOSAL, port: port === 'p1' ? 1 : 2 }), port);
    await world.run(10);
    expect(world.status('p2')?.reason).toBe('a second way to the root: bridge 0000.02005e000001 is nearer');
    expect(world.status('p1')?.reason).toBeUndefined();
  });
});

test('a BPDU without use is counted under its reason, and changes nothing', async () => {
  const world = new World();
  world.ports({ guard: new Set<Guard>(['bpdu']) });
  const good = buildBpdu(NEIGHBOUR, PROPOSAL);
  const withByte = (at: number, value: number) => good.with(at, value);
  for (const frame of [
    good.slice(0, 40),
    withByte(14, 0xaa),
    withByte(18, 9),
    withByte(18, 9),
    withByte(19, 0),
  ])
    world.receive(frame);
  const { malformed, bpdusReceived } = world.status()?.counters ?? {};
  expect(malformed).toEqual({ too_short: 1, llc: 1, protocol: 2, version: 1 });
  expect(bpdusReceived).toBe(5);
  expect(world.told.map(({ change }) => change)).not.toContain('guarded');
});

test('a port whose link is down takes no part, and begins when it comes up', async () => {
  const world = new World();
  world.ports({ isUp: false }, {});
  await world.run(5_000);
  expect(world.status()).toMatchObject({ role: 'disabled', state: 'disabled', reason: 'it is not up' });
  expect(world.sent.filter(({ port }) => port === 'p1')).toEqual([]);
  world.receive(buildBpdu(NEIGHBOUR, PROPOSAL));
  expect(world.status()?.counters.bpdusReceived).toBe(0);
  world.ports({}, {});
  await world.run(10);
  expect(world.status()).toMatchObject({ role: 'designated' });
  expect(world.sent.filter(({ port }) => port === 'p1')).not.toEqual([]);
});

test('a filtered port forwards, and neither hears nor says anything', async () => {
  const world = new World();
  world.ports({ guard: new Set<Guard>(['filter']) });
  world.receive(buildBpdu(NEIGHBOUR, PROPOSAL));
  await world.run(10_000);
  expect(world.status()).toMatchObject({ role: 'designated', state: 'forwarding' });
  expect(world.sent).toEqual([]);
});

test('a port whose device is another one begins anew, and a bridge without tree lets all forward', async () => {
  const world = new World();
  world.ports({ edge: true });
  await world.run(10);
  world.trees.forget('p1');
  world.done.length = 0;
  world.ports({ edge: true });
  await world.run(10);
  expect(world.done).toEqual(['p1 blocking', 'p1 learning', 'p1 forwarding']);
  world.ports({ edge: false });
  await world.run(10);
  world.done.length = 0;
  world.trees.setBridges([], world.now);
  expect(world.done).toEqual(['p1 forwarding']);
});

test('whatever comes in, nothing throws or hangs, and no more is sent than the standard allows', async () => {
  const field = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 0x8001, 0x8002, 0xffff));
  const id = fc.constantFrom(0n, 0x8000_0200_5e00_00aan, 0x8000_0200_5e00_0001n, 0xffff_ffff_ffff_ffffn);
  const time = fc.constantFrom(0, 1_000, 2_000, 20_000, 255_000);
  const bpdu = fc.record({
    kind: fc.constantFrom('config' as const, 'rst' as const),
    root: id,
    rootPathCost: fc.constantFrom(0, 2_000, 0xffff_ffff),
    bridge: id,
    port: field,
    messageAge: time,
    maxAge: time,
    helloTime: time,
    forwardDelay: time,
    topologyChange: fc.boolean(),
    topologyChangeAck: fc.boolean(),
    role: fc.constantFrom('unknown' as const, 'alternate' as const, 'root' as const, 'designated' as const),
    proposal: fc.boolean(),
    agreement: fc.boolean(),
    learning: fc.boolean(),
    forwarding: fc.boolean(),
  });
  const frame = fc.oneof(
    bpdu.map((one) => buildBpdu(NEIGHBOUR, one)),
    fc.constant(buildBpdu(NEIGHBOUR, { kind: 'tcn' })),
    fc.uint8Array({ maxLength: 64 }),
  );
  const step = fc.record({
    frame,
    port: fc.constantFrom('p1', 'p2', 'p3'),
    wait: fc.constantFrom(0, 5, 400, 9_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = new World();
      world.ports({}, { guard: new Set<Guard>(['loop', 'tcn']) }, { guard: new Set<Guard>(['root']) });
      for (const { frame: bytes, port, wait } of steps) {
        world.receive(bytes, port);
        await world.run(wait);
      }
      // TxHoldCount, and then one a second.
      for (const port of ['p1', 'p2', 'p3']) {
        const sent = world.sent.filter((one) => one.port === port).length;
        expect(sent).toBeLessThanOrEqual(7 + world.now / 1000);
      }
    }),
    { numRuns: 300 },
  );
});

test('a provider’s bridge talks to its own kind, and leaves alone what bridges of customers say', async () => {
  const world = new World();
  world.isProvider = true;
  world.ports({}, {});
  await world.run(10);
  const groups = world.sent.map(({ frame }) => macAt(new DataView(frame.buffer), 0));
  expect(groups.length).toBeGreaterThan(1);
  for (const group of groups) expect(group).toEqual(PROVIDER_BRIDGE_GROUP);
  world.receive(buildBpdu(NEIGHBOUR, PROPOSAL), 'p1', 'bpdu');
  expect(world.status()?.counters.bpdusReceived).toBe(0);
  world.receive(buildBpdu(NEIGHBOUR, PROPOSAL, PROVIDER_BRIDGE_GROUP), 'p1', 'provider_bpdu');
  await world.run(10);
  expect(world.status()).toMatchObject({ role: 'root', counters: { bpdusReceived: 1 } });
  world.isProvider = false;
  world.ports({}, {});
  world.receive(buildBpdu(NEIGHBOUR, PROPOSAL, PROVIDER_BRIDGE_GROUP), 'p1', 'provider_bpdu');
  expect(world.status()?.counters.bpdusReceived).toBe(1);
});
