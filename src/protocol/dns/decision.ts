// What becomes of a question: an answer of our own, a resolver of the host, or a refusal.

import { FLAG, RCODE, TYPE } from '../../wire/dns.ts';
import { buildAnswer, buildBadVersion } from './answer.ts';
import type { DnsQuery } from './query.ts';
import type { Zone } from './zone.ts';

/**
 * `outside`: not from the subnet. `rate`, `busy`: too many. `class`: of another net. `version`: of EDNS. `transfer`: of
 * a zone. `recursion`: not asked for, and not ours. `off`: this network is not led out.
 */
export type Refused = 'outside' | 'rate' | 'busy' | 'class' | 'version' | 'transfer' | 'recursion' | 'off';

export type Decision =
  | { readonly what: 'answer'; readonly bytes: Buffer }
  | { readonly what: 'forward' }
  | { readonly what: 'refuse'; readonly why: Refused; readonly bytes: Buffer };

export function decide(query: DnsQuery, zone: Zone, forwards: boolean): Decision {
  const refuse = (why: Refused) =>
    ({ what: 'refuse', why, bytes: buildAnswer(query, { rcode: RCODE.refused }) }) as const;
  if (query.ednsVersion !== 0) return { what: 'refuse', why: 'version', bytes: buildBadVersion(query) };
  if (!query.isInternet) return refuse('class');
  if (query.type === TYPE.axfr || query.type === TYPE.ixfr) return refuse('transfer');
  const own = zone.answer(query);
  if (own !== undefined) return { what: 'answer', bytes: buildAnswer(query, own) };
  if (!forwards) return refuse('off');
  // What others have asked for is nobody's business: RFC 9520 and cache snooping.
  return query.flags & FLAG.recursionDesired ? { what: 'forward' } : refuse('recursion');
}
