// What the commands take: for `help`, for the man page and for completion. Objects and commands may be shortened.

import { type BridgeFailure, senseless } from './failure.ts';

export interface BridgeCommand {
  readonly object: 'link' | 'fdb' | 'mdb' | 'vlan' | 'monitor';
  readonly name: string;
  /** What follows, as in a usage line. */
  readonly takes: string;
  readonly help: string;
  /** A beginning of its name is not enough. */
  readonly isWhole?: true;
}

const ENTRY = 'ADDR dev DEV [ dst IP ] [ vlan VID ] [ self | master ] [ static ] [ sticky ]';
const GROUP = 'dev DEV port PORT grp GROUP [ src SOURCE ] [ vid VID ]';
const NEW_GROUP = `${GROUP} [ filter_mode include|exclude ] [ source_list SOURCES ] [ proto static ] [ permanent | temp ]`;
const VLANS = 'vid VID[-VID] dev DEV [ pvid untagged ] [ self | master ]';
const ON_OFF = [
  'guard',
  'hairpin',
  'fastleave',
  'root_block',
  'learning',
  'flood',
  'mcast_flood',
  'bcast_flood',
  'isolated',
  'locked',
  'mab',
].map((flag) => `[ ${flag} on|off ]`);
const PORT = `dev DEV [ cost COST ] [ priority PRIO ] [ state forwarding ] ${ON_OFF.join(' ')} [ mcast_router 0|1|2 ] [ mcast_max_groups N ] [ master ]`;
const KINDS =
  '[ [no]permanent ] [ [no]static ] [ [no]dynamic ] [ [no]added_by_user ] [ [no]extern_learn ] [ [no]offloaded ]';

// In the order in which iproute2 tries them: `bridge link s` sets.
export const BRIDGE_COMMANDS: readonly BridgeCommand[] = [
  { object: 'link', name: 'set', takes: PORT, help: 'change flags of a port' },
  {
    object: 'link',
    name: 'show',
    takes: '[ dev DEV ] [ master BRDEV ]',
    help: 'ports, their state and, with -d, their flags',
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
  {
    object: 'fdb',
    name: 'get',
    takes: '[ to ] ADDR { br BRDEV | brport DEV | dev DEV } [ vlan VID ] [ master ]',
    help: 'one entry',
  },
  {
    object: 'fdb',
    name: 'show',
    takes: '[ br BRDEV ] [ brport DEV ] [ vlan VID ] [ state STATE ] [ dynamic ]',
    help: 'the forwarding database',
  },
  {
    object: 'fdb',
    name: 'flush',
    takes: `dev DEV [ brport DEV ] [ vlan VID ] [ self | master ] ${KINDS}`,
    help: 'delete entries of a bridge (self) or a port (master)',
    isWhole: true,
  },
  {
    object: 'mdb',
    name: 'add',
    takes: NEW_GROUP,
    help: 'put a port into a multicast group, for as long as a report would or for ever',
  },
  { object: 'mdb', name: 'replace', takes: NEW_GROUP, help: 'the same, if it is in already, too' },
  { object: 'mdb', name: 'del', takes: GROUP, help: 'take it out' },
  {
    object: 'mdb',
    name: 'show',
    takes: '[ dev DEV ] [ vid VID ]',
    help: 'multicast groups and, with -d, router ports',
  },
  {
    object: 'mdb',
    name: 'get',
    takes: 'dev DEV grp GROUP [ src SOURCE ] [ vid VID ]',
    help: 'who is in one group',
  },
  {
    object: 'mdb',
    name: 'flush',
    takes: 'dev DEV [ port PORT ] [ vid VID ] [ proto static|kernel ] [ [no]permanent ]',
    help: 'take out all',
  },
  { object: 'vlan', name: 'add', takes: VLANS, help: 'add VLANs to a port, or to a bridge (self)' },
  { object: 'vlan', name: 'del', takes: VLANS, help: 'take VLANs from a port, or from a bridge (self)' },
  { object: 'vlan', name: 'show', takes: '[ dev DEV ] [ vid VID ]', help: 'VLANs of ports and bridges' },
  {
    object: 'vlan',
    name: 'tunnelshow',
    takes: '[ dev DEV ] [ vid VID ]',
    help: 'nothing: a tunnel has one VNI for all its VLANs',
  },
  {
    object: 'vlan',
    name: 'set',
    takes: 'vid VID[-VID] dev DEV [ state forwarding ] [ mcast_router 0|1|2 ]',
    help: 'what a port has for all its VLANs; anything else is refused',
  },
  {
    object: 'vlan',
    name: 'global',
    takes: 'show [ dev BRDEV ] [ vid VID ] | set dev BRDEV vid VID[-VID] [ mcast_snooping 0|1 ] ...',
    help: 'multicast snooping, which is the same in all VLANs of a bridge',
    isWhole: true,
  },
  {
    object: 'monitor',
    name: '',
    takes: '[ link | fdb | mdb | vlan | all ]',
    help: 'what changes, as it does',
  },
];

export const BRIDGE_OPTIONS: readonly (readonly [usage: string, help: string])[] = [
  ['-h, --help', 'print help'],
  ['-V, --version', 'print the version'],
  ['-d, -details', 'tell the flags of ports, what VLANs and groups have, router ports'],
  ['-s, -statistics', 'tell the age of stations, what is left of the time of groups'],
  ['-j, -json', 'print JSON'],
  ['-p, -pretty', 'print it on many lines'],
  ['-o, -oneline', 'print a line for each port'],
  ['-t, -timestamp', 'tell the time of what changes'],
  ['-compressvlans', 'print VLANs as ranges'],
  ['-b, -batch <file>', 'carry out the commands of a file, one a line; `-` is standard input'],
  ['-force', 'go on with a batch after a failure'],
  ['-n, -netns <name>', 'mean the interfaces of this network namespace'],
  ['-color', 'is accepted, nothing is coloured'],
  ['-4, -6', 'are accepted, addresses say of which family they are'],
  ['-f, -family <inet|inet6>', 'is accepted, too'],
  ['--socket <path>', 'control socket, here or at the end'],
];

export const OBJECTS = ['link', 'fdb', 'mdb', 'vlan', 'monitor'] as const;
export type BridgeObject = (typeof OBJECTS)[number];

export const USAGE = `Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
       bridge [ -force ] -batch filename
where  OBJECT := { ${OBJECTS.join(' | ')} }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -o[neline] | -t[imestamp] | -n[etns] name |
                    -c[ompressvlans] -color -p[retty] -j[son] }`;

const WIDTH = 78;

export function usage(object: BridgeObject): BridgeFailure {
  const lines = BRIDGE_COMMANDS.filter((command) => command.object === object).map(wrapped);
  return senseless(`Usage: ${lines.join('\n       ')}`);
}

/** In lines of a terminal, each part under the first one. */
function wrapped({ object, name, takes }: BridgeCommand): string {
  const head = ['bridge', object, name].filter((word) => word !== '').join(' ');
  const margin = ' '.repeat('Usage: '.length + head.length);
  let line = head;
  const lines: string[] = [];
  // before each bracket, and between what excludes each other
  for (const part of takes.split(/ (?=[[{|] )(?!\| \S+ \])/)) {
    if (line.length + part.length >= WIDTH && line.trim() !== '') {
      lines.push(line);
      line = margin;
    }
    line += ` ${part}`;
  }
  return [...lines, line].join('\n');
}
