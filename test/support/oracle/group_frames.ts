// Frames for a bridge that snoops: a router behind the first port asks, one host behind each other port joins and leaves, and
// everybody sends to groups.

import type { VlanConfig } from '../../../src/config/schema.ts';
import { parseIp } from '../../../src/wire/ip_address.ts';
import { queryFrame } from '../../../src/wire/membership_frame.ts';
import type { Random } from '../engine/random.ts';
import * as membership from '../membership_frames.ts';
import { station, tag } from './frames.ts';

const GROUPS = ['239.1.1.1', '239.1.1.2', '232.1.1.3', 'ff05::101', 'ff05::102', 'ff3e::103'];
const MDNS = 'ff02::fb';
/** Everybody gets what is sent to these. */
const NEIGHBOURS = ['224.0.0.251', MDNS, 'ff02::1'];
const SOURCES: Record<number, readonly string[]> = {
  4: ['198.51.100.1', '198.51.100.2'],
  6: ['2001:db8::1', '2001:db8::2'],
};
const MIN_LENGTH = 60;
const MACS_LEN = 12;
const IGMP = 2;
const UDP = 17;
const REPORT_V1 = 0x12;
/** Of IPv6 in an untagged frame. */
const LENGTH_AT = 18;
const NEXT_HEADER_AT = 20;
const OPTIONS_AT = 54;
const OPTIONS_LEN = 8;

let serial = 0;

const familyOf = (group: string) => (group.includes('.') ? 4 : 6);

/** A router's general query. */
export function query(family: 4 | 6, isNobody = false): Buffer {
  const from = { 4: isNobody ? '0.0.0.0' : '192.0.2.254', 6: isNobody ? '::' : 'fe80::fe' }[family];
  const said = { kind: 'query', version: 3, maxResponse: 10_000, suppress: false } as const;
  return padded(queryFrame(station(99), from, { ...said, sources: [], robustness: 2, interval: 125 }));
}

export interface Hosts {
  /** Of docs/differences.md, those that are known: what they tell of does not happen. */
  rows: ReadonlySet<number>;
  /** They do. */
  leave: boolean;
  floodsUnknown: boolean;
}

export function any(random: Random, host: number, isRouter: boolean, hosts: Hosts): Buffer {
  const { rows, leave, floodsUnknown } = hosts;
  const neighbours = rows.has(18) && !floodsUnknown ? NEIGHBOURS.filter((one) => one !== MDNS) : NEIGHBOURS;
  if ((isRouter && rows.has(17)) || random.chance(0.6)) return data(random, neighbours);
  if (!rows.has(19) && random.chance(0.1)) return query(4, true);
  const groups = rows.has(18) ? GROUPS : [...GROUPS, MDNS];
  const group = random.pick(groups);
  if (familyOf(group) === 6 && random.chance(0.1)) return padded(withoutAlert(membership.join(group, host)));
  const sources = rows.has(15) ? [] : random.some(SOURCES[familyOf(group)], 0.5);
  const record = (type: string): [string, string, ...string[]] => [type, group, ...sources];
  const version1 = () =>
    membership.packet(
      group,
      IGMP,
      [REPORT_V1, 0, 0, 0, ...(parseIp(group) as Uint8Array)],
      `192.0.2.${host}`,
      host,
    );
  // A host speaks one version: what is said in two by one is a rare thing, and there RFC 3376, 7.3.2, decides.
  const version = 1 + (host % 3);
  if (version === 1 && familyOf(group) === 4) return padded(version1());
  if (version < 3)
    return padded(
      !leave || random.chance(0.5) ? membership.join(group, host) : membership.leave(group, host),
    );
  const all = groups.filter((one) => familyOf(one) === familyOf(group));
  const named = ['allow', 'block', 'to_in', 'is_ex', 'to_ex'];
  return padded(
    random.pick([
      () => membership.report([record(random.pick(sources.length > 0 ? named : ['is_ex', 'to_ex']))], host),
      ...(leave ? [() => membership.report([['to_in', group]], host)] : []),
      () =>
        membership.report(
          all.map((one) => ['to_ex', one]),
          host,
        ),
    ])(),
  );
}

/** MLD that no router looks at: the first header says nothing of it. */
function withoutAlert(frame: Uint8Array): Buffer {
  const bare = Buffer.concat([frame.subarray(0, OPTIONS_AT), frame.subarray(OPTIONS_AT + OPTIONS_LEN)]);
  bare.writeUInt16BE(bare.length - OPTIONS_AT, LENGTH_AT);
  bare.writeUInt8(frame[OPTIONS_AT], NEXT_HEADER_AT);
  return bare;
}

function data(random: Random, neighbours: readonly string[]): Buffer {
  const group = random.pick([...GROUPS, ...GROUPS, ...neighbours, '239.9.9.9', 'ff05::999']);
  const number = Buffer.alloc(4);
  number.writeUInt32BE(++serial);
  const payload = [0, 9, 0, 9, 0, 28, 0, 0, ...number, ...Buffer.alloc(16)];
  const from = random.pick(SOURCES[familyOf(group)]);
  return padded(membership.packet(group, UDP, payload, from, random.between(1, 6)));
}

/** As it comes in at a port with these VLANs; `vlan` is undefined at a bridge without. */
export function inVlan(frame: Buffer, vid: number, vlan: VlanConfig | undefined): Buffer {
  if (vlan === undefined || vid === ('access' in vlan ? vlan.access : vlan.native)) return frame;
  return Buffer.concat([frame.subarray(0, MACS_LEN), tag(0x8100, vid), frame.subarray(MACS_LEN)]);
}

function padded(frame: Uint8Array): Buffer {
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, MIN_LENGTH - frame.length))]);
}
