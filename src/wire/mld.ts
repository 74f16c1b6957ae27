// MLD: version 1 (RFC 2710) and 2 (RFC 3810), messages of ICMPv6. By IGMP's count these are versions 2 and 3.
//
//   | type | code | checksum | max resp code | 0 | group, 16 bytes |               24 bytes: version 1
//   ... | resv S QRV | QQIC | number of sources | sources ...                      a query of version 2
//   | 143 | 0 | checksum | 0 | number of records | record ...                      a report of version 2, see igmp.ts

import { add, finish, pseudo6 } from './checksum.ts';
import { NEXT_HEADER_ICMPV6 } from './icmpv6.ts';
import { isGroup, parseRecords, parseTail, putBytes, writeTail } from './igmp.ts';
import * as ipv6 from './ipv6.ts';
import {
  addressAt,
  fromCode16,
  type Malformed,
  type Membership,
  type MembershipQuery,
  type RecordType,
  toCode16,
} from './membership.ts';

export const HEADER_LEN = 24;
export const QUERY = 130;
const REPORT_V1 = 131;
const DONE = 132;
const REPORT_V2 = 143;
const QUERY_V2_LEN = 28;
const REPORT_V2_LEN = 8;
const ADDRESS = 16;
const HOP_LIMIT_AT = 7;

export function isReport(type: number): boolean {
  return type === REPORT_V1 || type === DONE || type === REPORT_V2;
}

/** The message in [at, end) of the packet that begins at `ip`. */
export function parseMld(view: DataView, ip: number, at: number, end: number): Membership | Malformed {
  // RFC 3810 section 6.2 and 7.1: whatever a router had forwarded does not count.
  if (view.getUint8(ip + HOP_LIMIT_AT) !== 1) return 'hop_limit';
  if (end - at < REPORT_V2_LEN) return 'too_short';
  if (finish(add(view, at, end, pseudo6(view, ip, NEXT_HEADER_ICMPV6, end - at))) !== 0) return 'checksum';
  const type = view.getUint8(at);
  // A host without an address yet reports from :: (RFC 3590).
  if (!isLinkLocal(view, ip + ipv6.SRC) && (type === QUERY || !isUnspecified(view, ip + ipv6.SRC)))
    return 'source';
  if (type === REPORT_V2) {
    const records = parseRecords(view, at + 8, end, view.getUint16(at + 6), ADDRESS);
    return typeof records === 'string' ? records : { kind: 'report', version: 3, records };
  }
  if (end - at < HEADER_LEN) return 'too_short';
  if (type === QUERY) return parseQuery(view, at, end);
  if (type === REPORT_V1) return oneRecord(view, at, 'is_ex');
  return type === DONE ? oneRecord(view, at, 'to_in') : 'type';
}

function oneRecord(view: DataView, at: number, type: RecordType): Membership | Malformed {
  if (!isGroup(view, at + 8, ADDRESS)) return 'group';
  const record = { type, group: addressAt(view, at + 8, ADDRESS), sources: [] };
  return { kind: 'report', version: 2, records: [record] };
}

function parseQuery(view: DataView, at: number, end: number): MembershipQuery | Malformed {
  const isGeneral = isUnspecified(view, at + 8);
  if (!isGeneral && !isGroup(view, at + 8, ADDRESS)) return 'group';
  const group = isGeneral ? undefined : addressAt(view, at + 8, ADDRESS);
  const code = view.getUint16(at + 4);
  if (end - at === HEADER_LEN) {
    const none = { sources: [], suppress: false, robustness: 0, interval: 0 };
    return { kind: 'query', version: 2, group, maxResponse: code, ...none };
  }
  if (end - at < QUERY_V2_LEN) return 'too_short';
  const tail = parseTail(view, at + 24, end, ADDRESS);
  if (tail === 'records') return tail;
  return { kind: 'query', version: 3, group, maxResponse: fromCode16(code), ...tail };
}

/** fe80::/10 */
function isLinkLocal(view: DataView, at: number): boolean {
  return (view.getUint16(at) & 0xffc0) === 0xfe80;
}

function isUnspecified(view: DataView, at: number): boolean {
  return (view.getInt32(at) | view.getInt32(at + 4) | view.getInt32(at + 8) | view.getInt32(at + 12)) === 0;
}

/** Writes a query of the packet at `ip`, whose addresses are there, to `at`; returns where it ends. */
export function writeMldQuery(
  view: DataView,
  ip: number,
  at: number,
  query: MembershipQuery,
  group: Uint8Array,
  sources: readonly Uint8Array[],
): number {
  const response = Math.round(query.maxResponse);
  view.setUint8(at, QUERY);
  view.setUint8(at + 1, 0);
  view.setUint16(at + 2, 0);
  view.setUint16(at + 4, query.version < 3 ? Math.min(0xffff, response) : toCode16(response));
  view.setUint16(at + 6, 0);
  putBytes(view, at + 8, group);
  const end = query.version < 3 ? at + HEADER_LEN : writeTail(view, at + 24, query, sources);
  view.setUint16(at + 2, finish(add(view, at, end, pseudo6(view, ip, NEXT_HEADER_ICMPV6, end - at))));
  return end;
}
