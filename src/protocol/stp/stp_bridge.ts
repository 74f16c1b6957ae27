// The variables of a bridge and its ports, IEEE 802.1D-1998 clauses 8.5.3 and 8.5.5.

import {
  compareVectors,
  NEVER,
  type TreeBridge,
  type TreeOutput,
  type TreePort,
  type TreeState,
  type Vector,
} from './tree.ts';

type State = 'disabled' | 'blocking' | 'listening' | 'learning' | 'forwarding';

export class StpPort {
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

export class StpBridge {
  spec: TreeBridge;
  readonly output: TreeOutput;
  readonly byName = new Map<string, StpPort>();
  root: bigint;
  rootPathCost = 0;
  rootPort: StpPort | undefined;
  times: Pick<TreeBridge, 'maxAge' | 'helloTime' | 'forwardDelay'>;
  topologyChangeDetected = false;
  topologyChange = false;
  helloTimer = NEVER;
  tcnTimer = NEVER;
  topologyChangeTimer = NEVER;
  /** While the topology changes, what was learned lives no longer than a forward delay. */
  flushTimer = NEVER;
  now = 0;

  constructor(spec: TreeBridge, output: TreeOutput) {
    this.spec = spec;
    this.output = output;
    this.root = spec.id;
    this.times = spec;
  }

  ports(): IterableIterator<StpPort> {
    return this.byName.values();
  }

  get isRoot(): boolean {
    return this.root === this.spec.id;
  }

  isDesignated({ designated, spec, state, isInconsistent }: StpPort): boolean {
    const isOurs = designated.bridge === this.spec.id && designated.port === spec.id;
    return state !== 'disabled' && !isInconsistent && isOurs;
  }

  ownVector(spec: TreePort): Vector {
    return { root: this.root, cost: this.rootPathCost, bridge: this.spec.id, port: spec.id };
  }

  isHeldByRootGuard(port: StpPort): boolean {
    if (!port.spec.guard.has('root') || this.isDesignated(port) || port.state === 'disabled') return false;
    const path = { ...port.designated, cost: port.designated.cost + port.spec.cost };
    return compareVectors(path, { ...this.ownVector(port.spec), port: 0 }) < 0;
  }

  ageOf(port: StpPort | undefined): number {
    return port === undefined ? 0 : port.messageAge + this.now - port.receivedAt;
  }
}
