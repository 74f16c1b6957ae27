// First address wins: who says that an address is its own has it, if nobody else of its bridge does. What it says besides has to be
// true by the new binding, which is asked as the data plane asks.

import { shareVlan } from '../config/guard_shape.ts';
import { Seen } from '../engine/guard_frame.ts';
import { packetRefusal } from '../engine/guards.ts';
import type { Punt } from '../protocol/host.ts';
import type { Bindings } from '../table/bindings.ts';
import { DROP } from '../table/drops.ts';
import { GUARD } from '../table/port_guards.ts';
import { SLOT_BYTES } from '../table/slot_ring.ts';
import { claimedIn } from '../wire/claimed_address.ts';
import { HEADER_LEN, srcHi, srcLo } from '../wire/ethernet.ts';
import { formatIp, type IpBytes, ipv4Number } from '../wire/ip_address.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { formatMac } from '../wire/mac.ts';
import type { Binding, Guarded } from './port_bindings.ts';

export interface NewcomerFacts {
  readonly bindings: Bindings;
  portNumber(port: string): number | undefined;
  isOthers(bridge: string, vlan: number, address: Uint8Array, mac: string): boolean;
}

export class Newcomers {
  private readonly ports: ReadonlyMap<string, Guarded>;
  private readonly facts: NewcomerFacts;

  constructor(ports: ReadonlyMap<string, Guarded>, facts: NewcomerFacts) {
    this.ports = ports;
    this.facts = facts;
  }

  /** What the sender may have, or the code of the drop. */
  judge({ port, vlan, bytes }: Punt): { mac: string; ip?: string; vlan?: number } | number {
    const view = viewOf(bytes);
    const mac = formatMac(srcHi(view, 0), srcLo(view, 0));
    const { bridge, guard } = this.ports.get(port) as Guarded;
    const where = vlan === 0 ? {} : { vlan };
    const isHere = (one: { vlan?: number }) => shareVlan(one.vlan, where.vlan);
    const isKnown =
      guard.bindings.length === 0 || guard.bindings.some((one) => one.mac === mac && isHere(one));
    if (!isKnown || this.owner(bridge, port, (one) => one.mac === mac && isHere(one)))
      return DROP.spoofed_mac;
    const claimed = claimedIn(bytes);
    if (claimed === undefined) return { mac, ...where };
    if (!isHost(claimed)) return DROP.spoofed_ip;
    const ip = formatIp(claimed);
    const isTaken =
      this.owner(bridge, port, (one) => one.ip === ip && isHere(one)) ||
      this.ports.get(port)?.bindings.all.some((one) => one.ip === ip && one.mac !== mac && isHere(one)) ||
      this.facts.isOthers(bridge, vlan, claimed, mac);
    return isTaken ? DROP.spoofed_ip : { mac, ip, ...where };
  }

  /** What the data plane would say now. */
  refusal({ port, vlan, bytes }: Punt): number {
    const view = viewOf(bytes);
    const seen = new Seen();
    seen.flags = GUARD.mac | GUARD.address;
    seen.port = this.facts.portNumber(port) ?? 0;
    seen.vlan = vlan;
    seen.hi = srcHi(view, 0);
    seen.lo = srcLo(view, 0);
    seen.ip = HEADER_LEN;
    seen.end = bytes.length;
    seen.bindings = this.facts.bindings;
    return packetRefusal(view, seen, 0);
  }

  /** Whether nothing was cut off. */
  isWhole({ bytes }: Punt): boolean {
    return bytes.length < SLOT_BYTES;
  }

  /** Whether another guarded port of the bridge has such a binding. */
  private owner(bridge: string, port: string, is: (one: Binding) => boolean): boolean {
    for (const [other, guarded] of this.ports)
      if (other !== port && guarded.bridge === bridge && guarded.bindings.all.some(is)) return true;
    return false;
  }
}

function isHost(address: IpBytes): boolean {
  return address.length === 4 ? ipv4.isHost(ipv4Number(address)) : ipv6.isHost(viewOf(address), 0);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
