// Expressions of nf_tables rules (linux/netfilter/nf_tables.h), in the words of nft(8): a rule is a list of them, each
// loads a register, compares one, or acts. One that does not match ends its rule.
//
//   ip saddr 10.0.0.0/8 accept  =  meta nfproto -> cmp | payload -> bitwise -> cmp | immediate
//
// For tables of family inet, whose rules see both IPv4 and IPv6.

import { type IpBytes, ipFamily } from './ip_address.ts';
import { type IpPrefix, prefixMask } from './ip_prefix.ts';
import { attribute, nestedAttribute, numberAttribute, textAttribute } from './netlink.ts';

/** One element of the list. */
export type Expression = Buffer;
/** What nft writes as one match, or statement. */
export type Statement = readonly Expression[];

export const IPPROTO = { tcp: 6, udp: 17 } as const;
export type Transport = keyof typeof IPPROTO;

/** linux/netfilter.h */
export const NFPROTO = { 4: 2, 6: 10 } as const;

const NFTA_LIST_ELEM = 1;
const NFTA_EXPR = { name: 1, data: 2 } as const;
const NFTA_DATA = { value: 1, verdict: 2 } as const;
const NFTA_VERDICT_CODE = 1;
const NFTA_META = { register: 1, key: 2 } as const;
const META = { iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
const NFTA_CMP = { register: 1, operation: 2, data: 3 } as const;
const CMP = { eq: 0, neq: 1 } as const;
const NFTA_PAYLOAD = { register: 1, base: 2, offset: 3, length: 4 } as const;
const BASE = { network: 1, transport: 2 } as const;
const NFTA_BITWISE = { from: 1, to: 2, length: 3, mask: 4, xor: 5 } as const;
const NFTA_CT = { register: 1, key: 2 } as const;
const CT = { state: 0, status: 2 } as const;
const NFTA_COUNTER = { bytes: 1, packets: 2 } as const;
const NFTA_IMMEDIATE = { register: 1, data: 2 } as const;
const NFTA_NAT = { type: 1, family: 2, address: 3, port: 5 } as const;
const NAT = { snat: 0, dnat: 1 } as const;
const NFTA_FIB = { register: 1, result: 2, flags: 3 } as const;
const FIB_RESULT_ADDRTYPE = 3;
const FIB_F_DADDR = 2;

/** Registers of 16 bytes, and the one for verdicts. */
const VERDICT = 0;
const REG_1 = 1;
const REG_2 = 2;

/** linux/netfilter.h */
const NF_DROP = 0;
const NF_ACCEPT = 1;

/** linux/if.h: names are compared with the zeros behind them. */
const IFNAMSIZ = 16;
/** In the IP header. */
const ADDRESS_AT = { saddr: { 4: 12, 16: 8 }, daddr: { 4: 16, 16: 24 } } as const;
const PORT_AT = 2;
const RTN_LOCAL = 2;
/** linux/netfilter/nf_conntrack_common.h; words of the machine, as the kernel compares them. */
const STATE = { invalid: 1 << 0, established: 1 << 1, related: 1 << 2 } as const;
const IPS_DST_NAT = 1 << 5;

/** `iifname "eth0"` */
export function interfaceIs(key: 'iifname' | 'oifname', name: string): Statement {
  const bytes = Buffer.alloc(IFNAMSIZ);
  bytes.write(name);
  return [meta(key), compare('eq', bytes)];
}

/** `ip saddr 10.0.0.0/8`, `ip6 daddr != fd00::/64` */
export function addressIn(key: 'saddr' | 'daddr', { address, bits }: IpPrefix, isNot = false): Statement {
  const length = address.length as 4 | 16;
  const load = payload('network', ADDRESS_AT[key][length], length);
  const mask = bits < length * 8 ? [and(prefixMask(length, bits))] : [];
  return [...familyIs(ipFamily(address)), load, ...mask, compare(isNot ? 'neq' : 'eq', address)];
}

/** `meta nfproto ipv4` */
export function familyIs(family: 4 | 6): Statement {
  return [meta('nfproto'), compare('eq', Uint8Array.of(NFPROTO[family]))];
}

/** `tcp dport 80` */
export function portIs(protocol: Transport, port: number): Statement {
  const isProtocol = compare('eq', Uint8Array.of(IPPROTO[protocol]));
  return [meta('l4proto'), isProtocol, payload('transport', PORT_AT, 2), compare('eq', bigEndian16(port))];
}

/** `ct state established,related` */
export function isAnswer(): Statement {
  return ctHas('state', STATE.established | STATE.related);
}

/** `ct state invalid`: of no connection, so that it would leave untranslated */
export function isInvalid(): Statement {
  return ctHas('state', STATE.invalid);
}

/** `ct status dnat` */
export function isDestinationTranslated(): Statement {
  return ctHas('status', IPS_DST_NAT);
}

/** `fib daddr type local`: to an address of this host */
export function isToHost(): Statement {
  const fib = expression('fib', [
    numberAttribute(NFTA_FIB.register, REG_1),
    numberAttribute(NFTA_FIB.result, FIB_RESULT_ADDRTYPE),
    numberAttribute(NFTA_FIB.flags, FIB_F_DADDR),
  ]);
  return [fib, compare('eq', word(RTN_LOCAL))];
}

/** `counter` */
export function counter(): Statement {
  const zero = Buffer.alloc(8);
  return [
    expression('counter', [attribute(NFTA_COUNTER.bytes, zero), attribute(NFTA_COUNTER.packets, zero)]),
  ];
}

/** `accept`, `drop`: of this hook and this table; other tables have their own say. */
export function verdict(word: 'accept' | 'drop'): Statement {
  const code = numberAttribute(NFTA_VERDICT_CODE, word === 'accept' ? NF_ACCEPT : NF_DROP);
  return [immediate(VERDICT, nestedAttribute(NFTA_DATA.verdict, [code]))];
}

/** `masquerade` */
export function masquerade(): Statement {
  return [expression('masq', [])];
}

/** `snat ip to 192.0.2.9`; packets of the other family pass. */
export function sourceTo(address: IpBytes): Statement {
  return [immediate(REG_1, value(address)), nat('snat', address, [numberAttribute(NFTA_NAT.address, REG_1)])];
}

/** `dnat ip to 10.0.0.2:80`; packets of the other family pass. */
export function destinationTo(address: IpBytes, port: number): Statement {
  const registers = [numberAttribute(NFTA_NAT.address, REG_1), numberAttribute(NFTA_NAT.port, REG_2)];
  return [
    immediate(REG_1, value(address)),
    immediate(REG_2, value(bigEndian16(port))),
    nat('dnat', address, registers),
  ];
}

function nat(type: keyof typeof NAT, address: IpBytes, registers: readonly Buffer[]): Expression {
  return expression('nat', [
    numberAttribute(NFTA_NAT.type, NAT[type]),
    numberAttribute(NFTA_NAT.family, NFPROTO[ipFamily(address)]),
    ...registers,
  ]);
}

/** Any of these bits. */
function ctHas(key: keyof typeof CT, bits: number): Statement {
  const load = expression('ct', [
    numberAttribute(NFTA_CT.register, REG_1),
    numberAttribute(NFTA_CT.key, CT[key]),
  ]);
  return [load, and(word(bits)), compare('neq', word(0))];
}

function meta(key: keyof typeof META): Expression {
  return expression('meta', [
    numberAttribute(NFTA_META.register, REG_1),
    numberAttribute(NFTA_META.key, META[key]),
  ]);
}

function payload(base: keyof typeof BASE, offset: number, length: number): Expression {
  return expression('payload', [
    numberAttribute(NFTA_PAYLOAD.register, REG_1),
    numberAttribute(NFTA_PAYLOAD.base, BASE[base]),
    numberAttribute(NFTA_PAYLOAD.offset, offset),
    numberAttribute(NFTA_PAYLOAD.length, length),
  ]);
}

function and(mask: Uint8Array): Expression {
  return expression('bitwise', [
    numberAttribute(NFTA_BITWISE.from, REG_1),
    numberAttribute(NFTA_BITWISE.to, REG_1),
    numberAttribute(NFTA_BITWISE.length, mask.length),
    data(NFTA_BITWISE.mask, mask),
    data(NFTA_BITWISE.xor, new Uint8Array(mask.length)),
  ]);
}

function compare(operation: keyof typeof CMP, value: Uint8Array): Expression {
  return expression('cmp', [
    numberAttribute(NFTA_CMP.register, REG_1),
    numberAttribute(NFTA_CMP.operation, CMP[operation]),
    data(NFTA_CMP.data, value),
  ]);
}

function immediate(register: number, content: Buffer): Expression {
  return expression('immediate', [
    numberAttribute(NFTA_IMMEDIATE.register, register),
    nestedAttribute(NFTA_IMMEDIATE.data, [content]),
  ]);
}

function data(type: number, bytes: Uint8Array): Buffer {
  return nestedAttribute(type, [value(bytes)]);
}

function value(bytes: Uint8Array): Buffer {
  return attribute(NFTA_DATA.value, bytes);
}

function expression(name: string, parts: readonly Buffer[]): Expression {
  return nestedAttribute(NFTA_LIST_ELEM, [
    textAttribute(NFTA_EXPR.name, name),
    nestedAttribute(NFTA_EXPR.data, parts),
  ]);
}

function bigEndian16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
