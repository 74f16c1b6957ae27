// The grammar of `taploom group` and `taploom connections`.

import type { Command } from 'commander';
import { CONNECTION_COLUMNS, GROUP_COLUMNS } from './policy_columns.ts';
import type { Maker } from './router_program.ts';

export function addPolicy(program: Command, { child, list, action }: Maker): void {
  const group = child(program, 'group', 'security groups', []);
  list(
    child(group, 'show [group]', 'security groups, their ports and connections', [
      'group show',
      'group show web',
    ]),
    GROUP_COLUMNS,
  ).action(action((c) => c.groupShow));

  const connections = child(program, 'connections', 'connections that security groups have let in', []);
  const filter = (command: Command) =>
    command
      .option('--port <port>', 'only those with an end behind this port')
      .option('--group <group>', 'only those with an end behind a port of this group')
      .option('--address <address>', 'only those of which one end has it')
      .option('--protocol <protocol>', 'only tcp, udp, icmp, icmpv6, sctp, or a number')
      .option('--bridge <bridge>', 'only those of this bridge');
  list(
    filter(
      child(connections, 'show', 'connections, with their ends, ports, bytes and times', [
        'connections show',
        'connections show --port vm1 --filter state=established',
      ]),
    ),
    CONNECTION_COLUMNS,
  ).action(action((c) => c.connectionsShow));
  filter(
    child(connections, 'del', 'end connections: their next packet is asked about as a first one', [
      'connections del --port vm1',
      'connections del --all',
    ]),
  )
    .option('--all', 'all of them')
    .action(action((c) => c.connectionsDelete));
}
