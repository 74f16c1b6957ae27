// A resolver's answer, as far as a forwarder looks at it: whether it is one, how long it holds, and what each client gets.

import { encode } from 'dns-packet';
import * as dns from '../../wire/dns.ts';
import { ourEdns } from './answer.ts';
import { type DnsQuery, lowerCase } from './query.ts';

/** s: a day, and for what is not there three hours, the most that RFC 2308 section 5 finds sensible. */
const MAX_TTL = 86_400;
const MAX_NEGATIVE_TTL = 10_800;

export interface UpstreamAnswer {
  /** Without EDNS, which is between neighbours only. */
  readonly bytes: Buffer;
  readonly rcode: number;
  readonly isTruncated: boolean;
  /** Where the TTLs of its records are. */
  readonly ttls: readonly number[];
  /** s that it may be kept; 0: not at all. */
  readonly ttl: number;
}

/** What a resolver is asked: the client's question, with our own EDNS, and whether its answer is authentic. */
export function buildUpstreamQuery(query: DnsQuery, id: number): Buffer {
  return encode({
    type: 'query',
    id,
    flags: (query.flags & dns.ECHOED) | dns.FLAG.authentic,
    questions: [query.asked],
    additionals: [ourEdns(query)],
  });
}

/** Undefined: no answer to `sent`, whoever it is from. */
export function readUpstreamAnswer(
  sent: Buffer,
  bytes: Buffer,
  question: Buffer,
): UpstreamAnswer | undefined {
  if (bytes.length < dns.HEADER_LEN + question.length) return undefined;
  const view = dns.viewOf(bytes);
  const isAnswer = (dns.flags(view) & dns.FLAG.response) !== 0 && dns.opcode(view) === 0;
  if (!isAnswer || dns.id(view) !== sent.readUInt16BE(0) || dns.questions(view) !== 1) return undefined;
  const end = dns.HEADER_LEN + question.length;
  if (!isSame(bytes.subarray(dns.HEADER_LEN, end), question)) return undefined;
  const isTruncated = (dns.flags(view) & dns.FLAG.truncated) !== 0;
  const rcode = dns.rcode(view);
  const records = dns.readRecords(bytes, end);
  if (records !== undefined)
    return { ...withoutEdns(bytes, end, records), rcode, isTruncated, ttl: ttlOf(view, records, rcode) };
  // Cut anywhere, as some do: it says that all comes by TCP.
  return isTruncated ? { ...withoutEdns(bytes, end, []), rcode, isTruncated, ttl: 0 } : undefined;
}

/** For one client, so many seconds after it came. */
export function tailor({ bytes, ttls }: UpstreamAnswer, query: DnsQuery, age: number): Buffer {
  const edns = query.hasEdns ? EDNS[Number(query.dnssec)] : Buffer.alloc(0);
  const told = Buffer.concat([bytes, edns]);
  const view = dns.viewOf(told);
  // RFC 6840 section 5.8: whether it is authentic is told to who wants to know.
  const wantsAuthentic = query.dnssec || (query.flags & dns.FLAG.authentic) !== 0;
  const kept = dns.flags(view) & (0xf | (wantsAuthentic ? dns.FLAG.authentic : 0));
  view.setUint16(0, query.id);
  view.setUint16(2, dns.FLAG.response | dns.FLAG.recursionAvailable | (query.flags & dns.ECHOED) | kept);
  query.question.copy(told, dns.HEADER_LEN);
  for (const at of ttls) view.setUint32(at, Math.max(0, view.getUint32(at) - age));
  if (query.hasEdns) view.setUint16(10, dns.additionals(view) + 1);
  return told;
}

const EDNS = [false, true].map((dnssec) =>
  encode({ additionals: [ourEdns({ dnssec })] }).subarray(dns.HEADER_LEN),
);

/** Records behind it are left out with it: names in them may lead to where they are. What is no record is left out, too. */
function withoutEdns(
  bytes: Buffer,
  questionEnd: number,
  records: readonly dns.DnsRecord[],
): Pick<UpstreamAnswer, 'bytes' | 'ttls'> {
  const first = records.findIndex(({ type }) => type === dns.TYPE.opt);
  const rest = first < 0 ? records : records.slice(0, first);
  const end = first < 0 ? (records.at(-1)?.end ?? questionEnd) : records[first].start;
  const kept = Buffer.from(bytes.subarray(0, end));
  const counts = (['answer', 'authority', 'additional'] as const).map(
    (section) => rest.filter((record) => record.section === section).length,
  );
  counts.forEach((count, n) => {
    kept.writeUInt16BE(count, 6 + 2 * n);
  });
  return { bytes: kept, ttls: rest.map(({ ttlAt }) => ttlAt) };
}

/** RFC 2308: what is not there holds as long as the zone says, and without a word of it not at all. */
function ttlOf(view: DataView, records: readonly dns.DnsRecord[], rcode: number): number {
  const isName = rcode === dns.RCODE.noError || rcode === dns.RCODE.nxDomain;
  if (!isName || dns.flags(view) & dns.FLAG.truncated) return 0;
  const soa = records.find(({ section, type }) => section === 'authority' && type === dns.TYPE.soa);
  const isNegative = rcode === dns.RCODE.nxDomain || dns.answers(view) === 0;
  if (isNegative && soa === undefined) return 0;
  const ttls = records.filter(({ type }) => type !== dns.TYPE.opt).map(({ ttl }) => ttl);
  // The minimum is the last word of an SOA.
  if (soa !== undefined) ttls.push(view.getUint32(soa.end - 4));
  return Math.min(isNegative ? MAX_NEGATIVE_TTL : MAX_TTL, ...ttls);
}

/** The same question, however its letters are written. */
function isSame(one: Buffer, other: Buffer): boolean {
  const name = other.length - 4;
  if (!one.subarray(name).equals(other.subarray(name))) return false;
  return lowerCase(one.toString('latin1', 0, name)) === lowerCase(other.toString('latin1', 0, name));
}
