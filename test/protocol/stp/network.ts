// Bridges of both protocols on simulated links, under a virtual clock. What a bridge asks of its data plane is done a little
// later, as in the switch. After every step a broadcast of each bridge is followed over the links as they are.

import type { StpProtocol } from '../../../src/config/stp.ts';
import { Rstp } from '../../../src/protocol/stp/rstp.ts';
import { Stp } from '../../../src/protocol/stp/stp.ts';
import type { Tree, TreePort, TreeState } from '../../../src/protocol/stp/tree.ts';
import { buildBpdu, type ParsedBpdu, parseBpdu } from '../../../src/wire/bpdu.ts';

const LINK_DELAY = 0.2;

export interface End {
  readonly node: Node;
  readonly port: TreePort;
}

/** A cable, or with more than two ends a LAN on which all hear all. */
export class Link {
  readonly ends: readonly End[];
  isUp = true;
  /** Frames to this end get lost. */
  deafEnd: End | undefined;

  constructor(ends: readonly End[]) {
    this.ends = ends;
  }

  /** Who hears what `end` sends. */
  hearers(end: End): End[] {
    return this.isUp ? this.ends.filter((other) => other !== end && other !== this.deafEnd) : [];
  }
}

export class Node {
  readonly id: bigint;
  readonly tree: Tree;
  readonly ports: TreePort[] = [];
  readonly links = new Map<string, { link: Link; end: End }>();
  /** In the data plane. */
  readonly states = new Map<string, TreeState>();
  readonly flushed: string[] = [];
  private readonly storedAt = new Map<string, number>();
  isDead = false;
  /** The tree's. */
  deadline = Number.POSITIVE_INFINITY;

  constructor(network: Network, protocol: Exclude<StpProtocol, 'off'>, priority: number, mac: number) {
    this.id = (BigInt(priority) << 48n) | BigInt(mac);
    // Clause 17.14: what is forgotten in time cannot open a port.
    const forwardDelay = Math.max(15_000, network.maxAge / 2 + 1_000);
    const times = { helloTime: 2_000, maxAge: network.maxAge, forwardDelay };
    this.tree = new (protocol === 'rstp' ? Rstp : Stp)(
      { id: this.id, ...times },
      {
        send: (port, bpdu) => network.carry(this, port, bpdu),
        setState: (port, state, settled) => {
          const at = Math.max(
            network.now + network.random() * network.stateDelay,
            this.storedAt.get(port) ?? 0,
          );
          this.storedAt.set(port, at);
          network.later(at - network.now, () => {
            if (this.isDead) return;
            this.states.set(port, state);
            network.changes++;
            settled(network.now);
            this.deadline = this.tree.deadline();
          });
        },
        flush: (port) => this.flushed.push(port),
        topologyChanged: () => {},
      },
    );
  }

  state(port: string): TreeState {
    return this.states.get(port) ?? 'blocking';
  }

  isForwarding(port: string): boolean {
    return this.state(port) === 'forwarding';
  }

  neighbour(port: string): Node | undefined {
    const place = this.links.get(port);
    return place?.link.ends.find((end) => end !== place.end)?.node;
  }

  receive(port: string, bpdu: ParsedBpdu, now: number): void {
    if (this.isDead) return;
    this.tree.receive(port, bpdu, now);
    this.deadline = this.tree.deadline();
  }

  tick(now: number): void {
    this.tree.tick(now);
    this.deadline = this.tree.deadline();
  }

  apply(now: number): void {
    this.tree.setPorts([...this.ports], now);
    this.deadline = this.tree.deadline();
  }
}

export class Network {
  now = 0;
  stateDelay = 2;
  /** ms; one second more for each bridge on the way. */
  maxAge = 20_000;
  readonly nodes: Node[] = [];
  readonly links: Link[] = [];
  /** Broadcasts that passed a link twice. */
  readonly loops: string[] = [];
  sent = 0;
  /** States that ports took. */
  changes = 0;
  private queue: { at: number; act: () => void }[] = [];
  private seed: number;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Mulberry32. */
  random(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  int(below: number): number {
    return Math.floor(this.random() * below);
  }

  addNode(protocol: Exclude<StpProtocol, 'off'>, priority = 32_768): Node {
    const node = new Node(
      this,
      protocol,
      priority,
      0x0200_0000_0000 + ((this.int(0xffff) << 8) | this.nodes.length),
    );
    this.nodes.push(node);
    return node;
  }

  connect(
    a: Node,
    b: Node,
    cost: number | readonly [number, number] = 2_000,
    options: Partial<TreePort> = {},
  ): Link {
    const costs = typeof cost === 'number' ? [cost, cost] : cost;
    return this.join([a, b], costs, options);
  }

  /** One LAN for all of them. */
  share(nodes: readonly Node[]): Link {
    return this.join(
      nodes,
      nodes.map(() => 2_000),
      { pointToPoint: false },
    );
  }

  private join(nodes: readonly Node[], costs: readonly number[], options: Partial<TreePort>): Link {
    const ends = nodes.map((node, side) => {
      const number = node.ports.length + 1;
      const port: TreePort = {
        name: `p${number}`,
        id: (32 << 10) | number,
        cost: costs[side],
        edge: 'auto',
        pointToPoint: true,
        guard: new Set(),
        isUp: true,
        ...options,
      };
      node.ports.push(port);
      return { node, port };
    });
    const link = new Link(ends);
    for (const end of ends) end.node.links.set(end.port.name, { link, end });
    this.links.push(link);
    return link;
  }

  start(): void {
    for (const node of this.nodes) this.later(this.random() * 100, () => node.apply(this.now));
  }

  setLink(link: Link, isUp: boolean): void {
    link.isUp = isUp;
    for (const { node, port } of link.ends) {
      const place = node.ports.findIndex(({ name }) => name === port.name);
      node.ports[place] = { ...node.ports[place], isUp };
      node.apply(this.now);
    }
  }

  kill(node: Node): void {
    node.isDead = true;
    for (const port of node.ports) node.states.set(port.name, 'blocking');
  }

  carry(from: Node, name: string, bpdu: ParsedBpdu): void {
    const { link, end } = from.links.get(name) as { link: Link; end: End };
    this.sent++;
    const frame = buildBpdu({ hi: 0x0200, lo: 0 }, bpdu);
    const heard = parseBpdu(frame);
    if (typeof heard === 'string') return;
    for (const { node, port } of link.hearers(end)) {
      this.later(LINK_DELAY * (0.5 + this.random()), () => {
        if (link.isUp) node.receive(port.name, heard, this.now);
      });
    }
  }

  later(delay: number, act: () => void): void {
    const at = this.now + delay;
    // The next one is at the end.
    let place = this.queue.length;
    while (place > 0 && this.queue[place - 1].at <= at) place--;
    this.queue.splice(place, 0, { at, act });
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const event = this.queue.at(-1);
      let at = event?.at ?? Number.POSITIVE_INFINITY;
      let due: Node | undefined;
      for (const node of this.nodes) {
        if (node.isDead || node.deadline >= at) continue;
        at = node.deadline;
        due = node;
      }
      if (at > end) break;
      this.now = Math.max(this.now, at);
      const before = this.changes;
      if (due === undefined) this.queue.pop()?.act();
      else due.tick(this.now);
      if (this.changes !== before) this.followBroadcasts();
    }
    this.now = end;
  }

  /** No link may carry the same frame twice. One traversal shows it for every bridge: what is joined is joined both ways. */
  private followBroadcasts(): void {
    const seen = new Set<Node>();
    for (const start of this.nodes) {
      if (seen.has(start)) continue;
      const carried = new Set<Link>();
      const wave = [{ node: start, ingress: '' }];
      for (const { node, ingress } of wave) {
        seen.add(node);
        for (const [name, { link, end }] of node.links) {
          const hearers = link.hearers(end);
          if (name === ingress || hearers.length === 0 || !node.isForwarding(name)) continue;
          if (carried.has(link)) {
            this.loops.push(`${this.now}: a frame of ${this.nodes.indexOf(start)} passed ${name} twice`);
            return;
          }
          carried.add(link);
          for (const { node: hearer, port } of hearers)
            if (hearer.isForwarding(port.name)) wave.push({ node: hearer, ingress: port.name });
        }
      }
    }
  }
}

/** Which ports have to forward, found by nothing but shortest paths: Bellman and Ford over the standard's vectors. */
export function expectedTree(
  network: Network,
): Map<Node, { root: bigint; cost: number; forwarding: Set<string> }> {
  const alive = network.nodes.filter(({ isDead }) => !isDead);
  const links = network.links.filter(({ isUp, ends }) => isUp && ends.every(({ node }) => !node.isDead));
  type Path = [root: bigint, cost: number, bridge: bigint, port: number, own: number];
  const isLess = (a: Path, b: Path) => {
    const n = a.findIndex((part, k) => part !== b[k]);
    return n >= 0 && a[n] < b[n];
  };
  const best = new Map<Node, Path>(alive.map((node) => [node, [node.id, 0, node.id, 0, 0]]));
  for (let round = 0; round < alive.length; round++) {
    for (const { ends } of links) {
      for (const [from, to] of [ends, [...ends].reverse()]) {
        const [root, cost] = best.get(from.node) as Path;
        const path: Path = [root, cost + to.port.cost, from.node.id, from.port.id, to.port.id];
        if (isLess(path, best.get(to.node) as Path)) best.set(to.node, path);
      }
    }
  }
  const result = new Map(
    alive.map((node) => {
      const [root, cost] = best.get(node) as Path;
      return [node, { root, cost, forwarding: new Set<string>() }];
    }),
  );
  for (const { ends } of links) {
    const said = ends.map(({ node, port }): Path => {
      const [root, cost] = best.get(node) as Path;
      return [root, cost, node.id, port.id, 0];
    });
    const [designated, other] = isLess(said[0], said[1]) ? ends : [ends[1], ends[0]];
    result.get(designated.node)?.forwarding.add(designated.port.name);
    const [, , bridge, port, own] = best.get(other.node) as Path;
    if (bridge === designated.node.id && port === designated.port.id && own === other.port.id)
      result.get(other.node)?.forwarding.add(other.port.name);
  }
  return result;
}
