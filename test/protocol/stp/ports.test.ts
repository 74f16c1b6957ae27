// What a port does in particular cases: edges, guards, one-way links, neighbours of 1998.

import { expect, test } from 'vitest';
import type { Guard } from '../../../src/config/stp.ts';
import { type Link, Network, type Node } from './network.ts';

const guard = (...guards: Guard[]) => ({ guard: new Set(guards) });
const roleOf = (node: Node, port: string) => node.tree.portView(port, 0)?.role;
const heldBy = (node: Node, port: string, network: Network) => node.tree.portView(port, network.now)?.heldBy;

/** Bridges by priority, the first is the root. */
function nodes(network: Network, count: number, protocol: 'rstp' | 'stp' = 'rstp'): Node[] {
  return Array.from({ length: count }, (_, n) => network.addNode(protocol, 4096 * (n + 1)));
}

test('a port where nobody answers forwards after three seconds as an edge, and is none once a bridge speaks', () => {
  const network = new Network(1);
  const [a, b] = nodes(network, 2);
  const link = network.connect(a, b);
  a.apply(0);
  network.run(2_900);
  expect(a.state('p1')).toBe('blocking');
  network.run(200);
  expect(a.state('p1')).toBe('forwarding');
  expect(a.tree.portView('p1', network.now)?.isEdge).toBe(true);
  expect(link.isUp).toBe(true);
  b.apply(network.now);
  network.run(100);
  expect(a.tree.portView('p1', network.now)).toMatchObject({ isEdge: false, role: 'designated' });
  expect(roleOf(b, 'p1')).toBe('root');
  expect(network.loops).toEqual([]);
});

test('a configured edge forwards at once; without detection a silent port waits for its timers', () => {
  const network = new Network(1);
  const [a, b, c] = nodes(network, 3);
  network.connect(a, b, 2_000, { edge: true });
  network.connect(a, c, 2_000, { edge: false });
  a.apply(0);
  network.run(10);
  expect([a.state('p1'), a.state('p2')]).toEqual(['forwarding', 'blocking']);
  network.run(19_000);
  expect(a.state('p2')).toBe('blocking');
  network.run(4_000);
  expect(a.state('p2')).toBe('forwarding');
});

test('a link cut: the alternate port takes over within milliseconds, and what the old one learned is forgotten', () => {
  const network = new Network(2);
  const [a, b, c] = nodes(network, 3);
  const direct = network.connect(a, c);
  network.connect(a, b);
  network.connect(b, c);
  network.start();
  network.run(5_000);
  expect([roleOf(c, 'p1'), roleOf(c, 'p2')]).toEqual(['root', 'alternate']);
  c.flushed.length = 0;
  network.setLink(direct, false);
  network.run(10);
  expect([c.state('p1'), c.state('p2')]).toEqual(['blocking', 'forwarding']);
  expect(c.flushed).toContain('p1');
});

test('a port that is no point-to-point link gets no agreement and waits', () => {
  const network = new Network(2);
  const [a, b] = nodes(network, 2);
  network.connect(a, b, 2_000, { pointToPoint: false });
  network.start();
  network.run(10_000);
  expect(a.state('p1')).toBe('blocking');
  network.run(30_000);
  expect(a.state('p1')).toBe('forwarding');
});

for (const protocol of ['rstp', 'stp'] as const) {
  test(`${protocol}: a root guard keeps the root where it is, and opens when the intruder has gone`, () => {
    const network = new Network(3);
    const intruder = network.addNode(protocol, 0);
    const [a, b] = nodes(network, 2, protocol);
    network.connect(a, b);
    const link = network.connect(b, intruder, 2_000, guard('root'));
    network.start();
    network.run(60_000);
    expect(b.tree.view(network.now).root).toBe(a.id);
    expect(b.state('p2')).toBe('blocking');
    expect(heldBy(b, 'p2', network)).toBe('root');
    network.kill(intruder);
    network.run(60_000);
    expect(link.isUp).toBe(true);
    expect(heldBy(b, 'p2', network)).toBeUndefined();
    expect(b.state('p2')).toBe('forwarding');
  });

  test(`${protocol}: on a one-way link a loop guard keeps the ring open`, () => {
    const network = new Network(4);
    const [a, b, c] = nodes(network, 3, protocol);
    network.connect(a, b);
    network.connect(a, c);
    const link: Link = network.connect(b, c, 2_000, guard('loop'));
    network.start();
    network.run(60_000);
    expect(roleOf(c, 'p2')).toBe('alternate');
    link.deafEnd = link.ends[1];
    network.run(60_000);
    expect(c.state('p2')).toBe('blocking');
    expect(heldBy(c, 'p2', network)).toBe('loop');
    link.deafEnd = undefined;
    network.run(60_000);
    expect(heldBy(c, 'p2', network)).toBeUndefined();
    expect(network.loops).toEqual([]);
  });
}

test('without a guard the neighbour of a deaf port disputes, and the ring stays open, too', () => {
  const network = new Network(4);
  const [a, b, c] = nodes(network, 3);
  network.connect(a, b);
  network.connect(a, c);
  const link = network.connect(b, c);
  network.start();
  network.run(10_000);
  link.deafEnd = link.ends[1];
  network.run(60_000);
  expect(heldBy(b, 'p2', network)).toBe('disputed');
  expect(b.state('p2')).toBe('blocking');
  expect(network.loops).toEqual([]);
});

test('a port that hears itself never forwards', () => {
  const network = new Network(5);
  const [a] = nodes(network, 1);
  const link = network.connect(a, a);
  const carry = network.carry.bind(network);
  // Only one port: what it says comes back to it.
  a.ports.pop();
  network.carry = (from, name, bpdu) =>
    name === 'p1' ? network.later(1, () => a.receive('p1', bpdu, network.now)) : carry(from, name, bpdu);
  a.apply(0);
  network.run(60_000);
  expect(link.ends[0].port.name).toBe('p1');
  expect(a.state('p1')).toBe('blocking');
  expect(heldBy(a, 'p1', network)).toBe('disputed');
});

test('a TCN guard keeps topology changes out', () => {
  for (const guards of [[], ['tcn']] as Guard[][]) {
    const network = new Network(6);
    const [a, b, c, d] = nodes(network, 4);
    network.connect(a, b);
    network.connect(b, c, 2_000, guard(...guards));
    network.start();
    network.run(10_000);
    a.flushed.length = 0;
    network.connect(c, d);
    c.apply(network.now);
    d.apply(network.now);
    network.run(4_000);
    // The way from c to a leads through the guarded port of b.
    expect(b.flushed.includes('p1') && network.loops.length === 0).toBe(guards.length === 0);
  }
});

test('beside a bridge of 1998 a port falls back, and speaks RSTP again to its successor', () => {
  const network = new Network(7);
  const [a] = nodes(network, 1);
  const old = network.addNode('stp', 61_440);
  const link = network.connect(a, old);
  network.start();
  network.run(60_000);
  expect(a.tree.portView('p1', network.now)?.isRapid).toBe(false);
  expect([a.state('p1'), old.state('p1')]).toEqual(['forwarding', 'forwarding']);
  network.setLink(link, false);
  network.run(100);
  network.setLink(link, true);
  network.run(1_000);
  expect(a.tree.portView('p1', network.now)?.isRapid).toBe(true);
});

test('a new priority of a bridge makes it the root', () => {
  for (const protocol of ['rstp', 'stp'] as const) {
    const network = new Network(8);
    const [a, b] = nodes(network, 2, protocol);
    network.connect(a, b);
    network.start();
    network.run(60_000);
    const id = b.id & 0xffff_ffff_ffffn;
    b.tree.setBridge({ id, helloTime: 2_000, maxAge: 20_000, forwardDelay: 15_000 }, network.now);
    b.tick(network.now);
    network.run(60_000);
    expect(a.tree.view(network.now).root).toBe(id);
    expect(b.tree.view(network.now).rootPort).toBeUndefined();
  }
});
