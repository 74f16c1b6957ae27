// `taploom group` and `taploom connections`: who may begin connections with whom, and who did.

import type { PolicyConnection, PolicyFilter } from '../api.ts';
import { ControlError } from '../control/connection.ts';
import type { Context } from './context.ts';
import { CONNECTION_COLUMNS, GROUP_COLUMNS } from './policy_columns.ts';
import { print, printList } from './print.ts';

export async function groupShow(context: Context, name?: string): Promise<void> {
  const groups = await context.client.securityGroups();
  const found = name === undefined ? groups : groups.filter((group) => group.name === name);
  if (name !== undefined && found.length === 0)
    throw new ControlError('no_such_group', `There is no security group ${name}`);
  await printList(
    context,
    found,
    GROUP_COLUMNS,
    'no security groups; `groups:` of the configuration has them',
  );
}

export async function connectionsShow(context: Context): Promise<void> {
  const found: PolicyConnection[] = [];
  for await (const page of context.client.connections(filterOf(context)))
    for (const one of page) found.push(one);
  await printList(context, found, CONNECTION_COLUMNS, 'no connections');
}

export async function connectionsDelete(context: Context): Promise<void> {
  const filter = filterOf(context);
  const isAll = (context.options as { all?: boolean }).all === true;
  if (!isAll && Object.values(filter).every((value) => value === undefined))
    throw new ControlError('usage', 'Say which: --port, --group, --address, --protocol, --bridge, or --all');
  const ended = await context.client.endConnections(filter);
  print(context, { ended }, () => `${ended} ${ended === 1 ? 'connection' : 'connections'} ended\n`);
}

function filterOf({ options }: Context): PolicyFilter {
  const { bridge, port, group, protocol, address } = options as PolicyFilter;
  return { bridge, port, group, protocol, address };
}
