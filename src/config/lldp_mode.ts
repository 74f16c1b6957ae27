// What LLDP does on a port: the port's own wish, and the bridge's. Where the bridge or the port forwards LLDP frames
// (`group_fwd_mask`), or the port carries them through a tunnel (`tunnel_protocols`), it is a wire for them, and the switch
// neither listens nor speaks.

import { NEAREST_BRIDGE_BIT } from '../wire/lldp/tlv.ts';
import type { BridgeConfig, MemberConfig, PortConfig } from './schema.ts';

type Wire = Pick<PortConfig, 'group_fwd_mask' | 'tunnel_protocols'>;
export type LldpMode = 'off' | 'receive' | 'both';

/** @param owner the port; of a member its aggregate */
export function lldpMode(
  port: PortConfig | MemberConfig,
  { group_fwd_mask }: Pick<BridgeConfig, 'group_fwd_mask'>,
  owner: Wire | undefined = 'group_fwd_mask' in port ? port : undefined,
): LldpMode {
  const mask = group_fwd_mask | (owner?.group_fwd_mask ?? 0);
  const isWire = (mask & NEAREST_BRIDGE_BIT) !== 0 || owner?.tunnel_protocols?.includes('lldp') === true;
  // A tunnel may lead to many bridges: none of them is the nearest. An aggregate is no link, its members are; a TUN has no frames.
  if (port.type === 'vxlan' || port.type === 'tun' || port.type === 'aggregate' || isWire) return 'off';
  return port.lldp === 'receive' ? 'receive' : port.lldp ? 'both' : 'off';
}
