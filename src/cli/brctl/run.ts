// Runs one brctl command. Exit codes are bridge-utils': 0, or 1 for anything that went wrong, usage included.
//
// Output, error texts and the order of checks are those of bridge-utils 1.7 where a command means the same here;
// docs/cli.md lists where it does not.

import { ControlClient } from '../../control/client.ts';
import { taploomVersion } from '../../control/version.ts';
import { TaploomError } from '../../error.ts';
import { COMMANDS } from './commands.ts';
import { BrctlFailure, type Output } from './failure.ts';
import { BRCTL_COMMANDS, parseArguments, USAGE } from './usage.ts';

export interface BrctlOptions extends Output {
  readonly error: (text: string) => void;
  /** Control socket; `$TAPLOOM_SOCKET` or the default unless told. */
  readonly socket?: string;
}

export async function runBrctl(args: readonly string[], options: BrctlOptions): Promise<number> {
  const { out, error, socket } = options;
  const parsed = parseArguments(args);
  if (parsed.kind === 'version') {
    out(`bridge-utils, 1.7 (taploom ${taploomVersion()})\n`);
    return 0;
  }
  if (parsed.kind === 'invalid') error(`${parsed.complaint}\nUnknown option '?'\n`);
  if (parsed.kind !== 'command' || parsed.words.length === 0) {
    out(USAGE);
    return parsed.kind === 'help' ? 0 : 1;
  }

  const [name, ...rest] = parsed.words;
  const command = BRCTL_COMMANDS.find((other) => other.name === name);
  if (command === undefined) {
    error(`never heard of command [${name}]\n`);
    out(USAGE);
    return 1;
  }
  if (rest.length < command.args) {
    out(`Incorrect number of arguments for command\nUsage: brctl ${command.name} ${command.help}\n`);
    return 1;
  }

  const client = new ControlClient(socket);
  try {
    await COMMANDS[command.name](client, rest, { out, error });
    return 0;
  } catch (failure) {
    if (!(failure instanceof TaploomError)) throw failure;
    if (!(failure instanceof BrctlFailure) || failure.message !== '') error(`${failure.message}\n`);
    return 1;
  } finally {
    client.close();
  }
}
