// The reconciler's memory, and its pure function, against a simulated kernel.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diff } from '../../src/config/diff.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { portNamesOf, withoutPorts } from '../../src/config/without_ports.ts';
import { MissingPorts, reconcile } from '../../src/switch/missing_ports.ts';
import { arbitraryConfig } from '../config/arbitrary_config.ts';

const notThere = {
  code: 'no_such_interface',
  message: 'Cannot attach port eth0: there is no interface eth0',
};
const busy = { code: 'port_busy', message: 'Cannot attach port eth0: another process has the TAP open' };

test('a port whose interface is not there yet waits, one that was there is gone, another obstacle is a failure', () => {
  const missing = new MissingPorts();
  missing.failed('eth0', notThere, 0);
  expect(missing.get('eth0')).toMatchObject({ state: 'waiting', reason: 'there is no interface eth0' });
  missing.failed('eth0', busy, 1000);
  expect(missing.get('eth0')).toMatchObject({ state: 'failed', reason: 'another process has the TAP open' });
  missing.lost('eth1', 'its interface was deleted', 0);
  missing.failed('eth1', notThere, 0);
  expect(missing.get('eth1')?.state).toBe('gone');
});

test('the pauses grow up to a minute', () => {
  const missing = new MissingPorts();
  let now = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 9; i++) {
    missing.failed('eth0', notThere, now);
    pauses.push(missing.deadline() - now);
    now = missing.deadline();
  }
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('what can help brings a port forward, and its pauses begin anew', () => {
  const missing = new MissingPorts();
  for (let i = 0; i < 5; i++) missing.failed('eth0', notThere, 0);
  missing.hurry('eth0', 7);
  expect(missing.deadline()).toBe(7);
  expect(missing.resting(7)).toEqual(new Set());
  missing.failed('eth0', notThere, 7);
  expect(missing.deadline()).toBe(1007);
});

test('what helps while a try is under way is not forgotten when the try fails', () => {
  const missing = new MissingPorts();
  missing.failed('eth0', notThere, 0);
  missing.hurry('eth0', 105);
  missing.failed('eth0', notThere, 110, 100);
  expect(missing.deadline()).toBe(110);
  missing.failed('eth0', notThere, 120, 111);
  expect(missing.deadline()).toBeGreaterThan(1000);
});

test('a target has every wanted port but those that rest, and nothing that belongs to these', () => {
  fc.assert(
    fc.property(arbitraryConfig, fc.infiniteStream(fc.boolean()), (desired, rests) => {
      const missing = new MissingPorts();
      for (const port of portNamesOf(desired)) if (rests.next().value) missing.failed(port, notThere, 0);
      const target = reconcile(desired, missing, 500);
      const resting = missing.resting(500);
      expect(portNamesOf(target)).toEqual(
        new Set([...portNamesOf(desired)].filter((port) => !resting.has(port))),
      );
      expect(parseConfig(target)).toEqual(target);
      expect(reconcile(desired, missing, 1000)).toBe(desired);
    }),
  );
});

/** What exists, and what the switch would have open if it did as it is told. */
test('whatever comes and goes, in the end every port is there whose interface is', () => {
  const ports = ['a', 'b', 'c', 'd'];
  const config = parseConfig({
    version: 1,
    bridges: {
      br0: {
        local: false,
        ports: Object.fromEntries(ports.map((port) => [port, { type: 'af_packet' }])),
        static: [{ mac: '02:00:00:00:00:01', port: 'a' }],
      },
    },
  });
  const step = fc.record({
    port: fc.constantFrom(...ports),
    what: fc.constantFrom('appears', 'vanishes', 'time passes'),
    time: fc.nat(70_000),
    isHeard: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const missing = new MissingPorts();
      const exists = new Set<string>();
      let current = withoutPorts(config, new Set(ports));
      for (const port of ports) missing.failed(port, notThere, 0);
      let now = 0;
      const act = () => {
        if (missing.deadline() > now) return;
        const target = reconcile(config, missing, now);
        const refused = [...portNamesOf(target)].filter((port) => !exists.has(port));
        current = withoutPorts(target, new Set(refused));
        for (const port of refused) missing.failed(port, notThere, now);
        for (const port of portNamesOf(current)) missing.forget(port);
      };
      for (const { port, what, time, isHeard } of steps) {
        now += time;
        if (what === 'appears') {
          exists.add(port);
          if (isHeard) missing.hurry(port, now);
        } else if (what === 'vanishes' && exists.delete(port) && portNamesOf(current).has(port)) {
          missing.lost(port, 'its interface was deleted', now);
          current = withoutPorts(current, new Set([port]));
        }
        act();
      }
      // The slow clock alone brings back what nobody heard of.
      for (let i = 0; i < 3; i++) {
        now += 60_000;
        act();
      }
      expect(portNamesOf(current)).toEqual(exists);
      if (exists.has('a')) expect(current.bridges.br0.static).toHaveLength(1);
      expect(diff(current, withoutPorts(config, new Set(missing.names())))).toEqual([]);
    }),
  );
});
