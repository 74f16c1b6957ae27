// What a bridge does, IEEE 802.1D-1998 clause 8.6: procedures that stp.ts calls when something happens.

import type { Bpdu } from '../../wire/bpdu.ts';
import type { StpBridge, StpPort } from './stp_bridge.ts';
import { believedTimes, compareVectors, isSameBridge, NEVER, type Vector } from './tree.ts';

/** Table 8-3, ms. */
const HOLD_TIME = 1_000;
/** Message Age Increment: a unit of the wire, so that a long way costs nearly nothing of max age, as on Linux. */
const MESSAGE_AGE_INCREMENT = 1_000 / 256;

export function transmitConfig(bridge: StpBridge, port: StpPort): void {
  if (port.holdTimer !== NEVER) {
    port.configPending = true;
    return;
  }
  const messageAge = bridge.isRoot ? 0 : bridge.ageOf(bridge.rootPort) + MESSAGE_AGE_INCREMENT;
  if (messageAge >= bridge.times.maxAge) return;
  bridge.output.send(port.spec.name, {
    kind: 'config',
    root: bridge.root,
    rootPathCost: bridge.rootPathCost,
    bridge: bridge.spec.id,
    port: port.spec.id,
    messageAge,
    ...timesSent(bridge),
    topologyChange: bridge.topologyChange,
    topologyChangeAck: port.topologyChangeAck,
    role: 'designated',
    proposal: false,
    agreement: false,
    learning: false,
    forwarding: false,
  });
  port.topologyChangeAck = false;
  port.configPending = false;
  port.holdTimer = bridge.now + HOLD_TIME;
}

export function generateConfigs(bridge: StpBridge): void {
  for (const port of bridge.ports()) if (bridge.isDesignated(port)) transmitConfig(bridge, port);
}

export function transmitTcn(bridge: StpBridge): void {
  if (bridge.rootPort !== undefined) bridge.output.send(bridge.rootPort.spec.name, { kind: 'tcn' });
}

export function supersedes(bridge: StpBridge, { designated }: StpPort, bpdu: Bpdu): boolean {
  const order = compareVectors({ ...vectorOf(bpdu), port: 0 }, { ...designated, port: 0 });
  if (order !== 0) return order < 0;
  return bpdu.bridge !== bridge.spec.id || bpdu.port <= designated.port;
}

export function record(bridge: StpBridge, port: StpPort, bpdu: Bpdu): void {
  port.designated = vectorOf(bpdu);
  port.messageAge = bpdu.messageAge;
  port.receivedAt = bridge.now;
  port.messageAgeTimer = bridge.now + believedTimes(bpdu).maxAge - bpdu.messageAge;
}

export function update(bridge: StpBridge, restartsHello: boolean): void {
  selectRoot(bridge);
  selectDesignated(bridge);
  selectStates(bridge);
  if (restartsHello && bridge.isRoot) startHello(bridge);
  apply(bridge);
}

export function startHello(bridge: StpBridge): void {
  generateConfigs(bridge);
  bridge.helloTimer = bridge.now + bridge.times.helloTime;
}

export function selectRoot(bridge: StpBridge): void {
  let best: StpPort | undefined;
  let bestPath: Vector = { root: bridge.spec.id, cost: 0, bridge: bridge.spec.id, port: 0 };
  for (const port of bridge.ports()) {
    const { designated, spec, state, isInconsistent } = port;
    if (state === 'disabled' || isInconsistent || spec.guard.has('root')) continue;
    if (bridge.isDesignated(port) || isSameBridge(designated.bridge, bridge.spec.id)) continue;
    const path = { ...designated, cost: designated.cost + spec.cost };
    const order = compareVectors(path, bestPath);
    if (order < 0 || (order === 0 && best !== undefined && spec.id < best.spec.id)) {
      best = port;
      bestPath = path;
    }
  }
  bridge.rootPort = best;
  bridge.root = bestPath.root;
  bridge.rootPathCost = bestPath.cost;
}

export function selectDesignated(bridge: StpBridge): void {
  for (const port of bridge.ports()) {
    if (port.state === 'disabled' || port.isInconsistent || port === bridge.rootPort) continue;
    const own = bridge.ownVector(port.spec);
    const { designated } = port;
    if (bridge.isDesignated(port) || designated.root !== bridge.root || compareVectors(own, designated) < 0) {
      // A root guard keeps what it heard in mind: the port opens when that is over.
      if (!bridge.isHeldByRootGuard(port)) port.designated = own;
    }
  }
}

export function selectStates(bridge: StpBridge): void {
  for (const port of bridge.ports()) {
    if (port.state === 'disabled') continue;
    if (port === bridge.rootPort) {
      port.configPending = false;
      port.topologyChangeAck = false;
      makeForwarding(bridge, port);
    } else if (bridge.isDesignated(port)) {
      port.messageAgeTimer = NEVER;
      makeForwarding(bridge, port);
    } else {
      port.configPending = false;
      port.topologyChangeAck = false;
      makeBlocking(bridge, port);
    }
  }
}

function makeForwarding(bridge: StpBridge, port: StpPort): void {
  if (port.state !== 'blocking') return;
  if (port.isEdge) {
    port.state = 'forwarding';
    return;
  }
  port.state = 'listening';
  port.forwardDelayTimer = bridge.now + bridge.times.forwardDelay;
}

function makeBlocking(bridge: StpBridge, port: StpPort): void {
  if (port.state === 'blocking') return;
  const wasOpen = port.state === 'forwarding' || port.state === 'learning';
  port.state = 'blocking';
  port.forwardDelayTimer = NEVER;
  if (wasOpen) detectTopologyChange(bridge, port);
}

export function detectTopologyChange(bridge: StpBridge, port: StpPort | undefined): void {
  if (port !== undefined) bridge.output.topologyChanged(port.spec.name);
  if (bridge.isRoot) {
    bridge.topologyChangeTimer = bridge.now + bridge.spec.maxAge + bridge.spec.forwardDelay;
    setTopologyChange(bridge, true);
  } else if (!bridge.topologyChangeDetected) {
    transmitTcn(bridge);
    bridge.tcnTimer = bridge.now + bridge.spec.helloTime;
  }
  bridge.topologyChangeDetected = true;
}

export function setTopologyChange(bridge: StpBridge, isOn: boolean): void {
  if (bridge.topologyChange === isOn) return;
  bridge.topologyChange = isOn;
  if (isOn) flush(bridge);
  else bridge.flushTimer = NEVER;
}

export function flush(bridge: StpBridge): void {
  bridge.flushTimer = bridge.now + bridge.times.forwardDelay;
  for (const port of bridge.ports()) if (!port.isEdge) bridge.output.flush(port.spec.name);
}

/** Tells the data plane what has changed: what closes comes first. */
export function apply(bridge: StpBridge): void {
  for (const isClosing of [true, false]) {
    for (const port of bridge.ports()) {
      const state = port.state === 'learning' || port.state === 'forwarding' ? port.state : 'blocking';
      if (state === port.asked || (state === 'blocking') !== isClosing) continue;
      port.asked = state;
      bridge.output.setState(port.spec.name, state, () => {});
    }
  }
}

function timesSent(bridge: StpBridge): Pick<Bpdu, 'maxAge' | 'helloTime' | 'forwardDelay'> {
  const { maxAge, helloTime, forwardDelay } = bridge.times;
  return { maxAge, helloTime, forwardDelay };
}

function vectorOf(bpdu: Bpdu): Vector {
  return { root: bpdu.root, cost: bpdu.rootPathCost, bridge: bpdu.bridge, port: bpdu.port };
}
