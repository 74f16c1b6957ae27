// NAT of IPv4, in two passes around the router's (nat_hook.ts). Most packets are of a connection that is known: their lines are
// found together, and say all. What begins one goes by the rules, one by one, under the lock of the table; so does what another
// worker was just adding.
//
// A row's number leads to its place in the pass, and that to key, line and the rest: all until the next `before`.

import { COLUMN, FRAMES_PER_SLOT, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP } from '../frame/hop.ts';
import { firstState, STATE } from '../table/connection_state.ts';
import { type Connections, FLOW, REFUSED } from '../table/connections.ts';
import { DROP } from '../table/drops.ts';
import { Flow, protocolOf } from '../table/flow.ts';
import { Fragments } from '../table/fragments.ts';
import { createLineSearch, KEY, KEY_WORDS } from '../table/line_search.ts';
import type { NatTable } from '../table/nat_table.ts';
import type { RouterTable } from '../table/router_table.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import type { NatHook } from './nat_hook.ts';
import { PACKET, readKey } from './nat_key.ts';
import { NatPorts } from './nat_ports.ts';
import { rewriteError, rewritePacket } from './nat_rewrite.ts';
import { NO_RULE, SOUGHT, seekDestination, seekSource } from './nat_rules.ts';
import { NatTranslations, TRANSLATION, TRANSLATION_WORDS } from './nat_translations.ts';
import { DROPPED, NOWHERE, ROUTED, ROUTED_WORDS, type Routed } from './routed.ts';

/** Its packet is none of NAT's. */
const NOT_OURS = -1;

export class Nat implements NatHook {
  private readonly batch: FrameBatch;
  protected readonly connections: Connections;
  private readonly clock: Float64Array;
  private readonly ports: NatPorts;
  private readonly fragments: Fragments;
  protected readonly search;
  private readonly translations: NatTranslations;
  private readonly flow = new Flow();
  /** By number of a row: its place in this pass, or NOT_OURS. */
  private readonly placeOf: Int32Array;
  // by place
  private readonly packet: Uint8Array;
  private readonly tcpFlags: Uint8Array;
  /** Where a packet without a connection goes, if `rule` is not 0. */
  private readonly newDst: Int32Array;
  private readonly newPorts: Int32Array;
  private readonly rule: Int32Array;
  private readonly mapping: Int32Array;
  private count = 0;

  /** @param clock its first word is now, in ms. @param seed any number but 0, at random */
  constructor(batch: FrameBatch, connections: Connections, clock: Float64Array, seed: number) {
    const capacity = batch.slots * FRAMES_PER_SLOT;
    this.batch = batch;
    this.connections = connections;
    this.clock = clock;
    this.ports = new NatPorts(connections, seed);
    this.fragments = new Fragments(seed);
    this.search = createLineSearch(capacity);
    this.translations = new NatTranslations(capacity, this.search);
    this.placeOf = new Int32Array(batch.rows.length / ROW).fill(NOT_OURS);
    this.packet = new Uint8Array(capacity);
    this.tcpFlags = new Uint8Array(capacity);
    this.newDst = new Int32Array(capacity);
    this.newPorts = new Int32Array(capacity);
    this.rule = new Int32Array(capacity);
    this.mapping = new Int32Array(capacity);
  }

  before(router: RouterTable, list: Routed): void {
    const { nat } = router;
    this.count = 0;
    if (nat == null) return;
    const packets = list.words;
    const end = list.count * ROUTED_WORDS;
    for (let k = 0; k < end; k += ROUTED_WORDS) this.enter(nat, packets, k);
    if (this.count === 0) return;
    const { flows } = this.connections;
    this.search.find(flows, 0, this.count);
    this.translations.copyAll(flows, this.count);
    this.findMissing();
    const { found, keys } = this.search;
    const { words } = this.translations;
    for (let k = 0; k < end; k += ROUTED_WORDS) {
      const place = this.placeOf[packets[k | ROUTED.row] / ROW];
      if (place === NOT_OURS) continue;
      this.rule[place] = 0;
      // Of an ICMP error only the one to who sent what it quotes.
      if (
        this.packet[place] === PACKET.error &&
        packets[k | ROUTED.dst] !== keys[place * KEY_WORDS + KEY.dst]
      )
        found[place] = 0;
      if (found[place] !== 0) packets[k | ROUTED.dst] = words[place * TRANSLATION_WORDS + TRANSLATION.newDst];
      else if (this.packet[place] !== PACKET.error)
        packets[k | ROUTED.dst] = this.seek(nat, router, packets, k, place);
    }
  }

  /** Gives the packet a place, if NAT is for it. */
  private enter(nat: NatTable, packets: Int32Array, k: number): void {
    const { rows } = this.batch;
    const row = packets[k | ROUTED.row];
    this.placeOf[row / ROW] = NOT_OURS;
    const zone = nat.zone[packets[k | ROUTED.from]];
    if (zone === 0) return;
    const at = packets[k | ROUTED.l3];
    const known = rows[row + COLUMN.rest] + this.batch.headLength(row) - MACS_LEN;
    const place = this.count;
    const packet = this.classify(at, Math.min(known, at + packets[k | ROUTED.length]), zone, place);
    if (packet === PACKET.bad) this.refuse(packets, k, DROP.nat_invalid);
    else if (packet === PACKET.fragment && !this.joinFragment(at, place))
      this.refuse(packets, k, DROP.nat_fragment);
    else {
      this.placeOf[row / ROW] = place;
      this.count++;
    }
  }

  private classify(at: number, end: number, zone: number, place: number): number {
    const { view } = this.batch;
    const { keys } = this.search;
    const k = place * KEY_WORDS;
    const packet = readKey(view, at, end, zone, keys, k);
    this.packet[place] = packet;
    this.tcpFlags[place] = 0;
    if (packet !== PACKET.flow) return packet;
    if (protocolOf(keys[k + KEY.kind]) === ipv4.PROTOCOL_TCP)
      this.tcpFlags[place] = tcp.flags(view, at + ipv4.headerLength(view, at));
    if (ipv4.isFragment(view, at)) {
      const id = ipv4.id(view, at);
      this.fragments.note(
        keys[k + KEY.kind],
        id,
        keys[k + KEY.src],
        keys[k + KEY.dst],
        keys[k + KEY.ports],
        this.second,
      );
    }
    return packet;
  }

  /** Completes the key of a later fragment. False: the first is not known. */
  private joinFragment(at: number, place: number): boolean {
    const { keys } = this.search;
    const k = place * KEY_WORDS;
    const id = ipv4.id(this.batch.view, at);
    const { fragments } = this;
    if (!fragments.find(keys[k + KEY.kind], id, keys[k + KEY.src], keys[k + KEY.dst], this.second))
      return false;
    keys[k + KEY.ports] = fragments.ports;
    return true;
  }

  /** A miss may be one of another worker's making. */
  private findMissing(): void {
    const { found } = this.search;
    const { connections, count } = this;
    let n = 0;
    while (n < count && found[n] !== 0) n++;
    if (n === count) return;
    connections.take();
    try {
      for (; n < count; n++) {
        if (found[n] !== 0) continue;
        const line = this.known(n);
        found[n] = line;
        if (line !== 0) this.translations.copy(connections.flows, line, n);
      }
    } finally {
      connections.release();
    }
  }

  /** The line of a place's key, or 0. Under the lock. */
  protected known(place: number): number {
    const { keys } = this.search;
    const k = place * KEY_WORDS;
    return this.connections.flows.find(
      keys[k + KEY.kind],
      keys[k + KEY.ports],
      keys[k + KEY.src],
      keys[k + KEY.dst],
    );
  }

  /** The destination of what is of no connection. */
  private seek(nat: NatTable, router: RouterTable, packets: Int32Array, k: number, place: number): number {
    const { flow } = this;
    this.begin(place);
    this.connections.take();
    try {
      const sought = seekDestination(flow, nat, router, packets[k | ROUTED.from], this.connections);
      if (sought === SOUGHT.refused) this.refuse(packets, k, DROP.nat_unknown);
      if (sought !== SOUGHT.translated) return packets[k | ROUTED.dst];
    } finally {
      this.connections.release();
    }
    this.newDst[place] = flow.newDst;
    this.newPorts[place] = flow.newPorts;
    this.rule[place] = flow.rule;
    this.mapping[place] = flow.mapping;
    return flow.newDst;
  }

  /** It begins no connection, and goes nowhere. */
  private refuse(packets: Int32Array, k: number, code: number): void {
    const row = packets[k | ROUTED.row];
    this.batch.rows[row + COLUMN.dest] = DEST_DROP | code;
    this.placeOf[row / ROW] = NOT_OURS;
    packets[k | ROUTED.isDoubtful] = DROPPED;
    packets[k | ROUTED.egress] = NOWHERE;
  }

  after(router: RouterTable, list: Routed): void {
    const { nat } = router;
    if (nat == null) return;
    const { found } = this.search;
    const { second } = this;
    const packets = list.words;
    const end = list.count * ROUTED_WORDS;
    for (let k = 0; k < end; k += ROUTED_WORDS) {
      const place = this.placeOf[packets[k | ROUTED.row] / ROW];
      if (place === NOT_OURS || packets[k | ROUTED.egress] === NOWHERE) continue;
      if (found[place] === 0) this.settle(router, nat, packets, k, place);
      const line = found[place];
      // Errors keep nothing alive (RFC 5508 REQ-10).
      if (line === 0 || this.packet[place] === PACKET.error) continue;
      if (!this.translations.isOf(this.connections.flows, line, place)) continue;
      this.connections.track(line, this.tcpFlags[place], packets[k | ROUTED.length], second);
    }
  }

  /** What is of no connection begins one, or is refused, or is nobody's but the router's own. */
  private settle(router: RouterTable, nat: NatTable, packets: Int32Array, k: number, place: number): void {
    const egress = packets[k | ROUTED.egress];
    if (egress === 0 && this.rule[place] === 0) {
      this.placeOf[packets[k | ROUTED.row] / ROW] = NOT_OURS;
      return;
    }
    if (this.packet[place] === PACKET.error) {
      this.refuse(packets, k, DROP.nat_invalid);
      return;
    }
    const { connections } = this;
    let line: number;
    connections.take();
    try {
      const known = this.known(place);
      line = known !== 0 ? known : this.open(router, nat, packets[k | ROUTED.from], place, egress);
      if (line > 0) this.translations.copy(connections.flows, line, place);
    } finally {
      connections.release();
    }
    if (line > 0) this.search.found[place] = line;
    else this.refuse(packets, k, -line);
  }

  /** Opens the connection. Returns its line, or the reason why not, negative. Under the lock. */
  private open(router: RouterTable, nat: NatTable, from: number, place: number, egress: number): number {
    const { flow, connections } = this;
    if (this.packet[place] === PACKET.fragment) return -DROP.nat_fragment;
    this.begin(place);
    const state = stateOf(flow, this.tcpFlags[place]);
    if (state === STATE.none) return -DROP.nat_invalid;
    if (this.rule[place] !== 0) {
      flow.newDst = this.newDst[place];
      flow.newPorts = this.newPorts[place];
      flow.rule = this.rule[place];
      flow.mapping = this.mapping[place];
      flow.guest = flow.newDst;
    }
    if (!this.chooseSource(router, nat, from, egress)) return -DROP.nat_ports;
    const line = connections.open(flow, state, this.second);
    if (line < 0 && flow.mapping !== 0) connections.mappings.forgetUnused(flow.mapping);
    if (line === REFUSED.taken) return -DROP.nat_ports;
    return line < 0 ? -DROP.nat_full : line;
  }

  /** False: there is no port for it. */
  private chooseSource(router: RouterTable, nat: NatTable, ingress: number, egress: number): boolean {
    const { flow } = this;
    const rule = seekSource(flow, nat, egress);
    if (rule !== NO_RULE) return this.ports.choose(flow, nat, rule, router.address4[egress]);
    // A guest that reaches its neighbour, or itself, by an outside address: answers must come back this way (hairpin).
    if (flow.dst === flow.newDst || ingress !== egress) return true;
    return this.ports.hairpin(flow, flow.dst);
  }

  private begin(place: number): void {
    const { keys } = this.search;
    const k = place * KEY_WORDS;
    this.flow.begin(keys[k + KEY.kind], keys[k + KEY.ports], keys[k + KEY.src], keys[k + KEY.dst]);
  }

  isTranslated(row: number): boolean {
    const place = this.placeOf[row / ROW];
    if (place === NOT_OURS) return false;
    if (this.search.found[place] === 0) return false;
    return (this.translations.words[place * TRANSLATION_WORDS + TRANSLATION.state] & FLOW.translated) !== 0;
  }

  rewrite(row: number, next: number): void {
    const place = this.placeOf[row / ROW];
    const { words } = this.translations;
    const w = place * TRANSLATION_WORDS;
    const packet = this.packet[place];
    if (packet === PACKET.error) rewriteError(this.batch, next, words, w);
    else rewritePacket(this.batch, next, words, w, packet !== PACKET.fragment);
  }

  private get second(): number {
    return Math.floor(this.clock[0] / 1000);
  }
}

/** The state of a new connection; `none` if no connection begins like this. */
function stateOf(flow: Flow, flags: number): number {
  switch (flow.protocol) {
    case ipv4.PROTOCOL_TCP:
      return firstState(flags);
    case ipv4.PROTOCOL_UDP:
      return STATE.udp;
    case icmp.PROTOCOL_ICMP:
      return icmp.isQuery(flow.ports & 0xff) ? STATE.icmp : STATE.none;
    default:
      return STATE.other;
  }
}
