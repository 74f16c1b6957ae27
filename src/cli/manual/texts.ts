// What the man pages say beyond commands and options. Backticks mark what is typed.

import { SYSTEM_SOCKET } from '../../control/socket_path.ts';

type Terms = readonly (readonly [term: string, text: string])[];

export interface Texts {
  readonly section: number;
  readonly volume: string;
  readonly purpose: string;
  readonly description: readonly string[];
  /** More about a command, by its words: `port add`. */
  readonly notes?: Record<string, string>;
  /** Sections of this page only. */
  readonly sections?: Record<string, Terms>;
  readonly exitStatus: Terms;
  readonly environment: Terms;
  readonly files: Terms;
  readonly examples?: readonly (readonly [what: string, lines: readonly string[]])[];
  readonly seeAlso: readonly string[];
  readonly documents: string;
}

const SOCKET_FILES: Terms = [
  [SYSTEM_SOCKET, 'The control socket, unless told otherwise.'],
  ['$XDG_RUNTIME_DIR/taploom.sock', 'The control socket of a daemon that may not write to `/run`.'],
];
const CLIENT_ENVIRONMENT: Terms = [
  ['TAPLOOM_SOCKET', `The control socket of the daemon to talk to, in place of those below FILES.`],
];

export const TAPLOOM: Texts = {
  section: 1,
  volume: 'User Commands',
  purpose: 'look at and change a running Taploom switch',
  description: [
    '`taploom` asks a running `taploomd` for its bridges, ports, forwarding database and counters, and changes them. It reaches the daemon through a Unix socket, so it needs the right to write there: root, or the group that `taploomd --socket-group` names.',
    'A change that worked prints nothing. It is in force before the command returns, and kept on the disk if taploomd runs with `--state`.',
    'Options that set something are named like the keys of the configuration file, with hyphens: `--ageing-time 60` is `ageing_time: 60`.',
  ],
  notes: {
    'bridge add':
      "`--mac`, `--mtu`, `--netns`, `--owner`, `--group` and the VLAN options belong to the bridge's own interface, which `--local off` takes away.",
    import:
      'Without a running switch, too: it asks iproute2 about the network namespace that it is called in. What has no counterpart is told on standard error; docs/migrating.md has the whole way.',
    apply:
      'What the file does not name is deleted, deletions first. `--dry-run` prints the same plan and changes nothing.',
    completion: 'See EXAMPLES for where it goes.',
  },
  exitStatus: [
    ['0', 'Done.'],
    ['1', 'The switch or the connection said no; the reason is on standard error.'],
    ['2', 'The command line is wrong.'],
  ],
  environment: CLIENT_ENVIRONMENT,
  files: SOCKET_FILES,
  examples: [
    [
      'Completion at TAB, in ~/.bashrc, or in ~/.zshrc after compinit:',
      ['source <(taploom completion bash)'],
    ],
  ],
  seeAlso: ['taploomd(8)', 'taploom-brctl(8)', 'taploom-bridge(8)', 'bridge(8)', 'ip-link(8)'],
  documents: 'docs/cli.md, docs/configuration.md and docs/bench.md of the package.',
};

export const TAPLOOMD: Texts = {
  section: 8,
  volume: 'System Administration',
  purpose: 'userspace Ethernet switch',
  description: [
    '`taploomd` opens TAP devices, existing interfaces and VXLAN sockets, and forwards frames between them: MAC learning, VLANs (IEEE 802.1Q), VXLAN (RFC 7348). It runs in the foreground, for systemd or a terminal, logs to standard error, and serves counters to Prometheus.',
    'It starts with what the file of `--config` says, or with no bridge at all; `taploom` and `taploom-brctl` change the running switch. With `--state` such changes are kept, and win at the next start unless the configuration file has changed since: then the file is in force, and the old state stays beside it as `FILE.old`.',
    'A part of the configuration that cannot be had, such as a network namespace that is not there yet, is logged as an error, and the rest forwards.',
    'It needs CAP_NET_ADMIN, and CAP_SYS_ADMIN to enter network namespaces.',
  ],
  sections: {
    SIGNALS: [
      [
        'SIGTERM, SIGINT',
        'Close everything, remove the devices that are not persistent, and end with status 0.',
      ],
      [
        'SIGHUP',
        'Read `--config` again and apply it. A bad file is logged with all its problems, and nothing changes.',
      ],
    ],
  },
  exitStatus: [
    ['0', 'Ended by a signal.'],
    ['1', 'It could not start, or failed.'],
    ['2', 'The command line is wrong.'],
  ],
  environment: [
    ['TAPLOOM_SOCKET', `The control socket, unless \`--socket\` is given.`],
    ['NOTIFY_SOCKET', 'Where a service manager is told that the switch is ready; see sd_notify(3).'],
    ['WATCHDOG_USEC', 'How often it wants a sign that all workers are alive; see sd_watchdog_enabled(3).'],
  ],
  files: [
    ...SOCKET_FILES,
    ['/etc/taploom/taploom.yaml', 'The configuration, by the service unit that comes with the package.'],
    ['/var/lib/taploom/state.json', 'The state, by that unit.'],
  ],
  seeAlso: ['taploom(1)', 'taploom-brctl(8)', 'systemd.service(5)'],
  documents: 'docs/configuration.md, docs/metrics.md and docs/taploom.service of the package.',
};

export const BRCTL: Texts = {
  section: 8,
  volume: 'System Administration',
  purpose: 'bridge-utils on top of a Taploom switch',
  description: [
    '`taploom-brctl` takes the commands of brctl(8) 1.7 and carries them out on a running `taploomd`, with the same output, error texts and exit status, so that scripts for a test host keep working. It may be installed under the name that they call: `brctl`.',
    'It differs where the thing behind it differs. `addif` creates a TAP if there is no interface of that name, and `delif` removes it again; interfaces that Taploom made are up at once. All the differences are in docs/cli.md of the package.',
  ],
  exitStatus: [
    ['0', 'Done.'],
    ['1', 'Anything else, a wrong command line too.'],
  ],
  environment: CLIENT_ENVIRONMENT,
  files: SOCKET_FILES,
  examples: [
    [
      'A bridge with two TAPs:',
      ['taploom-brctl addbr br9', 'taploom-brctl addif br9 t1 t2', 'taploom-brctl show'],
    ],
    ['For scripts that call brctl:', ['ln -s "$(command -v taploom-brctl)" /usr/local/sbin/brctl']],
  ],
  seeAlso: ['taploom(1)', 'taploomd(8)', 'brctl(8)'],
  documents: 'docs/cli.md of the package.',
};

export const BRIDGE: Texts = {
  section: 8,
  volume: 'System Administration',
  purpose: 'bridge of iproute2 on top of a Taploom switch',
  description: [
    '`taploom-bridge` takes the commands of bridge(8) of iproute2 6.1 for ports, stations, multicast groups and VLANs, one at a time or in a batch, and carries them out on a running `taploomd`, with the same output, error texts and exit status. It may be installed under the name that scripts call: `bridge`.',
    'A beginning of an object, a command or an option is enough: `bridge -j v`. Objects without a command are shown. It differs where the switch differs: a port has one untagged VLAN at most, and stations are static or learned. What has no counterpart is refused with a sentence that says why. All the differences are in docs/cli.md of the package.',
  ],
  exitStatus: [
    ['0', 'Done.'],
    ['255', 'Anything else, a wrong command line too.'],
    ['254', 'There is no such station or group (`fdb get`, `mdb get`).'],
    ['234', 'A flag is neither `on` nor `off`.'],
    ['1', 'A command of a batch failed, or its file cannot be read.'],
  ],
  environment: CLIENT_ENVIRONMENT,
  files: SOCKET_FILES,
  examples: [
    [
      'An access port of VLAN 10 and a trunk:',
      [
        'taploom-bridge vlan del dev vm1 vid 1',
        'taploom-bridge vlan add dev vm1 vid 10 pvid untagged',
        'taploom-bridge vlan add dev up0 vid 10-19',
        'taploom-bridge vlan',
      ],
    ],
    ['For scripts that call bridge:', ['ln -s "$(command -v taploom-bridge)" /usr/local/sbin/bridge']],
  ],
  seeAlso: ['taploom(1)', 'taploomd(8)', 'taploom-brctl(8)', 'bridge(8)'],
  documents: 'docs/cli.md of the package.',
};
