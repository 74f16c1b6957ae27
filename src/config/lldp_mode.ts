// What LLDP does on a port: the port's own wish, and the bridge's. Where the bridge or the port forwards LLDP frames
// (`group_fwd_mask`), it is a wire for them, and the switch neither listens nor speaks.

import { NEAREST_BRIDGE_BIT } from '../wire/lldp/tlv.ts';
import type { BridgeConfig, MemberConfig, PortConfig } from './schema.ts';

export type LldpMode = 'off' | 'receive' | 'both';

/** @param mask `group_fwd_mask` of the port; of a member that of its aggregate */
export function lldpMode(
  port: PortConfig | MemberConfig,
  { group_fwd_mask }: Pick<BridgeConfig, 'group_fwd_mask'>,
  mask = 'group_fwd_mask' in port ? port.group_fwd_mask : 0,
): LldpMode {
  const isWire = ((group_fwd_mask | mask) & NEAREST_BRIDGE_BIT) !== 0;
  // A tunnel may lead to many bridges: none of them is the nearest. An aggregate is no link, its members are.
  if (port.type === 'vxlan' || port.type === 'aggregate' || isWire) return 'off';
  return port.lldp === 'receive' ? 'receive' : port.lldp ? 'both' : 'off';
}
