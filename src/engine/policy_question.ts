// What rules are asked about: the packet that begins a connection, from its frame or from the lines of the connection that it began.

import { type Classifier, mayFit, ruleKey, ruleOf } from '../table/classifier.ts';
import type { Connections } from '../table/connections.ts';
import { OF, protocolOf } from '../table/flow.ts';
import { KEY, KEY_WORDS } from '../table/line_search.ts';
import { DST, firstOf, KIND, PORTS, pairOf, SRC } from '../table/line_table.ts';
import { find4, find6 } from '../table/lpm.ts';
import type { PolicyTable } from '../table/policy_table.ts';
import { PROTOCOL_ICMP } from '../wire/icmp.ts';
import { NEXT_HEADER_ICMPV6 } from '../wire/icmpv6.ts';
import type { PolicyPackets } from './policy_packets.ts';

/** The port is in no group: nobody was asked. */
export const UNASKED = -1;

export class PolicyQuestion {
  private kind = 0;
  private ports = 0;
  /** Of IPv4; of IPv6 they are in `view`. */
  private src = 0;
  private dst = 0;
  private view: DataView;
  private srcAt = 0;
  private dstAt = 16;
  private readonly own = new DataView(new ArrayBuffer(32));
  private readonly words = new Int32Array(8);

  constructor() {
    this.view = this.own;
  }

  /** About the packet of a place. */
  about({ search, srcAt, dstAt }: PolicyPackets, place: number, view: DataView): void {
    const { keys } = search;
    const k = place * KEY_WORDS;
    this.kind = keys[k + KEY.kind];
    this.ports = keys[k + KEY.ports];
    this.src = keys[k + KEY.src];
    this.dst = keys[k + KEY.dst];
    this.view = view;
    this.srcAt = srcAt[place];
    this.dstAt = dstAt[place];
  }

  /** About the connection that a line is of. */
  aboutLine({ flows: { lines }, wide }: Connections, line: number): void {
    const pair = pairOf(line);
    const first = firstOf(pair);
    this.kind = lines[first + KIND];
    this.ports = lines[first + PORTS];
    this.src = lines[first + SRC];
    this.dst = lines[first + DST];
    if (wide === null || (this.kind & 0xff) !== OF.flow6) return;
    wide.read(pair, this.words);
    for (let w = 0; w < 8; w++) this.own.setInt32(4 * w, this.words[w]);
    this.view = this.own;
    this.srcAt = 0;
    this.dstAt = 16;
  }

  /** The rule by which `port` may send it to `other`, UNASKED, or 0. */
  ruleOut(table: PolicyTable, port: number, other: number): number {
    const set = table.out[port];
    if (set === 0) return UNASKED;
    return ruleOf(table.classifier, set, this.nodeOfDst(table.classifier, set), this.key, other);
  }

  /** Whether it may send it to somebody. */
  mayLeave(table: PolicyTable, port: number): boolean {
    const set = table.out[port];
    return mayFit(table.classifier, set, this.nodeOfDst(table.classifier, set), this.key);
  }

  /** The rule by which `port` may get it from `other`, UNASKED, or 0. */
  ruleIn(table: PolicyTable, port: number, other: number): number {
    const set = table.in[port];
    if (set === 0) return UNASKED;
    const { lpm } = table.classifier;
    const node = this.is6 ? find6(lpm, set, this.view, this.srcAt) : find4(lpm, set, this.src);
    return ruleOf(table.classifier, set, node, this.key, other);
  }

  private nodeOfDst({ lpm }: Classifier, set: number): number {
    return this.is6 ? find6(lpm, set, this.view, this.dstAt) : find4(lpm, set, this.dst);
  }

  private get is6(): boolean {
    return (this.kind & 0xff) === OF.flow6;
  }

  /** ICMP begins with queries, whose code is 0. */
  private get key(): number {
    const protocol = protocolOf(this.kind);
    const isIcmp = protocol === PROTOCOL_ICMP || protocol === NEXT_HEADER_ICMPV6;
    return ruleKey(protocol, isIcmp ? (this.ports & 0xff) << 8 : this.ports & 0xffff);
  }
}
