// What a TUN takes of a copy: see port/tun_device.ts.

import type { TraceStep } from '../api.ts';
import { isGroup, TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import { formatMac } from '../wire/mac.ts';
import { type Scene, step } from './scene.ts';

/** Undefined: `port` is no TUN, or the packet goes out. */
export function tellTun({ config, bridge, frame, names }: Scene, port: string): TraceStep | undefined {
  const mac = names.tunMac(port);
  if (mac === undefined || frame.macs === undefined) return undefined;
  const { dstHi, dstLo } = frame.macs;
  if (!isGroup(dstHi) && formatMac(dstHi, dstLo) !== mac) {
    const text = `${port} is a TUN, and takes what is for ${mac}, for groups or for all: dropped, tun_other_station`;
    return step('egress', 'tun_other_station', text);
  }
  const isTagged = frame.tags.length > 0 && config.bridges[bridge]?.vlan_filtering !== true;
  if (!isTagged && frame.etherType === TYPE_ARP)
    return step(
      'egress',
      'answered',
      `${port} is a TUN: the port itself hears ARP, and answers for its addresses`,
    );
  if (!isTagged && (frame.etherType === TYPE_IPV4 || frame.etherType === TYPE_IPV6)) return undefined;
  const text = `${port} is a TUN, which takes IPv4 and IPv6 without tags: dropped, tun_not_ip`;
  return step('egress', 'tun_not_ip', text);
}
