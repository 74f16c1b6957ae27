// STP, IEEE 802.1D-1998 clause 8: the tree of one bridge, with procedures by the standard's names, and what Linux makes of
// it, since `brctl showstp` is to tell the same. Times are absolute; a timer that does not run is NEVER.
//
// A port waits twice the forward delay before it opens, far longer than the data plane takes to block another one: nobody
// has to wait for that here.

import type { Bpdu, ParsedBpdu } from '../../wire/bpdu.ts';
import {
  believedTimes,
  compareVectors,
  isSameBridge,
  left,
  NEVER,
  type Tree,
  type TreeBridge,
  type TreeOutput,
  type TreePort,
  type TreePortView,
  type TreeState,
  type TreeView,
  type Vector,
} from './tree.ts';

/** Table 8-3, ms. */
const HOLD_TIME = 1_000;
/** Message Age Increment: a unit of the wire, so that a long way costs nearly nothing of max age, as on Linux. */
const MESSAGE_AGE_INCREMENT = 1_000 / 256;

type State = 'disabled' | 'blocking' | 'listening' | 'learning' | 'forwarding';

class Port {
  spec: TreePort;
  state: State = 'disabled';
  designated: Vector;
  /** Message age when the information came, and when that was. */
  messageAge = 0;
  receivedAt = 0;
  topologyChangeAck = false;
  configPending = false;
  isEdge = false;
  isInconsistent = false;
  asked: TreeState = 'blocking';
  messageAgeTimer = NEVER;
  forwardDelayTimer = NEVER;
  holdTimer = NEVER;

  constructor(spec: TreePort, designated: Vector) {
    this.spec = spec;
    this.designated = designated;
  }

  deadline(): number {
    return Math.min(this.messageAgeTimer, this.forwardDelayTimer, this.holdTimer);
  }
}

export class Stp implements Tree {
  private readonly output: TreeOutput;
  private bridge: TreeBridge;
  private readonly byName = new Map<string, Port>();
  private root: bigint;
  private rootPathCost = 0;
  private rootPort: Port | undefined;
  private times: Pick<TreeBridge, 'maxAge' | 'helloTime' | 'forwardDelay'>;
  private topologyChangeDetected = false;
  private topologyChange = false;
  private helloTimer = NEVER;
  private tcnTimer = NEVER;
  private topologyChangeTimer = NEVER;
  /** While the topology changes, what was learned lives no longer than a forward delay. */
  private flushTimer = NEVER;
  private now = 0;

  constructor(bridge: TreeBridge, output: TreeOutput) {
    this.bridge = bridge;
    this.output = output;
    this.root = bridge.id;
    this.times = bridge;
  }

  setBridge(bridge: TreeBridge, now: number): void {
    this.now = now;
    const before = this.bridge;
    this.bridge = bridge;
    // Clause 8.8.4: the name of the bridge is that of its designated ports, too.
    const wasRoot = this.root === before.id;
    for (const port of this.ports()) {
      if (port.designated.bridge === before.id)
        port.designated = {
          ...port.designated,
          bridge: bridge.id,
          root: wasRoot ? bridge.id : port.designated.root,
        };
    }
    if (wasRoot) {
      this.root = bridge.id;
      this.times = bridge;
    }
    this.update(wasRoot && this.helloTimer !== NEVER);
  }

  setPorts(specs: readonly TreePort[], now: number): void {
    this.now = now;
    const wanted = new Map(specs.map((spec) => [spec.name, spec]));
    for (const [name, port] of this.byName) {
      if (wanted.has(name)) continue;
      this.disable(port);
      this.byName.delete(name);
    }
    for (const spec of specs) {
      const known = this.byName.get(spec.name);
      const port = known ?? new Port(spec, this.ownVector(spec));
      this.byName.set(spec.name, port);
      if (known !== undefined) this.change(port, spec);
      if (spec.isUp && port.state === 'disabled') this.enable(port);
      if (!spec.isUp && port.state !== 'disabled') this.disable(port);
    }
    this.apply();
  }

  receive(name: string, bpdu: ParsedBpdu, now: number): void {
    const port = this.byName.get(name);
    if (port === undefined || port.state === 'disabled') return;
    this.tick(now);
    port.isEdge = false;
    if (bpdu.kind === 'tcn') this.receiveTcn(port);
    // An RST BPDU is what a bridge of 1998 ignores: its sender falls back as soon as it hears us.
    else if (bpdu.kind === 'config') this.receiveConfig(port, bpdu);
    this.apply();
  }

  tick(now: number): void {
    this.now = now;
    if (now >= this.helloTimer) {
      this.generateConfigs();
      this.helloTimer = now + this.times.helloTime;
    }
    if (now >= this.tcnTimer) {
      this.transmitTcn();
      this.tcnTimer = now + this.bridge.helloTime;
    }
    if (now >= this.topologyChangeTimer) {
      this.topologyChangeTimer = NEVER;
      this.topologyChangeDetected = false;
      this.setTopologyChange(false);
    }
    if (now >= this.flushTimer) this.flush();
    for (const port of this.ports()) {
      if (now >= port.messageAgeTimer) this.messageAgeExpired(port);
      if (now >= port.forwardDelayTimer) this.forwardDelayExpired(port);
      if (now >= port.holdTimer) {
        port.holdTimer = NEVER;
        if (port.configPending) this.transmitConfig(port);
      }
    }
    this.apply();
  }

  deadline(): number {
    let next = Math.min(this.helloTimer, this.tcnTimer, this.topologyChangeTimer, this.flushTimer);
    for (const port of this.ports()) next = Math.min(next, port.deadline());
    return next;
  }

  view(now: number): TreeView {
    return {
      root: this.root,
      rootPathCost: this.rootPathCost,
      rootPort: this.rootPort?.spec.name,
      ...this.times,
      topologyChange: this.topologyChange,
      topologyChangeDetected: this.topologyChangeDetected,
      timers: {
        hello: left(this.helloTimer, now),
        tcn: left(this.tcnTimer, now),
        topologyChange: left(this.topologyChangeTimer, now),
      },
    };
  }

  portView(name: string, now: number): TreePortView | undefined {
    const port = this.byName.get(name);
    if (port === undefined) return undefined;
    const { state, designated, isEdge, configPending, topologyChangeAck } = port;
    const role =
      state === 'disabled'
        ? 'disabled'
        : port === this.rootPort
          ? 'root'
          : this.isDesignated(port)
            ? 'designated'
            : isSameBridge(designated.bridge, this.bridge.id)
              ? 'backup'
              : 'alternate';
    return {
      role,
      state,
      designated,
      isEdge,
      isRapid: false,
      heldBy: port.isInconsistent ? 'loop' : this.isHeldByRootGuard(port) ? 'root' : undefined,
      configPending,
      topologyChangeAck,
      timers: {
        messageAge: left(port.messageAgeTimer, now),
        forwardDelay: left(port.forwardDelayTimer, now),
        hold: left(port.holdTimer, now),
      },
    };
  }

  private ports(): IterableIterator<Port> {
    return this.byName.values();
  }

  private get isRoot(): boolean {
    return this.root === this.bridge.id;
  }

  private isDesignated({ designated, spec, state, isInconsistent }: Port): boolean {
    const isOurs = designated.bridge === this.bridge.id && designated.port === spec.id;
    return state !== 'disabled' && !isInconsistent && isOurs;
  }

  private ownVector(spec: TreePort): Vector {
    return { root: this.root, cost: this.rootPathCost, bridge: this.bridge.id, port: spec.id };
  }

  private isHeldByRootGuard(port: Port): boolean {
    if (!port.spec.guard.has('root') || this.isDesignated(port) || port.state === 'disabled') return false;
    const path = { ...port.designated, cost: port.designated.cost + port.spec.cost };
    return compareVectors(path, { ...this.ownVector(port.spec), port: 0 }) < 0;
  }

  private enable(port: Port): void {
    port.isEdge = port.spec.edge === true;
    port.isInconsistent = false;
    port.designated = this.ownVector(port.spec);
    port.state = 'blocking';
    port.topologyChangeAck = false;
    port.configPending = false;
    this.selectStates();
    if (this.isRoot && this.helloTimer === NEVER) this.startHello();
  }

  private disable(port: Port): void {
    const wasRoot = this.isRoot;
    port.designated = this.ownVector(port.spec);
    port.state = 'disabled';
    port.topologyChangeAck = false;
    port.configPending = false;
    port.isInconsistent = false;
    port.messageAgeTimer = NEVER;
    port.forwardDelayTimer = NEVER;
    port.holdTimer = NEVER;
    this.update(false);
    this.output.flush(port.spec.name);
    if (this.isRoot && !wasRoot) this.becomeRoot();
  }

  private change(port: Port, spec: TreePort): void {
    const wasDesignated = this.isDesignated(port);
    port.spec = spec;
    if (!spec.guard.has('loop')) port.isInconsistent = false;
    if (port.state === 'disabled') return;
    if (wasDesignated) port.designated = { ...port.designated, port: spec.id };
    this.update(false);
  }

  // Clause 8.7: what happens

  private receiveConfig(port: Port, bpdu: Bpdu): void {
    port.isInconsistent = false;
    if (!this.supersedes(port, bpdu)) {
      if (this.isDesignated(port)) this.transmitConfig(port);
      return;
    }
    const wasRoot = this.isRoot;
    this.record(port, bpdu);
    this.selectRoot();
    this.selectDesignated();
    this.selectStates();
    if (!this.isRoot && wasRoot) {
      this.helloTimer = NEVER;
      if (this.topologyChangeDetected) {
        this.topologyChangeTimer = NEVER;
        this.transmitTcn();
        this.tcnTimer = this.now + this.bridge.helloTime;
      }
    }
    if (port !== this.rootPort) return;
    this.times = believedTimes(bpdu);
    this.setTopologyChange(bpdu.topologyChange && !port.spec.guard.has('tcn'));
    this.generateConfigs();
    if (bpdu.topologyChangeAck) {
      this.topologyChangeDetected = false;
      this.tcnTimer = NEVER;
    }
  }

  private receiveTcn(port: Port): void {
    if (!this.isDesignated(port) || port.spec.guard.has('tcn')) return;
    this.detectTopologyChange(port);
    port.topologyChangeAck = true;
    this.transmitConfig(port);
  }

  private messageAgeExpired(port: Port): void {
    const wasRoot = this.isRoot;
    port.messageAgeTimer = NEVER;
    if (port.spec.guard.has('loop')) port.isInconsistent = true;
    else port.designated = this.ownVector(port.spec);
    this.update(false);
    if (this.isRoot && !wasRoot) this.becomeRoot();
  }

  private forwardDelayExpired(port: Port): void {
    if (port.state === 'listening') {
      port.state = 'learning';
      port.forwardDelayTimer = this.now + this.times.forwardDelay;
      return;
    }
    port.forwardDelayTimer = NEVER;
    if (port.state !== 'learning') return;
    port.state = 'forwarding';
    if ([...this.ports()].some((other) => this.isDesignated(other))) this.detectTopologyChange(port);
  }

  private becomeRoot(): void {
    this.times = this.bridge;
    this.detectTopologyChange(undefined);
    this.tcnTimer = NEVER;
    this.startHello();
  }

  private startHello(): void {
    this.generateConfigs();
    this.helloTimer = this.now + this.times.helloTime;
  }

  // Clause 8.6: procedures

  private transmitConfig(port: Port): void {
    if (port.holdTimer !== NEVER) {
      port.configPending = true;
      return;
    }
    const messageAge = this.isRoot ? 0 : this.ageOf(this.rootPort) + MESSAGE_AGE_INCREMENT;
    if (messageAge >= this.times.maxAge) return;
    this.output.send(port.spec.name, {
      kind: 'config',
      root: this.root,
      rootPathCost: this.rootPathCost,
      bridge: this.bridge.id,
      port: port.spec.id,
      messageAge,
      ...this.timesSent(),
      topologyChange: this.topologyChange,
      topologyChangeAck: port.topologyChangeAck,
      role: 'designated',
      proposal: false,
      agreement: false,
      learning: false,
      forwarding: false,
    });
    port.topologyChangeAck = false;
    port.configPending = false;
    port.holdTimer = this.now + HOLD_TIME;
  }

  private timesSent(): Pick<Bpdu, 'maxAge' | 'helloTime' | 'forwardDelay'> {
    const { maxAge, helloTime, forwardDelay } = this.times;
    return { maxAge, helloTime, forwardDelay };
  }

  private ageOf(port: Port | undefined): number {
    return port === undefined ? 0 : port.messageAge + this.now - port.receivedAt;
  }

  private generateConfigs(): void {
    for (const port of this.ports()) if (this.isDesignated(port)) this.transmitConfig(port);
  }

  private transmitTcn(): void {
    if (this.rootPort !== undefined) this.output.send(this.rootPort.spec.name, { kind: 'tcn' });
  }

  private supersedes({ designated }: Port, bpdu: Bpdu): boolean {
    const order = compareVectors({ ...vectorOf(bpdu), port: 0 }, { ...designated, port: 0 });
    if (order !== 0) return order < 0;
    return bpdu.bridge !== this.bridge.id || bpdu.port <= designated.port;
  }

  private record(port: Port, bpdu: Bpdu): void {
    port.designated = vectorOf(bpdu);
    port.messageAge = bpdu.messageAge;
    port.receivedAt = this.now;
    port.messageAgeTimer = this.now + believedTimes(bpdu).maxAge - bpdu.messageAge;
  }

  private update(restartsHello: boolean): void {
    this.selectRoot();
    this.selectDesignated();
    this.selectStates();
    if (restartsHello && this.isRoot) this.startHello();
    this.apply();
  }

  private selectRoot(): void {
    let best: Port | undefined;
    let bestPath: Vector = { root: this.bridge.id, cost: 0, bridge: this.bridge.id, port: 0 };
    for (const port of this.ports()) {
      const { designated, spec, state, isInconsistent } = port;
      if (state === 'disabled' || isInconsistent || spec.guard.has('root')) continue;
      if (this.isDesignated(port) || isSameBridge(designated.bridge, this.bridge.id)) continue;
      const path = { ...designated, cost: designated.cost + spec.cost };
      const order = compareVectors(path, bestPath);
      if (order < 0 || (order === 0 && best !== undefined && spec.id < best.spec.id)) {
        best = port;
        bestPath = path;
      }
    }
    this.rootPort = best;
    this.root = bestPath.root;
    this.rootPathCost = bestPath.cost;
  }

  private selectDesignated(): void {
    for (const port of this.ports()) {
      if (port.state === 'disabled' || port.isInconsistent || port === this.rootPort) continue;
      const own = this.ownVector(port.spec);
      const { designated } = port;
      if (this.isDesignated(port) || designated.root !== this.root || compareVectors(own, designated) < 0) {
        // A root guard keeps what it heard in mind: the port opens when that is over.
        if (!this.isHeldByRootGuard(port)) port.designated = own;
      }
    }
  }

  private selectStates(): void {
    for (const port of this.ports()) {
      if (port.state === 'disabled') continue;
      if (port === this.rootPort) {
        port.configPending = false;
        port.topologyChangeAck = false;
        this.makeForwarding(port);
      } else if (this.isDesignated(port)) {
        port.messageAgeTimer = NEVER;
        this.makeForwarding(port);
      } else {
        port.configPending = false;
        port.topologyChangeAck = false;
        this.makeBlocking(port);
      }
    }
  }

  private makeForwarding(port: Port): void {
    if (port.state !== 'blocking') return;
    if (port.isEdge) {
      port.state = 'forwarding';
      return;
    }
    port.state = 'listening';
    port.forwardDelayTimer = this.now + this.times.forwardDelay;
  }

  private makeBlocking(port: Port): void {
    if (port.state === 'blocking') return;
    const wasOpen = port.state === 'forwarding' || port.state === 'learning';
    port.state = 'blocking';
    port.forwardDelayTimer = NEVER;
    if (wasOpen) this.detectTopologyChange(port);
  }

  private detectTopologyChange(port: Port | undefined): void {
    if (port !== undefined) this.output.topologyChanged(port.spec.name);
    if (this.isRoot) {
      this.topologyChangeTimer = this.now + this.bridge.maxAge + this.bridge.forwardDelay;
      this.setTopologyChange(true);
    } else if (!this.topologyChangeDetected) {
      this.transmitTcn();
      this.tcnTimer = this.now + this.bridge.helloTime;
    }
    this.topologyChangeDetected = true;
  }

  private setTopologyChange(isOn: boolean): void {
    if (this.topologyChange === isOn) return;
    this.topologyChange = isOn;
    if (isOn) this.flush();
    else this.flushTimer = NEVER;
  }

  private flush(): void {
    this.flushTimer = this.now + this.times.forwardDelay;
    for (const port of this.ports()) if (!port.isEdge) this.output.flush(port.spec.name);
  }

  /** Tells the data plane what has changed: what closes comes first. */
  private apply(): void {
    for (const isClosing of [true, false]) {
      for (const port of this.ports()) {
        const state = port.state === 'learning' || port.state === 'forwarding' ? port.state : 'blocking';
        if (state === port.asked || (state === 'blocking') !== isClosing) continue;
        port.asked = state;
        this.output.setState(port.spec.name, state, () => {});
      }
    }
  }
}

function vectorOf(bpdu: Bpdu): Vector {
  return { root: bpdu.root, cost: bpdu.rootPathCost, bridge: bpdu.bridge, port: bpdu.port };
}
