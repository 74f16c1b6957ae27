// A configuration of its parts, without the keys of those that there are none of.

import type { SwitchConfig } from './shape.ts';

/** What a configuration has beside bridges. */
export type BesideBridges = Omit<SwitchConfig, 'version' | 'bridges'>;

export function assembled(
  bridges: SwitchConfig['bridges'],
  { routers = {}, groups = {}, acls = {}, connections, tenants = {} }: BesideBridges,
): SwitchConfig {
  return {
    version: 1,
    bridges,
    ...(Object.keys(routers).length > 0 && { routers }),
    ...(Object.keys(groups).length > 0 && { groups }),
    ...(Object.keys(acls).length > 0 && { acls }),
    ...(connections && { connections }),
    ...(Object.keys(tenants).length > 0 && { tenants }),
  };
}
