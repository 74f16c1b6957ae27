// IGMP: version 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376).
//
//   | type | max resp code | checksum | group |                                   8 bytes: versions 1 and 2
//   ... | resv S QRV | QQIC | number of sources | sources ...                      a query of version 3
//   | 0x22 | 0 | checksum | 0 | number of records | record ...                     a report of version 3
//   record: | type | aux words | number of sources | group | sources ... | aux |

import { add, finish } from './checksum.ts';
import {
  addressAt,
  addressesAt,
  fromCode8,
  type GroupRecord,
  type Malformed,
  type Membership,
  type MembershipQuery,
  type RecordType,
  toCode8,
} from './membership.ts';

export const HEADER_LEN = 8;
export const QUERY = 0x11;
const REPORT_V1 = 0x12;
const REPORT_V2 = 0x16;
const LEAVE = 0x17;
const REPORT_V3 = 0x22;
const QUERY_V3_LEN = 12;
const ADDRESS = 4;
const RECORD_LEN = 8;
/** RFC 2236 section 4: a router of version 1 says 0 and means 10 seconds. */
const V1_RESPONSE = 10_000;

/** By code, from 1 on: RFC 3376 section 4.2.12 and RFC 3810 section 5.2.12. */
export const RECORD_TYPES: readonly (RecordType | undefined)[] = [
  undefined,
  'is_in',
  'is_ex',
  'to_in',
  'to_ex',
  'allow',
  'block',
];

/** Types that snooping looks at; others are frames like any other. */
export function isReport(type: number): boolean {
  return type === REPORT_V1 || type === REPORT_V2 || type === LEAVE || type === REPORT_V3;
}

/** The message in [at, end). */
export function parseIgmp(view: DataView, at: number, end: number): Membership | Malformed {
  if (end - at < HEADER_LEN) return 'too_short';
  if (finish(add(view, at, end)) !== 0) return 'checksum';
  switch (view.getUint8(at)) {
    case QUERY:
      return parseQuery(view, at, end);
    case REPORT_V1:
      return oneRecord(view, at, 1, 'is_ex');
    case REPORT_V2:
      return oneRecord(view, at, 2, 'is_ex');
    case LEAVE:
      return oneRecord(view, at, 2, 'to_in');
    case REPORT_V3: {
      const records = parseRecords(view, at + 8, end, view.getUint16(at + 6), ADDRESS);
      return typeof records === 'string' ? records : { kind: 'report', version: 3, records };
    }
    default:
      return 'type';
  }
}

function oneRecord(view: DataView, at: number, version: 1 | 2, type: RecordType): Membership | Malformed {
  if (!isGroup(view, at + 4, ADDRESS)) return 'group';
  const record = { type, group: addressAt(view, at + 4, ADDRESS), sources: [] };
  return { kind: 'report', version, records: [record] };
}

function parseQuery(view: DataView, at: number, end: number): MembershipQuery | Malformed {
  const isGeneral = view.getInt32(at + 4) === 0;
  if (!isGeneral && !isGroup(view, at + 4, ADDRESS)) return 'group';
  const group = isGeneral ? undefined : addressAt(view, at + 4, ADDRESS);
  const code = view.getUint8(at + 1);
  const old = { kind: 'query', group, sources: [], suppress: false, robustness: 0, interval: 0 } as const;
  if (end - at === HEADER_LEN) {
    if (code === 0) return { ...old, version: 1, sources: [], maxResponse: V1_RESPONSE };
    return { ...old, version: 2, sources: [], maxResponse: code * 100 };
  }
  if (end - at < QUERY_V3_LEN) return 'too_short';
  const tail = parseTail(view, at + 8, end, ADDRESS);
  if (tail === 'records') return tail;
  return { kind: 'query', version: 3, group, maxResponse: fromCode8(code) * 100, ...tail };
}

/** What queries of version 3 and MLDv2 have at their end, from the flags on. */
export function parseTail(
  view: DataView,
  at: number,
  end: number,
  length: number,
): Pick<MembershipQuery, 'suppress' | 'robustness' | 'interval' | 'sources'> | 'records' {
  const count = view.getUint16(at + 2);
  if (at + 4 + count * length > end) return 'records';
  const flags = view.getUint8(at);
  return {
    suppress: (flags & 8) !== 0,
    robustness: flags & 7,
    interval: fromCode8(view.getUint8(at + 1)),
    sources: addressesAt(view, at + 4, count, length),
  };
}

/** Records of a report of version 3 or MLDv2. Types that nobody knows are left out (RFC 3376 section 4.2.12). */
export function parseRecords(
  view: DataView,
  at: number,
  end: number,
  count: number,
  length: number,
): GroupRecord[] | Malformed {
  const records: GroupRecord[] = [];
  const fixed = RECORD_LEN - ADDRESS + length;
  for (let n = 0; n < count; n++) {
    if (at + fixed > end) return 'records';
    const sources = view.getUint16(at + 2);
    const next = at + fixed + sources * length + view.getUint8(at + 1) * 4;
    if (next > end) return 'records';
    const type = RECORD_TYPES[view.getUint8(at)];
    if (!isGroup(view, at + 4, length)) return 'group';
    if (type !== undefined) {
      const group = addressAt(view, at + 4, length);
      records.push({ type, group, sources: addressesAt(view, at + fixed, sources, length) });
    }
    at = next;
  }
  return records;
}

/** Whether the address of `length` bytes at `at` is a multicast group. */
export function isGroup(view: DataView, at: number, length: number): boolean {
  const first = view.getUint8(at);
  return length === 4 ? first >> 4 === 0xe : first === 0xff;
}

/** Writes a query to `at`; returns where it ends. Versions below 3 say no more than the group. */
export function writeIgmpQuery(
  view: DataView,
  at: number,
  query: MembershipQuery,
  group: Uint8Array,
  sources: readonly Uint8Array[],
): number {
  const tenths = Math.round(query.maxResponse / 100);
  view.setUint8(at, QUERY);
  view.setUint8(at + 1, query.version < 3 ? Math.min(255, tenths) : toCode8(tenths));
  view.setUint16(at + 2, 0);
  putBytes(view, at + 4, group);
  const end = query.version < 3 ? at + HEADER_LEN : writeTail(view, at + 8, query, sources);
  view.setUint16(at + 2, finish(add(view, at, end)));
  return end;
}

/** See `parseTail`. */
export function writeTail(
  view: DataView,
  at: number,
  { suppress, robustness, interval }: MembershipQuery,
  sources: readonly Uint8Array[],
): number {
  // A robustness beyond 7 is said as 0, section 4.1.6.
  view.setUint8(at, (suppress ? 8 : 0) | (robustness > 7 ? 0 : robustness));
  view.setUint8(at + 1, toCode8(Math.round(interval)));
  view.setUint16(at + 2, sources.length);
  let end = at + 4;
  for (const source of sources) end = putBytes(view, end, source);
  return end;
}

export function putBytes(view: DataView, at: number, bytes: Uint8Array): number {
  for (let n = 0; n < bytes.length; n++) view.setUint8(at + n, bytes[n]);
  return at + bytes.length;
}
