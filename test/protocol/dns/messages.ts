// Questions and answers as bytes, and what clients read in them.

import { type Answer, type DecodedPacket, decode, encode, type Packet, type Question } from 'dns-packet';
import { parseAddress, parseSubnet, type Subnet } from '../../../src/config/subnet.ts';
import type { Names } from '../../../src/protocol/dns/names.ts';
import { type DnsQuery, parseQuery } from '../../../src/protocol/dns/query.ts';
import { FLAG } from '../../../src/wire/dns.ts';

export const ID = 0x1234;

export interface Asking {
  type?: string;
  class?: string;
  flags?: number;
  /** Undefined: without EDNS. */
  edns?: { size?: number; dnssec?: boolean; version?: number };
}

export function opt({ size = 1232, dnssec = false, version = 0 }: Required<Asking>['edns']): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: size,
    extendedRcode: 0,
    ednsVersion: version,
    flags: dnssec ? 0x8000 : 0,
    flag_do: dnssec,
    options: [],
  };
}

export function question(name: string, asking: Asking = {}): Buffer {
  const { type = 'A', class: net = 'IN', flags = FLAG.recursionDesired, edns } = asking;
  const asked = { name, type, class: net } as Question;
  return encode({ type: 'query', id: ID, flags, questions: [asked], additionals: edns ? [opt(edns)] : [] });
}

export function query(name: string, asking: Asking = {}): DnsQuery {
  const parsed = parseQuery(question(name, asking));
  if ('malformed' in parsed) throw new Error(parsed.malformed);
  return parsed;
}

/** What a resolver says to `sent`. */
export function reply(sent: Buffer, more: Packet, flags = 0): Buffer {
  const { id, questions } = decode(sent);
  return encode({ type: 'response', id, questions, ...more, flags: FLAG.recursionAvailable | flags });
}

export function a(name: string, data: string, ttl = 300): Answer {
  return { type: 'A', name, ttl, class: 'IN', data };
}

export function soa(name: string, ttl: number, minimum: number): Answer {
  return { type: 'SOA', name, ttl, class: 'IN', data: { mname: 'ns.example', rname: 'x.example', minimum } };
}

export interface Read extends DecodedPacket {
  /** Four bits of the header. */
  code: number;
}

export function read(bytes: Buffer): Read {
  return { ...decode(bytes), code: bytes[3] & 0xf };
}

export function subnet(text: string): Subnet {
  return parseSubnet(text) as Subnet;
}

/** The first of a name, or of an address, has it. */
export function namesOf(list: readonly (readonly [string, string])[]): Names {
  const guests = list.map(([name, text]) => ({ name, address: parseAddress(text) as number }));
  return {
    size: guests.length,
    addressOf: (name) => guests.find((guest) => guest.name === name)?.address,
    nameOf: (address) => guests.find((guest) => guest.address === address)?.name,
  };
}
