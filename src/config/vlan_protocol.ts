// EtherTypes of tags, by the names that Linux gives them (vlan_protocol); the last one has none.

import { TPID_8021AD, TPID_8021Q, TPID_9100 } from '../wire/vlan.ts';

export const TPIDS = { '802.1Q': TPID_8021Q, '802.1ad': TPID_8021AD, '0x9100': TPID_9100 } as const;
export type VlanProtocol = keyof typeof TPIDS;

/** Its tags are service tags: a provider bridge (IEEE 802.1Q, 5.10), whose protocols are not its customers'. */
export function isProvider({ vlan_protocol }: { vlan_protocol: VlanProtocol }): boolean {
  return vlan_protocol === '802.1ad';
}
