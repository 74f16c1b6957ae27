// IGMP or MLD snooping in one VLAN of a bridge: which port wants which group, and where routers are. A pure state machine:
// time is an argument, and what comes of it is read (`groups`, `routers`, `isActive`), marked (`changed`) or said (`Says`).
//
//   reports --> groups: group -> port -> Member          queries --> querier, routers          hellos --> routers
//
// As in Linux it restricts nothing while nobody asks (querier.ts).

import type { MdbFilter } from '../../api.ts';
import type { GroupRecord, Heard, MembershipQuery, MembershipReport } from '../../wire/membership.ts';
import { Agenda } from './agenda.ts';
import { Member, type Question } from './member.ts';
import { Querier } from './querier.ts';
import type { Room, SnoopingPort, SnoopingSpec } from './spec.ts';

export type Group = Map<string, Member>;

export interface Says {
  /** A query for all of the VLAN. */
  ask(query: MembershipQuery): void;
  refused(port: string, group: string, limit: 'bridge' | 'port'): void;
  /** A router port, or the querier, came or went. */
  router(port: string, change: 'added' | 'removed'): void;
  querier(change: 'elected' | 'lost', address: string, port: string): void;
}

/** A question that is asked again, in case that the first was lost. */
interface Repeat {
  group: string;
  sources: string[];
  left: number;
  at: number;
}

const NO_STATICS: ReadonlySet<string> = new Set();
/** Stands for the host where somebody joined by command. */
const BY_HAND = 'by hand';
const FOREVER = Number.POSITIVE_INFINITY;

export class Snooper {
  spec: SnoopingSpec;
  readonly groups = new Map<string, Group>();
  /** Ports that lead to routers, until when. */
  readonly routers = new Map<string, number>();
  readonly querier = new Querier();
  /** Groups of which somebody else should take note. */
  readonly changed = new Set<string>();
  hasNewRouters = true;
  isActive = false;
  private readonly says: Says;
  private readonly room: Room;
  private readonly agenda = new Agenda<{ group: string; member: Member }>();
  private repeats: Repeat[] = [];

  constructor(spec: SnoopingSpec, room: Room, says: Says, now: number) {
    this.spec = { ...spec, ports: new Map() };
    this.room = room;
    this.says = says;
    this.configure(spec, now);
  }

  /** Takes another configuration: ports that are gone are forgotten. */
  configure(spec: SnoopingSpec, now: number): void {
    const before = this.spec;
    this.spec = spec;
    for (const [name, port] of before.ports) {
      if (spec.ports.has(name)) continue;
      this.setStatics(name, port, { ...port, statics: new Map() });
      this.forget(name, now);
    }
    let isNew = false;
    for (const [name, port] of spec.ports) {
      if (!before.ports.has(name)) isNew = true;
      this.setStatics(name, before.ports.get(name), port);
      if (port.router === 'permanent') this.addRouter(name, FOREVER);
      else if (port.router === 'off' || this.routers.get(name) === FOREVER) this.removeRouter(name);
    }
    if (!spec.isQuerier) this.querier.stop();
    else if ((!before.isQuerier || isNew) && this.querier.other === undefined) this.querier.start(spec, now);
    this.tick(now);
  }

  /** Forgets what hosts and routers behind a port have said: it is gone, or its link is. */
  forget(port: string, now: number): void {
    this.flush({ port });
    if (this.spec.ports.get(port)?.router !== 'permanent') this.removeRouter(port);
    if (this.querier.other?.port !== port) return;
    this.says.querier('lost', this.querier.other.address, port);
    this.querier.lose(this.spec, now);
  }

  /** A link has come up: the hosts behind it have missed what was asked. */
  linkUp(now: number): void {
    if (this.querier.isOwn(this.spec)) this.querier.start(this.spec, now);
  }

  /** As if a host behind the port had said it. False: a limit is reached. */
  join(port: string, record: GroupRecord, now: number): boolean {
    const message: MembershipReport = { kind: 'report', version: 3, records: [record] };
    this.hear(port, { family: this.spec.family, from: BY_HAND, message }, now);
    return this.groups.get(record.group)?.has(port) === true;
  }

  /** Forgets what hosts have said. Returns of how many (group, port). */
  flush({ port, group: only, source }: Pick<MdbFilter, 'port' | 'group' | 'source'>): number {
    let count = 0;
    for (const [address, group] of only === undefined ? [...this.groups] : this.named(only)) {
      for (const member of port === undefined ? [...group.values()] : [group.get(port)]) {
        if (member?.isHeard && this.dropHeard(address, group, member, source)) count++;
      }
    }
    return count;
  }

  /** When `tick` has something to do. */
  get deadline(): number {
    const { agenda, querier } = this;
    let next = Math.min(agenda.next, querier.deadline, this.isActive ? FOREVER : querier.trustedAt);
    for (const { at } of this.repeats) next = Math.min(next, at);
    for (const until of this.routers.values()) next = Math.min(next, until);
    return next;
  }

  hear(port: string, { from, message }: Heard, now: number): void {
    const spec = this.spec.ports.get(port);
    if (spec === undefined || typeof message === 'string') return;
    if (message.kind === 'report') this.hearReport(port, spec, message, from, now);
    else if (message.kind === 'query') this.hearQuery(port, spec, message, from, now);
    else this.hearRouter(port, spec, now + message.holdTime);
    this.update(now);
  }

  tick(now: number): void {
    const { agenda, spec, querier, says } = this;
    for (let due = agenda.take(now); due !== undefined; due = agenda.take(now)) this.expire(due, now);
    for (const [port, until] of this.routers) if (until <= now) this.removeRouter(port);
    const lost = querier.expire(spec, now);
    if (lost !== undefined) says.querier('lost', lost.address, lost.port);
    if (querier.take(spec, now)) this.ask(undefined, [], spec.times.queryResponse, false);
    this.repeat(now);
    this.update(now);
  }

  /** Ports that get frames of a group from `source`; undefined = from one that nobody names. Routers get all. */
  portsOf(group: Group, source: string | undefined): Set<string> {
    const ports = new Set(this.routers.keys());
    for (const member of group.values()) if (member.wants(source)) ports.add(member.port);
    return ports;
  }

  private named(address: string): [string, Group][] {
    const group = this.groups.get(address);
    return group === undefined ? [] : [[address, group]];
  }

  private dropHeard(address: string, group: Group, member: Member, source: string | undefined): boolean {
    if (source !== undefined) {
      const isDropped = member.drop(source);
      this.settle(address, member);
      return isDropped;
    }
    this.remove(address, group, member);
    const kept = this.spec.ports.get(member.port)?.statics.get(address);
    if (kept !== undefined) this.add(address, new Member(member.port, kept, false));
    return true;
  }

  private hearReport(
    port: string,
    spec: SnoopingPort,
    report: MembershipReport,
    from: string,
    now: number,
  ): void {
    for (const record of report.records) {
      if (isLinkLocal(record.group)) continue;
      const member = this.memberFor(port, spec, record);
      if (member === undefined) continue;
      const asked = member.hear(record, report.version, from, now, this.spec.times);
      this.weigh(record.group, member, spec, asked, report.version, now);
      this.settle(record.group, member);
    }
  }

  /** Whoever says that it wants something is a member. */
  private memberFor(
    port: string,
    spec: SnoopingPort,
    { type, group: address, sources }: GroupRecord,
  ): Member | undefined {
    const known = this.groups.get(address)?.get(port);
    if (known !== undefined) return known;
    const isExclude = type === 'is_ex' || type === 'to_ex';
    if (type === 'block' || (!isExclude && sources.length === 0)) return undefined;
    const { room } = this;
    const limit =
      (room.ofPort.get(port) ?? 0) >= spec.maxGroups
        ? 'port'
        : !this.groups.has(address) && room.groups >= this.spec.maxGroups
          ? 'bridge'
          : undefined;
    if (limit !== undefined) {
      this.says.refused(port, address, limit);
      return undefined;
    }
    const member = new Member(port, NO_STATICS, spec.fastLeave);
    this.add(address, member);
    return member;
  }

  /** A host has left: asks whether others want what it did, or knows. */
  private weigh(
    group: string,
    member: Member,
    { fastLeave }: SnoopingPort,
    asked: Question,
    version: number,
    now: number,
  ): void {
    const isGone = (source?: string) =>
      fastLeave && (version < 3 || member.knowsThatNobodyWants(source, now));
    const gone = { group: asked.group && isGone(), sources: asked.sources.filter(isGone) };
    member.ask(gone, now);
    member.expire(now);
    if (!this.querier.isOwn(this.spec)) return;
    const { times, version: own } = this.spec;
    const asksGroup = asked.group && !gone.group;
    // Queries about sources are there from version 3 on.
    const sources = own < 3 ? [] : asked.sources.filter((source) => !gone.sources.includes(source));
    member.ask({ group: asksGroup, sources }, now + times.lastMember);
    if (asksGroup) this.askAgain(group, [], now);
    if (sources.length > 0) this.askAgain(group, sources, now);
  }

  private hearQuery(
    port: string,
    spec: SnoopingPort,
    query: MembershipQuery,
    from: string,
    now: number,
  ): void {
    const { querier } = this;
    if (querier.hear(this.spec, from, port, query.maxResponse, now)) this.says.querier('elected', from, port);
    this.hearRouter(port, spec, now + this.spec.times.querier);
    if (query.group === undefined || query.suppress) return;
    const until = now + query.maxResponse * (query.robustness || this.spec.times.lastMemberCount);
    const question = { group: query.sources.length === 0, sources: query.sources };
    for (const member of this.groups.get(query.group)?.values() ?? []) {
      member.ask(question, until);
      this.schedule(query.group, member);
    }
  }

  private hearRouter(port: string, { router }: SnoopingPort, until: number): void {
    if (router === 'auto') this.addRouter(port, Math.max(until, this.routers.get(port) ?? 0));
  }

  private addRouter(port: string, until: number): void {
    const isNew = !this.routers.has(port);
    this.routers.set(port, until);
    if (isNew) this.routersChanged(port, 'added');
  }

  private removeRouter(port: string): void {
    if (this.routers.delete(port)) this.routersChanged(port, 'removed');
  }

  private routersChanged(port: string, change: 'added' | 'removed'): void {
    this.hasNewRouters = true;
    for (const group of this.groups.keys()) this.changed.add(group);
    this.says.router(port, change);
  }

  /** Asks now, and for the rest of `lastMemberCount` later. */
  private askAgain(group: string, sources: string[], now: number): void {
    const isSame = ({ group: other, sources: others }: Repeat) =>
      other === group && (others.length === 0) === (sources.length === 0);
    this.repeats = this.repeats.filter((repeat) => !isSame(repeat));
    this.repeats.push({ group, sources, left: this.spec.times.lastMemberCount, at: now });
    this.repeat(now);
  }

  private repeat(now: number): void {
    for (const repeat of this.repeats) {
      if (repeat.at > now) continue;
      repeat.left--;
      repeat.at = now + this.spec.times.lastMemberInterval;
      const members = [...(this.groups.get(repeat.group)?.values() ?? [])];
      if (members.length === 0) repeat.left = 0;
      else {
        // Whoever has been answered says so (section 6.6.3.1).
        const isAnswered = members.every(({ deadline }) => deadline > now + this.spec.times.lastMember);
        this.ask(repeat.group, repeat.sources, this.spec.times.lastMemberInterval, isAnswered);
      }
    }
    this.repeats = this.repeats.filter(({ left }) => left > 0);
  }

  private ask(group: string | undefined, sources: string[], maxResponse: number, suppress: boolean): void {
    const { version, times } = this.spec;
    const said = { version, group, sources, maxResponse, suppress };
    const robustness = times.lastMemberCount;
    this.says.ask({ kind: 'query', ...said, robustness, interval: times.queryInterval / 1000 });
  }

  private setStatics(port: string, before: SnoopingPort | undefined, { statics }: SnoopingPort): void {
    const text = (sources?: ReadonlySet<string>) => sources && [...sources].join(' ');
    for (const address of new Set([...(before?.statics.keys() ?? []), ...statics.keys()])) {
      if (text(before?.statics.get(address)) === text(statics.get(address))) continue;
      const group = this.groups.get(address);
      const known = group?.get(port);
      if (group !== undefined && known !== undefined) this.remove(address, group, known);
      const wanted = statics.get(address);
      if (wanted !== undefined) this.add(address, new Member(port, wanted, false));
    }
  }

  private add(address: string, member: Member): void {
    const group = this.groups.get(address) ?? new Map<string, Member>();
    if (!this.groups.has(address)) {
      this.groups.set(address, group);
      this.room.groups++;
    }
    group.set(member.port, member);
    this.room.add(member.port, 1);
    this.changed.add(address);
    this.schedule(address, member);
  }

  private remove(address: string, group: Group, member: Member): void {
    group.delete(member.port);
    this.room.add(member.port, -1);
    this.changed.add(address);
    if (group.size > 0) return;
    this.groups.delete(address);
    this.room.groups--;
  }

  private schedule(group: string, member: Member): void {
    const at = member.deadline;
    if (at >= member.scheduledAt) return;
    member.scheduledAt = at;
    this.agenda.add(at, { group, member });
  }

  /** After a report: it may be that nothing is left of it. */
  private settle(address: string, member: Member): void {
    const group = this.groups.get(address);
    if (group?.get(member.port) !== member) return;
    if (member.isEmpty) this.remove(address, group, member);
    else this.schedule(address, member);
    if (member.takeChange()) this.changed.add(address);
  }

  private expire({ group: address, member }: { group: string; member: Member }, now: number): void {
    if (this.groups.get(address)?.get(member.port) !== member) return;
    member.scheduledAt = FOREVER;
    member.expire(now);
    this.settle(address, member);
  }

  /** Snooping begins or ceases to restrict anything. */
  private update(now: number): void {
    const isActive = this.querier.exists(this.spec) && now >= this.querier.trustedAt;
    if (isActive === this.isActive) return;
    this.isActive = isActive;
    this.hasNewRouters = true;
    for (const group of this.groups.keys()) this.changed.add(group);
  }

  /** Nothing of it is left: the VLAN is no more. */
  close(): void {
    for (const [address, group] of this.groups)
      for (const member of group.values()) this.remove(address, group, member);
  }
}

/** As `isSnoopedGroup` of wire/membership.ts says, of text. */
function isLinkLocal(group: string): boolean {
  return group.startsWith('224.0.0.') || /^ff[0-9a-f][012]:/.test(group);
}
