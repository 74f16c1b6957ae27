// Whole networks: random ones converge to the tree that a calculation without any protocol gives, and no frame is ever
// carried twice over a link on the way there.

import { expect, test } from 'vitest';
import { expectedTree, Network } from './network.ts';

const COSTS = [200, 2_000, 2_000, 20_000];

/** Connected, with some links more than a tree has, parallel ones and all. */
function randomNetwork(seed: number, protocols: readonly ('rstp' | 'stp')[]): Network {
  const network = new Network(seed);
  // The cheapest way may lead through all bridges.
  network.maxAge = 40_000;
  const size = 2 + network.int(39);
  for (let n = 0; n < size; n++) {
    const priority = 4096 * (6 + network.int(4));
    const node = network.addNode(protocols[network.int(protocols.length)], priority);
    if (n > 0) network.connect(node, network.nodes[network.int(n)], cost(network));
  }
  for (let n = network.int(size + 1); n > 0; n--) {
    const a = network.int(size);
    const b = (a + 1 + network.int(size - 1)) % size;
    network.connect(network.nodes[a], network.nodes[b], cost(network));
  }
  return network;
}

function cost(network: Network): [number, number] {
  return [COSTS[network.int(COSTS.length)], COSTS[network.int(COSTS.length)]];
}

function expectTree(network: Network, seed: number): void {
  const found = network.nodes
    .filter(({ isDead }) => !isDead)
    .map((node) => {
      const { root, rootPathCost } = node.tree.view(network.now);
      const forwarding = node.ports
        .filter(
          ({ name, isUp }) => isUp && !(node.neighbour(name)?.isDead ?? false) && node.isForwarding(name),
        )
        .map(({ name }) => name);
      return { root, cost: rootPathCost, forwarding };
    });
  const expected = [...expectedTree(network)].map(([node, { root, cost, forwarding }]) => ({
    root,
    cost,
    forwarding: node.ports.map(({ name }) => name).filter((name) => forwarding.has(name)),
  }));
  expect(found, `seed ${seed}`).toEqual(expected);
  expect(network.loops, `seed ${seed}`).toEqual([]);
}

test('200 random networks of RSTP converge within seconds, without a loop', { timeout: 120_000 }, () => {
  for (let seed = 1; seed <= 200; seed++) {
    const network = randomNetwork(seed, ['rstp']);
    network.start();
    network.run(5_000);
    expectTree(network, seed);
  }
});

test('they heal when links are cut and come back, and when a bridge dies', { timeout: 120_000 }, () => {
  for (let seed = 1; seed <= 40; seed++) {
    const network = randomNetwork(seed, ['rstp']);
    network.start();
    network.run(5_000);
    const link = network.links[network.int(network.links.length)];
    network.setLink(link, false);
    // A part that has lost the root counts to max age, as fast as six BPDUs and then one a second let it.
    network.run(90_000);
    expectTree(network, seed);
    network.setLink(link, true);
    network.run(5_000);
    expectTree(network, seed);
    // As with kill -9: the links stay up, and nobody says anything.
    network.kill(network.nodes[network.int(network.nodes.length)]);
    network.run(90_000);
    expectTree(network, seed);
  }
});

test('STP converges to the same tree, alone and beside RSTP', { timeout: 120_000 }, () => {
  for (let seed = 1; seed <= 40; seed++) {
    const network = randomNetwork(seed, seed % 2 === 0 ? ['stp'] : ['stp', 'rstp']);
    network.start();
    network.run(100_000);
    expectTree(network, seed);
    network.setLink(network.links[network.int(network.links.length)], false);
    network.run(100_000);
    expectTree(network, seed);
  }
});

test('while a port has yet to close nobody hears why, or the ring would be closed elsewhere first', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const network = new Network(seed);
    const [root, a, b, c] = [4096, 16_384, 16_384, 16_384].map((priority) =>
      network.addNode('rstp', priority),
    );
    network.connect(root, a);
    network.connect(a, b);
    network.connect(b, c);
    network.connect(root, c, [2_000, 20_000]); // the end at c is blocked
    const better = network.addNode('rstp', 0);
    const link = network.connect(b, better);
    link.isUp = false;
    for (const { node, port } of link.ends) {
      const place = node.ports.indexOf(port);
      node.ports[place] = { ...port, isUp: false };
    }
    network.start();
    network.run(10_000);
    network.stateDelay = 20;
    network.setLink(link, true);
    network.run(10_000);
    expectTree(network, seed);
  }
});
