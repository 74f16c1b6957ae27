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

const NFT_MSG = { newchain: 3, getchain: 4, newrule: 6, getrule: 7 } as const;
const NFPROTO_UNSPEC = 0;
const NFGENMSG_LEN = 4;
const NFTA_CHAIN = { table: 1, name: 3, hook: 4, policy: 5 } as const;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_RULE = { table: 1, chain: 2, expressions: 4 } as const;
const NFTA_EXPR = { name: 1, data: 2 } as const;
const NFTA_IMMEDIATE_DATA = 2;
const NFTA_DATA_VERDICT = 2;
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

/** Of one chain, in their order. */
export function rulesRequest({ family, table, name }: ListedChain): Buffer {
  return message(typeOf(NFT_MSG.getrule), NLM_F_DUMP, 0, [
    nfgenmsg(family),
    textAttribute(NFTA_RULE.table, table),
    textAttribute(NFTA_RULE.chain, name),
  ]);
}

/** Of each rule whether it stops every packet that comes to it: `drop` or `reject`, with nothing but a counter before it. */
export function* parseStops(bytes: Buffer): Generator<boolean> {
  for (const { type, body } of messagesIn(bytes)) {
    if (type !== typeOf(NFT_MSG.newrule) || body.length < NFGENMSG_LEN) continue;
    const list = attributesOf(body.subarray(NFGENMSG_LEN)).get(NFTA_RULE.expressions);
    const expressions =
      list === undefined ? [] : [...eachAttribute(list)].map(([, value]) => attributesOf(value));
    const deciding = expressions.filter((one) => textOf(one.get(NFTA_EXPR.name)) !== 'counter');
    yield deciding.length === 1 && isStop(deciding[0]);
  }
}

function isStop(expression: Map<number, Buffer>): boolean {
  const name = textOf(expression.get(NFTA_EXPR.name));
  if (name !== 'immediate') return name === 'reject';
  const data = attributesOf(attributesOf(expression.get(NFTA_EXPR.data)).get(NFTA_IMMEDIATE_DATA));
  return bigEndian(attributesOf(data.get(NFTA_DATA_VERDICT)).get(NFTA_VERDICT_CODE)) === NF_DROP;
}

function typeOf(of: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | of;
}
