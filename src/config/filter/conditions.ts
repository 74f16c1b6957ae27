// What a filter can ask of a frame, as tests of single fields joined by and, or and not; and the BPF program for them.
// The conditions are those that libpcap makes of the same words, so that both answers are the same.

import { TaploomError } from '../../error.ts';
import { BPF, type BpfInstruction } from '../../wire/bpf.ts';

export type Side = 'src' | 'dst' | 'any' | 'both';
export type Family = 'ip' | 'ip6' | 'arp' | 'rarp';

/** Instructions that load a field, then one comparison with it. */
interface Test {
  kind: 'test';
  loads: readonly (readonly [code: number, k: number])[];
  compare: number;
  k: number;
}
export type Condition =
  | Test
  | { kind: 'not'; of: Condition }
  | { kind: 'and' | 'or'; left: Condition; right: Condition };

export const both = (left: Condition, right: Condition): Condition => ({ kind: 'and', left, right });
export const either = (left: Condition, right: Condition): Condition => ({ kind: 'or', left, right });
export const not = (of: Condition): Condition => ({ kind: 'not', of });

type Loads = Test['loads'];
const test = (loads: Loads, compare: number, k: number): Condition => ({ kind: 'test', loads, compare, k });
const byte = (at: number, value: number) => test([[BPF.LD_B_ABS, at]], BPF.JEQ_K, value);
const half = (at: number, value: number) => test([[BPF.LD_H_ABS, at]], BPF.JEQ_K, value);
const word = (at: number, value: number, mask = 0xffff_ffff) =>
  test(
    mask === 0xffff_ffff
      ? [[BPF.LD_W_ABS, at]]
      : [
          [BPF.LD_W_ABS, at],
          [BPF.AND_K, mask],
        ],
    BPF.JEQ_K,
    value,
  );

const IPV4 = 0x0800;
const ARP = 0x0806;
const RARP = 0x8035;
const IPV6 = 0x86dd;
const TAGS = [0x8100, 0x88a8, 0x9100];
const IPV6_FRAGMENT = 44;

// Offsets from the start of an untagged frame.
const TYPE = 12;
const L3 = 14;
const IPV4_PROTOCOL = L3 + 9;
const IPV4_FRAGMENT = L3 + 6;
const IPV6_NEXT = L3 + 6;
const IPV6_PAYLOAD = L3 + 40;

export function etherType(type: number, shift: number): Condition {
  return half(TYPE + shift, type);
}

export function etherAddress(side: Side, hi: number, lo: number): Condition {
  return onSide(side, (isSource) => {
    const at = isSource ? 6 : 0;
    return both(word(at + 2, lo), half(at, hi & 0xffff));
  });
}

/** Broadcast, too. */
export function etherGroup(): Condition {
  return test([[BPF.LD_B_ABS, 0]], BPF.JSET_K, 1);
}

export function lengthIs(how: 'at least' | 'at most', length: number): Condition {
  const loads: Loads = [[BPF.LD_LEN, 0]];
  return how === 'at least' ? test(loads, BPF.JGE_K, length) : not(test(loads, BPF.JGT_K, length));
}

export function vlan(vid: number | undefined, shift: number): Condition {
  const isTagged = TAGS.map((tpid) => half(TYPE + shift, tpid)).reduce(either);
  if (vid === undefined) return isTagged;
  const isVid = test(
    [
      [BPF.LD_H_ABS, TYPE + 2 + shift],
      [BPF.AND_K, 0xfff],
    ],
    BPF.JEQ_K,
    vid,
  );
  return both(isTagged, isVid);
}

/** The transport protocol, in IPv6 also behind a fragment header. */
export function protocol(family: 'ip' | 'ip6', number: number, shift: number): Condition {
  if (family === 'ip') return both(etherType(IPV4, shift), byte(IPV4_PROTOCOL + shift, number));
  const inFragment = both(byte(IPV6_NEXT + shift, IPV6_FRAGMENT), byte(IPV6_PAYLOAD + shift, number));
  return both(etherType(IPV6, shift), either(byte(IPV6_NEXT + shift, number), inFragment));
}

/** @param words of an address, one for IPv4, four for IPv6, and their masks */
export function host(
  family: Family | undefined,
  side: Side,
  words: readonly number[],
  masks: readonly number[],
  shift: number,
): Condition {
  const matches = (at: number) => words.map((value, n) => word(at + 4 * n, value, masks[n])).reduce(both);
  const at = (type: number, source: number, destination: number) =>
    both(
      etherType(type, shift),
      onSide(side, (isSource) => matches(shift + L3 + (isSource ? source : destination))),
    );
  if (words.length === 4) return at(IPV6, 8, 24);
  switch (family) {
    case 'ip':
      return at(IPV4, 12, 16);
    case 'arp':
      return at(ARP, 14, 24);
    case 'rarp':
      return at(RARP, 14, 24);
    default:
      return either(at(IPV4, 12, 16), either(at(ARP, 14, 24), at(RARP, 14, 24)));
  }
}

/** TCP, UDP or SCTP ports. Of IPv4 only in first fragments, which have them. */
export function ports(
  protocols: readonly number[],
  side: Side,
  low: number,
  high: number,
  shift: number,
): Condition {
  const within = (loads: Loads): Condition =>
    low === high
      ? test(loads, BPF.JEQ_K, low)
      : both(test(loads, BPF.JGE_K, low), not(test(loads, BPF.JGT_K, high)));
  const oneOf = (at: number) => protocols.map((number) => byte(at + shift, number)).reduce(either);
  const ipv6 = onSide(side, (isSource) =>
    within([[BPF.LD_H_ABS, IPV6_PAYLOAD + shift + (isSource ? 0 : 2)]]),
  );
  const ipv4 = onSide(side, (isSource) =>
    within([
      [BPF.LDX_MSH, L3 + shift],
      [BPF.LD_H_IND, L3 + shift + (isSource ? 0 : 2)],
    ]),
  );
  const isFirst = not(test([[BPF.LD_H_ABS, IPV4_FRAGMENT + shift]], BPF.JSET_K, 0x1fff));
  return either(
    both(etherType(IPV6, shift), both(oneOf(IPV6_NEXT), ipv6)),
    both(etherType(IPV4, shift), both(oneOf(IPV4_PROTOCOL), both(isFirst, ipv4))),
  );
}

function onSide(side: Side, condition: (isSource: boolean) => Condition): Condition {
  if (side === 'any') return either(condition(true), condition(false));
  if (side === 'both') return both(condition(true), condition(false));
  return condition(side === 'src');
}

/** Keeps the whole frame: tcpdump's default. */
const WHOLE = 262_144;

interface Jump {
  code: number;
  k: number;
  /** Labels, where it is one. */
  yes?: Label;
  no?: Label;
}
interface Label {
  at: number;
}

/** @throws TaploomError `invalid_filter` if it gets too long for the jumps of BPF */
export function assemble(condition: Condition): BpfInstruction[] {
  const code: Jump[] = [];
  const emit = (of: Condition, yes: Label, no: Label): void => {
    switch (of.kind) {
      case 'test':
        for (const [opcode, k] of of.loads) code.push({ code: opcode, k });
        code.push({ code: of.compare, k: of.k, yes, no });
        return;
      case 'not':
        emit(of.of, no, yes);
        return;
      default: {
        const next: Label = { at: -1 };
        if (of.kind === 'and') emit(of.left, next, no);
        else emit(of.left, yes, next);
        next.at = code.length;
        emit(of.right, yes, no);
      }
    }
  };
  const yes: Label = { at: -1 };
  const no: Label = { at: -1 };
  emit(condition, yes, no);
  yes.at = code.length;
  code.push({ code: BPF.RET_K, k: WHOLE });
  no.at = code.length;
  code.push({ code: BPF.RET_K, k: 0 });
  return code.map((jump, at) => {
    const distance = (label: Label | undefined) => (label === undefined ? 0 : label.at - at - 1);
    const [jt, jf] = [distance(jump.yes), distance(jump.no)];
    if (jt > 255 || jf > 255) {
      throw new TaploomError('invalid_filter', 'it is too long');
    }
    return [jump.code, jt, jf, jump.k] as const;
  });
}
