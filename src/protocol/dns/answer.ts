// What clients are told: answers of our own, errors, and answers cut to what a client takes.

import { type Answer, DNSSEC_OK, encode, type OptAnswer } from 'dns-packet';
import { ECHOED, FLAG, HEADER_LEN, OPCODE_BITS, viewOf } from '../../wire/dns.ts';
import { type DnsQuery, EDNS_SIZE } from './query.ts';

/** Beyond the four bits of the header: RFC 6891 section 9. */
const BADVERS_HIGH_BITS = 1;

export interface OwnAnswer {
  readonly rcode: number;
  readonly isAuthoritative?: boolean;
  readonly answers?: Answer[];
  readonly authorities?: Answer[];
}

export function buildAnswer(query: DnsQuery, own: OwnAnswer): Buffer {
  const { rcode, isAuthoritative = false, answers = [], authorities = [] } = own;
  return encode({
    type: 'response',
    id: query.id,
    flags:
      (query.flags & ECHOED) | FLAG.recursionAvailable | (isAuthoritative ? FLAG.authoritative : 0) | rcode,
    questions: [query.asked],
    answers,
    authorities,
    additionals: query.hasEdns ? [ourEdns(query)] : [],
  });
}

/** It speaks a version of EDNS that nobody does yet. */
export function buildBadVersion(query: DnsQuery): Buffer {
  return encode({
    type: 'response',
    id: query.id,
    flags: query.flags & ECHOED,
    questions: [query.asked],
    additionals: [{ ...ourEdns(query), extendedRcode: BADVERS_HIGH_BITS }],
  });
}

/** For a message of which only the header can be believed. */
export function errorHeader(bytes: Buffer, rcode: number): Buffer {
  const answer = Buffer.alloc(HEADER_LEN);
  answer.writeUInt16BE(bytes.readUInt16BE(0), 0);
  answer.writeUInt16BE(
    FLAG.response | (bytes.readUInt16BE(2) & (OPCODE_BITS | FLAG.recursionDesired)) | rcode,
    2,
  );
  return answer;
}

/** The answer, or if it is longer than `limit`, that there is one by TCP. */
export function cutTo(answer: Buffer, query: DnsQuery, limit: number): Buffer {
  if (answer.length <= limit) return answer;
  const cut = buildAnswer(query, { rcode: answer[3] & 0xf });
  const view = viewOf(cut);
  const kept = answer.readUInt16BE(2) & FLAG.authoritative;
  view.setUint16(2, view.getUint16(2) | FLAG.truncated | kept);
  return cut;
}

export function ourEdns({ dnssec }: Pick<DnsQuery, 'dnssec'>): OptAnswer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: EDNS_SIZE,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: dnssec ? DNSSEC_OK : 0,
    flag_do: dnssec,
    options: [],
  };
}
