// The host's end in the data plane. As on a hardware switch the control plane is a device of its own: frames that are its
// business are punted to it through a ring, and what it says comes in through another.
//
//   trapOf -> punt, puntRow -> ring to the host          ring from the host -> receive: SEND (past all tables), RELAY, FLOOD ...
//
// Whoever sends frames could keep the host busy: each port may punt so many of a kind, and no guest takes another's share.

import { COLUMN, type FrameBatch, MARK } from '../frame/frame_batch.ts';
import { DEST_DIRECT, DEST_LIST, MAX_PORTS, NOBODY, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import type { Neighbours } from '../table/neighbours.ts';
import { bytesAt, FLOOD, META, RELAY, SEND, SEND_IN, SLOT_BYTES, SlotRing } from '../table/slot_ring.ts';
import {
  FIRST_TYPE,
  GUESTS,
  isCrowd,
  NETWORK,
  puntBurst,
  puntInterval,
  TRAP,
  TRAP_TYPES,
  TRAPS,
  TYPE_BITS,
} from '../table/traps.ts';
import { etherType, HEADER_LEN, MACS_LEN } from '../wire/ethernet.ts';
import { isTag, priorityTags, TAG_LEN } from '../wire/vlan.ts';
import { claimsOthers } from './address_claims.ts';
import { Guards } from './guards.ts';
import { hiddenTrap, isDhcpAnswer, mayConcern, networkTrap } from './network_traps.ts';
import type { Source } from './port.ts';
import { completeChecksum } from './segment.ts';
import {
  DOMAIN_SHIFT,
  entryWord,
  FORWARDING,
  strippedTag,
  type Topology,
  VLAN_STRIDE,
  vlanOfTag,
} from './topology.ts';

/** Bytes of a frame for the log: tags, IPv6 with options, TCP. */
const LOGGED = 128;

export class HostPort implements Source {
  /** To the host and from it; null until somebody listens. */
  private toHost: SlotRing | null = null;
  private fromHost: SlotRing | null = null;
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly clock: Float64Array;
  /** By port and trap: when its allowance is whole again, in ms. What is never used stays untouched memory. */
  private readonly wholeAt = new Float64Array(MAX_PORTS * TRAPS);
  /** Who has which address, see OwnedAddresses. */
  owners: Neighbours | null = null;
  readonly guards: Guards;
  private hasPunted = false;

  constructor(
    batch: FrameBatch,
    counters: Counters,
    clock: Float64Array,
    neighbours: Neighbours | null = null,
  ) {
    this.batch = batch;
    this.counters = counters;
    this.clock = clock;
    this.guards = new Guards(batch);
    this.know(neighbours);
  }

  /** Whose addresses are whose: tables beside that of neighbours. */
  know(neighbours: Neighbours | null): void {
    this.owners = neighbours?.owned ?? null;
    this.guards.bind(neighbours?.bound ?? null);
  }

  /** Memory of SlotRing, written and read by this worker alone on its side. */
  connect(toHost: SharedArrayBuffer, fromHost: SharedArrayBuffer): void {
    this.toHost = new SlotRing(toHost);
    this.fromHost = new SlotRing(fromHost);
  }

  /** The trap that takes the frame of `row`, as it was received, or -1. `group`: X of 01:80:C2:00:00:0X, -1 = another address. */
  trapOf(row: number, topology: Topology, group: number): number {
    const { rows } = this.batch;
    const { traps } = topology;
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    const mask = traps[port];
    if (mask === 0 || (rows[row + COLUMN.mark] & MARK.relayed) !== 0) return -1;
    if (group >= 0 && (mask & (1 << group)) !== 0) return group;
    if (mask >>> FIRST_TYPE === 0) return -1;
    if ((mask & (1 << TRAP.dhcp_client)) !== 0 && isDhcpAnswer(this.batch, row)) return TRAP.dhcp_client;
    const type = (mask & TYPE_BITS) === 0 ? -1 : this.typeTrap(row, mask, topology.trapTypes);
    if ((mask & (1 << TRAP.dhcp)) === 0 || !mayConcern(this.batch, row)) return type;
    const trap = this.trapOfNetwork(row, topology, port, mask);
    return trap === TRAP.claim || type < 0 ? trap : type;
  }

  /** By what the network of the frame's VLAN wants, if it has one. */
  private trapOfNetwork(row: number, topology: Topology, port: number, mask: number): number {
    const { owners } = this;
    const { rows, view } = this.batch;
    const at = rows[row + COLUMN.start];
    const word = rows[row + COLUMN.length] < HEADER_LEN + TAG_LEN ? 0 : view.getInt32(at + MACS_LEN);
    const vid = vlanOfTag(topology, port, word);
    const entry = entryWord(topology.vlan[port * VLAN_STRIDE + vid]);
    const wanted = topology.networks[entry >>> DOMAIN_SHIFT];
    if (wanted === 0) return -1;
    const ownTag = strippedTag(topology, port, word) ? TAG_LEN : 0;
    const isGuarded = owners !== null && (wanted & NETWORK.guardsAddresses) !== 0;
    const moreTags = priorityTags(view, at + MACS_LEN + ownTag, at + rows[row + COLUMN.length]);
    const isGuest = (mask & GUESTS) !== 0;
    if (moreTags < 0) return isGuarded ? TRAP.claim : hiddenTrap(wanted, isGuest);
    const tagLength = ownTag + moreTags;
    if (isGuarded && claimsOthers(this.batch, row, tagLength, entry >>> DOMAIN_SHIFT, owners))
      return TRAP.claim;
    if ((entry & FORWARDING) === 0) return -1;
    return networkTrap(this.batch, row, tagLength, wanted, isGuest);
  }

  /** The trap for the frame's EtherType, behind a tag, too. */
  private typeTrap(row: number, mask: number, trapTypes: Uint16Array): number {
    const { rows, view } = this.batch;
    const at = rows[row + COLUMN.start];
    let type = etherType(view, at);
    if (isTag(type) && rows[row + COLUMN.length] >= HEADER_LEN + TAG_LEN)
      type = etherType(view, at + TAG_LEN);
    for (let n = 0; n < TRAP_TYPES; n++) {
      if (trapTypes[n] === type && (mask & (1 << (FIRST_TYPE + n))) !== 0) return FIRST_TYPE + n;
    }
    return -1;
  }

  /**
   * Gives the host the frame of `row`, as it was received, but without its tag and priority tags behind that, its checksum
   * completed. False if the port has punted too much, or the host does not listen or keep up. `detail`: what else there is to say.
   */
  punt(row: number, topology: Topology, trap: number, detail = 0): boolean {
    const ring = this.toHost;
    const { batch } = this;
    const { rows, view } = batch;
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    if (ring === null || (isCrowd(trap) && ring.isHalfFull) || !this.isAllowed(port, trap)) return false;
    const slot = ring.reserve();
    if (slot < 0) return false;
    const at = rows[row + COLUMN.start];
    let tag = 0;
    if (isTag(etherType(view, at)) && rows[row + COLUMN.length] >= HEADER_LEN + TAG_LEN) {
      tag = view.getInt32(at + MACS_LEN);
    }
    const end = at + rows[row + COLUMN.length];
    const tagLength = tag === 0 ? 0 : TAG_LEN + Math.max(0, priorityTags(view, at + MACS_LEN + TAG_LEN, end));
    const length = rows[row + COLUMN.length] - tagLength;
    rows[row + COLUMN.rest] = at + MACS_LEN + tagLength;
    rows[row + COLUMN.length] = length;
    let from = at;
    if (rows[row + COLUMN.csumStart] !== 0 && rows[row + COLUMN.gsoType] === 0) {
      rows[row + COLUMN.csumStart] -= tagLength;
      if (completeChecksum(batch, row, batch.aux) >= 0) from = batch.aux;
    }
    const vid = vlanOfTag(topology, port, tag);
    rows[row + COLUMN.tci] = vid; // for whoever looks on
    const rest = from === at ? at + MACS_LEN + tagLength : from + MACS_LEN;
    const domain = topology.vlan[port * VLAN_STRIDE + vid] >>> DOMAIN_SHIFT;
    this.put(slot, from, rest, length, port, trap, domain, tag, detail);
    return true;
  }

  /** The same with a copy of a frame that goes on, or is dropped for another reason: it stays as it was received. */
  puntCopy(row: number, topology: Topology, trap: number, detail = 0): void {
    const { rows } = this.batch;
    const length = rows[row + COLUMN.length];
    const csumStart = rows[row + COLUMN.csumStart];
    this.punt(row, topology, trap, detail);
    rows[row + COLUMN.length] = length;
    rows[row + COLUMN.csumStart] = csumStart;
  }

  /** Gives the host a copy of a frame that goes on, or not, once. Relies on `classify`, and is for frames without a request. */
  puntRow(row: number, trap: number): boolean {
    const { rows } = this.batch;
    if ((rows[row + COLUMN.mark] & MARK.punted) !== 0) return true;
    const ring = this.toHost;
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    // What many guests say at once leaves room for other protocols.
    if (ring === null || ring.isHalfFull || !this.isAllowed(port, trap)) return false;
    const slot = ring.reserve();
    if (slot < 0) return false;
    const length = this.batch.headLength(row);
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    this.put(slot, rows[row + COLUMN.start], rows[row + COLUMN.rest], length, port, trap, domain, 0, 0);
    rows[row + COLUMN.mark] |= MARK.punted;
    return true;
  }

  /**
   * Gives the host the beginning of a frame that a rule of an access list wants in the log, as `port` received it, or would transmit
   * it. It goes at the expense of the port that received it.
   */
  puntLogged(row: number, port: number, rule: number, isOut: boolean): void {
    const ring = this.toHost;
    const { rows } = this.batch;
    if (ring === null || ring.isHalfFull || !this.isAllowed(rows[row + COLUMN.source], TRAP.acl)) return;
    const slot = ring.reserve();
    if (slot < 0) return;
    const length = Math.min(LOGGED, this.batch.headLength(row));
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const detail = (rule << 1) | (isOut ? 1 : 0);
    this.put(
      slot,
      rows[row + COLUMN.start],
      rows[row + COLUMN.rest],
      length,
      port,
      TRAP.acl,
      domain,
      0,
      detail,
    );
  }

  /**
   * Gives the host a copy of what a router hears, or cannot send yet, by its interface, `port`, with its checksum completed.
   * It goes at the expense of the port that received it. Relies on `classify`.
   */
  puntRouted(row: number, port: number, trap: number, tag: number): boolean {
    const ring = this.toHost;
    const { batch } = this;
    const { rows } = batch;
    if (ring === null || ring.isHalfFull || !this.isAllowed(rows[row + COLUMN.source], trap)) return false;
    const slot = ring.reserve();
    if (slot < 0) return false;
    const { aux } = batch;
    const isPartial = rows[row + COLUMN.csumStart] !== 0 && rows[row + COLUMN.gsoType] === 0;
    if (!isPartial || completeChecksum(batch, row, aux) < 0) batch.gather(row, aux);
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    this.put(slot, aux, aux + MACS_LEN, rows[row + COLUMN.length], port, trap, domain, tag, 0);
    return true;
  }

  /** Fills a slot with what is at `macs` and at `rest`. */
  private put(
    slot: number,
    macs: number,
    rest: number,
    length: number,
    port: number,
    trap: number,
    domain: number,
    tag: number,
    detail: number,
  ): void {
    const ring = this.toHost as SlotRing;
    const { view } = this.batch;
    const kept = Math.min(length, SLOT_BYTES);
    const to = bytesAt(slot);
    copy(view, macs, ring.view, to, MACS_LEN);
    copy(view, rest, ring.view, to + MACS_LEN, kept - MACS_LEN);
    const { words } = ring;
    const meta = slot >> 2;
    words[meta + META.length] = kept;
    words[meta + META.original] = length;
    words[meta + META.port] = port;
    words[meta + META.reason] = trap;
    words[meta + META.domain] = domain;
    words[meta + META.tag] = tag;
    words[meta + META.detail] = detail;
    ring.commit();
    this.hasPunted = true;
    this.counters.values[this.counters.port(port) + PORT.punted] += 1;
  }

  /** Wakes the host, once a poll. */
  flush(): void {
    if (!this.hasPunted) return;
    this.hasPunted = false;
    this.toHost?.notify();
  }

  isReady(): boolean {
    return this.fromHost !== null && !this.fromHost.isEmpty;
  }

  /** Appends what the host says. A frame of no port is what a port left behind that went meanwhile: nobody misses it. */
  receive(batch: FrameBatch, limit: number): void {
    const ring = this.fromHost;
    if (ring === null) return;
    const { rows, view } = batch;
    const { values } = this.counters;
    for (let n = 0; n < limit; n++) {
      const slot = ring.peek();
      if (slot < 0) return;
      const meta = slot >> 2;
      const length = ring.words[meta + META.length];
      const hop = ring.words[meta + META.port];
      const reason = ring.words[meta + META.reason];
      const row = batch.append(reason === SEND_IN ? NOBODY : hop, length);
      const at = rows[row + COLUMN.start];
      copy(ring.view, bytesAt(slot), view, at, length);
      rows[row + COLUMN.rest] = at + MACS_LEN;
      rows[row + COLUMN.tci] = 0;
      if (reason === SEND) {
        rows[row + COLUMN.dest] = DEST_DIRECT;
        rows[row + COLUMN.user] = hop;
        rows[row + COLUMN.mark] = MARK.said;
      } else if (reason === FLOOD || reason === SEND_IN) {
        const domain = ring.words[meta + META.domain];
        rows[row + COLUMN.dest] = reason === FLOOD ? DEST_LIST | (2 * domain) : hop;
        rows[row + COLUMN.domain] = (domain << DOMAIN_SHIFT) | FORWARDING;
        rows[row + COLUMN.tci] = ring.words[meta + META.tag];
        rows[row + COLUMN.mark] = MARK.said | MARK.punted; // it came from the host: where nobody is, it is not lost
      } else rows[row + COLUMN.mark] = reason === RELAY ? MARK.relayed : MARK.relayed | MARK.said;
      ring.release();
      // `classify` counts every row as received.
      const counter = this.counters.port(rows[row + COLUMN.ingress] & PORT_MASK);
      values[counter + PORT.injected] += 1;
      values[counter + PORT.receivedFrames] -= 1;
      values[counter + PORT.receivedBytes] -= length;
    }
  }

  /** Takes one punt from an allowance, if there is one. */
  private isAllowed(port: number, trap: number): boolean {
    const at = port * TRAPS + trap;
    const interval = puntInterval(trap);
    const now = this.clock[0];
    const wholeAt = Math.max(now, this.wholeAt[at]) + interval;
    if (wholeAt - now > puntBurst(trap) * interval) return false;
    this.wholeAt[at] = wholeAt;
    return true;
  }
}

/** Word by word: a `subarray` for each would be garbage. May write up to 3 bytes more, which slots have room for. */
function copy(source: DataView, from: number, target: DataView, to: number, length: number): void {
  for (let k = 0; k < length; k += 4) target.setInt32(to + k, source.getInt32(from + k));
}
