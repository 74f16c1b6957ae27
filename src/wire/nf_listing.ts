// What nf_tables tells about its base chains and their rules: as much of it as says what a chain lets through.

import {
  attributesOf,
  bigEndian,
  eachAttribute,
  message,
  messagesIn,
  NLM_F_DUMP,
  textAttribute,
  textOf,
} from './netlink.ts';
import { NFNL_SUBSYS_NFTABLES, nfgenmsg } from './nf_tables.ts';

/** A chain as the kernel lists it. */
export interface ListedChain {
  /** NFPROTO_* */
  family: number;
  table: string;
  name: string;
  /** Undefined: it is no base chain. */
  hook: number | undefined;
  /** What becomes of packets that no rule decides on. */
  isPolicyDrop: boolean;
}

/** A rule, as far as it says whom it stops. */
export interface ListedRule {
  /** It ends in `drop` or `reject`. */
  stops: boolean;
  /** For every packet that comes to it. */
  isUnconditional: boolean;
  /** That it compares the packet's with. */
  interfaces: { from?: string; to?: string };
}

const NFT_MSG = { newchain: 3, getchain: 4, newrule: 6, getrule: 7 } as const;
const NFPROTO_UNSPEC = 0;
const NFGENMSG_LEN = 4;
const NFTA_CHAIN = { table: 1, name: 3, hook: 4, policy: 5 } as const;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_RULE = { table: 1, chain: 2, expressions: 4 } as const;
const NFTA_EXPR = { name: 1, data: 2 } as const;
const NFTA_IMMEDIATE_DATA = 2;
const NFTA_DATA = { value: 1, verdict: 2 } as const;
const NFTA_META_KEY = 2;
const META = { iifname: 6, oifname: 7 } as const;
const NFTA_CMP = { operation: 2, data: 3 } as const;
const CMP_EQ = 0;
const NFTA_TARGET_NAME = 1;
const NFTA_VERDICT_CODE = 1;
const NF_DROP = 0;

/** Of all families and tables. */
export function chainsRequest(): Buffer {
  return message(typeOf(NFT_MSG.getchain), NLM_F_DUMP, 0, [nfgenmsg(NFPROTO_UNSPEC)]);
}

export function* parseChains(bytes: Buffer): Generator<ListedChain> {
  for (const { type, body } of messagesIn(bytes)) {
    if (type !== typeOf(NFT_MSG.newchain) || body.length < NFGENMSG_LEN) continue;
    const attributes = attributesOf(body.subarray(NFGENMSG_LEN));
    yield {
      family: body[0],
      table: textOf(attributes.get(NFTA_CHAIN.table)),
      name: textOf(attributes.get(NFTA_CHAIN.name)),
      hook: bigEndian(attributesOf(attributes.get(NFTA_CHAIN.hook)).get(NFTA_HOOK_HOOKNUM)),
      isPolicyDrop: bigEndian(attributes.get(NFTA_CHAIN.policy)) === NF_DROP,
    };
  }
}

/** Of a chain, in their order, or without `name` of a whole table. */
export function rulesRequest({
  family,
  table,
  name,
}: Pick<ListedChain, 'family' | 'table'> & { name?: string }): Buffer {
  return message(typeOf(NFT_MSG.getrule), NLM_F_DUMP, 0, [
    nfgenmsg(family),
    textAttribute(NFTA_RULE.table, table),
    ...(name === undefined ? [] : [textAttribute(NFTA_RULE.chain, name)]),
  ]);
}

export function* parseRules(bytes: Buffer): Generator<ListedRule> {
  for (const { type, body } of messagesIn(bytes)) {
    if (type !== typeOf(NFT_MSG.newrule) || body.length < NFGENMSG_LEN) continue;
    const list = attributesOf(body.subarray(NFGENMSG_LEN)).get(NFTA_RULE.expressions);
    yield parseRule(
      list === undefined ? [] : [...eachAttribute(list)].map(([, value]) => expressionOf(value)),
    );
  }
}

interface Expression {
  name: string;
  data: Map<number, Buffer>;
}

function expressionOf(element: Buffer): Expression {
  const attributes = attributesOf(element);
  return { name: textOf(attributes.get(NFTA_EXPR.name)), data: attributesOf(attributes.get(NFTA_EXPR.data)) };
}

function parseRule(expressions: readonly Expression[]): ListedRule {
  const deciding = expressions.filter(({ name }) => name !== 'counter');
  const interfaces: ListedRule['interfaces'] = {};
  for (const [i, expression] of deciding.entries()) {
    const side = i > 0 ? sideOf(deciding[i - 1]) : undefined;
    if (side !== undefined && isEqual(expression)) interfaces[side] = comparedText(expression);
  }
  const stops = deciding.some(isStop);
  return { stops, isUnconditional: deciding.length === 1, interfaces };
}

function isStop({ name, data }: Expression): boolean {
  if (name === 'target') return textOf(data.get(NFTA_TARGET_NAME)) === 'REJECT'; // of iptables
  if (name !== 'immediate') return name === 'reject';
  const value = attributesOf(data.get(NFTA_IMMEDIATE_DATA));
  return bigEndian(attributesOf(value.get(NFTA_DATA.verdict)).get(NFTA_VERDICT_CODE)) === NF_DROP;
}

function sideOf({ name, data }: Expression): 'from' | 'to' | undefined {
  if (name !== 'meta') return undefined;
  const key = bigEndian(data.get(NFTA_META_KEY));
  return key === META.iifname ? 'from' : key === META.oifname ? 'to' : undefined;
}

function isEqual({ name, data }: Expression): boolean {
  return name === 'cmp' && bigEndian(data.get(NFTA_CMP.operation)) === CMP_EQ;
}

function comparedText({ data }: Expression): string {
  return textOf(attributesOf(data.get(NFTA_CMP.data)).get(NFTA_DATA.value));
}

function typeOf(of: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | of;
}
