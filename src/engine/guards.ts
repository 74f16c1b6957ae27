// What a port's guard refuses, before anybody else looks at the frame: who sends it, as whom, and what only servers and routers say.
// Relies on what `classify` has checked so far: a whole Ethernet header, a unicast source, an offload request that fits.
//
//   tags -> LLC? -> IPv4: fragments, DHCP, source | ARP: sender | IPv6: hidden headers, RA, DHCPv6, source, ND | other: MAC

import { COLUMN, type FrameBatch, MARK } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { Bindings } from '../table/bindings.ts';
import { DROP } from '../table/drops.ts';
import type { Neighbours } from '../table/neighbours.ts';
import { GUARD } from '../table/port_guards.ts';
import { TRAP } from '../table/traps.ts';
import {
  etherType,
  HEADER_LEN,
  MACS_LEN,
  srcHi,
  srcLo,
  TYPE_ARP,
  TYPE_IPV4,
  TYPE_IPV6,
} from '../wire/ethernet.ts';
import { isTag, TAG_LEN } from '../wire/vlan.ts';
import { arpRefusal } from './guard_arp.ts';
import { isLookedInto, macRefusal, PASS, Seen } from './guard_frame.ts';
import { DHCP_CLIENT, ipv4Refusal } from './guard_ipv4.ts';
import { DHCP6_CLIENT, ipv6Refusal } from './guard_ipv6.ts';
import { DOMAIN_SHIFT, strippedTag, type Topology, VLAN_AWARE, VLAN_STRIDE, vlanOfTag } from './topology.ts';

/** Tags that are looked through; behind more a guard that asks for addresses sees nothing. */
const MAX_TAGS = 2;
/** Below it is a length: what follows is LLC (IEEE 802.3 clause 3.2.6). */
const FIRST_TYPE = 0x0600;
/** LLC and SNAP with EtherTypes behind (RFC 1042): DSAP, SSAP, control, and the OUI 00-00-00. */
const SNAP = 0xaaaa_0300;
const SNAP_LEN = 8;

export class Guards {
  private readonly batch: FrameBatch;
  private readonly seen = new Seen();
  /** The frame is of a VLAN that its port does not carry. */
  private isOutside = false;

  constructor(batch: FrameBatch) {
    this.batch = batch;
  }

  /** @param bound `Neighbours.bound`; without it nothing is bound to anything */
  bind(bound: Neighbours | null): void {
    this.seen.bindings = bound === null ? null : new Bindings(bound);
  }

  /** The code of the drop for the frame of `row`, as it was received, or PASS. */
  refusal(row: number, topology: Topology): number {
    const { seen } = this;
    const { rows, view } = this.batch;
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    const flags = topology.guards === null ? 0 : topology.guards.flags[port];
    seen.dhcp = 0;
    seen.flags = flags;
    if (flags === 0 || (rows[row + COLUMN.mark] & MARK.relayed) !== 0) return PASS;
    const at = rows[row + COLUMN.start];
    seen.port = port;
    seen.vlan = 0;
    this.isOutside = false;
    if ((flags & GUARD.byVlan) !== 0) this.findVlan(row, topology);
    seen.hi = srcHi(view, at);
    seen.lo = srcLo(view, at);
    seen.end = at + rows[row + COLUMN.length];
    const refusal = this.behindTags(at, topology);
    // Nobody has an address in a VLAN that the port does not carry: that is what is wrong.
    return this.isOutside && isOfBindings(refusal) ? DROP.vlan_not_allowed : refusal;
  }

  /** Where a frame goes about which `refusal` was asked just now: the host's trap for what it passed, or -1. */
  trapOfPassed(): number {
    const { flags, dhcp } = this.seen;
    if (dhcp === 0) return -1;
    const isAnswer = dhcp === DHCP_CLIENT || dhcp === DHCP6_CLIENT;
    return (flags & (isAnswer ? GUARD.trusted : GUARD.snooped)) === 0 ? -1 : TRAP.dhcp_snooping;
  }

  /** Whether it was refused only because nobody is known to have the address, and the first has it. */
  isNewcomer(refusal: number): boolean {
    return (this.seen.flags & GUARD.first) !== 0 && isOfBindings(refusal);
  }

  /** The VLAN that the control plane knows the frame's domain by. */
  private findVlan(row: number, topology: Topology): void {
    const { rows, view } = this.batch;
    const at = rows[row + COLUMN.start];
    const word = rows[row + COLUMN.length] < HEADER_LEN + TAG_LEN ? 0 : view.getInt32(at + MACS_LEN);
    const { port } = this.seen;
    const vid = vlanOfTag(topology, port, word);
    const entry = topology.vlan[port * VLAN_STRIDE + vid];
    this.isOutside = entry === 0 && vid !== 0;
    this.seen.vlan = topology.domainVid[entry >>> DOMAIN_SHIFT];
  }

  private behindTags(macs: number, topology: Topology): number {
    const { seen } = this;
    const { view } = this.batch;
    const isAware = (topology.pvid[seen.port] & VLAN_AWARE) !== 0;
    // The bridge's own tag, or in a bridge that does not look at them the first.
    let mayHave = 1;
    if (
      isAware &&
      !(
        seen.end - macs >= HEADER_LEN + TAG_LEN &&
        strippedTag(topology, seen.port, view.getInt32(macs + MACS_LEN))
      )
    )
      mayHave = 0;
    let at = macs;
    let tags = 0;
    while (isTag(etherType(view, at))) {
      if (++tags > mayHave && (seen.flags & GUARD.doubleTag) !== 0) return DROP.double_tag;
      at += TAG_LEN;
      if (at + HEADER_LEN > seen.end) return this.unseen();
      if (tags > MAX_TAGS) return this.unseen();
    }
    seen.ip = at + HEADER_LEN;
    return packetRefusal(view, seen, at);
  }

  /** Behind more tags than anybody has. */
  private unseen(): number {
    return isLookedInto(this.seen) ? DROP.hidden_packet : PASS;
  }
}

/** Of a frame without tags, of which `seen` knows the rest. @param at 12 bytes before its EtherType */
export function packetRefusal(view: DataView, seen: Seen, at: number): number {
  const type = etherType(view, at);
  switch (type) {
    case TYPE_IPV4:
      return ipv4Refusal(view, seen);
    case TYPE_IPV6:
      return ipv6Refusal(view, seen);
    case TYPE_ARP:
      return arpRefusal(view, seen, at);
    default:
      if (type < FIRST_TYPE && isLookedInto(seen) && isSnap(view, seen)) return DROP.hidden_packet;
      return macRefusal(seen);
  }
}

/** What some hosts take for the packet inside, and switches do not see (CVE-2021-27853 and its kin). */
function isSnap(view: DataView, { ip, end }: Seen): boolean {
  if (ip + SNAP_LEN > end || view.getUint32(ip) !== SNAP || view.getUint16(ip + 4) !== 0) return false;
  const type = view.getUint16(ip + 6);
  return type === TYPE_IPV4 || type === TYPE_IPV6 || type === TYPE_ARP || isTag(type);
}

/** Whether another binding would let the frame in. */
function isOfBindings(refusal: number): boolean {
  return (
    refusal === DROP.spoofed_ip ||
    refusal === DROP.spoofed_mac ||
    refusal === DROP.arp_spoofed ||
    refusal === DROP.nd_spoofed
  );
}
