import { expect, test } from 'vitest';
import { DisabledPorts } from '../../src/protocol/disabled_ports.ts';

test('a port is disabled until its time is over', () => {
  const ports = new DisabledPorts();
  expect(ports.deadline()).toBe(Number.POSITIVE_INFINITY);
  expect(ports.disable('a', 'loop', 'a loop', 1000, 0)).toBe(true);
  expect(ports.disable('b', 'storm', 'a storm', 300, 0)).toBe(true);
  expect(ports.deadline()).toBe(300);
  expect(ports.take(299)).toEqual([]);
  expect(ports.take(300)).toEqual(['b']);
  expect(ports.names()).toEqual(['a']);
});

test('an error that goes on begins the time anew, and the first reason stays', () => {
  const ports = new DisabledPorts();
  ports.disable('a', 'loop', 'a loop', 1000, 0);
  expect(ports.disable('a', 'storm', 'a storm', 1000, 900)).toBe(false);
  expect(ports.get('a')).toEqual({ reason: 'loop', text: 'a loop', until: 1900 });
  expect(ports.countsOf('a')).toMatchObject({ loop: 1, storm: 0, address_limit: 0 });
});

test('counts outlive recovery and not the port', () => {
  const ports = new DisabledPorts();
  ports.disable('a', 'loop', 'a loop', 1000, 0);
  expect(ports.release('a')).toBe(true);
  expect(ports.release('a')).toBe(false);
  ports.disable('a', 'loop', 'a loop', 1000, 0);
  expect(ports.countsOf('a').loop).toBe(2);
  ports.forget('a');
  expect(ports.get('a')).toBeUndefined();
  expect(ports.countsOf('a').loop).toBe(0);
});
