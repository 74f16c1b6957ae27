// A client's question: what is asked, and what of its message an answer has to repeat.

import { type Answer, decode, encode, type OptAnswer, type Question } from 'dns-packet';
import * as dns from '../../wire/dns.ts';

/** Of UDP without EDNS: RFC 1035 section 2.3.4. */
const CLASSIC_SIZE = 512;
/** What passes everywhere without fragments, DNS flag day 2020; ours is the same both ways. */
export const EDNS_SIZE = 1232;
/** A question of one name, its EDNS, and perhaps a signature. */
const MAX_ADDITIONALS = 2;

export interface DnsQuery {
  readonly id: number;
  readonly flags: number;
  /** As the client writes it, which an answer repeats. */
  readonly asked: Question;
  /** Name, type and class as they are on the wire. */
  readonly question: Buffer;
  /** In lower case, without the last dot; the root is `.`. */
  readonly name: string;
  readonly type: number;
  readonly isInternet: boolean;
  readonly hasEdns: boolean;
  readonly ednsVersion: number;
  /** Whether signatures are wanted: RFC 3225. */
  readonly dnssec: boolean;
  /** The longest answer that its client takes by UDP. */
  readonly size: number;
}

export type Malformed = 'short' | 'response' | 'opcode' | 'counts' | 'format' | 'name';
/** `rcode`: what its sender is told; undefined: nothing. */
export interface NotAQuery {
  readonly malformed: Malformed;
  readonly rcode?: number;
}

export function parseQuery(bytes: Buffer): DnsQuery | NotAQuery {
  if (bytes.length < dns.HEADER_LEN) return { malformed: 'short' };
  const view = dns.viewOf(bytes);
  // Two servers that answer each other's answers never end.
  if (dns.flags(view) & dns.FLAG.response) return { malformed: 'response' };
  if (dns.opcode(view) !== 0) return { malformed: 'opcode', rcode: dns.RCODE.notImp };
  // Checked before they are believed: who reads the message makes room for as many.
  const isOne = dns.questions(view) === 1 && dns.answers(view) === 0 && dns.authorities(view) === 0;
  if (!isOne || dns.additionals(view) > MAX_ADDITIONALS)
    return { malformed: 'counts', rcode: dns.RCODE.formErr };
  try {
    return readQuery(bytes, view) ?? { malformed: 'name', rcode: dns.RCODE.refused };
  } catch {
    return { malformed: 'format', rcode: dns.RCODE.formErr };
  }
}

/** Undefined: its name does not survive being written as text, as one with a dot in a label. Throws what `decode` does. */
function readQuery(bytes: Buffer, view: DataView): DnsQuery | undefined {
  const { questions = [], additionals = [] } = decode(bytes);
  const [asked] = questions;
  const question = encode({ questions: [asked] }).subarray(dns.HEADER_LEN);
  if (!question.equals(bytes.subarray(dns.HEADER_LEN, dns.HEADER_LEN + question.length))) return undefined;
  const extensions = additionals.filter(isOpt);
  if (extensions.length > 1) throw new Error('RFC 6891 section 6.1.1: one OPT');
  const [opt] = extensions;
  return {
    id: dns.id(view),
    flags: dns.flags(view),
    asked,
    question,
    name: lowerCase(asked.name),
    type: question.readUInt16BE(question.length - 4),
    isInternet: asked.class === 'IN',
    hasEdns: opt !== undefined,
    ednsVersion: opt?.ednsVersion ?? 0,
    dnssec: opt?.flag_do ?? false,
    size: Math.min(EDNS_SIZE, Math.max(CLASSIC_SIZE, opt?.udpPayloadSize ?? 0)),
  };
}

function isOpt(answer: Answer): answer is OptAnswer {
  return answer.type === 'OPT';
}

/** Of ASCII only: RFC 4343. */
export function lowerCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
