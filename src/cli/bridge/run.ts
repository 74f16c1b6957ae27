// Runs one command of bridge(8) of iproute2 6.1: its grammar, output, error texts and exit codes where a command means the
// same here. docs/cli.md lists where it does not.

import type { Readable } from 'node:stream';
import { ControlClient } from '../../control/client.ts';
import { taploomVersion } from '../../control/version.ts';
import { TaploomError } from '../../error.ts';
import { runBatch } from './batch.ts';
import { BridgeFailure, FAILED, lacking, senseless } from './failure.ts';
import { fdbGet, fdbShow } from './fdb.ts';
import { fdbChange, fdbDelete } from './fdb_change.ts';
import { fdbFlush } from './fdb_flush.ts';
import { linkShow } from './link.ts';
import { linkSet } from './link_set.ts';
import { mdbGet, mdbShow } from './mdb.ts';
import { mdbChange, mdbDelete, mdbFlush } from './mdb_change.ts';
import { monitor } from './monitor.ts';
import { namespaceOf } from './namespace.ts';
import { type Options, parseOptions } from './options.ts';
import { takeOwnOptions } from './own_options.ts';
import type { Context } from './scene.ts';
import { BRIDGE_COMMANDS, type BridgeObject, OBJECTS, USAGE, usage } from './usage.ts';
import { vlanShow, vlanTunnelShow } from './vlan.ts';
import { vlanAdd, vlanDelete } from './vlan_change.ts';
import { vlanGlobal } from './vlan_global.ts';
import { vlanSet } from './vlan_set.ts';
import { begins, Words } from './words.ts';

export interface BridgeOptions {
  readonly out: (text: string) => unknown;
  readonly error: (text: string) => unknown;
  /** Control socket; `$TAPLOOM_SOCKET` or the default unless told. */
  readonly socket?: string;
  /** Commands of `-batch -`; by default the standard input of this process. */
  readonly stdin?: Readable;
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
    get: mdbGet,
    flush: mdbFlush,
  },
  vlan: {
    show: vlanShow,
    add: vlanAdd,
    del: vlanDelete,
    tunnelshow: vlanTunnelShow,
    set: vlanSet,
    global: vlanGlobal,
  },
  monitor: { '': monitor },
};
/** iproute2's other words for commands, and those that it tries first for a letter that begins several. */
const ALIASES: Record<string, string> = { list: 'show', lst: 'show', delete: 'del' };

export async function runBridge(args: readonly string[], streams: BridgeOptions): Promise<number> {
  try {
    const own = takeOwnOptions(args);
    const words = new Words(own.words);
    const parsed = parseOptions(words);
    if (parsed.kind === 'version') {
      streams.out(`bridge utility, 6.1.0 (taploom ${taploomVersion()})\n`);
      return 0;
    }
    if (parsed.kind === 'help') throw senseless(USAGE);
    const options = { ...parsed.options, json: parsed.options.json || own.json };
    return await runOptions(options, words.rest(), { ...streams, socket: own.socket ?? streams.socket });
  } catch (error) {
    if (!(error instanceof TaploomError)) throw error;
    streams.error(`${error.message}\n`);
    return error instanceof BridgeFailure ? error.exitCode : FAILED;
  }
}

async function runOptions(options: Options, words: Words, streams: BridgeOptions): Promise<number> {
  const { out, error, stdin = process.stdin } = streams;
  const namespace = namespaceOf(options.netns);
  const client = new ControlClient(streams.socket);
  const context = { client, namespace, options, out, error };
  try {
    const { batch: file, force } = options;
    if (file !== undefined) {
      const run = (line: readonly string[]) => runObject(context, new Words(line));
      return await runBatch({ file, force, stdin, error, run });
    }
    await runObject(context, words);
    return 0;
  } finally {
    client.close();
  }
}

async function runObject(context: Context, words: Words): Promise<void> {
  const word = words.left ? words.next() : 'help';
  const object = begins(word, [...OBJECTS, 'vni', 'help']);
  if (object === 'vni')
    throw lacking('A VXLAN port has one VNI: taploom port add makes one for each, and taploom show tells it');
  if (object === undefined) throw new BridgeFailure(`Object "${word}" is unknown, try "bridge help".`);
  if (object === 'help') throw senseless(USAGE);
  const run = command(object, words);
  await run(context, words.rest());
}

/** Without a command it shows. */
function command(object: BridgeObject, words: Words): Run {
  const runs = RUNS[object];
  if (object === 'monitor') return runs[''];
  if (!words.left) return runs.show;
  const word = words.next();
  if (begins(word, ['help'])) throw usage(object);
  const names = BRIDGE_COMMANDS.filter((other) => other.object === object)
    .filter(({ name, isWhole }) => isWhole !== true || name === word)
    .map(({ name }) => name);
  const name = begins(word, [...names, ...Object.keys(ALIASES)]);
  const run = name === undefined ? undefined : runs[ALIASES[name] ?? name];
  if (run === undefined) {
    throw senseless(`Command "${word}" is unknown, try "bridge ${object} help".`);
  }
  return run;
}
