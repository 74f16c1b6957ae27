// The variables of a port, IEEE 802.1D-2004 clause 17.19, under the standard's names. A timer (`...While`) is the time at
// which it is over.

import type { PortRole } from '../../api.ts';
import { NEVER, type TreePort, type TreeState, type Vector } from './tree.ts';

/** Times that travel with a priority vector, ms. */
export interface Times {
  readonly messageAge: number;
  readonly maxAge: number;
  readonly helloTime: number;
  readonly forwardDelay: number;
}

const WORST: Vector = {
  root: 0xffff_ffff_ffff_ffffn,
  cost: 0xffff_ffff,
  bridge: 0xffff_ffff_ffff_ffffn,
  port: 0xffff,
};
const NO_TIMES: Times = { messageAge: 0, maxAge: 20_000, helloTime: 2_000, forwardDelay: 15_000 };

export class RstpPort {
  spec: TreePort;

  // roles
  role: PortRole = 'disabled';
  selectedRole: PortRole = 'disabled';
  selected = false;
  reselect = true;
  updtInfo = false;
  infoIs: 'disabled' | 'aged' | 'mine' | 'received' = 'disabled';
  portPriority = WORST;
  portTimes = NO_TIMES;
  designatedPriority = WORST;
  designatedTimes = NO_TIMES;
  /** Loop guard: it was not designated, and its neighbour fell silent. */
  isInconsistent = false;

  // handshake
  agree = false;
  agreed = false;
  proposed = false;
  proposing = false;
  sync = false;
  synced = true;
  reRoot = false;
  disputed = false;
  /** The same for whoever asks: until the neighbour was silent for a while. */
  disputedWhile = 0;

  // states
  learn = false;
  forward = false;
  /** What holds in the data plane, or will in a moment; false only when that is certain. */
  learning = false;
  forwarding = false;
  asked: TreeState = 'blocking';
  /** States that were asked for and are not settled. */
  unsettled = 0;

  operEdge: boolean;
  /** A BPDU, since the port is up. */
  hasHeard = false;
  sendRSTP = true;
  rcvdRSTP = false;
  rcvdSTP = false;
  newInfo = false;
  /** BPDUs of the last seconds; one is taken off each second. */
  txCount = 0;

  // topology change
  tcState: 'inactive' | 'learning' | 'active' = 'inactive';
  rcvdTc = false;
  rcvdTcn = false;
  rcvdTcAck = false;
  tcProp = false;
  tcAck = false;

  // timers
  edgeDelayWhile = 0;
  fdWhile = 0;
  helloWhen = 0;
  mdelayWhile = 0;
  rbWhile = 0;
  rcvdInfoWhile = 0;
  /** Of a root port it is not running, but always full. */
  rrWhile = 0;
  tcWhile = 0;
  txCountWhile = NEVER;

  constructor(spec: TreePort) {
    this.spec = spec;
    this.operEdge = spec.edge === true;
  }

  get isBlocked(): boolean {
    return !this.learning && !this.forwarding;
  }

  /** Clause 17.20.6. */
  get forwardDelay(): number {
    return this.sendRSTP ? this.designatedTimes.helloTime : this.designatedTimes.forwardDelay;
  }

  /** What it knows has changed, and with it perhaps everybody's role. */
  selectAnew(): void {
    this.reselect = true;
    this.selected = false;
  }

  /** Whatever is said next is news. */
  forgetInfo(): void {
    this.portPriority = WORST;
  }

  /** The first timer that ends after `now`. */
  deadline(now: number): number {
    let next = NEVER;
    const consider = (timer: number) => {
      if (timer > now && timer < next) next = timer;
    };
    consider(this.helloWhen);
    consider(this.mdelayWhile);
    consider(this.fdWhile);
    consider(this.edgeDelayWhile);
    consider(this.rbWhile);
    consider(this.rrWhile);
    consider(this.tcWhile);
    consider(this.rcvdInfoWhile);
    if (this.newInfo) consider(this.txCountWhile);
    return next;
  }
}

export function isSameTimes(a: Times, b: Times): boolean {
  return (
    a.messageAge === b.messageAge &&
    a.maxAge === b.maxAge &&
    a.helloTime === b.helloTime &&
    a.forwardDelay === b.forwardDelay
  );
}
