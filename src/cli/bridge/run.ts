// Runs one command of bridge(8) of iproute2 6.1: its grammar, output, error texts and exit codes where a command means the
// same here. docs/cli.md lists where it does not.

import { ControlClient } from '../../control/client.ts';
import { taploomVersion } from '../../control/version.ts';
import { TaploomError } from '../../error.ts';
import { BridgeFailure, FAILED } from './failure.ts';
import { fdbChange, fdbDelete, fdbFlush, fdbGet, fdbShow } from './fdb.ts';
import { linkSet, linkShow } from './link.ts';
import { mdbChange, mdbDelete, mdbFlush, mdbShow } from './mdb.ts';
import { monitor } from './monitor.ts';
import { type Options, parseOptions } from './options.ts';
import type { Context } from './scene.ts';
import { BRIDGE_COMMANDS, type BridgeObject, OBJECTS, USAGE, usage } from './usage.ts';
import { vlanAdd, vlanDelete, vlanShow } from './vlan.ts';
import { begins, Words } from './words.ts';

export interface BridgeOptions {
  readonly out: (text: string) => unknown;
  readonly error: (text: string) => unknown;
  /** Control socket; `$TAPLOOM_SOCKET` or the default unless told. */
  readonly socket?: string;
}

type Run = (context: Context, words: Words) => Promise<void>;

const RUNS: Record<BridgeObject, Record<string, Run>> = {
  link: { show: linkShow, set: linkSet },
  fdb: {
    show: fdbShow,
    add: fdbChange('add'),
    append: fdbChange('append'),
    replace: fdbChange('replace'),
    del: fdbDelete,
    get: fdbGet,
    flush: fdbFlush,
  },
  mdb: {
    show: mdbShow,
    add: mdbChange('add'),
    replace: mdbChange('replace'),
    del: mdbDelete,
    flush: mdbFlush,
  },
  vlan: { show: vlanShow, add: vlanAdd, del: vlanDelete },
  monitor: { '': monitor },
};
/** iproute2's other words for commands, and those that it tries first for a letter that begins several. */
const ALIASES: Record<string, string> = { list: 'show', lst: 'show', delete: 'del' };

export async function runBridge(args: readonly string[], streams: BridgeOptions): Promise<number> {
  try {
    const words = new Words(args);
    const parsed = parseOptions(words);
    if (parsed.kind === 'version') {
      streams.out(`bridge utility, 6.1.0 (taploom ${taploomVersion()})\n`);
      return 0;
    }
    if (parsed.kind === 'help' || parsed.object === 'help') throw new BridgeFailure(USAGE.trimEnd());
    await runObject(parsed.object, parsed.options, words, streams);
    return 0;
  } catch (error) {
    if (!(error instanceof TaploomError)) throw error;
    streams.error(`${error.message}\n`);
    return error instanceof BridgeFailure ? error.exitCode : FAILED;
  }
}

async function runObject(
  word: string,
  options: Options,
  words: Words,
  { out, error, socket }: BridgeOptions,
): Promise<void> {
  const object = begins(word, OBJECTS);
  if (object === undefined) {
    throw new BridgeFailure(`Object "${word}" is unknown, try "bridge help".`);
  }
  const run = command(object, words);
  const client = new ControlClient(socket);
  try {
    await run({ client, options, out, error }, words.rest());
  } finally {
    client.close();
  }
}

/** Without a command it shows. */
function command(object: BridgeObject, words: Words): Run {
  const runs = RUNS[object];
  if (object === 'monitor') return runs[''];
  if (!words.left) return runs.show;
  const word = words.next();
  if (begins(word, ['help'])) throw usage(object);
  const names = BRIDGE_COMMANDS.filter((other) => other.object === object).map(({ name }) => name);
  const name = begins(word, [...names, ...Object.keys(ALIASES)]);
  const run = name === undefined ? undefined : runs[ALIASES[name] ?? name];
  if (run === undefined) {
    throw new BridgeFailure(`Command "${word}" is unknown, try "bridge ${object} help".`);
  }
  return run;
}
