// `taploom router`, `taploom route` and `taploom neighbour`.

import type { RouteAnswer } from '../api.ts';
import { ControlError } from '../control/client.ts';
import type { Context } from './context.ts';
import { print, printList } from './print.ts';
import { NEIGHBOUR_COLUMNS, ROUTE_COLUMNS, ROUTER_COLUMNS } from './router_columns.ts';
import { INTERFACE_SETTINGS, ROUTE_SETTINGS } from './router_settings.ts';
import { mergeUnset, pick } from './setting_patch.ts';

const NO_ROUTERS =
  'no routers; `taploom router add r1 web --bridge br0 --address 10.0.1.1/24` makes one with an interface';

export async function routerShow(context: Context, router?: string): Promise<void> {
  const routers = await context.client.routers();
  if (router !== undefined) requireRouter(routers, router);
  const wanted = routers.filter(({ name }) => router === undefined || name === router);
  const interfaces = wanted.flatMap((one) => one.interfaces);
  const none = wanted.length === 0 ? NO_ROUTERS : 'no interfaces';
  await printList(context, interfaces, ROUTER_COLUMNS, none);
}

/** An interface, and its router if there is none. */
export async function routerAdd(context: Context, router: string, name?: string): Promise<void> {
  const { client, options } = context;
  const values = pick(options, INTERFACE_SETTINGS);
  const { results } =
    name === undefined ? await client.addRouter(router) : await client.addInterface(router, name, values);
  if (context.json) print(context, results, String);
}

export async function routerSet(context: Context, router: string, name: string): Promise<void> {
  const patch = mergeUnset(pick(context.options, INTERFACE_SETTINGS), context.options);
  const { results } = await context.client.setInterface(router, name, patch);
  if (context.json) print(context, results, String);
}

export async function routerDelete(context: Context, router: string, name?: string): Promise<void> {
  const { results } = await context.client.deleteRouter(router, name);
  if (context.json) print(context, results, String);
}

export async function routeShow(context: Context, router?: string): Promise<void> {
  const { table } = context.options as { table?: number };
  const routes = await context.client.routes({ router, table });
  await printList(context, routes, ROUTE_COLUMNS, 'no routes');
}

export async function routeGet(context: Context, address: string, router?: string): Promise<void> {
  const { client, options } = context;
  const asked = router ?? (await onlyRouter(context));
  const from = (options as { interface?: string }).interface;
  const answer = await client.routeTo({ router: asked, address, interface: from });
  print(context, answer, () => `${sentence(answer)}\n`);
}

export async function routeAdd(context: Context, router: string, to: string): Promise<void> {
  const { results } = await context.client.putRoute({ router, to, ...pick(context.options, ROUTE_SETTINGS) });
  if (context.json) print(context, results, String);
}

export async function routeDelete(context: Context, router: string, to: string): Promise<void> {
  const { table } = context.options as { table?: number };
  const { results } = await context.client.deleteRoute({ router, to, table });
  if (context.json) print(context, results, String);
}

export async function neighbourShow(context: Context, router?: string): Promise<void> {
  const { interface: name, address } = context.options as { interface?: string; address?: string };
  const neighbours = await context.client.neighbours({ router, interface: name, address });
  const none = 'no neighbours of routers; `taploom lldp` shows those that LLDP found';
  await printList(context, neighbours, NEIGHBOUR_COLUMNS, none);
}

export async function neighbourFlush(context: Context, router?: string): Promise<void> {
  const { interface: name, address } = context.options as { interface?: string; address?: string };
  const flushed = await context.client.flushNeighbours({ router, interface: name, address });
  print(context, { flushed }, () => `${flushed} ${flushed === 1 ? 'neighbour' : 'neighbours'} forgotten\n`);
}

async function onlyRouter({ client }: Context): Promise<string> {
  const names = (await client.routers()).map(({ name }) => name);
  if (names.length === 1) return names[0];
  const message =
    names.length === 0 ? 'There is no router' : `Which router? There are ${names.slice(0, 10).join(', ')}`;
  throw new ControlError('no_such_router', message);
}

function requireRouter(routers: readonly { name: string }[], name: string): void {
  if (!routers.some((router) => router.name === name))
    throw new ControlError('no_such_router', `There is no router ${name}`);
}

const OTHERWISE: Record<Exclude<RouteAnswer['type'], 'forward'>, string> = {
  local: 'is an address of the router itself',
  broadcast: 'is the broadcast address of a subnet, to which routers do not forward',
  blackhole: 'is dropped without a word',
  unreachable: 'is unreachable: the sender is told so',
  prohibit: 'is prohibited: the sender is told so',
  none: 'has no route: the sender is told so',
};

function sentence({ address, to, type, hops }: RouteAnswer): string {
  const by = to === undefined ? '' : `, by the route to ${to}`;
  if (type !== 'forward') return `${address} ${OTHERWISE[type]}${by}`;
  const ways = hops.map(({ interface: name, via, mac }) => {
    const where =
      via === undefined ? `is behind interface ${name}` : `goes to ${via} behind interface ${name}`;
    return `${where} (${mac ?? 'not known yet, it would be asked for'})`;
  });
  return `${address} ${ways.join(', or ')}${by}`;
}
