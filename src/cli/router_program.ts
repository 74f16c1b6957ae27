// The commands `router`, `route` and `neighbour`, and what they take.

import type { Command } from 'commander';
import type { Context } from './context.ts';
import { NAT_COLUMNS, NAT_STATUS_COLUMNS } from './nat_columns.ts';
import { NEIGHBOUR_COLUMNS, ROUTE_COLUMNS, ROUTER_COLUMNS } from './router_columns.ts';
import { INTERFACE_SETTINGS, ROUTE_SETTINGS } from './router_settings.ts';
import { number } from './setting_values.ts';
import { addSettings } from './settings.ts';

type Commands = typeof import('./router_commands.ts') &
  typeof import('./tenant_commands.ts') &
  typeof import('./acl_commands.ts') &
  typeof import('./nat_commands.ts') &
  typeof import('./qos_commands.ts') &
  typeof import('./policy_commands.ts');

/** What program.ts makes commands with. */
export interface Maker {
  child(parent: Command, usage: string, summary: string, examples: string[]): Command;
  list(command: Command, columns: object): Command;
  action(
    pick: (commands: Commands) => (context: Context, ...args: string[]) => Promise<void>,
  ): (...given: unknown[]) => Promise<void>;
}

export function addRouters(program: Command, { child, list, action }: Maker): void {
  const router = child(program, 'router', 'routers between bridges and VLANs', []);
  list(
    child(router, 'show [router]', 'routers and their interfaces', ['router show', 'router show r1 --json']),
    ROUTER_COLUMNS,
  ).action(action((c) => c.routerShow));
  addSettings(
    child(router, 'add <router> [interface]', 'create a router, or an interface of one', [
      'router add r1 web --bridge br0 --vlan 10 --address 10.0.1.1/24,fd00:1::1/64',
      'router add r1 db --bridge br0 --vlan 20 --address 10.0.2.1/24',
    ]),
    INTERFACE_SETTINGS,
  ).action(action((c) => c.routerAdd));
  addSettings(
    child(router, 'set <router> <interface>', 'change keys of an interface', [
      'router set r1 web --mtu 1400 --reverse-path strict',
      'router set r1 web --unset mtu',
    ]),
    INTERFACE_SETTINGS,
  )
    .option('--unset <keys>', 'take these configuration keys back to their defaults')
    .action(action((c) => c.routerSet));
  child(router, 'del <router> [interface]', 'delete a router, or an interface of one', [
    'router del r1 db',
    'router del r1',
  ]).action(action((c) => c.routerDelete));

  const route = child(program, 'route', 'routes of routers', []);
  const table = (command: Command) =>
    command.option('--table <number>', 'of another table than the main one', number);
  list(
    child(route, 'show [router]', 'routes, those of subnets and own addresses included', [
      'route show',
      'route show r1 --filter type=static',
    ]).option('--table <number>', 'only of this table', number),
    ROUTE_COLUMNS,
  ).action(action((c) => c.routeShow));
  child(route, 'get <address> [router]', 'which way a packet to an address would take now', [
    'route get 10.0.2.9',
    'route get fd00:2::9 r1 --interface web',
  ])
    .option('--interface <name>', 'of what comes in by this interface')
    .action(action((c) => c.routeGet));
  addSettings(
    child(route, 'add <router> <prefix>', 'add a route, or replace the one to the same prefix', [
      'route add r1 0.0.0.0/0 --via 192.0.2.1',
      'route add r1 10.0.0.0/8 --type unreachable',
      'route add r1 fd00:9::/64 --via fe80::9 --interface web',
    ]),
    ROUTE_SETTINGS,
  ).action(action((c) => c.routeAdd));
  table(child(route, 'del <router> <prefix>', 'delete a route', ['route del r1 0.0.0.0/0'])).action(
    action((c) => c.routeDelete),
  );

  const nat = child(program, 'nat', 'what routers translate', []);
  list(
    child(nat, 'show [router]', 'connections, with their ends, bytes and times', [
      'nat show',
      'nat show r1 --address 10.0.1.5 --filter state=established',
    ])
      .option('--protocol <protocol>', 'only tcp, udp, icmp, or a number')
      .option('--address <address>', 'only those of which one end has it'),
    NAT_COLUMNS,
  ).action(action((c) => c.natShow));
  list(
    child(nat, 'status', 'how many connections and ports routers have', ['nat status']),
    NAT_STATUS_COLUMNS,
  ).action(action((c) => c.natStatus));

  const neighbour = child(program, 'neighbour', 'who is behind the interfaces of routers', []);
  const filter = (command: Command) =>
    command
      .option('--interface <name>', 'only behind interfaces of this name')
      .option('--address <address>', 'only this address');
  list(
    filter(
      child(neighbour, 'show [router]', 'addresses, and where they are', [
        'neighbour show',
        'neighbour show r1 --interface web',
      ]),
    ),
    NEIGHBOUR_COLUMNS,
  ).action(action((c) => c.neighbourShow));
  filter(
    child(neighbour, 'flush [router]', 'forget them: they are asked for anew', [
      'neighbour flush',
      'neighbour flush r1 --address 10.0.1.9',
    ]),
  ).action(action((c) => c.neighbourFlush));
}
