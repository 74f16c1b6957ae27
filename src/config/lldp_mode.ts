// What LLDP does on a port: the port's own wish, and the bridge's. Where the bridge or the port forwards LLDP frames
// (`group_fwd_mask`), it is a wire for them, and the switch neither listens nor speaks.

import { NEAREST_BRIDGE_BIT } from '../wire/lldp/tlv.ts';
import type { BridgeConfig, PortConfig } from './schema.ts';

export type LldpMode = 'off' | 'receive' | 'both';

export function lldpMode(
  port: PortConfig,
  { group_fwd_mask }: Pick<BridgeConfig, 'group_fwd_mask'>,
): LldpMode {
  const isWire = ((group_fwd_mask | port.group_fwd_mask) & NEAREST_BRIDGE_BIT) !== 0;
  // A tunnel may lead to many bridges: none of them is the nearest.
  if (port.type === 'vxlan' || isWire) return 'off';
  return port.lldp === 'receive' ? 'receive' : port.lldp ? 'both' : 'off';
}
