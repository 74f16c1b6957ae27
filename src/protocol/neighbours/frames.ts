// What an interface of a router says to its neighbours.

import { isLinkLocal, same } from '../../config/router_address.ts';
import { isOnLink } from '../../config/router_interfaces.ts';
import * as arp from '../../wire/arp.ts';
import { type IpBytes, ipv4Number } from '../../wire/ip_address.ts';
import { prefixContains } from '../../wire/ip_prefix.ts';
import type { Mac } from '../../wire/mac.ts';
import { solicitation, unsolicited } from '../../wire/neighbour_frame.ts';
import type { InterfaceSpec } from './spec.ts';

const BROADCAST: Mac = { hi: 0xffff, lo: -1 };
const NOBODY: Mac = { hi: 0, lo: 0 };
const UNSPECIFIED = new Uint8Array(16);

/** Asks who has an address: everybody, or one. */
export function question(spec: InterfaceSpec, address: IpBytes, to: Mac | undefined): Uint8Array {
  const source = sourceFor(spec, address);
  if (address.length === 16) return solicitation(spec.mac, source ?? UNSPECIFIED, address, to);
  return arp.buildArp(to ?? BROADCAST, {
    operation: arp.REQUEST,
    senderMac: spec.mac,
    sender: source === undefined ? 0 : ipv4Number(source),
    targetMac: to ?? NOBODY,
    target: ipv4Number(address),
  });
}

/** Whether somebody else has an address of the interface: RFC 5227 section 2.1.1, RFC 4862 section 5.4.2. */
export function probe({ mac }: InterfaceSpec, address: IpBytes): Uint8Array {
  return address.length === 4
    ? arp.arpProbe(mac, ipv4Number(address))
    : solicitation(mac, UNSPECIFIED, address);
}

/** Tells everybody where an address of the interface is: RFC 5227 section 2.3, RFC 4861 section 7.2.6. */
export function announcement({ mac }: InterfaceSpec, address: IpBytes): Uint8Array {
  if (address.length === 16) return unsolicited(mac, address);
  const own = ipv4Number(address);
  return arp.buildArp(BROADCAST, {
    operation: arp.REQUEST,
    senderMac: mac,
    sender: own,
    targetMac: NOBODY,
    target: own,
  });
}

/** All addresses of an interface. */
export function ownAddresses({ addresses, linkLocal }: InterfaceSpec): IpBytes[] {
  const all = addresses.filter((own) => !own.isLinkLocal).map(({ bytes }) => bytes);
  return linkLocal === undefined ? all : [...all, linkLocal];
}

export function isOwn(spec: InterfaceSpec, address: IpBytes): boolean {
  return ownAddresses(spec).some((own) => same(own, address));
}

/** Whether somebody of this address may be a neighbour, unasked. */
export function mayBeNeighbour(spec: InterfaceSpec, address: IpBytes): boolean {
  return isOnLink(spec.addresses, address) && !isOwn(spec, address);
}

/** The own address in the subnet of another one, or else the first; undefined: there is none. */
function sourceFor({ addresses, linkLocal }: InterfaceSpec, address: IpBytes): IpBytes | undefined {
  if (isLinkLocal(address)) return linkLocal;
  const global = addresses.filter((own) => !own.isLinkLocal && own.bytes.length === address.length);
  const near = global.find(({ subnet }) => prefixContains(subnet, address));
  return near?.bytes ?? (address.length === 16 ? linkLocal : global[0]?.bytes);
}
