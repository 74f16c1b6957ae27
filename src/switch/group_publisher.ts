// Tells the data plane what snooping found: changes of table/groups.ts. Only what is different goes there, one request at a
// time, so much at once that neither side is held up; what changes meanwhile goes with the next.

import type { Group, Snooper } from '../protocol/snooping/snooper.ts';
import { GROUP_CHANGE, MAX_GROUPS, UNKNOWN } from '../table/groups.ts';
import { parseIp } from '../wire/ip_address.ts';

/** Words of one request, and a group more: some milliseconds on both sides. */
const AT_ONCE = 40_000;

/** An entry that the data plane has. */
interface Entry {
  id: number;
  /** What it says there: `id << 1 | has sources, count, next hops`. */
  words: readonly number[];
}

/** One family in one domain. */
export interface Place {
  readonly domain: number;
  readonly snooper: Snooper;
  readonly unknown: 'flood' | 'drop' | 'routers';
}

/** What the data plane has of a place. */
interface Known {
  /** By group, then by source, '' = any. */
  groups: Map<string, Map<string, Entry>>;
  routers: Entry | undefined;
  policy: keyof typeof UNKNOWN | '';
}

export class GroupPublisher {
  private readonly known = new Map<string, Known>();
  private readonly free = Array.from({ length: MAX_GROUPS }, (_, n) => MAX_GROUPS - 1 - n);
  private readonly hopsOf: (port: string) => readonly number[];

  /** @param hopsOf next hops of a port */
  constructor(hopsOf: (port: string) => readonly number[]) {
    this.hopsOf = hopsOf;
  }

  /** The next changes of a place; undefined = there are none. */
  next({ domain, snooper, unknown }: Place): Int32Array | undefined {
    const key = keyOf(domain, snooper);
    const known: Known = this.known.get(key) ?? { groups: new Map(), routers: undefined, policy: '' };
    this.known.set(key, known);
    const words: number[] = [];
    if (snooper.hasNewRouters) this.tellDomain(words, domain, snooper, unknown, known);
    snooper.hasNewRouters = false;
    for (const address of snooper.changed) {
      if (words.length > AT_ONCE) break;
      snooper.changed.delete(address);
      this.tellGroup(words, domain, address, snooper, known);
    }
    return words.length === 0 ? undefined : Int32Array.from(words);
  }

  /** All that the data plane has of a place, for a table that is empty. */
  state({ domain, snooper }: Place): number[] {
    const known = this.known.get(keyOf(domain, snooper));
    if (known === undefined) return [];
    const words: number[] = [];
    for (const [address, entries] of known.groups) {
      for (const [source, entry] of entries)
        words.push(GROUP_CHANGE.set, ...keyWords(domain, address, source), ...entry.words);
    }
    if (known.routers === undefined || known.policy === '') return words;
    words.push(GROUP_CHANGE.set, ...routersKey(domain, snooper), ...known.routers.words);
    words.push(GROUP_CHANGE.domain, domain, familyOf(snooper), UNKNOWN[known.policy], known.routers.id);
    return words;
  }

  /** What makes the data plane forget a place. */
  forget(domain: number, snooper: Snooper): Int32Array {
    const key = keyOf(domain, snooper);
    const known = this.known.get(key);
    this.known.delete(key);
    if (known === undefined) return new Int32Array(0);
    const words: number[] = [GROUP_CHANGE.domain, domain, familyOf(snooper), UNKNOWN.inactive, 0];
    for (const [address, entries] of known.groups) {
      for (const [source, { id }] of entries) this.remove(words, domain, address, source, id);
    }
    if (known.routers !== undefined) this.removeKey(words, routersKey(domain, snooper), known.routers.id);
    return Int32Array.from(words);
  }

  /** Which ports lead to routers, and what becomes of frames to unknown groups. */
  private tellDomain(
    words: number[],
    domain: number,
    snooper: Snooper,
    unknown: Place['unknown'],
    known: Known,
  ): void {
    const id = known.routers?.id ?? this.free.pop();
    if (id === undefined) return;
    const list = this.listOf(id, 0, snooper.routers.keys());
    if (!isSame(known.routers?.words, list))
      words.push(GROUP_CHANGE.set, ...routersKey(domain, snooper), ...list);
    known.routers = { id, words: list };
    const policy = snooper.isActive ? unknown : 'inactive';
    if (policy !== known.policy)
      words.push(GROUP_CHANGE.domain, domain, familyOf(snooper), UNKNOWN[policy], id);
    known.policy = policy;
  }

  private tellGroup(words: number[], domain: number, address: string, snooper: Snooper, known: Known): void {
    const group = snooper.isActive ? snooper.groups.get(address) : undefined;
    const before = known.groups.get(address) ?? new Map<string, Entry>();
    const after = new Map<string, Entry>();
    const sources = group === undefined ? [] : sourcesOf(group);
    // Entries of sources come first, and go last: until both are there, too much is sent and not too little.
    const wanted = group === undefined ? [] : [...sources, ''];
    // Without room for each source all who want any get all.
    const isCrowded = this.free.length + before.size < wanted.length;
    for (const source of isCrowded ? [''] : wanted) {
      const id = before.get(source)?.id ?? this.free.pop();
      if (group === undefined || id === undefined) continue;
      const ports = isCrowded
        ? new Set([...group.keys(), ...snooper.routers.keys()])
        : snooper.portsOf(group, source === '' ? undefined : source);
      const hasSources = source === '' && sources.length > 0 && !isCrowded ? 1 : 0;
      const list = this.listOf(id, hasSources, ports);
      after.set(source, { id, words: list });
      if (!isSame(before.get(source)?.words, list))
        words.push(GROUP_CHANGE.set, ...keyWords(domain, address, source), ...list);
    }
    for (const [source, { id }] of before)
      if (!after.has(source)) this.remove(words, domain, address, source, id);
    if (after.size > 0) known.groups.set(address, after);
    else known.groups.delete(address);
  }

  /** Words of an entry, see Groups.apply. */
  private listOf(id: number, hasSources: number, ports: Iterable<string>): number[] {
    const words = [(id << 1) | hasSources, 0];
    for (const port of ports) for (const hop of this.hopsOf(port)) words.push(hop);
    words[1] = words.length - 2;
    return words;
  }

  private remove(words: number[], domain: number, group: string, source: string, id: number): void {
    this.removeKey(words, keyWords(domain, group, source), id);
  }

  private removeKey(words: number[], key: number[], id: number): void {
    words.push(GROUP_CHANGE.remove, ...key);
    this.free.push(id);
  }
}

function isSame(before: readonly number[] | undefined, now: readonly number[]): boolean {
  return before?.length === now.length && now.every((word, n) => word === before[n]);
}

function keyOf(domain: number, { spec }: Snooper): string {
  return `${domain} ${spec.family}`;
}

function familyOf({ spec }: Snooper): number {
  return spec.family === 4 ? 0 : 2;
}

/** The routers' list stands where a group would that is none. */
function routersKey(domain: number, snooper: Snooper): number[] {
  return [domain, 0, 0, 0, familyOf(snooper), 0, 0, 0, 0];
}

function keyWords(domain: number, group: string, source: string): number[] {
  return [domain, ...wordsOf(group), ...(source === '' ? [0, 0, 0, 0] : wordsOf(source))];
}

function wordsOf(address: string): number[] {
  const bytes = parseIp(address) as Uint8Array;
  const padded = new Uint8Array(16);
  padded.set(bytes, 16 - bytes.length);
  const view = new DataView(padded.buffer);
  return [0, 4, 8, 12].map((at) => view.getInt32(at));
}

/** Sources that any member names. */
function sourcesOf(group: Group): string[] {
  const sources = new Set<string>();
  for (const member of group.values()) for (const source of member.sources.keys()) sources.add(source);
  return [...sources];
}
