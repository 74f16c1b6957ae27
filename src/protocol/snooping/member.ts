// What the hosts behind one port want of one group: the router's state of RFC 3376 section 6 (RFC 3810 section 7 is the same).
//
//   include: only the sources in `sources`, each until its time
//   exclude: all but those in `sources` whose time is 0, until `expiresAt`; the others are what it would include afterwards
//
// A port that the configuration puts into a group is in it for ever, whatever hosts say.

import type { GroupRecord } from '../../wire/membership.ts';

/** Most sources of a member, as Linux' PG_SRC_ENT_LIMIT. Further ones make it take all: better too much than nothing. */
const MAX_SOURCES = 32;
/** Most hosts that are told apart behind a port, as Linux' mcast_eht_hosts_limit. */
const MAX_HOSTS = 512;
const FOREVER = Number.POSITIVE_INFINITY;
const NONE: ReadonlySet<string> = new Set();
const NO_SOURCES: ReadonlyMap<string, number> = new Map();

/** ms */
export interface Timing {
  /** Group membership interval: so long a report holds. */
  membership: number;
  /** Last member query time: so long whoever is asked may take. */
  lastMember: number;
}

/** What the querier asks before it believes that nobody wants it any more. */
export interface Question {
  /** Whether anybody wants the group at all. */
  group: boolean;
  /** Whether anybody wants these sources. */
  sources: string[];
}

/** What a host wants, until when that holds. */
interface Host {
  wish: Set<string> | 'all';
  until: number;
}

export class Member {
  readonly port: string;
  /** Until when each source is wanted; 0 = blocked. Most members name none, and a map for each would be most of their memory. */
  private named: Map<string, number> | undefined;
  isExclude = false;
  /** Exclude only: when it becomes include. */
  expiresAt = 0;
  /** When its agenda looks at it. */
  scheduledAt = FOREVER;
  /** Until then a host of an older version is there, which knows no sources and does not say all it wants. */
  olderUntil = 0;
  /** 1 or 2, of that host. */
  olderVersion = 3;
  /** By address, what each host of version 3 wants; undefined = nobody keeps count, or there are too many. */
  private hosts: Map<string, Host> | undefined;
  private readonly statics: ReadonlySet<string>;
  /** What `takeChange` has told of. */
  private told = '';

  /** @param statics sources that the configuration wants; '' = all @param isTracked whether hosts are told apart */
  constructor(port: string, statics: ReadonlySet<string>, isTracked: boolean) {
    this.port = port;
    this.statics = statics;
    if (isTracked) this.hosts = new Map();
    for (const source of statics) if (source !== '') this.put(source, FOREVER);
    if (statics.has('')) this.beExclude(FOREVER);
  }

  get sources(): ReadonlyMap<string, number> {
    return this.named ?? NO_SOURCES;
  }

  get isStatic(): boolean {
    return this.statics.size > 0;
  }

  get isEmpty(): boolean {
    return !this.isExclude && this.sources.size === 0;
  }

  /** Whether anything of it is what hosts have said. */
  get isHeard(): boolean {
    if (this.isExclude && this.expiresAt !== FOREVER) return true;
    return [...this.sources.values()].some((until) => until !== FOREVER);
  }

  /** Whether frames from `source` go to the port; undefined = from one that nobody names. */
  wants(source: string | undefined): boolean {
    const until = source === undefined ? undefined : this.sources.get(source);
    return until === undefined ? this.isExclude : until > 0;
  }

  /** When time changes something. */
  get deadline(): number {
    let next = this.isExclude ? this.expiresAt : FOREVER;
    for (const until of this.sources.values()) if (until > 0) next = Math.min(next, until);
    return next;
  }

  hostNames(now: number): string[] {
    return [...(this.hosts ?? [])].filter(([, { until }]) => until > now).map(([host]) => host);
  }

  /** A report of a host: RFC 3376 section 6.4. `version` is that of the message. Returns what is to be asked. */
  hear(record: GroupRecord, version: number, host: string, now: number, timing: Timing): Question {
    if (this.statics.has('')) return NOTHING;
    if (version < 3 && record.type === 'is_ex') {
      this.olderVersion = now < this.olderUntil ? Math.min(version, this.olderVersion) : version;
      this.olderUntil = now + timing.membership;
    }
    const isOld = now < this.olderUntil;
    // Section 7.3.2: while older hosts are there their lack of sources rules; with version 1 nobody can leave.
    if (isOld && record.type === 'block') return NOTHING;
    if (isOld && record.type === 'to_in' && this.olderVersion === 1) return NOTHING;
    const sources = isOld && record.type === 'to_ex' ? [] : record.sources;
    if (version === 3) this.track(record.type, sources, host, now + timing.membership);
    const asked = this.apply(
      record.type,
      sources.length === 0 ? NONE : new Set(sources),
      now + timing.membership,
    );
    if (this.sources.size > MAX_SOURCES) this.overflow(now + timing.membership);
    return asked;
  }

  /** Lowers what is asked for to `until`: RFC 3376 section 6.6. */
  ask({ group, sources }: Question, until: number): void {
    if (group && this.isExclude && this.expiresAt !== FOREVER)
      this.expiresAt = Math.min(this.expiresAt, until);
    for (const source of sources) {
      const old = this.sources.get(source);
      if (old !== undefined && old > until && old !== FOREVER) this.put(source, until);
    }
  }

  /** Nobody wants what is asked for: of version 3 every host says all that it wants, so none has to be waited for. */
  knowsThatNobodyWants(source: string | undefined, now: number): boolean {
    if (this.hosts === undefined || now < this.olderUntil) return false;
    for (const { wish, until } of this.hosts.values()) {
      if (until <= now) continue;
      if (wish === 'all' || (source !== undefined && wish.has(source))) return false;
    }
    return true;
  }

  /** No host wants this source any more. False if none has said that it does. */
  drop(source: string): boolean {
    const until = this.sources.get(source) ?? 0;
    return until > 0 && until !== FOREVER && this.named?.delete(source) === true;
  }

  /** Time goes by. */
  expire(now: number): void {
    if (this.isExclude && this.expiresAt <= now) this.isExclude = false;
    for (const [source, until] of this.sources) {
      if (until > now) continue;
      // Section 6.3: what an exclude member asked for is blocked once nobody asks any more.
      if (this.isExclude) this.put(source, 0);
      else this.named?.delete(source);
    }
  }

  /** Whether it wants something else than when this was asked last. */
  takeChange(): boolean {
    let now = this.isExclude ? 'exclude' : 'include';
    for (const [source, until] of this.sources) now += until > 0 ? ` +${source}` : ` -${source}`;
    if (now === this.told) return false;
    this.told = now;
    return true;
  }

  private apply(type: GroupRecord['type'], said: ReadonlySet<string>, until: number): Question {
    const known = [...this.sources.keys()];
    const isWanted = (source: string) => (this.sources.get(source) as number) > 0;
    switch (type) {
      case 'is_in':
      case 'allow':
        for (const source of said) this.want(source, until);
        return NOTHING;
      case 'to_in': {
        const asked = known.filter((source) => !said.has(source) && isWanted(source));
        for (const source of said) this.want(source, until);
        return { group: this.isExclude, sources: asked };
      }
      case 'block': {
        const timer = this.expiresAt;
        if (!this.isExclude) return { group: false, sources: known.filter((source) => said.has(source)) };
        for (const source of said) if (!this.sources.has(source)) this.want(source, timer);
        return { group: false, sources: [...said].filter(isWanted) };
      }
      case 'is_ex':
      case 'to_ex': {
        // Sources that are new to an exclude member are blocked after one more question, or at the latest with the group.
        const fresh = !this.isExclude ? 0 : type === 'is_ex' ? until : this.expiresAt;
        for (const source of known)
          if (!said.has(source) && this.sources.get(source) !== FOREVER) this.named?.delete(source);
        for (const source of said) if (!this.sources.has(source)) this.put(source, fresh);
        this.beExclude(until);
        const asked =
          type === 'to_ex' ? [...said].filter((source) => this.sources.has(source) && isWanted(source)) : [];
        return { group: false, sources: asked };
      }
    }
  }

  private want(source: string, until: number): void {
    this.put(source, Math.max(until, this.sources.get(source) ?? 0));
  }

  private put(source: string, until: number): void {
    this.named ??= new Map();
    this.named.set(source, until);
  }

  private beExclude(until: number): void {
    this.isExclude = true;
    this.expiresAt = until;
  }

  private overflow(until: number): void {
    for (const [source, time] of this.sources) if (time !== FOREVER) this.named?.delete(source);
    this.beExclude(until);
  }

  private track(type: GroupRecord['type'], sources: readonly string[], name: string, until: number): void {
    const { hosts } = this;
    if (hosts === undefined) return;
    const before = hosts.get(name)?.wish ?? new Set<string>();
    const wish = wishAfter(type, sources, before);
    if (wish !== 'all' && wish.size === 0) hosts.delete(name);
    else hosts.set(name, { wish: wish !== 'all' && wish.size > MAX_SOURCES ? 'all' : wish, until });
    if (hosts.size > MAX_HOSTS) this.hosts = undefined;
  }
}

const NOTHING: Question = { group: false, sources: [] };

function wishAfter(
  type: GroupRecord['type'],
  sources: readonly string[],
  before: Host['wish'],
): Host['wish'] {
  switch (type) {
    case 'is_ex':
    case 'to_ex':
      return 'all';
    case 'is_in':
    case 'to_in':
      return new Set(sources);
    case 'allow':
      return before === 'all' ? before : new Set([...before, ...sources]);
    case 'block':
      return before === 'all' ? before : new Set([...before].filter((source) => !sources.includes(source)));
  }
}
