// The variables of a bridge, IEEE 802.1D-2004 clause 17.18, and what all machines ask of it.

import type { RstpPort, Times } from './rstp_port.ts';
import type { TreeBridge, TreeOutput, Vector } from './tree.ts';

/** ms. */
export const SECOND = 1_000;
/** Table 17-1; ms. */
export const MIGRATE_TIME = 3_000;

export class RstpBridge {
  spec: TreeBridge;
  readonly output: TreeOutput;
  ports: RstpPort[] = [];
  rootPriority: Vector;
  rootTimes: Times;
  rootPort: RstpPort | undefined;
  now = 0;

  constructor(spec: TreeBridge, output: TreeOutput) {
    this.spec = spec;
    this.output = output;
    this.rootPriority = this.ownPriority();
    this.rootTimes = this.ownTimes();
  }

  ownPriority(): Vector {
    return { root: this.spec.id, cost: 0, bridge: this.spec.id, port: 0 };
  }

  ownTimes(): Times {
    const { maxAge, helloTime, forwardDelay } = this.spec;
    return { messageAge: 0, maxAge, helloTime, forwardDelay };
  }

  /** A port forwards still that is to be blocked. */
  isClosing(): boolean {
    return this.ports.some(({ spec, forward, forwarding }) => spec.isUp && forwarding && !forward);
  }

  /** Of all ports at once: a bridge of 64 ports wakes once, not 64 times. */
  nextHello(): number {
    const { helloTime } = this.spec;
    return (Math.floor(this.now / helloTime) + 1) * helloTime;
  }
}

/** A bridge further, clause 17.21.23: a second more, in whole seconds. */
export function aged(messageAge: number): number {
  return (Math.round(messageAge / SECOND) + 1) * SECOND;
}
