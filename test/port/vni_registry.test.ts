import { expect, test } from 'vitest';
import { hop } from '../../src/frame/hop.ts';
import { VniRegistry } from '../../src/port/vni_registry.ts';
import type { VxlanPort } from '../../src/port/vxlan_port.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { addressWords } from '../../src/wire/ip_address.ts';

function setUp() {
  const counters = Counters.allocate(16, 2);
  const remotes = new Remotes(10, 10, 5);
  remotes.configure([{ row: 1, port: 3, address: addressWords('192.0.2.2') }], () => true);
  const registry = new VniRegistry(counters, remotes);
  const port = (port: number, vtep: number, vni: number): VxlanPort => ({
    port,
    vtep,
    vni,
    family: 4,
    dstPort: 4789,
    senders: [9],
    udpSegment: true,
    tos: 0,
    remoteLearning: true,
    maxRemotes: 10,
  });
  const isUp = (number: number) => counters.values[counters.port(number) + PORT.up] === 1;
  return { registry, port, isUp };
}

test('a port is found by VTEP and VNI, until it goes', () => {
  const { registry, port, isUp } = setUp();
  registry.add(port(3, 0, 42));
  registry.add(port(4, 0, 43));
  registry.add(port(5, 1, 42));
  expect(registry.find(0, 42)?.port).toBe(3);
  expect(registry.find(1, 42)?.port).toBe(5);
  expect(registry.find(1, 43)).toBeUndefined();
  expect(registry.find(2, 42)).toBeUndefined();
  expect(registry.portsOf(0)).toEqual([3, 4]);
  expect([3, 4, 5, 6].map(isUp)).toEqual([true, true, true, false]);
  registry.remove(3);
  registry.remove(6);
  expect(registry.find(0, 42)).toBeUndefined();
  expect(registry.portsOf(0)).toEqual([4]);
  expect([3, 4].map(isUp)).toEqual([false, true]);
});

test('a next hop leads to a port only if its remote is one of that port', () => {
  const { registry, port } = setUp();
  registry.add(port(3, 0, 42));
  registry.add(port(4, 0, 43));
  expect(registry.portOf(hop(3, 1))?.port).toBe(3);
  expect(registry.portOf(hop(4, 1))).toBeUndefined();
  expect(registry.portOf(hop(3, 2))).toBeUndefined();
  expect(registry.portOf(hop(3, 0))).toBeUndefined();
});

test('that the kernel refuses to segment is news once', () => {
  const { registry, port } = setUp();
  registry.add(port(3, 0, 42));
  expect([3, 3, 4].map((number) => registry.refuseSegments(number))).toEqual([true, false, false]);
  expect(registry.portOf(hop(3, 1))?.udpSegment).toBe(false);
});
