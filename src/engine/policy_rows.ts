// What security groups know of the rows of a batch, between the stage that looks up connections and the gate that looks at copies.

import { type FrameBatch, ROW } from '../frame/frame_batch.ts';

export const ROW_STATE = {
  /** Nobody is asked. */
  free: 0,
  /** Has a place, and is looked up. */
  sought: 1,
  /** Of the connection of its line. */
  known: 2,
  /** An ICMP error about the connection of its line. */
  error: 3,
  /** Of none: it may begin one. */
  fresh: 4,
  /** Of none, and begins none. */
  unknown: 5,
} as const;

/** The word of a row that may leave by any port. */
export const ANY_EXIT = -1;
/** Of one about which somebody has to be asked. */
export const NO_EXIT = 0;

/** By number of a row. */
export interface PolicyRows {
  /** Of ROW_STATE. */
  readonly state: Uint8Array;
  /** The line of its connection. */
  readonly line: Int32Array;
  /** The port by which it may leave, and the rules by which it may, as ADMITTED has them; ANY_EXIT or NO_EXIT. */
  readonly exit: Int32Array;
}

export function createPolicyRows(batch: FrameBatch): PolicyRows {
  const rows = batch.rows.length / ROW;
  const policyRows = {
    state: new Uint8Array(rows),
    line: new Int32Array(rows),
    exit: new Int32Array(rows),
  };
  forgetRows(policyRows, batch);
  return policyRows;
}

/** Of a batch that waits nobody has asked yet. What the switch itself says has a row behind all others, where nobody ever asks. */
export function forgetRows({ state, exit }: PolicyRows, batch: FrameBatch): void {
  const received = batch.spare / ROW;
  state.fill(ROW_STATE.unknown, 0, received);
  exit.fill(NO_EXIT, 0, received);
  exit.fill(ANY_EXIT, received);
}
