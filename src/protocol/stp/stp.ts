// STP, IEEE 802.1D-1998 clause 8: the tree of one bridge, with procedures by the standard's names, and what Linux makes of
// it, since `brctl showstp` is to tell the same. Times are absolute; a timer that does not run is NEVER.
//
// A port waits twice the forward delay before it opens, far longer than the data plane takes to block another one: nobody
// has to wait for that here.

import type { Bpdu, ParsedBpdu } from '../../wire/bpdu.ts';
import { StpBridge, StpPort } from './stp_bridge.ts';
import {
  apply,
  detectTopologyChange,
  flush,
  generateConfigs,
  record,
  selectDesignated,
  selectRoot,
  selectStates,
  setTopologyChange,
  startHello,
  supersedes,
  transmitConfig,
  transmitTcn,
  update,
} from './stp_procedures.ts';
import {
  believedTimes,
  isSameBridge,
  left,
  NEVER,
  type Tree,
  type TreeBridge,
  type TreeOutput,
  type TreePort,
  type TreePortView,
  type TreeView,
} from './tree.ts';

export class Stp implements Tree {
  private readonly bridge: StpBridge;

  constructor(bridge: TreeBridge, output: TreeOutput) {
    this.bridge = new StpBridge(bridge, output);
  }

  setBridge(spec: TreeBridge, now: number): void {
    const { bridge } = this;
    bridge.now = now;
    const before = bridge.spec;
    bridge.spec = spec;
    // Clause 8.8.4: the name of the bridge is that of its designated ports, too.
    const wasRoot = bridge.root === before.id;
    for (const port of bridge.ports()) {
      if (port.designated.bridge === before.id)
        port.designated = {
          ...port.designated,
          bridge: spec.id,
          root: wasRoot ? spec.id : port.designated.root,
        };
    }
    if (wasRoot) {
      bridge.root = spec.id;
      bridge.times = spec;
    }
    update(bridge, wasRoot && bridge.helloTimer !== NEVER);
  }

  setPorts(specs: readonly TreePort[], now: number): void {
    const { bridge } = this;
    bridge.now = now;
    const wanted = new Map(specs.map((spec) => [spec.name, spec]));
    for (const [name, port] of bridge.byName) {
      if (wanted.has(name)) continue;
      this.disable(port);
      bridge.byName.delete(name);
    }
    for (const spec of specs) {
      const known = bridge.byName.get(spec.name);
      const port = known ?? new StpPort(spec, bridge.ownVector(spec));
      bridge.byName.set(spec.name, port);
      if (known !== undefined) this.change(port, spec);
      if (spec.isUp && port.state === 'disabled') this.enable(port);
      if (!spec.isUp && port.state !== 'disabled') this.disable(port);
    }
    apply(bridge);
  }

  receive(name: string, bpdu: ParsedBpdu, now: number): void {
    const { bridge } = this;
    const port = bridge.byName.get(name);
    if (port === undefined || port.state === 'disabled') return;
    this.tick(now);
    port.isEdge = false;
    if (bpdu.kind === 'tcn') this.receiveTcn(port);
    // An RST BPDU is what a bridge of 1998 ignores: its sender falls back as soon as it hears us.
    else if (bpdu.kind === 'config') this.receiveConfig(port, bpdu);
    apply(bridge);
  }

  tick(now: number): void {
    const { bridge } = this;
    bridge.now = now;
    if (now >= bridge.helloTimer) {
      generateConfigs(bridge);
      bridge.helloTimer = now + bridge.times.helloTime;
    }
    if (now >= bridge.tcnTimer) {
      transmitTcn(bridge);
      bridge.tcnTimer = now + bridge.spec.helloTime;
    }
    if (now >= bridge.topologyChangeTimer) {
      bridge.topologyChangeTimer = NEVER;
      bridge.topologyChangeDetected = false;
      setTopologyChange(bridge, false);
    }
    if (now >= bridge.flushTimer) flush(bridge);
    for (const port of bridge.ports()) {
      if (now >= port.messageAgeTimer) this.messageAgeExpired(port);
      if (now >= port.forwardDelayTimer) this.forwardDelayExpired(port);
      if (now >= port.holdTimer) {
        port.holdTimer = NEVER;
        if (port.configPending) transmitConfig(bridge, port);
      }
    }
    apply(bridge);
  }

  deadline(): number {
    const { bridge } = this;
    let next = Math.min(bridge.helloTimer, bridge.tcnTimer, bridge.topologyChangeTimer, bridge.flushTimer);
    for (const port of bridge.ports()) next = Math.min(next, port.deadline());
    return next;
  }

  view(now: number): TreeView {
    const { bridge } = this;
    return {
      root: bridge.root,
      rootPathCost: bridge.rootPathCost,
      rootPort: bridge.rootPort?.spec.name,
      ...bridge.times,
      topologyChange: bridge.topologyChange,
      topologyChangeDetected: bridge.topologyChangeDetected,
      timers: {
        hello: left(bridge.helloTimer, now),
        tcn: left(bridge.tcnTimer, now),
        topologyChange: left(bridge.topologyChangeTimer, now),
      },
    };
  }

  portView(name: string, now: number): TreePortView | undefined {
    const { bridge } = this;
    const port = bridge.byName.get(name);
    if (port === undefined) return undefined;
    const { state, designated, isEdge, configPending, topologyChangeAck } = port;
    const role =
      state === 'disabled'
        ? 'disabled'
        : port === bridge.rootPort
          ? 'root'
          : bridge.isDesignated(port)
            ? 'designated'
            : isSameBridge(designated.bridge, bridge.spec.id)
              ? 'backup'
              : 'alternate';
    return {
      role,
      state,
      designated,
      isEdge,
      isRapid: false,
      heldBy: port.isInconsistent ? 'loop' : bridge.isHeldByRootGuard(port) ? 'root' : undefined,
      configPending,
      topologyChangeAck,
      timers: {
        messageAge: left(port.messageAgeTimer, now),
        forwardDelay: left(port.forwardDelayTimer, now),
        hold: left(port.holdTimer, now),
      },
    };
  }

  private enable(port: StpPort): void {
    const { bridge } = this;
    port.isEdge = port.spec.edge === true;
    port.isInconsistent = false;
    port.designated = bridge.ownVector(port.spec);
    port.state = 'blocking';
    port.topologyChangeAck = false;
    port.configPending = false;
    selectStates(bridge);
    if (bridge.isRoot && bridge.helloTimer === NEVER) startHello(bridge);
  }

  private disable(port: StpPort): void {
    const { bridge } = this;
    const wasRoot = bridge.isRoot;
    port.designated = bridge.ownVector(port.spec);
    port.state = 'disabled';
    port.topologyChangeAck = false;
    port.configPending = false;
    port.isInconsistent = false;
    port.messageAgeTimer = NEVER;
    port.forwardDelayTimer = NEVER;
    port.holdTimer = NEVER;
    update(bridge, false);
    bridge.output.flush(port.spec.name);
    if (bridge.isRoot && !wasRoot) this.becomeRoot();
  }

  private change(port: StpPort, spec: TreePort): void {
    const { bridge } = this;
    const wasDesignated = bridge.isDesignated(port);
    port.spec = spec;
    if (!spec.guard.has('loop')) port.isInconsistent = false;
    if (port.state === 'disabled') return;
    if (wasDesignated) port.designated = { ...port.designated, port: spec.id };
    update(bridge, false);
  }

  // Clause 8.7: what happens

  private receiveConfig(port: StpPort, bpdu: Bpdu): void {
    const { bridge } = this;
    port.isInconsistent = false;
    if (!supersedes(bridge, port, bpdu)) {
      if (bridge.isDesignated(port)) transmitConfig(bridge, port);
      return;
    }
    const wasRoot = bridge.isRoot;
    record(bridge, port, bpdu);
    selectRoot(bridge);
    selectDesignated(bridge);
    selectStates(bridge);
    if (!bridge.isRoot && wasRoot) {
      bridge.helloTimer = NEVER;
      if (bridge.topologyChangeDetected) {
        bridge.topologyChangeTimer = NEVER;
        transmitTcn(bridge);
        bridge.tcnTimer = bridge.now + bridge.spec.helloTime;
      }
    }
    if (port !== bridge.rootPort) return;
    bridge.times = believedTimes(bpdu);
    setTopologyChange(bridge, bpdu.topologyChange && !port.spec.guard.has('tcn'));
    generateConfigs(bridge);
    if (bpdu.topologyChangeAck) {
      bridge.topologyChangeDetected = false;
      bridge.tcnTimer = NEVER;
    }
  }

  private receiveTcn(port: StpPort): void {
    const { bridge } = this;
    if (!bridge.isDesignated(port) || port.spec.guard.has('tcn')) return;
    detectTopologyChange(bridge, port);
    port.topologyChangeAck = true;
    transmitConfig(bridge, port);
  }

  private messageAgeExpired(port: StpPort): void {
    const { bridge } = this;
    const wasRoot = bridge.isRoot;
    port.messageAgeTimer = NEVER;
    if (port.spec.guard.has('loop')) port.isInconsistent = true;
    else port.designated = bridge.ownVector(port.spec);
    update(bridge, false);
    if (bridge.isRoot && !wasRoot) this.becomeRoot();
  }

  private forwardDelayExpired(port: StpPort): void {
    const { bridge } = this;
    if (port.state === 'listening') {
      port.state = 'learning';
      port.forwardDelayTimer = bridge.now + bridge.times.forwardDelay;
      return;
    }
    port.forwardDelayTimer = NEVER;
    if (port.state !== 'learning') return;
    port.state = 'forwarding';
    if ([...bridge.ports()].some((other) => bridge.isDesignated(other))) detectTopologyChange(bridge, port);
  }

  private becomeRoot(): void {
    const { bridge } = this;
    bridge.times = bridge.spec;
    detectTopologyChange(bridge, undefined);
    bridge.tcnTimer = NEVER;
    startHello(bridge);
  }
}
