import { expect, test, vi } from 'vitest';
import { createLogger } from '../../src/control/log.ts';
import { PortWatch } from '../../src/control/port_watch.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

function watch() {
  const api = new SimulatedSwitch({
    version: 1,
    bridges: { br0: { local: false, ports: { vm1: { type: 'tap' }, vm2: { type: 'tap' } } } },
  });
  const lines: string[] = [];
  const log = createLogger({
    level: 'debug',
    format: 'json',
    write: (line) => {
      const { level, msg } = JSON.parse(line) as { level: number; msg: string };
      lines.push(`${level} ${msg}`);
    },
  });
  const clock = { ms: 1, now: () => clock.ms };
  const ports = new PortWatch(api, log, clock);
  const check = (after: number) => {
    clock.ms += after;
    ports.check();
    return lines.splice(0);
  };
  return { api, check };
}

test('a port that goes down, comes back and vanishes is logged each time', () => {
  const { api, check } = watch();
  expect(check(1000)).toEqual([]);
  api.states.set('vm1', 'down');
  expect(check(1000)).toEqual(['40 port vm1 is down']);
  expect(check(1000)).toEqual([]);
  api.states.set('vm1', 'up');
  expect(check(15_000)).toEqual(['30 port vm1 is up']);
  api.states.set('vm1', 'gone');
  expect(check(15_000)).toEqual(['40 port vm1 is gone, and is taken again as soon as it can be']);
});

test('a port that flaps gets a line now and then, and the last one is true', () => {
  const { api, check } = watch();
  const lines: string[] = [];
  for (let i = 1; i <= 41; i++) {
    api.states.set('vm1', i % 2 === 0 ? 'up' : 'down');
    lines.push(...check(1000));
  }
  expect(lines.length).toBeLessThanOrEqual(5);
  lines.push(...check(15_000));
  expect(lines.at(-1)).toContain('vm1 is down');
});

test('drops are logged once a minute for each port, with what happened in between', () => {
  const { api, check } = watch();
  api.counters.set('vm1', { receiveDropped: { vlan_untagged: 3 }, transmitDropped: { too_big: 1 } });
  expect(check(1000)).toEqual(['40 port vm1 dropped frames: 3 vlan_untagged, 1 too_big']);
  api.counters.set('vm1', { receiveDropped: { vlan_untagged: 10 }, transmitDropped: { too_big: 1 } });
  api.counters.set('vm2', { receiveDropped: { runt: 1 } });
  expect(check(1000)).toEqual(['40 port vm2 dropped frames: 1 runt']);
  api.counters.set('vm1', { receiveDropped: { vlan_untagged: 12 }, transmitDropped: { too_big: 1 } });
  expect(check(60_000)).toEqual(['40 port vm1 dropped frames: 9 vlan_untagged']);
  expect(check(60_000)).toEqual([]);
});

test('drops that any network makes are for debugging', () => {
  const { api, check } = watch();
  api.counters.set('vm1', { receiveDropped: { no_destination: 3 } });
  expect(check(1000)).toEqual(['20 port vm1 dropped frames: 3 no_destination']);
});

test('a port that was made again counts from zero', () => {
  const { api, check } = watch();
  api.counters.set('vm1', { receiveDropped: { runt: 100 } });
  check(1000);
  api.counters.set('vm1', { receiveDropped: { runt: 2 } });
  expect(check(61_000)).toEqual(['40 port vm1 dropped frames: 2 runt']);
});

test('ports that cannot be looked at cost a line, not the process', () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', format: 'json', write: (line) => lines.push(line) });
  const api = {
    ports(): never {
      throw new Error('no descriptors left');
    },
    portsDigest: () => 'u 0',
    events: new SimulatedSwitch().events,
  };
  const ports = new PortWatch(api, log);
  try {
    ports.start();
    vi.advanceTimersByTime(3000);
  } finally {
    ports.stop();
    vi.useRealTimers();
  }
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toContain('cannot look at the ports');
});

test('while nothing happens nobody looks at the ports, and what is withheld is told in the end', () => {
  const { api, check } = watch();
  const looks = vi.spyOn(api, 'ports');
  const digest = vi.spyOn(api, 'portsDigest').mockImplementation(() => JSON.stringify([...api.states]));
  check(1000);
  for (let i = 0; i < 10; i++) check(1000);
  expect(looks).toHaveBeenCalledTimes(1);
  api.states.set('vm1', 'down');
  expect(check(1000)).toHaveLength(1);
  api.states.set('vm1', 'up');
  expect(check(1000)).toEqual([]);
  expect(check(15_000)).toEqual(['30 port vm1 is up']);
  looks.mockClear();
  check(15_000);
  expect(looks).not.toHaveBeenCalled();
  expect(digest).toHaveBeenCalled();
});
