// What brctl's commands have in common: who exists, and failures in the words of bridge-utils.

import type { ControlClient, SwitchSummary } from '../../control/client.ts';
import { interfaceExists } from '../../control/interfaces.ts';
import { TaploomError } from '../../error.ts';

export interface Output {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

export type Run = (client: ControlClient, args: string[], output: Output) => Promise<void>;

/** A failure in bridge-utils' words; empty if it was printed on the way. */
export class BrctlFailure extends TaploomError {
  constructor(message: string) {
    super('brctl', message);
  }
}

export function has(things: readonly { name: string }[], name: string): boolean {
  return things.some((thing) => thing.name === name);
}

export type Interfaces = Pick<SwitchSummary, 'bridges' | 'ports'>;

/** Whether it is an interface, of the switch or of the namespace that this runs in. */
export function isInterface({ bridges, ports }: Interfaces, name: string): boolean {
  return has(ports, name) || has(bridges, name) || interfaceExists(name);
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof TaploomError ? error.code : undefined;
}

/** `what: reason`, with the kernel's words for the kernel's errors. Without a daemon there is only one thing to say. */
export function failure(what: string, error: unknown): unknown {
  if (!(error instanceof TaploomError)) return error;
  const { status } = error as TaploomError & { status?: number };
  if (status === 0) return error;
  if (error.code === 'no_such_bridge') return new BrctlFailure(`${what}: No such device`);
  if (error.code === 'invalid_config') return new BrctlFailure(`${what}: ${firstProblem(error)}`);
  return new BrctlFailure(`${what}: ${error.message}`);
}

function firstProblem(error: TaploomError): string {
  const { problems } = error as TaploomError & { problems?: { message: string }[] };
  return problems?.[0]?.message ?? error.message;
}
