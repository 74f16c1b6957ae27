// What the commands take: for `help`, for the man page and for completion. Objects and commands may be shortened.

import { BridgeFailure } from './failure.ts';

export interface BridgeCommand {
  readonly object: 'link' | 'fdb' | 'mdb' | 'vlan' | 'monitor';
  readonly name: string;
  /** What follows, as in a usage line. */
  readonly takes: string;
  readonly help: string;
}

const ENTRY = 'ADDR dev DEV [ dst IP ] [ vlan VID ] [ self | master ] [ static ]';
const GROUP =
  'dev DEV port PORT grp GROUP [ src SOURCE ] [ filter_mode include|exclude ] [ source_list SOURCES ] [ vid VID ]';
const VLANS = 'vid VID[-VID] dev DEV [ pvid untagged ] [ self | master ]';

// In the order in which iproute2 tries them: `bridge link s` sets.
export const BRIDGE_COMMANDS: readonly BridgeCommand[] = [
  {
    object: 'link',
    name: 'set',
    takes:
      'dev DEV [ hairpin on|off ] [ learning on|off ] [ flood on|off ] [ isolated on|off ] [ cost COST ] [ priority PRIO ]',
    help: 'change flags of a port',
  },
  {
    object: 'link',
    name: 'show',
    takes: '[ dev DEV ]',
    help: 'ports, their state and, with -d, their flags',
  },
  {
    object: 'fdb',
    name: 'show',
    takes: '[ br BRDEV ] [ brport DEV ] [ vlan VID ] [ state STATE ] [ dynamic ]',
    help: 'the forwarding database',
  },
  {
    object: 'fdb',
    name: 'add',
    takes: ENTRY,
    help: 'add a static entry, or with `00:00:00:00:00:00` a remote',
  },
  { object: 'fdb', name: 'append', takes: ENTRY, help: 'the same, for one more remote' },
  { object: 'fdb', name: 'replace', takes: ENTRY, help: 'add or replace a static entry' },
  { object: 'fdb', name: 'del', takes: ENTRY, help: 'delete an entry, or forget a station' },
  { object: 'fdb', name: 'get', takes: 'ADDR [ br BRDEV | dev DEV ] [ vlan VID ]', help: 'one entry' },
  {
    object: 'fdb',
    name: 'flush',
    takes: 'dev DEV [ vlan VID ] [ self | master ] [ [no]static ] [ [no]dynamic ]',
    help: 'delete entries of a bridge (self) or a port (master)',
  },
  {
    object: 'mdb',
    name: 'add',
    takes: `${GROUP} [ permanent | temp ]`,
    help: 'put a port into a multicast group, for as long as a report would or for ever',
  },
  {
    object: 'mdb',
    name: 'replace',
    takes: `${GROUP} [ permanent | temp ]`,
    help: 'the same, if it is in already, too',
  },
  {
    object: 'mdb',
    name: 'del',
    takes: 'dev DEV port PORT grp GROUP [ src SOURCE ] [ vid VID ]',
    help: 'take it out',
  },
  {
    object: 'mdb',
    name: 'flush',
    takes: 'dev DEV [ port PORT ] [ vid VID ] [ [no]permanent ]',
    help: 'take out all',
  },
  {
    object: 'mdb',
    name: 'show',
    takes: '[ dev DEV ] [ vid VID ]',
    help: 'multicast groups and, with -d, router ports',
  },
  { object: 'vlan', name: 'show', takes: '[ dev DEV ] [ vid VID ]', help: 'VLANs of ports and bridges' },
  { object: 'vlan', name: 'add', takes: VLANS, help: 'add VLANs to a port, or to a bridge (self)' },
  { object: 'vlan', name: 'del', takes: VLANS, help: 'take VLANs from a port, or from a bridge (self)' },
  { object: 'monitor', name: '', takes: '[ link | fdb | vlan | all ]', help: 'what changes, as it does' },
];

export const BRIDGE_OPTIONS: readonly (readonly [usage: string, help: string])[] = [
  ['-h, --help', 'print help'],
  ['-V, --version', 'print the version'],
  ['-d, -details', 'tell the flags of ports'],
  ['-s, -statistics', 'tell the age of stations'],
  ['-j, -json', 'print JSON'],
  ['-p, -pretty', 'print it on many lines'],
  ['-o, -oneline', 'print a line for each port'],
  ['-t, -timestamp', 'tell the time of what changes'],
  ['-compressvlans', 'print VLANs as ranges'],
];

export const OBJECTS = ['link', 'fdb', 'mdb', 'vlan', 'monitor'] as const;
export type BridgeObject = (typeof OBJECTS)[number];

export const USAGE = `Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { ${OBJECTS.join(' | ')} }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -o[neline] | -t[imestamp] | -compressvlans |
                    -color | -p[retty] | -j[son] }
`;

export function usage(object: BridgeObject): BridgeFailure {
  const lines = BRIDGE_COMMANDS.filter((command) => command.object === object).map(({ name, takes }) =>
    ['bridge', object, name, takes].filter((word) => word !== '').join(' '),
  );
  return new BridgeFailure(`Usage: ${lines.join('\n       ')}`);
}
