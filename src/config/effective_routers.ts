// All routers of a switch: those that the configuration lists, those that its networks need, with what DHCP servers and other routers gave them.

import { networkRouters } from './network_uplink.ts';
import { type Leases, withLeases } from './router_leases.ts';
import type { RoutersConfig } from './router_shape.ts';
import type { SwitchConfig } from './shape.ts';

/** Who looks at routers asks often, and a configuration does not change. */
const known = new WeakMap<SwitchConfig, RoutersConfig>();

/** The same configuration if there is nothing to add. */
export function effectiveRouters(config: SwitchConfig, leases: Leases): SwitchConfig {
  const made = known.get(config) ?? networkRouters(config);
  known.set(config, made);
  if (leases.dhcp.size + leases.slaac.size === 0 && Object.keys(made).length === 0) return config;
  return { ...config, routers: withLeases({ ...config.routers, ...made }, leases) };
}
