// One bridge's spanning tree: its BPDUs come and go here, and what the tree decides is carried out.
//
// Two guards never reach the tree: a port that a BPDU closed is down for it, and a filtered port hears and says nothing.

import type { PortRole, StpChange, StpCounters, StpPortStatus, StpStatus } from '../../api.ts';
import {
  BRIDGE_GROUP,
  buildBpdu,
  type ParsedBpdu,
  PROVIDER_BRIDGE_GROUP,
  parseBpdu,
} from '../../wire/bpdu.ts';
import { parseMac } from '../../wire/mac.ts';
import type { Host, Punt } from '../host.ts';
import { Rstp } from './rstp.ts';
import { Stp } from './stp.ts';
import type { Tree, TreeBridge, TreePort, TreePortView, TreeState } from './tree.ts';

/** A port that a BPDU closed is tried again after so long; ms. */
export const GUARD_TIME = 300_000;
/** Linux' BR_PORT_BITS. */
const PRIORITY_SHIFT = 10;

export interface StpPortSpec extends Omit<TreePort, 'id'> {
  readonly priority: number;
  readonly number: number;
  /** Source of its BPDUs. */
  readonly mac: string;
}

export interface StpBridgeSpec extends Omit<TreeBridge, 'id'> {
  readonly name: string;
  readonly protocol: 'rstp' | 'stp';
  readonly priority: number;
  readonly mac: string;
  /** Its tags are service tags: it talks to bridges of its kind, and BPDUs of others are frames of its customers. */
  readonly isProvider: boolean;
  readonly ports: readonly StpPortSpec[];
}

/** What is done with what trees decide. */
export interface StpActions {
  /** Resolves when no frame goes by the state before. */
  setState(port: string, state: TreeState): Promise<void>;
  flush(bridge: string, port: string): Promise<unknown>;
  tell(change: StpChange): void;
}

class Port {
  spec: StpPortSpec;
  treePort: TreePort;
  /** BPDU guard: until when it is closed. */
  guardedUntil = 0;
  isNew = true;
  role: PortRole = 'disabled';
  heldBy: TreePortView['heldBy'];
  readonly counters: StpCounters = {
    bpdusReceived: 0,
    malformed: {},
    bpdusSent: 0,
    bpdusNotSent: 0,
    topologyChanges: 0,
    forwardTransitions: 0,
  };

  constructor(spec: StpPortSpec) {
    this.spec = spec;
    this.treePort = treePortOf(spec, false);
  }
}

export class TreeOfBridge {
  spec: StpBridgeSpec;
  id: bigint;
  readonly tree: Tree;
  readonly ports = new Map<string, Port>();
  root = '';
  /** What was asked of the data plane and is not done yet. */
  private pending: Promise<void> = Promise.resolve();
  private readonly host: Host;
  private readonly actions: StpActions;
  private readonly onSettled: () => void;

  constructor(
    spec: StpBridgeSpec,
    host: Host,
    actions: StpActions,
    clock: () => number,
    onSettled: () => void,
  ) {
    this.spec = spec;
    this.host = host;
    this.actions = actions;
    this.onSettled = onSettled;
    this.id = idOf(spec);
    const Protocol = spec.protocol === 'rstp' ? Rstp : Stp;
    this.tree = new Protocol(
      { ...timesOf(spec), id: this.id },
      {
        send: (port, bpdu) => this.send(port, bpdu),
        setState: (port, state, settled) => this.setState(port, state, () => settled(clock())),
        flush: (port) => this.flush(port),
        topologyChanged: (name) => {
          const port = this.ports.get(name);
          if (port !== undefined) port.counters.topologyChanges++;
        },
      },
    );
  }

  update(spec: StpBridgeSpec, now: number): void {
    const before = this.spec;
    this.spec = spec;
    if (idOf(spec) !== this.id || !isSame(timesOf(spec), timesOf(before))) {
      this.id = idOf(spec);
      this.tree.setBridge({ ...timesOf(spec), id: this.id }, now);
    }
    if (this.updatePorts(spec.ports, now)) this.setTreePorts(now);
  }

  /** True if the tree has to know of something. */
  private updatePorts(specs: readonly StpPortSpec[], now: number): boolean {
    const wanted = new Set(specs.map(({ name }) => name));
    let isNew = false;
    for (const name of this.ports.keys()) if (!wanted.has(name)) isNew = this.ports.delete(name);
    for (const spec of specs) {
      const port = this.ports.get(spec.name) ?? this.addPort(spec);
      if (port.isNew) isNew = true;
      port.isNew = false;
      port.spec = spec;
      // Its link was cut, or it is not guarded any more: it may begin anew.
      if (!spec.isUp || !spec.guard.has('bpdu')) port.guardedUntil = 0;
      const treePort = treePortOf(spec, now < port.guardedUntil);
      if (isSame(port.treePort, treePort)) continue;
      port.treePort = treePort;
      isNew = true;
    }
    return isNew;
  }

  private addPort(spec: StpPortSpec): Port {
    const port = new Port(spec);
    this.ports.set(spec.name, port);
    // The compiler closed it already, unless it was open in another tree or in none.
    this.carryOut(spec.name, 'blocking', () => {});
    return port;
  }

  receive({ port: name, bytes }: Punt, now: number): void {
    const port = this.ports.get(name);
    if (port === undefined || !port.spec.isUp) return;
    port.counters.bpdusReceived++;
    const bpdu = parseBpdu(bytes);
    if (typeof bpdu === 'string') {
      const { malformed } = port.counters;
      malformed[bpdu] = (malformed[bpdu] ?? 0) + 1;
      return;
    }
    if (port.spec.guard.has('filter') || now < port.guardedUntil) return;
    if (port.spec.guard.has('bpdu')) {
      port.guardedUntil = now + GUARD_TIME;
      this.update(this.spec, now);
      const reason = 'it received a BPDU';
      this.actions.tell({
        type: 'stp',
        change: 'guarded',
        bridge: this.spec.name,
        port: name,
        role: 'disabled',
        reason,
      });
      return;
    }
    this.tree.receive(name, bpdu, now);
  }

  tick(now: number): void {
    for (const [name, { guardedUntil }] of this.ports) if (now >= guardedUntil) this.release(name, now);
    this.tree.tick(now);
  }

  /** Ends BPDU guard's closing; false if there is none. */
  release(name: string, now: number): boolean {
    const port = this.ports.get(name);
    if (port === undefined || port.guardedUntil === 0) return false;
    port.guardedUntil = 0;
    this.update(this.spec, now);
    return true;
  }

  deadline(): number {
    let next = this.tree.deadline();
    for (const { guardedUntil } of this.ports.values())
      if (guardedUntil > 0) next = Math.min(next, guardedUntil);
    return next;
  }

  /** Tells what has changed since the last time. */
  report(now: number): void {
    const { name: bridge } = this.spec;
    const { root, rootPort } = this.tree.view(now);
    const rootId = bridgeId(root);
    if (rootId !== this.root) {
      this.root = rootId;
      this.actions.tell({ type: 'stp', change: 'root', bridge, root: rootId, port: rootPort });
    }
    for (const port of this.ports.values()) {
      const view = this.tree.portView(port.spec.name, now);
      if (view === undefined) continue;
      const { role, heldBy } = view;
      const about = { type: 'stp' as const, bridge, port: port.spec.name, role };
      if (role !== port.role) this.actions.tell({ ...about, change: 'role' });
      if (heldBy !== undefined && heldBy !== port.heldBy)
        this.actions.tell({ ...about, change: 'guarded', reason: this.reasonOf(port, view) });
      port.role = role;
      port.heldBy = heldBy;
    }
  }

  status(now: number): StpStatus {
    const { protocol } = this.spec;
    const view = this.tree.view(now);
    return {
      protocol,
      id: bridgeId(this.id),
      root: bridgeId(view.root),
      rootPathCost: view.rootPathCost,
      rootPort: view.rootPort,
      maxAge: view.maxAge / 1000,
      helloTime: view.helloTime / 1000,
      forwardDelay: view.forwardDelay / 1000,
      topologyChange: view.topologyChange,
      topologyChangeDetected: view.topologyChangeDetected,
      timers: view.timers,
    };
  }

  portStatus(name: string, now: number): StpPortStatus | undefined {
    const port = this.ports.get(name);
    const view = this.tree.portView(name, now);
    if (port === undefined || view === undefined) return undefined;
    const { role, state, designated, isEdge, configPending, topologyChangeAck, timers } = view;
    return {
      id: hex(port.treePort.id),
      role,
      state,
      reason: state === 'forwarding' ? undefined : this.reasonOf(port, view),
      cost: port.spec.cost,
      isEdge,
      protocol: view.isRapid ? 'rstp' : 'stp',
      designatedRoot: bridgeId(designated.root),
      designatedCost: designated.cost,
      designatedBridge: bridgeId(designated.bridge),
      designatedPort: hex(designated.port),
      configPending,
      topologyChangeAck,
      timers,
      counters: { ...port.counters, malformed: { ...port.counters.malformed } },
    };
  }

  private reasonOf(port: Port, view: TreePortView): string {
    const { role, heldBy, designated } = view;
    if (port.guardedUntil > 0)
      return `BPDU guard: it received a BPDU; it opens after five minutes, or by \`taploom port enable ${port.spec.name}\``;
    if (!port.spec.isUp) return 'it is not up';
    if (heldBy === 'root')
      return `root guard: bridge ${bridgeId(designated.bridge)} behind it would be the root or nearer to it`;
    if (heldBy === 'loop') return 'loop guard: its neighbour fell silent';
    if (heldBy === 'disputed') return 'its neighbour does not hear it, or it hears itself';
    if (role === 'alternate')
      return `a second way to the root: bridge ${bridgeId(designated.bridge)} is nearer`;
    if (role === 'backup')
      return `port ${hex(designated.port)} of this bridge, or of one with its address, serves the same segment`;
    return waitText(view);
  }

  private send(name: string, bpdu: ParsedBpdu): void {
    const port = this.ports.get(name);
    if (port === undefined || port.spec.guard.has('filter')) return;
    const source = parseMac(port.spec.mac) ?? { hi: 0, lo: 0 };
    const group = this.spec.isProvider ? PROVIDER_BRIDGE_GROUP : BRIDGE_GROUP;
    if (this.host.send(name, buildBpdu(source, bpdu, group))) port.counters.bpdusSent++;
    else port.counters.bpdusNotSent++;
  }

  private setState(name: string, state: TreeState, settled: () => void): void {
    const port = this.ports.get(name);
    this.carryOut(name, state, () => {
      settled();
      this.onSettled();
    });
    if (port === undefined || state === 'learning') return;
    if (state === 'forwarding') port.counters.forwardTransitions++;
    const role = this.tree.portView(name, 0)?.role ?? 'disabled';
    const change = state === 'forwarding' ? 'forwarding' : 'blocked';
    this.actions.tell({ type: 'stp', change, bridge: this.spec.name, port: name, role });
  }

  private carryOut(name: string, state: TreeState, then: () => void): void {
    // A port that is gone has no state.
    const done = this.actions.setState(name, state).then(then, () => {});
    this.pending = Promise.all([this.pending, done]).then(() => {});
  }

  forget(name: string, now: number): void {
    if (this.ports.delete(name)) this.setTreePorts(now);
  }

  private setTreePorts(now: number): void {
    this.tree.setPorts(
      [...this.ports.values()].map(({ treePort }) => treePort),
      now,
    );
  }

  /** Nobody governs its ports any more. */
  open(): void {
    for (const name of this.ports.keys()) this.carryOut(name, 'forwarding', () => {});
  }

  private flush(port: string): void {
    const { name } = this.spec;
    this.pending = this.pending.then(async () => {
      await this.actions.flush(name, port).catch(() => {});
    });
  }
}

/** Of a port on its way to forwarding. */
function waitText({ role, state, isRapid, timers }: TreePortView): string {
  const seconds = Math.ceil(timers.forwardDelay);
  const delay =
    seconds === 0 ? [] : [`${seconds} s until it ${state === 'learning' ? 'forwards' : 'learns'}`];
  const answer = isRapid && role === 'designated' ? ['for an answer of its neighbour'] : [];
  return `it waits ${[...answer, ...delay].join(', or ') || 'for its turn'}`;
}

function treePortOf(spec: StpPortSpec, isClosed: boolean): TreePort {
  const { name, cost, pointToPoint, guard } = spec;
  return {
    name,
    id: (spec.priority << PRIORITY_SHIFT) | spec.number,
    cost,
    edge: guard.has('filter') || spec.edge,
    pointToPoint,
    guard,
    isUp: spec.isUp && !isClosed,
  };
}

function timesOf({ helloTime, maxAge, forwardDelay }: StpBridgeSpec): Omit<TreeBridge, 'id'> {
  return { helloTime, maxAge, forwardDelay };
}

function idOf({ priority, mac }: StpBridgeSpec): bigint {
  return (BigInt(priority) << 48n) | BigInt(`0x${mac.replaceAll(':', '')}`);
}

function bridgeId(id: bigint): string {
  const digits = id.toString(16).padStart(16, '0');
  return `${digits.slice(0, 4)}.${digits.slice(4)}`;
}

function hex(id: number): string {
  return id.toString(16).padStart(4, '0');
}

function isSame(a: object, b: object): boolean {
  return Object.entries(a).every(([key, value]) => {
    const other = (b as Record<string, unknown>)[key];
    return value instanceof Set ? isSameSet(value, other as Set<unknown>) : value === other;
  });
}

function isSameSet(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}
