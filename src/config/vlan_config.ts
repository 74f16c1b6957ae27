// A port's `vlan`, as its author wrote it.

import type { VlanProtocol } from './vlan_protocol.ts';

/** Ids, and ranges such as `100-199`. */
export type VlanList = (number | string)[];

/**
 * A list of tagged VLANs beside which `native` is a member, untagged. `translate`: VIDs on the wire to VLANs. `promiscuous`:
 * frames of a secondary VLAN leave as those of its primary one.
 */
export interface TrunkVlans {
  trunk: VlanList;
  native?: number;
  protocol?: VlanProtocol;
  translate?: Record<string, number>;
  promiscuous?: boolean;
}

/** Frames of a customer with the tags that they have, in one VLAN, or in several by the customer's own. */
export interface TunnelVlans {
  tunnel: number | Record<string, VlanList>;
  native?: number;
}

/** One VLAN untagged, many tagged, or somebody else's tags. */
export type VlanConfig = { access: number } | TrunkVlans | TunnelVlans;
