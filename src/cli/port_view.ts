// What `taploom port show BRIDGE PORT` prints: all that is known of one port, a section each.

import type {
  AggregateMemberStatus,
  AggregateStatus,
  LacpEndStatus,
  MulticastPort,
  PortStatus,
  StpPortStatus,
} from '../api.ts';
import type { PortConfig } from '../config/schema.ts';
import { OFFLOAD } from '../wire/virtio_net.ts';
import { hookText } from './hook_text.ts';
import { fields, settingRows } from './views.ts';

/** @param multicast if its bridge snoops */
export function portText(
  status: PortStatus,
  config: PortConfig | undefined,
  multicast?: MulticastPort,
): string {
  const {
    counters,
    bridge,
    name,
    stp,
    aggregate,
    member,
    offloads,
    disabledBy,
    tunnelled = {},
    hooks = [],
    socket,
    ...state
  } = status;
  const { receiveDropped, transmitDropped, ...counts } = counters;
  const shown = { ...state, ...(offloads !== undefined && { offloads: offloadsText(offloads) }) };
  return [
    fields(`port ${name} of bridge ${bridge}`, [
      ...settingRows(shown),
      ...(member === undefined
        ? []
        : [['member', [member.state, member.reason].filter((text) => text).join(': ')]]),
      ...reasonRows('disabled by', disabledBy ?? {}),
      ...hooks.map((one) => [`hook ${one.hook}`, hookText(one)]),
    ]),
    socket ? fields('socket', socketRows(socket)) : '',
    aggregate ? aggregateSections(aggregate) : '',
    stp ? fields('spanning tree', stpRows(stp)) : '',
    multicast ? fields('multicast', multicastRows(multicast)) : '',
    config ? fields('settings', settingRows(config)) : '',
    fields('counters', [
      ...settingRows(counts),
      ...Object.entries(tunnelled).map(([protocol, { received, transmitted }]) => [
        `tunnelled ${protocol}`,
        `${received} received, ${transmitted} transmitted`,
      ]),
      ...reasonRows('receive dropped', receiveDropped),
      ...reasonRows('transmit dropped', transmitDropped),
    ]),
  ].join('');
}

function socketRows({ peer, ...facts }: NonNullable<PortStatus['socket']>): string[][] {
  const who =
    peer === undefined ? [] : [['peer', `process ${peer.pid}, user ${peer.uid}, group ${peer.gid}`]];
  return [...settingRows(facts), ...who];
}

function aggregateSections({ members, partner, ...facts }: AggregateStatus): string {
  const rows = [...settingRows(facts), ...endRows('partner', partner)];
  return fields('aggregate', rows) + members.map(memberSection).join('');
}

function memberSection({ port, actor, partner, counters, ...facts }: AggregateMemberStatus): string {
  return fields(`member ${port}`, [
    ...settingRows(facts),
    ...endRows('actor', actor),
    ...endRows('partner', partner),
    ...counterRows(counters),
  ]);
}

/** Bits of a state, IEEE 802.1AX-2014 clause 6.4.2.3 m, from the lowest. */
const STATE_WORDS = [
  'active',
  'fast',
  'aggregates',
  'in step',
  'collects',
  'distributes',
  'defaulted',
  'expired',
];

/** `32768,02:00:00:00:00:01 key 4, port 32768,5: active, aggregates, in step` */
function endRows(title: string, end: LacpEndStatus | undefined): string[][] {
  if (end === undefined) return [];
  const { systemPriority, system, key, portPriority, port, state } = end;
  const words = STATE_WORDS.filter((_, bit) => ((state >> bit) & 1) !== 0).join(', ') || 'passive';
  return [[title, `${systemPriority},${system} key ${key}, port ${portPriority},${port}: ${words}`]];
}

function stpRows({ timers, counters, ...facts }: StpPortStatus): string[][] {
  return [...settingRows(facts), ...counterRows(counters)];
}

function multicastRows({ bridge, port, ...counters }: MulticastPort): string[][] {
  return counterRows(counters);
}

function counterRows({ malformed, ...counts }: { malformed: Record<string, number> }): string[][] {
  return [...settingRows(counts), ...reasonRows('malformed', malformed)];
}

function reasonRows(title: string, counts: Record<string, number>): string[][] {
  return Object.entries(counts).map(([reason, count]) => [`${title} ${reason}`, String(count)]);
}

/** `checksum, TSO IPv4`: what the kernel may leave to whoever receives. */
function offloadsText(bits: number): string {
  const names: [bit: number, name: string][] = [
    [OFFLOAD.csum, 'checksum'],
    [OFFLOAD.tso4, 'TSO IPv4'],
    [OFFLOAD.tso6, 'TSO IPv6'],
    [OFFLOAD.ecn, 'TSO with ECN'],
    [OFFLOAD.uso, 'USO'],
  ];
  return names.flatMap(([bit, name]) => ((bits & bit) !== 0 ? [name] : [])).join(', ') || 'none';
}
