// `taploom mdb`: multicast groups, and the queriers and routers of VLANs.

import type { MdbEntry } from '../api.ts';
import { MDB_COLUMNS, MULTICAST_VLAN_COLUMNS } from './columns.ts';
import type { Context } from './context.ts';
import { print, printList } from './print.ts';

export async function mdbShow(context: Context, bridge?: string): Promise<void> {
  const entries: MdbEntry[] = [];
  for await (const page of context.client.mdb({ bridge })) for (const entry of page) entries.push(entry);
  await printList(context, entries, MDB_COLUMNS, 'no groups');
}

export async function mdbAdd(context: Context, bridge: string, group: string, port: string): Promise<void> {
  const { results } = await context.client.putGroup({ bridge, group, port, ...context.options });
  if (context.json) print(context, results, String);
}

export async function mdbDelete(
  context: Context,
  bridge: string,
  group: string,
  port: string,
): Promise<void> {
  const { results } = await context.client.deleteGroup({ bridge, group, port, ...context.options });
  if (context.json) print(context, results, String);
}

export async function mdbFlush(context: Context, bridge?: string): Promise<void> {
  const flushed = await context.client.flushGroups({ bridge, ...context.options });
  print(context, { flushed }, () => `${flushed} ${flushed === 1 ? 'entry' : 'entries'} forgotten\n`);
}

export async function mdbVlans(context: Context, bridge?: string): Promise<void> {
  const { vlans } = await context.client.multicast(bridge);
  const none =
    'no bridge snoops; `taploom bridge set BRIDGE --multicast snooping=on,querier=on` changes that';
  await printList(context, vlans, MULTICAST_VLAN_COLUMNS, none);
}
