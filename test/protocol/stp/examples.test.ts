// Networks of the standard and of the usual conformance suites, as Open vSwitch tests them (stp.at, rstp.at): which port of
// which bridge has which role. Links are pairs of bridges, in the order of their ports.

import { expect, test } from 'vitest';
import { type Link, Network, type Node } from './network.ts';

type Pair = readonly [a: number, b: number];
const PROTOCOLS = ['rstp', 'stp'] as const;
type Protocol = (typeof PROTOCOLS)[number];

const RING: Pair[] = [
  [0, 1],
  [0, 2],
  [1, 2],
];

/** Bridges by priority, the first is the root, joined by links of one cost. */
function network(protocol: Protocol, bridges: number, links: readonly Pair[]): Network {
  const made = new Network(1);
  for (let n = 0; n < bridges; n++) made.addNode(protocol, 4096 * (n + 1));
  for (const [a, b] of links) made.connect(made.nodes[a], made.nodes[b]);
  made.start();
  settle(made);
  return made;
}

/** Until the slowest timers are over: for RSTP nothing changes in that time. */
function settle(made: Network): void {
  made.run(100_000);
  expect(made.loops).toEqual([]);
}

/** `root` or the cost of the way there, and the ports that are not designated: `2000 p1:root p3:alternate`. */
function view(node: Node, made: Network): string {
  const { rootPathCost } = node.tree.view(made.now);
  const roles = node.ports.flatMap(({ name }) => {
    const role = node.tree.portView(name, made.now)?.role;
    expect(node.isForwarding(name), `${name} ${role}`).toBe(role === 'root' || role === 'designated');
    return role === 'designated' ? [] : [`${name}:${role}`];
  });
  return [rootPathCost === 0 ? 'root' : rootPathCost, ...roles].join(' ');
}

const views = (made: Network) => made.nodes.map((node) => view(node, made));

function prefer(made: Network, node: Node, priority: number): void {
  const id = (BigInt(priority) << 48n) | (node.id & 0xffff_ffff_ffffn);
  const times = { helloTime: 2_000, maxAge: 20_000, forwardDelay: 15_000 };
  node.tree.setBridge({ id, ...times }, made.now);
  node.deadline = node.tree.deadline();
}

function setPort(made: Network, node: Node, name: string, change: object): void {
  const place = node.ports.findIndex((port) => port.name === name);
  node.ports[place] = { ...node.ports[place], ...change };
  node.apply(made.now);
}

const between = (made: Network, a: number, b: number): Link =>
  made.links.find(({ ends }) => ends[0].node === made.nodes[a] && ends[1].node === made.nodes[b]) as Link;

test.each(PROTOCOLS)('%s: a bridge alone is the root, and all its ports are designated', (protocol) => {
  const made = new Network(1);
  const node = made.addNode(protocol);
  for (let n = 0; n < 6; n++) made.connect(node, made.addNode(protocol));
  for (const { node: other } of made.links.map(({ ends }) => ends[1])) made.kill(other);
  node.apply(0);
  expect(node.tree.view(0)).toMatchObject({ root: node.id, rootPathCost: 0 });
  settle(made);
  expect(view(node, made)).toBe('root');
});

test.each(PROTOCOLS)('%s: a link of a ring fails, and then another one', (protocol) => {
  const made = network(protocol, 5, [...RING, [1, 3], [2, 4], [3, 4]]);
  expect(views(made)).toEqual([
    'root',
    '2000 p1:root',
    '2000 p1:root p2:alternate',
    '4000 p1:root',
    '4000 p1:root p2:alternate',
  ]);
  made.setLink(between(made, 0, 2), false);
  settle(made);
  expect(views(made).slice(2)).toEqual([
    '4000 p1:disabled p2:root',
    '4000 p1:root',
    '6000 p1:root p2:alternate',
  ]);
  made.setLink(between(made, 2, 4), false);
  settle(made);
  expect(views(made).slice(2)).toEqual([
    '4000 p1:disabled p2:root p3:disabled',
    '4000 p1:root',
    '6000 p1:disabled p2:root',
  ]);
  setPort(made, made.nodes[4], 'p2', { cost: 1_000 });
  settle(made);
  expect(view(made.nodes[4], made)).toBe('5000 p1:disabled p2:root');
  prefer(made, made.nodes[4], 0);
  settle(made);
  expect(view(made.nodes[4], made)).toBe('root p1:disabled');
});

test.each(PROTOCOLS)(
  '%s: figure 17.4 of IEEE 802.1D-2004, and two ports of one bridge on one cable',
  (protocol) => {
    const made = network(protocol, 8, [
      [0, 1],
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
      [2, 3],
      [2, 4],
      [2, 5],
      [2, 6],
      [2, 7],
      [3, 4],
      [3, 5],
      [3, 6],
      [3, 7],
    ]);
    const far = '4000 p1:root p2:alternate';
    expect(views(made)).toEqual([
      'root',
      '2000 p1:root p2:alternate',
      '2000 p1:root p2:alternate',
      '2000 p1:root p2:alternate p3:alternate',
      ...[far, far, far, far],
    ]);
    const last = made.nodes[7];
    made.connect(last, last);
    last.apply(made.now);
    settle(made);
    expect(['p3', 'p4'].map((name) => last.state(name))).toEqual(['forwarding', 'blocking']);
  },
);

test.each(PROTOCOLS)('%s: figure 17.6 of IEEE 802.1D-2004, a ring of six', (protocol) => {
  const made = network(protocol, 6, [
    [0, 1],
    [0, 5],
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 5],
  ]);
  expect(views(made)).toEqual([
    'root',
    '2000 p1:root',
    '4000 p1:root',
    '6000 p1:root p2:alternate',
    '4000 p2:root',
    '2000 p1:root',
  ]);
});

test.each(PROTOCOLS)(
  '%s: figure 17.7 of IEEE 802.1D-2004, of two links the priority of the port decides',
  (protocol) => {
    const made = network(protocol, 3, [
      [0, 1],
      [1, 2],
      [1, 2],
    ]);
    expect(view(made.nodes[2], made)).toBe('4000 p1:root p2:alternate');
    setPort(made, made.nodes[1], 'p2', { id: (48 << 10) | 2 });
    settle(made);
    expect(view(made.nodes[2], made)).toBe('4000 p1:alternate p2:root');
  },
);

test.each(PROTOCOLS)('%s: of three parallel links the first that is there is used', (protocol) => {
  const made = network(protocol, 2, [
    [0, 1],
    [0, 1],
    [0, 1],
  ]);
  const [first, second] = made.links;
  expect(view(made.nodes[1], made)).toBe('2000 p1:root p2:alternate p3:alternate');
  made.setLink(first, false);
  settle(made);
  expect(view(made.nodes[1], made)).toBe('2000 p1:disabled p2:root p3:alternate');
  made.setLink(second, false);
  settle(made);
  expect(view(made.nodes[1], made)).toBe('2000 p1:disabled p2:disabled p3:root');
  made.setLink(first, true);
  settle(made);
  expect(view(made.nodes[1], made)).toBe('2000 p1:root p2:disabled p3:alternate');
});

test.each(PROTOCOLS)('%s: a full mesh of four has three links left', (protocol) => {
  const made = network(protocol, 4, [...RING, [0, 3], [1, 3], [2, 3]]);
  expect(views(made)).toEqual([
    'root',
    '2000 p1:root',
    '2000 p1:root p2:alternate',
    '2000 p1:root p2:alternate p3:alternate',
  ]);
});

test.each(PROTOCOLS)(
  '%s: of the bridges on a LAN one serves it, and another one when that is gone',
  (protocol) => {
    const made = new Network(1);
    const [root, a, b, c] = [1, 2, 3, 4].map((n) => made.addNode(protocol, 4096 * n));
    for (const node of [a, b, c]) made.connect(root, node);
    made.share([a, b, c]);
    made.start();
    settle(made);
    expect(views(made)).toEqual([
      'root',
      '2000 p1:root',
      '2000 p1:root p2:alternate',
      '2000 p1:root p2:alternate',
    ]);
    made.kill(a);
    settle(made);
    expect([b, c].map((node) => view(node, made))).toEqual(['2000 p1:root', '2000 p1:root p2:alternate']);
    made.setLink(between(made, 0, 2), false);
    settle(made);
    expect([b, c].map((node) => view(node, made))).toEqual(['4000 p1:disabled p2:root', '2000 p1:root']);
  },
);

test.each(PROTOCOLS)('%s: two ports of one bridge on one LAN: one of them serves it', (protocol) => {
  const made = new Network(1);
  const [root, a] = [1, 2].map((n) => made.addNode(protocol, 4096 * n));
  made.connect(root, a);
  made.share([a, a, root]);
  made.start();
  settle(made);
  expect(views(made)).toEqual(['root', '2000 p1:root p2:alternate p3:alternate']);
  setPort(made, root, 'p2', { isUp: false });
  settle(made);
  expect(view(a, made)).toBe('2000 p1:root p3:backup');
});

test.each(PROTOCOLS)('%s: each bridge in turn becomes the root by its priority', (protocol) => {
  const made = network(protocol, 4, [...RING.slice(0, 2), [1, 3], [2, 3]]);
  for (const [turn, node] of [...made.nodes].reverse().entries()) {
    prefer(made, node, 3 - turn);
    settle(made);
    expect(made.nodes.map((one) => one.tree.view(made.now).rootPathCost === 0)).toEqual(
      made.nodes.map((one) => one === node),
    );
    expect(views(made).filter((one) => one.includes('alternate'))).toHaveLength(1);
  }
});

test.each(PROTOCOLS)(
  '%s: a cable between two ports of one bridge blocks one of them, for as long as it is there',
  (protocol) => {
    const made = network(protocol, 2, [[0, 1]]);
    const [, node] = made.nodes;
    made.connect(node, node);
    node.apply(made.now);
    settle(made);
    const before = made.changes;
    expect(['p2', 'p3'].map((name) => node.state(name))).toEqual(['forwarding', 'blocking']);
    made.run(1_000_000);
    expect(made.changes).toBe(before);
    expect(node.tree.view(made.now).topologyChange).toBe(false);
  },
);

test.each(PROTOCOLS)('%s: a topology change ends: a ring at rest forgets nothing', (protocol) => {
  const made = network(protocol, 3, RING);
  made.setLink(between(made, 0, 1), false);
  settle(made);
  made.setLink(between(made, 0, 1), true);
  settle(made);
  const flushed = () => made.nodes.map((node) => node.flushed.length);
  const before = flushed();
  made.run(1_000_000);
  expect(flushed()).toEqual(before);
  expect(made.nodes.map((node) => node.tree.view(made.now).topologyChange)).toEqual([false, false, false]);
});
