// Reads what there is, prints it in our words, and tells on standard error what has no counterpart.

import { readFile } from 'node:fs/promises';
import { text as readStream } from 'node:stream/consumers';
import { parseConfig } from '../../config/schema.ts';
import { formatConfig } from '../../config/yaml.ts';
import { TaploomError } from '../../error.ts';
import type { Context } from '../context.ts';
import { iproute } from '../iproute.ts';
import type { Draft } from './draft.ts';
import { type FdbRow, fromKernel, type Kernel, type Link, type VlanRow } from './kernel.ts';
import { fromOpenVSwitch } from './open_vswitch.ts';
import { parseDump } from './ovsdb.ts';

export async function runImport(context: Context, only?: string): Promise<void> {
  const { terminal, json } = context;
  const { ovsdb, local } = context.options as { ovsdb?: string; local?: string };
  const draft =
    ovsdb === undefined
      ? await inNetns(context, fromKernel(await readKernel(), { only, local }))
      : fromOpenVSwitch(parseDump(await readDump(ovsdb)), { only, local });
  const config = parseConfig(draft.config, { allowFd: false });
  if (only !== undefined && !Object.hasOwn(config.bridges, only)) {
    const where = ovsdb === undefined ? 'no kernel bridge' : 'no bridge of Open vSwitch';
    throw new TaploomError('no_such_bridge', `There is ${where} ${only}`);
  }
  for (const warning of draft.warnings) terminal.error(`taploom: ${warning}\n`);
  terminal.out(json ? `${JSON.stringify(config, null, 2)}\n` : formatConfig(config));
}

async function readKernel(): Promise<Kernel> {
  const [links, vlans, fdb] = await Promise.all([
    iproute<Link>('ip', '-d', '-j', 'address'),
    iproute<VlanRow>('bridge', '-j', '-compressvlans', 'vlan'),
    iproute<FdbRow>('bridge', '-j', 'fdb'),
  ]);
  return { links, vlans, fdb };
}

async function readDump(file: string): Promise<string> {
  try {
    return file === '-' ? await readStream(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new TaploomError('file_unreadable', `Cannot read ${file}: ${(error as Error).message}`);
  }
}

/** Interfaces are those of the namespace that we are in: if a daemon runs in another one, it has to be told. */
async function inNetns({ client }: Context, { config, warnings }: Draft): Promise<Draft> {
  let netns: string | undefined;
  try {
    netns = await client.netns();
  } catch (error) {
    if (!(error instanceof TaploomError)) throw error;
    // without a daemon this is about one that will run here
    const more = error.code === 'no_such_netns' ? [error.message] : [];
    return { config, warnings: [...warnings, ...more] };
  }
  if (netns === undefined) return { config, warnings };
  const bridges = Object.entries(config.bridges ?? {}).map(([name, { local, ports = {}, ...bridge }]) => [
    name,
    {
      ...bridge,
      local: local === false ? local : { ...local, netns },
      ports: Object.fromEntries(
        Object.entries(ports).map(([port, value]) => [
          port,
          value.type === 'af_packet' ? { ...value, netns } : value,
        ]),
      ),
    },
  ]);
  return { config: { ...config, bridges: Object.fromEntries(bridges) }, warnings };
}
