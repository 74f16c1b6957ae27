// Aggregates joined by cables in simulated time: frames take a millisecond.

import type { Aggregate, AggregateSpec } from '../../../src/protocol/lacp/aggregate.ts';

const DELAY = 1;

export function specOf(name: string, members: string[], spec: Partial<AggregateSpec> = {}): AggregateSpec {
  return {
    bridge: 'br0',
    name,
    lacp: 'active',
    mode: 'balance',
    rate: 'fast',
    minLinks: 1,
    systemPriority: 32_768,
    system: `02:00:00:00:00:${name.charCodeAt(0).toString(16)}`,
    key: 1,
    members: members.map((member, n) => ({
      name: member,
      number: n + 1,
      priority: 32_768,
      mac: `02:00:00:00:01:0${n}`,
      isUp: true,
    })),
    ...spec,
  };
}

export class Lab {
  now = 0;
  /** LACPDUs by the member that sent them. */
  readonly sent = new Map<string, number[]>();
  private readonly last = new Map<string, Uint8Array>();
  private readonly aggregates: Aggregate[];
  private readonly cables: ReadonlyMap<string, string>;
  private readonly cut = new Set<string>();
  private flying: { at: number; to: string; frame: Uint8Array }[] = [];

  /** @param cables from member to member, both ways */
  constructor(aggregates: Aggregate[], cables: [string, string][]) {
    this.aggregates = aggregates;
    this.cables = new Map(cables.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]));
    for (const aggregate of aggregates) aggregate.update(aggregate.spec, 0);
  }

  /** Frames of this member get lost: the other end notices nothing else. */
  mute(member: string, isMute = true): void {
    if (isMute) this.cut.add(member);
    else this.cut.delete(member);
  }

  /** The last frame of a member. */
  lastFrame(member: string): Uint8Array | undefined {
    return this.last.get(member);
  }

  /** Takes a member out of its aggregate, while its link stays up. */
  remove(member: string): void {
    for (const aggregate of this.aggregates) {
      const members = aggregate.spec.members.filter(({ name }) => name !== member);
      if (members.length < aggregate.spec.members.length)
        aggregate.update({ ...aggregate.spec, members }, this.now, this.hostOf());
    }
  }

  setUp(member: string, isUp: boolean): void {
    for (const aggregate of this.aggregates) {
      const members = aggregate.spec.members.map((one) => (one.name === member ? { ...one, isUp } : one));
      aggregate.update({ ...aggregate.spec, members }, this.now);
    }
  }

  deliver(to: string, frame: Uint8Array): void {
    for (const aggregate of this.aggregates) {
      const member = aggregate.spec.members.find(({ name }) => name === to);
      if (member?.isUp) aggregate.heard(to, frame, this.now, this.hostOf());
    }
  }

  /** Lets `ms` pass, waking everybody at their deadlines only. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      for (const aggregate of this.aggregates) aggregate.tick(this.now, this.hostOf());
      const deadlines = this.aggregates.map((aggregate) => aggregate.deadline());
      const next = Math.min(...deadlines, ...this.flying.map(({ at }) => at));
      if (next > end) break;
      if (next <= this.now) throw new Error(`nothing moves at ${this.now}`);
      this.now = next;
      const due = this.flying.filter(({ at }) => at <= this.now);
      this.flying = this.flying.filter(({ at }) => at > this.now);
      for (const { to, frame } of due) this.deliver(to, frame);
    }
    this.now = end;
  }

  private hostOf() {
    return {
      send: (port: string, frame: Uint8Array) => {
        this.last.set(port, frame);
        this.sent.set(port, [...(this.sent.get(port) ?? []), this.now]);
        const to = this.cables.get(port);
        if (to !== undefined && !this.cut.has(port)) this.flying.push({ at: this.now + DELAY, to, frame });
        return true;
      },
    };
  }
}

/** Members that carry frames. */
export function carriers(aggregate: Aggregate): string[] {
  return aggregate.status().members.flatMap(({ port, state }) => (state === 'carries' ? [port] : []));
}
