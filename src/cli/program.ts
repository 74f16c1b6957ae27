// The `taploom` command line: which commands there are and what they take. What they do is in commands.ts, which loads
// the client and the tables and is imported when a command runs.
//
// Exit codes: 0 done, 1 the switch or the connection said no, 2 the command line is wrong.

import { once } from 'node:events';
import { Command, CommanderError, Option } from 'commander';
import { taploomVersion } from '../control/version.ts';
import { addAcl } from './acl_program.ts';
import { addBench } from './bench/command.ts';
import { addCaptureOptions } from './capture/command.ts';
import {
  BRIDGE_COLUMNS,
  DROP_COLUMNS,
  FDB_COLUMNS,
  LEASE_COLUMNS,
  LLDP_COLUMNS,
  MDB_COLUMNS,
  MIRROR_COLUMNS,
  MULTICAST_VLAN_COLUMNS,
  NETWORK_COLUMNS,
  portColumns,
  STATS_COLUMNS,
  TOP_COLUMNS,
} from './columns.ts';
import { addCompletion } from './completion/command.ts';
import { addFakeGuest } from './fake_guest/command.ts';
import { GUARD_COLUMNS, GUARD_PORT_COLUMNS } from './guard_columns.ts';
import { addHelp } from './help.ts';
import { addQemuArgs } from './hypervisor_program.ts';
import { addImport } from './import/command.ts';
import { addListOptions, count, interval } from './list_options.ts';
import { meant } from './meant.ts';
import { addPolicy } from './policy_program.ts';
import { addQos } from './qos_program.ts';
import { addRouters } from './router_program.ts';
import { number, type Values } from './setting_values.ts';
import { addSettings, BRIDGE_SETTINGS, MIRROR_SETTINGS, PORT_SETTINGS } from './settings.ts';
import { addTenants } from './tenant_program.ts';
import type { Terminal } from './terminal.ts';
import { addTrace } from './trace/command.ts';

const STDIO: Terminal = {
  out(text) {
    return process.stdout.write(text) ? undefined : once(process.stdout, 'drain');
  },
  error: (text) => void process.stderr.write(text),
  columns: process.stdout.columns || 80,
  // what knows no escape codes (Emacs' shell, a serial console at boot) gets what a pipe gets
  isTerminal: process.stdout.isTTY === true && !['', 'dumb'].includes(process.env.TERM ?? ''),
};

export async function run(args: readonly string[], terminal: Terminal = STDIO): Promise<number> {
  const outcome = { code: 0 };
  const json = args.includes('--json');
  const complain = (text: string) => json || terminal.error(text);
  const program = taploomProgram(terminal, outcome, complain);
  try {
    const tell = (word: string, command: string) =>
      complain(`taploom: '${word}' is taken for '${command}'\n`);
    await program.parseAsync(meant(args, program, tell), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (json) terminal.error(usageJson(error));
    return 2;
  }
  return outcome.code;
}

function usageJson({ code, message }: CommanderError): string {
  const text = code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '');
  return `${JSON.stringify({ error: { code: 'invalid_usage', message: text } })}\n`;
}

type Commands = typeof import('./commands.ts');

/** The whole command line; `outcome` gets the exit code of the command that runs, `complain` what is wrong with the line. */
export function taploomProgram(
  terminal: Terminal = STDIO,
  outcome = { code: 0 },
  complain: (text: string) => unknown = terminal.error,
): Command {
  const program = new Command('taploom')
    .description('Look at and change a running Taploom switch.')
    .version(`taploom ${taploomVersion()}`, '-V, --version', 'print the version')
    .option(
      '--socket <path>',
      'control socket of taploomd (default: $TAPLOOM_SOCKET, $XDG_RUNTIME_DIR/taploom.sock if it is there, or /run/taploom/taploom.sock)',
    )
    .option('--json', 'print JSON')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('(--help tells more)')
    .configureHelp({ showGlobalOptions: true, helpWidth: 80 })
    .configureOutput({
      writeOut: (text) => void terminal.out(text),
      writeErr: complain,
      outputError: (text, write) => write(text.replace(/^error: /, 'taploom: ')),
    });

  /** Runs `pick(commands)` with the command's arguments and all options. */
  const action =
    (
      pick: (
        commands: Commands,
      ) => (context: import('./context.ts').Context, ...args: string[]) => Promise<void>,
    ) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const commands = await import('./commands.ts');
      const options = command.optsWithGlobals<Values>();
      const args = command.processedArgs as string[];
      outcome.code = await commands.execute(terminal, options, (context) => pick(commands)(context, ...args));
    };
  const list = (command: Command, columns: object) => addListOptions(command, Object.keys(columns));
  const child = (parent: Command, usage: string, summary: string, examples: string[]): Command => {
    const command = parent.command(usage).description(summary).helpCommand(false);
    if (examples.length > 0) {
      command.addHelpText(
        'after',
        `\nExamples:\n${examples.map((line) => `  $ taploom ${line}`).join('\n')}`,
      );
    }
    return command;
  };

  list(
    child(program, 'show [bridge]', 'bridges and their ports', [
      'show',
      'show br0',
      'show --filter state!=up --json',
    ]),
    portColumns(),
  ).action(action((c) => c.show));

  const bridge = child(program, 'bridge', 'create, change and delete bridges', []);
  addSettings(
    child(bridge, 'add <bridge>', 'create a bridge, and an interface of its name', [
      'bridge add br0',
      'bridge add br0 --vlan-filtering --ageing-time 60',
      'bridge add br0 --local off',
    ]),
    BRIDGE_SETTINGS,
  ).action(action((c) => c.bridgeAdd));
  child(bridge, 'del <bridge>', 'delete a bridge and its ports', ['bridge del br0']).action(
    action((c) => c.bridgeDelete),
  );
  addSettings(
    child(bridge, 'set <bridge>', 'change keys of a bridge', [
      'bridge set br0 --ageing-time 60',
      'bridge set br0 --unset ageing_time,local',
    ]),
    BRIDGE_SETTINGS,
  )
    .option('--unset <keys>', 'take these configuration keys back to their defaults')
    .action(action((c) => c.bridgeSet));
  list(
    child(bridge, 'show [bridge]', 'bridges, or one with its settings', ['bridge show', 'bridge show br0']),
    BRIDGE_COLUMNS,
  ).action(action((c) => c.bridgeShow));

  const port = child(program, 'port', 'create, change and delete ports', []);
  addSettings(
    child(port, 'add <bridge> <port>', 'create a port', [
      'port add br0 vm1 --access 10 --netns h1',
      'port add br0 c1 --netns 4711 --ifname eth0 --address 10.0.0.5/24 --gateway 10.0.0.1',
      'port add br0 c2 --type veth --netns c2 --ifname eth0 --address 10.0.0.6/24',
      'port add br0 up0 --trunk 10,20,100-199 --native 1',
      'port add br0 eth0 --type af_packet',
      'port add br0 vx42 --type vxlan --vni 42 --local 192.0.2.1 --remote 192.0.2.2',
      'port add br0 vpn --type tun --address 10.0.0.1/24',
      'port add br0 vm1 --type vhost_user --path /run/vm1.sock',
      'port add br0 vm2 --type stream --path /run/vm2.sock',
      'port add br0 bond0 --type aggregate --members eth1,eth2 --lacp active',
    ]).addOption(
      new Option('--type <type>', 'kind of port')
        .choices([
          'tap',
          'veth',
          'af_packet',
          'tun',
          'vxlan',
          'stream',
          'dgram',
          'vhost_user',
          'memory',
          'aggregate',
        ])
        .default('tap'),
    ),
    PORT_SETTINGS,
  ).action(action((c) => c.portAdd));
  child(port, 'del <bridge> <port>', 'delete a port', ['port del br0 vm1']).action(
    action((c) => c.portDelete),
  );
  addSettings(
    child(port, 'set <bridge> <port>', 'change keys of a port', [
      'port set br0 vm1 --hairpin on --isolated off',
      'port set br0 vm1 --access 20',
      'port set br0 vm1 --unset vlan,mtu',
    ]),
    PORT_SETTINGS,
  )
    .option('--unset <keys>', 'take these configuration keys back to their defaults')
    .action(action((c) => c.portSet));
  child(port, 'enable <ports...>', 'try ports that are disabled for an error again, before their time', [
    'port enable vm1',
  ]).action(action((c) => (context, ports) => c.portEnable(context, ports as unknown as string[])));
  addQemuArgs(
    child(port, 'qemu-args <port>', 'what a hypervisor is told to plug a guest into a port', [
      'port qemu-args vm1',
      'port qemu-args vm1 --firecracker',
    ]),
  ).action(action((c) => c.portQemuArgs));
  list(
    child(port, 'show [bridge] [port]', 'ports, or one with its settings and counters', [
      'port show',
      'port show br0 vm1',
      "port show --sort learned --format '{port} {learned}'",
    ]),
    portColumns(),
  ).action(action((c) => c.portShow));

  const fdb = child(program, 'fdb', 'the forwarding database', []);
  const filter = (command: Command) =>
    command
      .option('--port <port>', 'only entries behind this port')
      .option('--vlan <vid>', 'only entries in this VLAN', number)
      .option('--mac <address>', 'only this station');
  list(
    filter(
      child(fdb, 'show [bridge]', 'learned, static and local entries', [
        'fdb show',
        'fdb show br0 --vlan 10',
        'fdb show --sort age --top 10',
      ]),
    ),
    FDB_COLUMNS,
  ).action(action((c) => c.fdbShow));
  child(fdb, 'add <bridge> <mac> <port>', 'add or replace a static entry', [
    'fdb add br0 02:00:5e:10:00:01 vm1 --vlan 10',
    'fdb add br0 02:00:5e:10:00:02 vx42 --vlan 10 --remote 192.0.2.2',
  ])
    .option('--vlan <vid>', 'VLAN, in a bridge that filters them', number)
    .option('--remote <address>', 'remote behind a VXLAN port')
    .action(action((c) => c.fdbAdd));
  child(fdb, 'del <bridge> <mac>', 'delete a static entry', ['fdb del br0 02:00:5e:10:00:01 --vlan 10'])
    .option('--vlan <vid>', 'VLAN, in a bridge that filters them', number)
    .action(action((c) => c.fdbDelete));
  filter(
    child(fdb, 'flush [bridge]', 'forget learned entries', ['fdb flush', 'fdb flush br0 --port vm1']),
  ).action(action((c) => c.fdbFlush));

  const mirror = child(program, 'mirror', 'copies of frames for somebody who watches', []);
  addSettings(
    child(mirror, 'add <bridge> <mirror>', 'add or replace a mirror', [
      'mirror add br0 m1 --from vm1 --to mon',
      "mirror add br0 m2 --filter 'tcp port 80' --snaplen 128 --to br0",
      'mirror add br0 m3 --vlans 10 --to-vlan 99',
      'mirror add br0 m4 --direction in --to vx42 --remote 192.0.2.9',
    ]),
    MIRROR_SETTINGS,
  ).action(action((c) => c.mirrorAdd));
  child(mirror, 'del <bridge> <mirror>', 'delete a mirror', ['mirror del br0 m1']).action(
    action((c) => c.mirrorDelete),
  );
  list(child(mirror, 'show [bridge]', 'mirrors', ['mirror show', 'mirror show br0']), MIRROR_COLUMNS).action(
    action((c) => c.mirrorShow),
  );

  list(
    child(program, 'stats [bridge]', 'counters; received is what the switch receives', [
      'stats --sort rx --top 10',
      'stats br0 --watch',
      'stats --watch --interval 5 --json',
    ]),
    STATS_COLUMNS,
  )
    .option('--watch', 'again and again, with rates')
    .option('--interval <seconds>', 'time between two rounds', interval, 1)
    .option('--rounds <number>', 'stop after so many rounds', count)
    .action(action((c) => c.stats));
  list(
    child(program, 'top [bridge]', 'what ports do, on the whole screen; ? explains its keys', [
      'top',
      'top br0 --sort drops --filter state=up',
      'top --rounds 1 --top 10 | cat',
    ]),
    TOP_COLUMNS,
  )
    .option('--interval <seconds>', 'time between two rounds', interval, 1)
    .option('--rounds <number>', 'stop after so many rounds', count)
    .action(action((c) => c.top));
  list(
    child(program, 'drops [bridge]', 'dropped frames by port and reason', [
      'drops',
      'drops br0 --sort frames --json',
      'drops --last',
    ]),
    DROP_COLUMNS,
  )
    .addOption(
      new Option('--last', 'the last dropped frames of each port, decoded').conflicts([
        'sort',
        'reverse',
        'filter',
        'top',
        'format',
      ]),
    )
    .action(action((c) => c.drops));
  addCaptureOptions(
    child(program, 'capture [bridge] [port]', 'frames as they pass, as text or pcapng', [
      'capture br0 vm1',
      "capture br0 --filter 'tcp port 80' --count 10",
      'capture --direction drop',
      'capture br0 -w - | wireshark -k -i -',
      'capture br0 -w frames.pcapng --snaplen 128',
    ]),
  ).action(action((c) => c.capture));

  list(
    child(program, 'lldp [bridge] [port]', 'neighbours that LLDP found; of one port all they say', [
      'lldp',
      'lldp br0 eth1',
      'lldp br0 --json',
    ]),
    LLDP_COLUMNS,
  ).action(action((c) => c.lldp));
  const mdb = child(program, 'mdb', 'multicast groups that snooping found', []);
  list(
    child(mdb, 'show [bridge]', 'groups by port', ['mdb show', 'mdb show br0 --filter port=vm1']),
    MDB_COLUMNS,
  ).action(action((c) => c.mdbShow));
  list(
    child(mdb, 'vlans [bridge]', 'queriers and router ports by VLAN', ['mdb vlans', 'mdb vlans br0 --json']),
    MULTICAST_VLAN_COLUMNS,
  ).action(action((c) => c.mdbVlans));
  const ofGroup = (command: Command) =>
    command
      .option('--source <address>', 'only frames from there')
      .option('--vlan <vid>', 'VLAN, in a bridge that filters them', number);
  ofGroup(
    child(mdb, 'add <bridge> <group> <port>', 'put a port into a group for ever', [
      'mdb add br0 239.1.1.1 vm1',
      'mdb add br0 232.1.1.1 vm1 --source 192.0.2.1 --vlan 10',
    ]),
  ).action(action((c) => c.mdbAdd));
  ofGroup(child(mdb, 'del <bridge> <group> <port>', 'undo that', ['mdb del br0 239.1.1.1 vm1'])).action(
    action((c) => c.mdbDelete),
  );
  child(mdb, 'flush [bridge]', 'forget what hosts have joined', ['mdb flush', 'mdb flush br0 --port vm1'])
    .option('--port <port>', 'only behind this port')
    .option('--vlan <vid>', 'only in this VLAN', number)
    .option('--group <address>', 'only this group')
    .action(action((c) => c.mdbFlush));
  const guards = child(program, 'guard', 'who may speak on which port', []);
  list(
    child(guards, 'list', 'guards of ports, and how much they refused', ['guard list', 'guard list --json']),
    GUARD_PORT_COLUMNS,
  ).action(action((c) => c.guardList));
  list(
    child(guards, 'show [port]', 'bindings and where each is from, and what was refused on a port', [
      'guard show vm1',
      'guard show --filter from=dhcp --sort expires',
    ]),
    GUARD_COLUMNS,
  ).action(action((c) => c.guardShow));

  const networks = child(program, 'network', 'networks of bridges: subnets, gateways, ways out', []);
  list(
    child(networks, 'show [network]', 'networks, and what stands in their way', [
      'network show',
      'network show br0 --json',
    ]),
    NETWORK_COLUMNS,
  ).action(action((c) => c.networkShow));
  const leases = child(program, 'lease', 'addresses that guests have from DHCP', []);
  list(
    child(leases, 'show [network]', 'who has which address', [
      'lease show',
      'lease show br0 --filter port=vm1',
    ]),
    LEASE_COLUMNS,
  ).action(action((c) => c.leaseShow));
  child(leases, 'end <network> [address]', 'take addresses from guests, who notice when they renew them', [
    'lease end br0 192.168.122.17',
    'lease end br0 --port vm1',
  ])
    .option('--mac <address>', 'only of this guest')
    .option('--port <port>', 'only behind this port')
    .action(action((c) => c.leaseEnd));
  addQos(program, { child, list, action });
  addTenants(program, { child, list, action });
  addRouters(program, { child, list, action });
  addPolicy(program, { child, list, action });
  addAcl(program, { child, list, action });
  child(program, 'events', 'what happened: ports, stations, limits, neighbours, drops, changes', [
    'events',
    'events --follow --type port,station',
    'events --follow --json | jq .message',
  ])
    .option('--follow', 'go on with what happens')
    .option(
      '--type <types>',
      'only port, station, limit, neighbour, address, stp, multicast, member, lease, network, guard, drop or configuration',
    )
    .option('--bridge <bridge>', 'only what concerns this bridge')
    .option('--port <port>', 'only what concerns this port')
    .option('--since <seq>', 'only after the event of this number (seq in --json)')
    .action(action((c) => c.events));

  addTrace(
    program,
    action((c) => c.trace),
  );

  child(program, 'apply <file>', 'make the switch what the file says (- reads standard input)', [
    'apply switch.yaml --dry-run',
    'apply switch.yaml',
  ])
    .option('--dry-run', 'print what would be done, change nothing')
    .action(action((c) => c.apply));
  child(program, 'export', 'print the configuration in force as YAML', [
    'export > switch.yaml',
    'export --json',
  ]).action(action((c) => c.exportConfig));
  addImport(
    program,
    action((c) => c.importConfig),
  );

  addBench(program, (kind) =>
    action(
      (c) =>
        (context, ...ports) =>
          c.bench(context, kind, (ports as unknown as string[][])[0]),
    ),
  );

  addFakeGuest(
    program,
    action((c) => c.fakeGuest),
  );

  addCompletion(
    program,
    terminal.out,
    action((c) => c.names),
  );
  addHelp(program);
  return program;
}
