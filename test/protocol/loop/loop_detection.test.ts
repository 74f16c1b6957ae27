// Loop detection on a host of the test's own, in simulated time.

import { expect, test } from 'vitest';
import type { Punt } from '../../../src/protocol/host.ts';
import { LoopDetection, type LoopPortSpec } from '../../../src/protocol/loop/loop_detection.ts';
import { buildProbe, probeToken, TYPE_OUI_EXTENDED } from '../../../src/wire/loop_probe.ts';

const MAC = '02:00:5e:10:00:02';

class World {
  now = 0;
  sent: { port: string; frame: Uint8Array }[] = [];
  relayed: { port: string; frame: Uint8Array }[] = [];
  loops: string[] = [];
  private listener: (punt: Punt) => void = () => {};
  readonly detection: LoopDetection;

  constructor() {
    const host = {
      send: (port: string, frame: Uint8Array) => this.sent.push({ port, frame }) > 0,
      relay: (port: string, frame: Uint8Array) => this.relayed.push({ port, frame }) > 0,
      onPunt: (_reason: unknown, listener: (punt: Punt) => void) => {
        this.listener = listener;
        return () => {};
      },
    };
    this.detection = new LoopDetection(host, ({ bridge, port, other }) => {
      this.loops.push(`${bridge} ${port} ${other}`);
    });
  }

  ports(...specs: (Partial<LoopPortSpec> & { name: string })[]): this {
    const whole = specs.map((spec) => ({ bridge: 'br0', mac: MAC, tag: 0, isUp: true, ...spec }));
    this.detection.setPorts(whole, this.now);
    this.detection.tick(this.now);
    return this;
  }

  receive(port: string, bytes: Uint8Array, tag = 0): void {
    this.listener({ port, vlan: 0, tag, bytes, at: this.now });
  }

  probeOf(port: string): Uint8Array {
    return this.sent.findLast((one) => one.port === port)?.frame as Uint8Array;
  }
}

test('every port that is up sends a probe a second, at once when it comes up', () => {
  const world = new World().ports({ name: 'a' }, { name: 'b', isUp: false });
  expect(world.sent.map(({ port }) => port)).toEqual(['a']);
  expect(world.detection.deadline()).toBe(1000);
  world.now = 400;
  world.ports({ name: 'a' }, { name: 'b' });
  expect(world.sent.map(({ port }) => port)).toEqual(['a', 'b']);
  world.now = 1000;
  world.detection.tick(world.now);
  expect(world.sent.map(({ port }) => port)).toEqual(['a', 'b', 'a']);
});

test('a probe is a broadcast of 60 bytes from the address of the switch, tagged where the port is', () => {
  const world = new World().ports({ name: 'a' }, { name: 'b', tag: (0x8100 << 16) | 20 });
  expect(Buffer.from(world.probeOf('a')).toString('hex')).toMatch(
    /^f{12}02005e10000288b702544c0001[0-9a-f]{16}(00)+$/,
  );
  expect(world.probeOf('a').length).toBe(60);
  expect(Buffer.from(world.probeOf('b')).toString('hex')).toMatch(/^f{12}02005e1000028100001488b7/);
  expect(probeToken(world.probeOf('a'))).not.toEqual(probeToken(world.probeOf('b')));
});

test('a probe that comes back shows a loop behind its port, on another port the later of both', () => {
  const world = new World().ports({ name: 'a' }, { name: 'b' });
  world.receive('a', world.probeOf('a'));
  world.receive('b', world.probeOf('a'));
  world.receive('a', world.probeOf('b'));
  expect(world.loops).toEqual(['br0 a a', 'br0 b a', 'br0 b a']);
  expect(world.relayed).toEqual([]);
});

test('what is not a probe of the same bridge goes on as it came', () => {
  const world = new World().ports({ name: 'a' }, { name: 'x', bridge: 'br1' });
  const foreign = buildProbe(new Uint8Array(6), 0, new Uint8Array(8));
  const short = world.probeOf('a').slice(0, 20);
  const others = world.probeOf('a').slice();
  others[15] = 0;
  world.receive('x', world.probeOf('a'));
  for (const frame of [foreign, short, others]) world.receive('a', frame);
  world.receive('a', foreign, 0x8100_000a | 0);
  expect(world.loops).toEqual([]);
  expect(world.relayed.map(({ port }) => port)).toEqual(['x', 'a', 'a', 'a', 'a']);
  expect(world.relayed[1].frame).toEqual(foreign);
  const tagged = new DataView(world.relayed[4].frame.buffer);
  expect([tagged.getInt32(12), tagged.getUint16(16)]).toEqual([0x8100_000a | 0, TYPE_OUI_EXTENDED]);
});

test('the probe of a port that is gone is a stranger', () => {
  const world = new World().ports({ name: 'a' }, { name: 'b' });
  const old = world.probeOf('b');
  world.ports({ name: 'a' });
  world.receive('a', old);
  world.ports({ name: 'a' }, { name: 'b' });
  world.receive('a', old);
  expect(world.loops).toEqual([]);
});
