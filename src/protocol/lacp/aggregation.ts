// The aggregates of a switch. No clock and no timer: whoever has them calls `tick` at `deadline`.

import type { AggregateStatus } from '../../api.ts';
import type { Host, Punt } from '../host.ts';
import { Aggregate, type AggregateSpec, type Distribution } from './aggregate.ts';

export type { AggregateMemberSpec, AggregateSpec, Distribution } from './aggregate.ts';

export interface AggregationListener {
  /** The frames of this aggregate go otherwise from now on. */
  distribute(name: string, distribution: Distribution): void;
  /** A frame came in: the deadline may have moved. */
  heard(): void;
}

export class Aggregation {
  private readonly host: Host;
  private readonly listener: AggregationListener;
  private readonly byName = new Map<string, Aggregate>();
  private readonly byMember = new Map<string, Aggregate>();
  private readonly told = new Map<string, Distribution>();
  private readonly stopListening: () => void;

  constructor(host: Host, listener: AggregationListener) {
    this.host = host;
    this.listener = listener;
    this.stopListening = host.onPunt('slow', (punt) => {
      this.receive(punt);
      listener.heard();
    });
  }

  /** The aggregates that there are from now on; call it again whenever anything of them changes. */
  setAggregates(specs: readonly AggregateSpec[], now: number): void {
    const names = new Set(specs.map(({ name }) => name));
    for (const [name, aggregate] of this.byName) {
      if (names.has(name)) continue;
      aggregate.update({ ...aggregate.spec, members: [] }, now, this.host);
      this.byName.delete(name);
      this.told.delete(name);
    }
    this.byMember.clear();
    for (const spec of specs) {
      const aggregate = this.byName.get(spec.name) ?? new Aggregate(spec);
      this.byName.set(spec.name, aggregate);
      for (const { name } of spec.members) this.byMember.set(name, aggregate);
      aggregate.update(spec, now, this.host);
      this.tell(aggregate);
    }
  }

  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const aggregate of this.byName.values()) next = Math.min(next, aggregate.deadline());
    return next;
  }

  tick(now: number): void {
    for (const aggregate of this.byName.values()) {
      aggregate.tick(now, this.host);
      this.tell(aggregate);
    }
  }

  isUp(name: string): boolean {
    return this.byName.get(name)?.isUp ?? false;
  }

  status(name: string): AggregateStatus | undefined {
    return this.byName.get(name)?.status();
  }

  get isEmpty(): boolean {
    return this.byName.size === 0;
  }

  close(now: number): void {
    this.setAggregates([], now);
    this.stopListening();
  }

  private receive({ port, bytes, at: now }: Punt): void {
    const aggregate = this.byMember.get(port);
    if (aggregate === undefined) return;
    aggregate.heard(port, bytes, now, this.host);
    aggregate.tick(now, this.host);
    this.tell(aggregate);
  }

  private tell(aggregate: Aggregate): void {
    const { name } = aggregate.spec;
    if (this.told.get(name) === aggregate.distribution) return;
    this.told.set(name, aggregate.distribution);
    this.listener.distribute(name, aggregate.distribution);
  }
}
