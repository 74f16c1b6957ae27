// The trees of a switch on a host of the test's own: what comes in, what goes out, what is asked of the data plane.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StpChange } from '../../../src/api.ts';
import type { Guard } from '../../../src/config/stp.ts';
import type { Host, Punt } from '../../../src/protocol/host.ts';
import { GUARD_TIME, SpanningTrees, type StpPortSpec } from '../../../src/protocol/stp/spanning_trees.ts';
import { type Bpdu, buildBpdu, PROVIDER_BRIDGE_GROUP, parseBpdu } from '../../../src/wire/bpdu.ts';
import { macAt } from '../../../src/wire/mac.ts';

const NEIGHBOUR = { hi: 0x0200, lo: 0x5e00_0001 };
const BPDU: Bpdu = {
  kind: 'rst',
  root: 0x0000_0200_5e00_0001n,
  rootPathCost: 0,
  bridge: 0x0000_0200_5e00_0001n,
  port: 0x8001,
  messageAge: 0,
  maxAge: 20_000,
  helloTime: 2_000,
  forwardDelay: 15_000,
  topologyChange: false,
  topologyChangeAck: false,
  role: 'designated',
  proposal: true,
  agreement: false,
  learning: false,
  forwarding: false,
};

class World implements Host {
  now = 0;
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
          protocol: 'rstp',
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
  world.receive(buildBpdu(NEIGHBOUR, BPDU));
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
  world.receive(buildBpdu(NEIGHBOUR, BPDU));
  await world.run(10);
  expect(world.status()).toMatchObject({ role: 'disabled', reason: 'BPDU guard: it received a BPDU' });
  expect(world.done.at(-2)).toBe('p1 blocking');
  expect(world.done.at(-1)).toBe('p1 flush');
  expect(world.told.map(({ change }) => change)).toContain('guarded');
  await world.run(GUARD_TIME);
  expect(world.status()?.state).toBe('forwarding');

  world.receive(buildBpdu(NEIGHBOUR, BPDU));
  world.ports({ ...guarded, isUp: false });
  world.ports(guarded);
  await world.run(10);
  expect(world.status()?.state).toBe('forwarding');
});

test('a filtered port forwards, and neither hears nor says anything', async () => {
  const world = new World();
  world.ports({ guard: new Set<Guard>(['filter']) });
  world.receive(buildBpdu(NEIGHBOUR, BPDU));
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
  world.receive(buildBpdu(NEIGHBOUR, BPDU), 'p1', 'bpdu');
  expect(world.status()?.counters.bpdusReceived).toBe(0);
  world.receive(buildBpdu(NEIGHBOUR, BPDU, PROVIDER_BRIDGE_GROUP), 'p1', 'provider_bpdu');
  await world.run(10);
  expect(world.status()).toMatchObject({ role: 'root', counters: { bpdusReceived: 1 } });
  world.isProvider = false;
  world.ports({}, {});
  world.receive(buildBpdu(NEIGHBOUR, BPDU, PROVIDER_BRIDGE_GROUP), 'p1', 'provider_bpdu');
  expect(world.status()?.counters.bpdusReceived).toBe(1);
});
