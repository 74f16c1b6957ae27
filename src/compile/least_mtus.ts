// The largest packet that every port of a VLAN lets through: the MTU of a router's interface there.

import { DEFAULT_MTU } from '../config/defaults.ts';
import type { PortVlans } from '../config/private_vlans.ts';

const VIDS = 4096;

/** By VID; of a bridge that does not filter VLANs only VID 0. A VLAN without ports has Ethernet's MTU. */
export function leastMtus(
  ports: readonly { view: { name: string }; vlans: PortVlans }[],
  mtus: ReadonlyMap<string, number>,
): (vid: number) => number {
  const least = new Uint32Array(VIDS);
  for (const { view, vlans } of ports) {
    const mtu = mtus.get(view.name) as number;
    for (const ranges of [vlans.tagged, vlans.untagged]) {
      for (const { from, to } of ranges) {
        for (let vid = from; vid <= to; vid++)
          least[vid] = least[vid] === 0 ? mtu : Math.min(least[vid], mtu);
      }
    }
  }
  return (vid) => least[vid] || DEFAULT_MTU;
}
