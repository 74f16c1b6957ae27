// `taploom network` and `taploom lease`: networks of bridges and who has which address.

import type { LeaseFilter, NetworkStatus } from '../api.ts';
import { LEASE_COLUMNS, NETWORK_COLUMNS } from './columns.ts';
import type { Context } from './context.ts';
import { known } from './known.ts';
import { print, printList } from './print.ts';

export async function networkShow(context: Context, network?: string): Promise<void> {
  const networks = await context.client.networks();
  const wanted = networks.filter((one) => [one.network, one.bridge, undefined].includes(network));
  if (wanted.length === 0 && network !== undefined) known(await context.client.summary(), network);
  const none =
    'no networks; `taploom bridge set BRIDGE --network mode=nat,subnet=192.168.122.0/24` makes one';
  const { listText } = await import('./list_text.ts');
  await printList(
    context,
    wanted,
    NETWORK_COLUMNS,
    none,
    (rows) => listText(rows, NETWORK_COLUMNS, context.terminal.columns, none) + problemLines(rows),
  );
}

/** Whole lines, however wide: there are commands in them. */
function problemLines(networks: readonly NetworkStatus[]): string {
  return networks
    .flatMap(({ network, problems }) => problems.map((problem) => `\n${network}: ${problem}\n`))
    .join('');
}

export async function leaseShow(context: Context, network?: string): Promise<void> {
  await printList(context, await context.client.leases({ network }), LEASE_COLUMNS, 'no leases');
}

export async function leaseEnd(context: Context, network: string, address?: string): Promise<void> {
  const { mac, port } = context.options as LeaseFilter;
  const ended = await context.client.endLeases({ network, address, mac, port });
  print(context, { ended }, () => `${ended} ${ended === 1 ? 'lease' : 'leases'} ended\n`);
}
