// One aggregate: which of its members take frames in and which send, with LACP, without, or one at a time.

import type { AggregateCounters, AggregateMemberStatus, AggregateStatus } from '../../api.ts';
import { buildLacpdu, type LacpEnd, markerResponse, parseSlow } from '../../wire/lacpdu.ts';
import { type Mac, parseMac } from '../../wire/mac.ts';
import { type LacpIdentity, LacpMember } from './lacp_member.ts';
import { chooseGroup, groupOf } from './selection.ts';
import { spread } from './spread.ts';

export interface AggregateMemberSpec {
  readonly name: string;
  /** 1 to 65535, other than that of any other member of this switch. */
  readonly number: number;
  readonly priority: number;
  /** Source of its frames. */
  readonly mac: string;
  readonly isUp: boolean;
}

/** What has to be known of an aggregate. */
export interface AggregateSpec {
  readonly bridge: string;
  readonly name: string;
  readonly lacp: 'active' | 'passive' | 'off';
  readonly mode: 'balance' | 'active_backup';
  readonly rate: 'fast' | 'slow';
  readonly minLinks: number;
  readonly systemPriority: number;
  /** MAC address of the system. */
  readonly system: string;
  readonly key: number;
  readonly members: readonly AggregateMemberSpec[];
}

/** What the data plane does with the frames of an aggregate, by names of members. */
export interface Distribution {
  /** Members whose frames are the aggregate's. */
  readonly collecting: readonly string[];
  /** By bucket of flows. */
  readonly buckets: readonly (string | undefined)[];
}

export interface Sender {
  send(port: string, frame: Uint8Array): boolean;
}

interface Member {
  spec: AggregateMemberSpec;
  readonly lacp: LacpMember;
  readonly counters: AggregateCounters;
}

const NO_MAC: Mac = { hi: 0, lo: 0 };

export class Aggregate {
  spec: AggregateSpec;
  distribution: Distribution = { collecting: [], buckets: [] };
  private readonly members = new Map<string, Member>();
  /** The partner in use. */
  private group: string | undefined;
  /** Members that carry frames. */
  private carriers: readonly string[] = [];
  /** The one that carries frames while the others wait, of an active-backup aggregate. */
  private active: string | undefined;

  constructor(spec: AggregateSpec) {
    this.spec = spec;
  }

  /** What it is like from now on. Partners of members that leave are told by `host`. */
  update(spec: AggregateSpec, now: number, host?: Sender): void {
    this.spec = spec;
    const names = new Set(spec.members.map(({ name }) => name));
    for (const [name, { spec: leaving, lacp }] of this.members) {
      if (names.has(name)) continue;
      this.members.delete(name);
      const last = lacp.farewell(now);
      if (last !== undefined) host?.send(name, buildLacpdu(parseMac(leaving.mac) ?? NO_MAC, last));
    }
    for (const one of spec.members) {
      const identity = identityOf(spec, one);
      const known = this.members.get(one.name);
      const member = known ?? { spec: one, lacp: new LacpMember(identity), counters: noCounters() };
      // In the order of the configuration, also one that comes back.
      this.members.delete(one.name);
      this.members.set(one.name, member);
      if (known !== undefined && !isSame(known.lacp.identity, identity)) known.lacp.change(identity, now);
      if (member.spec.isUp && !one.isUp) member.counters.failures++;
      member.spec = one;
      member.lacp.setUp(one.isUp && spec.lacp !== 'off', now);
    }
    this.settle(now);
  }

  /** A frame of a slow protocol came in through a member. */
  heard(name: string, frame: Uint8Array, now: number, host: Sender): void {
    const member = this.members.get(name);
    if (member === undefined) return;
    const { counters, lacp, spec } = member;
    const message = parseSlow(frame);
    if (typeof message === 'string') {
      counters.malformed[message] = (counters.malformed[message] ?? 0) + 1;
    } else if ('marker' in message) {
      counters.markersIn++;
      host.send(name, markerResponse(parseMac(spec.mac) ?? NO_MAC, message));
    } else {
      counters.lacpdusIn++;
      lacp.heard(message, now);
      this.settle(now);
    }
  }

  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { lacp } of this.members.values()) next = Math.min(next, lacp.deadline());
    return next;
  }

  /** Lets time pass, and sends what is due. */
  tick(now: number, host: Sender): void {
    for (const { lacp } of this.members.values()) lacp.tick(now);
    this.settle(now);
    for (const { spec, lacp, counters } of this.members.values()) {
      const lacpdu = lacp.take(now);
      if (lacpdu === undefined) continue;
      if (host.send(spec.name, buildLacpdu(parseMac(spec.mac) ?? NO_MAC, lacpdu))) counters.lacpdusOut++;
      else counters.lacpdusNotSent++;
    }
  }

  /** Whether enough members carry frames. */
  get isUp(): boolean {
    return this.carriers.length > 0;
  }

  status(): AggregateStatus {
    const { lacp, mode, minLinks, system, systemPriority, key } = this.spec;
    const members = [...this.members.values()].map((member) => this.memberStatus(member));
    const used = [...this.members.values()].find((member) => groupOf(member.lacp) === this.group);
    return {
      lacp,
      mode,
      minLinks,
      ...(lacp !== 'off' && { system, systemPriority, key }),
      ...(lacp !== 'off' && this.group !== undefined && used && { partner: endStatus(used.lacp.partner) }),
      members,
    };
  }

  /** Selects, and distributes frames anew, if anything has changed. */
  private settle(now: number): void {
    if (this.spec.lacp !== 'off') this.select(now);
    const carriers = this.spec.lacp !== 'off' ? this.negotiated() : this.chosen();
    const { collecting, distributing } = carriers;
    const isSame = isSameList(this.carriers, distributing) && this.distribution.buckets.length > 0;
    if (isSame && isSameList(this.distribution.collecting, collecting)) return;
    this.carriers = distributing;
    this.distribution = { collecting, buckets: spread(this.distribution.buckets, distributing) };
  }

  private select(now: number): void {
    const candidates = [...this.members].map(([name, { lacp }]) => ({ name, member: lacp }));
    this.group = chooseGroup(candidates, this.group);
    const links = candidates.filter(({ member }) => groupOf(member) === this.group);
    const isEnough = this.group !== undefined && links.length >= this.spec.minLinks;
    for (const { member } of candidates) {
      const isOfGroup = this.group !== undefined && groupOf(member) === this.group;
      member.select(!isOfGroup ? 'unselected' : isEnough ? 'selected' : 'standby', now);
    }
  }

  /** By LACP. */
  private negotiated(): { collecting: string[]; distributing: string[] } {
    const members = [...this.members.values()];
    const names = (is: (lacp: LacpMember) => boolean) =>
      members.filter(({ lacp }) => is(lacp)).map(({ spec }) => spec.name);
    return {
      collecting: names(({ isCollecting }) => isCollecting),
      distributing: names(({ isDistributing }) => isDistributing),
    };
  }

  /** Without: all members that are up, or the best one. Those that are down still have a say while they come up. */
  private chosen(): { collecting: string[]; distributing: string[] } {
    const { mode, minLinks } = this.spec;
    const specs = [...this.members.values()].map(({ spec }) => spec);
    const up = specs.filter(({ isUp }) => isUp);
    const isEnough = up.length >= minLinks;
    if (mode === 'balance') {
      const usable = isEnough ? up.map(({ name }) => name) : [];
      return { collecting: isEnough ? specs.map(({ name }) => name) : [], distributing: usable };
    }
    // The one in use stays, unless a better one is there: to change for an equal one would only cost frames.
    const best = [...up].sort(
      (a, b) =>
        a.priority - b.priority ||
        Number(b.name === this.active) - Number(a.name === this.active) ||
        a.number - b.number,
    );
    this.active = best[0]?.name;
    const usable = isEnough && this.active !== undefined ? [this.active] : [];
    return { collecting: usable, distributing: usable };
  }

  private memberStatus({ spec, lacp, counters }: Member): AggregateMemberStatus {
    const isLacp = this.spec.lacp !== 'off';
    const share = this.distribution.buckets.filter((name) => name === spec.name).length;
    return {
      port: spec.name,
      ...this.stateOf(spec, lacp),
      share: share / Math.max(1, this.distribution.buckets.length),
      ...(isLacp && {
        actor: endStatus(lacp.actor),
        ...(lacp.partner.port !== 0 && { partner: endStatus(lacp.partner) }),
        receive: lacp.receive,
        mux: lacp.mux,
        churn: lacp.actorChurn.state === 'churn' || lacp.partnerChurn.state === 'churn',
      }),
      counters: {
        ...counters,
        malformed: { ...counters.malformed },
        churns: lacp.actorChurn.count + lacp.partnerChurn.count,
      },
    };
  }

  private stateOf(
    { name, isUp }: AggregateMemberSpec,
    lacp: LacpMember,
  ): Pick<AggregateMemberStatus, 'state' | 'reason'> {
    const { minLinks, lacp: mode } = this.spec;
    if (!isUp) return { state: 'down', reason: 'its link is down' };
    if (this.carriers.includes(name)) return { state: 'carries' };
    const few = `fewer than ${minLinks} members are ready (min_links)`;
    if (mode === 'off') {
      return this.isUp
        ? { state: 'waits', reason: 'another member carries the frames' }
        : { state: 'waits', reason: few };
    }
    const { partner, actor, selected } = lacp;
    if (partner.port === 0) return { state: 'waits', reason: 'no LACP partner answers' };
    if (partner.system === actor.system && partner.key === actor.key)
      return { state: 'waits', reason: 'it leads back to this aggregate' };
    if (selected === 'unselected')
      return { state: 'waits', reason: `it leads to another partner, ${partner.system} key ${partner.key}` };
    if (selected === 'standby') return { state: 'waits', reason: few };
    return {
      state: 'waits',
      reason: lacp.isCollecting ? 'the partner does not collect yet' : 'it negotiates',
    };
  }
}

function identityOf(spec: AggregateSpec, member: AggregateMemberSpec): LacpIdentity {
  const { system, systemPriority, key, lacp, rate } = spec;
  const own = { portPriority: member.priority, port: member.number };
  return { system, systemPriority, key, ...own, isActive: lacp === 'active', isFast: rate === 'fast' };
}

function isSame(a: LacpIdentity, b: LacpIdentity): boolean {
  return (Object.keys(a) as (keyof LacpIdentity)[]).every((key) => a[key] === b[key]);
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, n) => value === b[n]);
}

function endStatus({ systemPriority, system, key, portPriority, port, state }: LacpEnd) {
  return { systemPriority, system, key, portPriority, port, state };
}

function noCounters(): AggregateCounters {
  return {
    lacpdusIn: 0,
    lacpdusOut: 0,
    lacpdusNotSent: 0,
    malformed: {},
    markersIn: 0,
    failures: 0,
    churns: 0,
  };
}
