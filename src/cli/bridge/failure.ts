// Failures in the words of iproute2 and of the kernel, with the exit codes that it makes of them.

import { ControlError } from '../../control/client.ts';
import { TaploomError } from '../../error.ts';

/** What iproute2 ends with: -1 as a byte. */
export const FAILED = 255;

/** Its message is printed as it stands; empty if there is nothing more to say. */
export class BridgeFailure extends TaploomError {
  readonly exitCode: number;

  constructor(message: string, exitCode = FAILED) {
    super('bridge', message);
    this.exitCode = exitCode;
  }
}

/** The kernel's answer: `Operation not supported`. */
export function refused(reason: string): BridgeFailure {
  return new BridgeFailure(`RTNETLINK answers: ${reason}`);
}

export const NOT_SUPPORTED = 'Operation not supported';

/** A port or a bridge was asked to be what it cannot be. */
export function explained(error: unknown): unknown {
  if (!(error instanceof ControlError) || error.code !== 'invalid_config') return error;
  return new BridgeFailure(`Error: ${error.problems[0]?.message ?? error.message}.`);
}
