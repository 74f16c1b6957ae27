// Which links make up an aggregate, IEEE 802.1AX-2014 clause 6.4.14: those that lead to the same partner, by its system and
// its key. Links that lead elsewhere wait. A partner stays in use as long as a link to it carries frames; otherwise the link
// of the best priority decides.

import { type LacpEnd, STATE_BIT } from '../../wire/lacpdu.ts';
import type { LacpMember } from './lacp_member.ts';

export interface Candidate {
  readonly name: string;
  readonly member: LacpMember;
}

/** Where a link leads; undefined = to nobody, or back to the same aggregate. A partner that does not aggregate stands alone. */
export function groupOf({ receive, partner, actor }: LacpMember): string | undefined {
  if (receive === 'disabled' || receive === 'defaulted' || partner.port === 0) return undefined;
  if (partner.system === actor.system && partner.key === actor.key) return undefined;
  return groupName(partner);
}

function groupName({ systemPriority, system, key, state, port }: LacpEnd): string {
  const alone = (state & STATE_BIT.aggregation) === 0 ? ` port ${port}` : '';
  return `${systemPriority} ${system} ${key}${alone}`;
}

/** The partner to use; undefined if there is none. */
export function chooseGroup(candidates: readonly Candidate[], used: string | undefined): string | undefined {
  const links = candidates.flatMap(({ member }) => {
    const group = groupOf(member);
    return group === undefined ? [] : [{ group, inUse: member.isCollecting, ...member.identity }];
  });
  if (used !== undefined && links.some(({ group, inUse }) => inUse && group === used)) return used;
  links.sort((a, b) => a.portPriority - b.portPriority || a.port - b.port);
  return links[0]?.group;
}
