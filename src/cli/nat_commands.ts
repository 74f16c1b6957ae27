// `taploom nat`: what routers translate, and for whom.

import type { NatConnection } from '../api.ts';
import type { Context } from './context.ts';
import { NAT_COLUMNS, NAT_STATUS_COLUMNS } from './nat_columns.ts';
import { printList } from './print.ts';

const NONE = 'no router translates addresses; `nat:` of a router in the configuration makes it do so';

export async function natStatus(context: Context): Promise<void> {
  await printList(context, await context.client.nat(), NAT_STATUS_COLUMNS, NONE);
}

export async function natShow(context: Context, router?: string): Promise<void> {
  const { protocol, address } = context.options as { protocol?: string; address?: string };
  const found: NatConnection[] = [];
  for await (const page of context.client.natConnections({ router, protocol, address }))
    for (const one of page) found.push(one);
  await printList(context, found, NAT_COLUMNS, 'no connections');
}
