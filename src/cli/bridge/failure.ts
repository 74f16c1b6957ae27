// Failures in the words of iproute2 and of the kernel, with the exit codes that it makes of them.

import { ControlError } from '../../control/client.ts';
import { TaploomError } from '../../error.ts';

/** What iproute2 ends with: -1 as a byte. */
export const FAILED = 255;

/** Its message is printed as it stands; empty if there is nothing more to say. */
export class BridgeFailure extends TaploomError {
  readonly exitCode: number;
  /** Whether a batch ends with it, `-force` or not: iproute2 does not return from there. */
  readonly endsBatch: boolean;

  constructor(message: string, exitCode = FAILED, endsBatch = false) {
    super('bridge', message);
    this.exitCode = exitCode;
    this.endsBatch = endsBatch;
  }
}

/** The command line makes no sense. */
export function senseless(message: string): BridgeFailure {
  return new BridgeFailure(message, FAILED, true);
}

/** The kernel's answer: `Operation not supported`. */
export function refused(reason: string): BridgeFailure {
  return new BridgeFailure(`RTNETLINK answers: ${reason}`);
}

export const NOT_SUPPORTED = 'Operation not supported';

/** What the kernel has and Taploom has not. @param sentence why, and what helps; without its full stop */
export function lacking(sentence: string): BridgeFailure {
  return new BridgeFailure(`Error: ${sentence}.`);
}

/** Something was asked to be what it cannot be. */
export function explained(error: unknown): unknown {
  if (!(error instanceof ControlError) || error.problems.length === 0) return error;
  return lacking(error.problems[0].message);
}
