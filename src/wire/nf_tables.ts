// Tables of nf_tables as a batch of netlink messages (linux/netfilter/nf_tables.h): carried out as a whole or not at all.
//
//   begin | delete the old table | new table | new chain ... | new rule ... | end
//
// nfnetlink: nlmsghdr, then family 1 | version 1 | resource 2, then attributes whose numbers are in network order. The
// kernel tells every error by itself; the last message alone asks for an answer, which says that all is done.

import {
  attribute,
  message,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  nestedAttribute,
  numberAttribute,
  textAttribute,
} from './netlink.ts';
import type { Statement } from './nf_expressions.ts';

export interface NfRule {
  /** For who lists the table, at most 120 bytes. */
  comment: string;
  statements: readonly Statement[];
}

export interface NfChain {
  name: string;
  type: 'filter' | 'nat';
  hook: keyof typeof HOOK;
  priority: number;
  rules: readonly NfRule[];
}

/** Of family inet, and owned by the socket that makes it: the kernel removes it with that, and lets nobody else change it. */
export interface NfTable {
  name: string;
  chains: readonly NfChain[];
}

export interface NfBatch {
  bytes: Buffer;
  /** What each of its messages does; the index is its sequence number. */
  steps: readonly string[];
}

/** linux/netfilter.h: hooks of inet, and the places that nft has names for (linux/netfilter_ipv4.h). */
export const HOOK = { prerouting: 0, forward: 2, output: 3, postrouting: 4 } as const;
export const PRIORITY = { dstnat: -100, filter: 0, srcnat: 100 } as const;

export const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;
const NFT_MSG = { newtable: 0, deltable: 2, newchain: 3, newrule: 6 } as const;
const NFPROTO_UNSPEC = 0;
export const NFPROTO_INET = 1;
const NFTA_TABLE = { name: 1, flags: 2 } as const;
const TABLE_F_OWNER = 2;
const NFTA_CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const NFTA_HOOK = { number: 1, priority: 2 } as const;
const NF_ACCEPT = 1;
const NFTA_RULE = { table: 1, chain: 2, expressions: 4, userdata: 7 } as const;
/** libnftnl's, where nft looks for a comment: type 1 | length 1 | text with its zero */
const USERDATA_COMMENT = 0;

/** `isThere`: the socket has made the table before, and it is replaced in one step. */
export function tableBatch(table: NfTable, isThere: boolean): NfBatch {
  const batch = new Batch();
  if (isThere) batch.delete(table.name);
  batch.create(table);
  return batch.finish();
}

class Batch {
  private readonly messages: { type: number; flags: number; parts: readonly Buffer[] }[] = [];
  private readonly steps: string[] = [];

  constructor() {
    this.frame('begin', NFNL_MSG_BATCH_BEGIN);
  }

  delete(table: string): void {
    this.add(`delete table ${table}`, NFT_MSG.deltable, 0, [textAttribute(NFTA_TABLE.name, table)]);
  }

  create(table: NfTable): void {
    this.add(`table ${table.name}`, NFT_MSG.newtable, NLM_F_CREATE | NLM_F_EXCL, [
      textAttribute(NFTA_TABLE.name, table.name),
      numberAttribute(NFTA_TABLE.flags, TABLE_F_OWNER),
    ]);
    for (const chain of table.chains) this.chain(table.name, chain);
  }

  finish(): NfBatch {
    const last = this.messages.length - 1;
    this.frame('end', NFNL_MSG_BATCH_END);
    const messages = this.messages.map(({ type, flags, parts }, i) =>
      message(type, i === last ? flags | NLM_F_ACK : flags, i, parts),
    );
    return { bytes: Buffer.concat(messages), steps: this.steps };
  }

  private chain(table: string, { name, type, hook, priority, rules }: NfChain): void {
    this.add(`chain ${name}`, NFT_MSG.newchain, NLM_F_CREATE | NLM_F_EXCL, [
      textAttribute(NFTA_CHAIN.table, table),
      textAttribute(NFTA_CHAIN.name, name),
      textAttribute(NFTA_CHAIN.type, type),
      numberAttribute(NFTA_CHAIN.policy, NF_ACCEPT),
      nestedAttribute(NFTA_CHAIN.hook, [
        numberAttribute(NFTA_HOOK.number, HOOK[hook]),
        numberAttribute(NFTA_HOOK.priority, priority),
      ]),
    ]);
    for (const rule of rules) this.rule(table, name, rule);
  }

  private rule(table: string, chain: string, { comment, statements }: NfRule): void {
    const text = Buffer.from(`${comment}\0`);
    this.add(`rule "${comment}" of chain ${chain}`, NFT_MSG.newrule, NLM_F_CREATE | NLM_F_APPEND, [
      textAttribute(NFTA_RULE.table, table),
      textAttribute(NFTA_RULE.chain, chain),
      nestedAttribute(NFTA_RULE.expressions, statements.flat()),
      attribute(NFTA_RULE.userdata, Buffer.from([USERDATA_COMMENT, text.length, ...text])),
    ]);
  }

  private add(step: string, type: number, flags: number, attributes: readonly Buffer[]): void {
    const parts = [nfgenmsg(NFPROTO_INET), ...attributes];
    this.messages.push({ type: (NFNL_SUBSYS_NFTABLES << 8) | type, flags, parts });
    this.steps.push(step);
  }

  private frame(step: string, type: number): void {
    this.messages.push({ type, flags: 0, parts: [nfgenmsg(NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES)] });
    this.steps.push(step);
  }
}

export function nfgenmsg(family: number, resource = 0): Buffer {
  return Buffer.from([family, 0, resource >> 8, resource]);
}
