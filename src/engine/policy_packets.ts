// Packets whose connections are asked for, as columns by place: the key of a line (table/connections.ts), and what else the rules
// need of a packet. Bytes come from strangers: each is read only if it is there before the end.
//
// Tags that a VLAN-unaware bridge leaves in a frame hide nothing: two are looked behind, and what has more of them is refused.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { firstState, STATE } from '../table/connection_state.ts';
import { answerPorts, kindOf, OF, protocolOf } from '../table/flow.ts';
import { Fragments } from '../table/fragments.ts';
import { createLineSearch, KEY, KEY_WORDS, type LineSearch } from '../table/line_search.ts';
import type { LineTable } from '../table/line_table.ts';
import type { WideAddresses } from '../table/wide_addresses.ts';
import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as tcp from '../wire/tcp.ts';
import { PROTOCOL_DCCP, PROTOCOL_SCTP, PROTOCOL_UDP_LITE } from '../wire/transport.ts';
import * as udp from '../wire/udp.ts';
import { isTpid, TAG_LEN } from '../wire/vlan.ts';
import { ROW_STATE } from './policy_rows.ts';

/** What a packet is. */
export const PACKET = {
  /** Not IP, or what IPv6 needs on a link: guards are for these. */
  free: 0,
  /** Of a connection. */
  flow: 1,
  /** An ICMP error: its key is that of the packet that would answer the quoted one. */
  error: 2,
  /** A fragment but not the first, which it follows. */
  fragment: 3,
  // These two have no key:
  /** The first fragment was not seen. */
  lost: 4,
  /** Its headers are not whole, or contradict each other. */
  bad: 5,
} as const;

/** Of no line. */
const NO_KIND = -1;
const TYPE_LEN = 2;
const MAX_TAGS = 2;
/** A later fragment of TCP that begins before this would write over flags that were judged (RFC 3128), in units of 8 bytes. */
const BEHIND_TCP = 3;

export class PolicyPackets {
  readonly search: LineSearch;
  // by place
  readonly packet: Uint8Array;
  readonly tcpFlags: Uint8Array;
  /** Where the addresses of the key are, of IPv6. */
  readonly srcAt: Int32Array;
  readonly dstAt: Int32Array;
  count = 0;
  private readonly batch: FrameBatch;
  private readonly keys: Int32Array;
  private readonly fragments: Fragments;
  private readonly wide: WideAddresses;

  /** @param seed any number but 0, at random */
  constructor(batch: FrameBatch, wide: WideAddresses, seed: number) {
    const capacity = batch.list.length;
    this.batch = batch;
    this.wide = wide;
    this.fragments = new Fragments(seed);
    this.search = createLineSearch(capacity);
    this.keys = this.search.keys;
    this.packet = new Uint8Array(capacity);
    this.tcpFlags = new Uint8Array(capacity);
    this.srcAt = new Int32Array(capacity);
    this.dstAt = new Int32Array(capacity);
  }

  /** Gives the frame of a row the next place if it is not `free`. Returns what it is. Relies on `classify`. */
  read(row: number, zone: number, second: number): number {
    const { view, rows } = this.batch;
    const rest = rows[row + COLUMN.rest];
    const end = rest + this.batch.headLength(row) - MACS_LEN;
    let at = rest + TYPE_LEN;
    let type = view.getUint16(rest);
    for (let tags = 0; isTpid(type); tags++) {
      if (tags === MAX_TAGS || at + TAG_LEN > end) return this.keep(PACKET.bad);
      type = view.getUint16(at + TAG_LEN - TYPE_LEN);
      at += TAG_LEN;
    }
    if (type === TYPE_IPV4) return this.keep(this.read4(at, end, zone, second));
    if (type === TYPE_IPV6) return this.keep(this.read6(at, end, zone, second));
    return PACKET.free;
  }

  private keep(packet: number): number {
    if (packet === PACKET.free) return packet;
    // It is of no connection, also where one has ports that are 0.
    if (packet >= PACKET.lost) this.keys[this.count * KEY_WORDS + KEY.kind] = NO_KIND;
    this.packet[this.count++] = packet;
    return packet;
  }

  private read4(at: number, end: number, zone: number, second: number): number {
    const { view } = this.batch;
    if (at + ipv4.HEADER_LEN > end || ipv4.version(view, at) !== 4) return PACKET.bad;
    const length = ipv4.headerLength(view, at);
    const total = ipv4.totalLength(view, at);
    if (length < ipv4.HEADER_LEN || total < length || at + length > end) return PACKET.bad;
    const protocol = ipv4.protocol(view, at);
    const stop = Math.min(end, at + total);
    this.begin(kindOf(zone, protocol, OF.flow4), ipv4.src(view, at), ipv4.dst(view, at));
    if (!ipv4.isFragment(view, at)) return this.transport(protocol, at + length, stop, zone, OF.flow4);
    const id = ipv4.id(view, at);
    const offset = ipv4.fragmentOffset(view, at);
    if (offset !== 0) return this.join(protocol, id, offset, second);
    const packet = this.transport(protocol, at + length, stop, zone, OF.flow4);
    if (packet === PACKET.flow) this.note(id, second);
    return packet;
  }

  private read6(at: number, end: number, zone: number, second: number): number {
    const { view } = this.batch;
    if (at + ipv6.HEADER_LEN > end || ipv6.version(view, at) !== 6) return PACKET.bad;
    const isFragment = ipv6.nextHeader(view, at) === ipv6.FRAGMENT;
    const header = at + ipv6.HEADER_LEN;
    const stop = Math.min(end, header + ipv6.payloadLength(view, at));
    if (isFragment && header + ipv6.FRAGMENT_LEN > stop) return PACKET.bad;
    const offset = isFragment ? view.getUint16(header + 2) >>> 3 : 0;
    const protocol = isFragment ? view.getUint8(header) : 0;
    const id = isFragment ? view.getInt32(header + 4) : 0;
    if (offset !== 0) {
      this.begin6(kindOf(zone, protocol, OF.flow6), at + ipv6.SRC, at + ipv6.DST);
      return this.join(protocol, id, offset, second);
    }
    const found = ipv6.firstTransport(view, at, stop);
    if (found < 0) return PACKET.bad;
    const own = found & 0xff;
    if (own === icmpv6.NEXT_HEADER_ICMPV6 && this.isOfLink(at, at + (found >>> 8), stop)) return PACKET.free;
    this.begin6(kindOf(zone, own, OF.flow6), at + ipv6.SRC, at + ipv6.DST);
    const packet = this.transport(own, at + (found >>> 8), stop, zone, OF.flow6);
    if (isFragment && packet === PACKET.flow && own === protocol) this.note(id, second);
    return packet;
  }

  private isOfLink(at: number, l4: number, stop: number): boolean {
    const { view } = this.batch;
    if (l4 + icmpv6.HEADER_LEN > stop) return false;
    return icmpv6.isOfLink(icmpv6.type(view, l4), ipv6.hopLimit(view, at));
  }

  /** Of a row of no connection: whether it may begin one. */
  stateWithoutLine(place: number): number {
    const packet = this.packet[place];
    // A fragment may follow a first one of the same batch, whose connection is opened when it leaves.
    if (packet === PACKET.fragment) return ROW_STATE.fresh;
    if (packet !== PACKET.flow) return ROW_STATE.unknown;
    return this.firstState(place) === STATE.none ? ROW_STATE.unknown : ROW_STATE.fresh;
  }

  /** The state of a new connection; `none` if no connection begins like this. */
  firstState(place: number): number {
    const { keys, tcpFlags } = this;
    const k = place * KEY_WORDS;
    const type = keys[k + KEY.ports] & 0xff;
    switch (protocolOf(keys[k + KEY.kind])) {
      case ipv4.PROTOCOL_TCP:
        return firstState(tcpFlags[place]);
      case ipv4.PROTOCOL_UDP:
        return STATE.udp;
      case icmp.PROTOCOL_ICMP:
        return icmp.isQuery(type) ? STATE.icmp : STATE.none;
      case icmpv6.NEXT_HEADER_ICMPV6:
        return icmpv6.isQuery(type) ? STATE.icmp : STATE.none;
      default:
        return STATE.other;
    }
  }

  /** The line of a place's key, or 0. Under the lock. */
  find(flows: LineTable, place: number): number {
    const { keys } = this;
    const k = place * KEY_WORDS;
    return flows.find(keys[k + KEY.kind], keys[k + KEY.ports], keys[k + KEY.src], keys[k + KEY.dst]);
  }

  /** Whether a line has the key of a place. */
  isOf(flows: LineTable, line: number, place: number): boolean {
    const { keys } = this;
    const k = place * KEY_WORDS;
    const { kind, ports, src, dst } = KEY;
    return flows.difference(line, keys[k + kind], keys[k + ports], keys[k + src], keys[k + dst]) === 0;
  }

  /** Source and destination of a packet of IPv6. */
  readAddresses(place: number, into: Int32Array): void {
    ipv6.readAddress(this.batch.view, this.srcAt[place], into);
    for (let w = 0; w < 4; w++) into[4 + w] = this.batch.view.getInt32(this.dstAt[place] + 4 * w);
  }

  private begin(kind: number, src: number, dst: number): void {
    const { keys, count } = this;
    const k = count * KEY_WORDS;
    keys[k + KEY.kind] = kind;
    keys[k + KEY.ports] = 0;
    keys[k + KEY.src] = src;
    keys[k + KEY.dst] = dst;
    this.tcpFlags[count] = 0;
  }

  private begin6(kind: number, src: number, dst: number): void {
    const { count, wide } = this;
    const { view } = this.batch;
    this.begin(kind, wide.hash(view, src), wide.hash(view, dst));
    this.srcAt[count] = src;
    this.dstAt[count] = dst;
  }

  private transport(protocol: number, l4: number, stop: number, zone: number, of: number): number {
    const { view } = this.batch;
    const { keys, count } = this;
    const ports = count * KEY_WORDS + KEY.ports;
    switch (protocol) {
      case ipv4.PROTOCOL_TCP:
        if (l4 + tcp.HEADER_LEN > stop) return PACKET.bad;
        keys[ports] = view.getInt32(l4);
        this.tcpFlags[count] = tcp.flags(view, l4);
        return PACKET.flow;
      case ipv4.PROTOCOL_UDP:
      case PROTOCOL_UDP_LITE:
      case PROTOCOL_SCTP:
      case PROTOCOL_DCCP:
        if (l4 + udp.HEADER_LEN > stop) return PACKET.bad;
        keys[ports] = view.getInt32(l4);
        return PACKET.flow;
      case icmp.PROTOCOL_ICMP: {
        if (of !== OF.flow4 || l4 + icmp.HEADER_LEN > stop) return PACKET.bad;
        const type = icmp.type(view, l4);
        if (icmp.isError(type)) return this.quote4(l4 + icmp.HEADER_LEN, stop, zone);
        if (icmp.replyTo(type) === type) return PACKET.bad;
        keys[ports] = (icmp.identifier(view, l4) << 16) | type;
        return PACKET.flow;
      }
      case icmpv6.NEXT_HEADER_ICMPV6: {
        if (of !== OF.flow6 || l4 + icmpv6.HEADER_LEN > stop) return PACKET.bad;
        const type = icmpv6.type(view, l4);
        if (icmpv6.isError(type)) return this.quote6(l4 + icmpv6.HEADER_LEN, stop, zone);
        if (icmpv6.replyTo(type) === type) return PACKET.bad;
        keys[ports] = (icmpv6.identifier(view, l4) << 16) | type;
        return PACKET.flow;
      }
      default:
        return PACKET.flow;
    }
  }

  /** The key of what would answer the packet of which an error quotes the beginning. */
  private quote4(at: number, stop: number, zone: number): number {
    const { view } = this.batch;
    if (at + ipv4.HEADER_LEN > stop || ipv4.version(view, at) !== 4) return PACKET.bad;
    const length = ipv4.headerLength(view, at);
    if (length < ipv4.HEADER_LEN || ipv4.isLaterFragment(view, at)) return PACKET.bad;
    const protocol = ipv4.protocol(view, at);
    // To whom the error goes is who sent what it quotes.
    const isTo = this.keys[this.count * KEY_WORDS + KEY.dst] === ipv4.src(view, at);
    this.begin(kindOf(zone, protocol, OF.flow4), ipv4.dst(view, at), ipv4.src(view, at));
    return isTo ? this.quotedPorts(protocol, at + length, stop) : PACKET.bad;
  }

  private quote6(at: number, stop: number, zone: number): number {
    const { view } = this.batch;
    const found = ipv6.firstTransport(view, at, stop);
    if (found < 0) return PACKET.bad;
    const to = this.keys[this.count * KEY_WORDS + KEY.dst];
    this.begin6(kindOf(zone, found & 0xff, OF.flow6), at + ipv6.DST, at + ipv6.SRC);
    if (to !== this.keys[this.count * KEY_WORDS + KEY.dst]) return PACKET.bad;
    return this.quotedPorts(found & 0xff, at + (found >>> 8), stop);
  }

  private quotedPorts(protocol: number, l4: number, stop: number): number {
    const { view } = this.batch;
    let ports = 0;
    switch (protocol) {
      case ipv4.PROTOCOL_TCP:
      case ipv4.PROTOCOL_UDP:
      case PROTOCOL_UDP_LITE:
      case PROTOCOL_SCTP:
      case PROTOCOL_DCCP:
        // The first 8 bytes of its payload are always quoted (RFC 792).
        if (l4 + 8 > stop) return PACKET.bad;
        ports = view.getInt32(l4);
        break;
      case icmp.PROTOCOL_ICMP:
      case icmpv6.NEXT_HEADER_ICMPV6:
        if (l4 + icmp.HEADER_LEN > stop) return PACKET.bad;
        ports = (icmp.identifier(view, l4) << 16) | icmp.type(view, l4);
    }
    this.keys[this.count * KEY_WORDS + KEY.ports] = answerPorts(protocol, ports);
    return PACKET.error;
  }

  private note(id: number, second: number): void {
    const { keys, count } = this;
    const k = count * KEY_WORDS;
    const { kind, src, dst, ports } = KEY;
    this.fragments.note(keys[k + kind], id, keys[k + src], keys[k + dst], keys[k + ports], second);
  }

  private join(protocol: number, id: number, offset: number, second: number): number {
    const { keys, count, fragments } = this;
    const k = count * KEY_WORDS;
    if (protocol === ipv4.PROTOCOL_TCP && offset < BEHIND_TCP) return PACKET.bad;
    if (!fragments.find(keys[k + KEY.kind], id, keys[k + KEY.src], keys[k + KEY.dst], second))
      return PACKET.lost;
    keys[k + KEY.ports] = fragments.ports;
    return PACKET.fragment;
  }
}
