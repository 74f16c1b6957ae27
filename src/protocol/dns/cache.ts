// What resolvers answered, for as long as they said. Bounded by entries and by bytes: who was not asked for goes first.

import { LRUCache } from 'lru-cache';
import { FLAG } from '../../wire/dns.ts';
import type { DnsQuery } from './query.ts';
import type { UpstreamAnswer } from './upstream_answer.ts';

const MAX_ENTRIES = 4096;
const MAX_BYTES = 4 * 1024 * 1024;

interface Kept {
  readonly answer: UpstreamAnswer;
  /** ms. */
  readonly since: number;
}

export class DnsCache {
  private readonly entries = new LRUCache<string, Kept>({
    max: MAX_ENTRIES,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ answer }, key) => answer.bytes.length + 8 * answer.ttls.length + 2 * key.length,
  });

  /** The answer and its age in whole seconds. */
  get(key: string, now: number): { answer: UpstreamAnswer; age: number } | undefined {
    const kept = this.entries.get(key);
    if (kept === undefined) return undefined;
    const age = Math.floor((now - kept.since) / 1000);
    if (age < kept.answer.ttl) return { answer: kept.answer, age };
    this.entries.delete(key);
    return undefined;
  }

  put(key: string, answer: UpstreamAnswer, now: number): void {
    if (answer.ttl > 0) this.entries.set(key, { answer, since: now });
  }
}

/** Questions that have the same answer: RFC 4035 section 4.7 for the flags. */
export function questionKey({ question, name, flags, dnssec }: DnsQuery): string {
  const typeAndClass = question.readUInt32BE(question.length - 4).toString(16);
  const isUnchecked = (flags & FLAG.checkingDisabled) !== 0;
  return `${name} ${typeAndClass}${dnssec ? ' do' : ''}${isUnchecked ? ' cd' : ''}`;
}
