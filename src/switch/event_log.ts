// The last events of a switch, and those who follow them. Everything here is bounded: the log by number, a subscriber's
// queue as well. Who reads too slowly loses events and is told; nobody waits for a reader.
//
// Numbers begin with the time of the start in microseconds, so that a reader who comes back after a restart never takes
// new events for old ones.

import {
  type EventFact,
  type EventFilter,
  type EventSubscription,
  matchesEvent,
  type SubscribeOptions,
  type SwitchEvent,
} from '../event.ts';
import { eventMessage } from './event_message.ts';

const STORED = 1000;
/** Events that wait for a subscriber: 64 KiB or so. */
const QUEUE = 256;

export interface EventLogOptions {
  /** Number before the first event. */
  first?: number;
  clock?: () => Date;
  /** Told how many subscribers there are, whenever that changes. */
  onFollowers?: (count: number) => void;
  /** Whose the port is that a fact is about. */
  tenantOf?: (fact: EventFact) => string | undefined;
}

export class EventLog {
  private readonly ring: SwitchEvent[] = [];
  /** Place in `ring` of the oldest, once it is full. */
  private oldest = 0;
  private readonly before: number;
  private seq: number;
  private readonly clock: () => Date;
  private readonly onFollowers: (count: number) => void;
  private readonly tenantOf: (fact: EventFact) => string | undefined;
  private readonly subscribers = new Set<Subscription>();
  private readonly listeners = new Set<(event: SwitchEvent) => void>();
  private isClosed = false;

  constructor({
    first = Date.now() * 1000,
    clock = () => new Date(),
    onFollowers = () => {},
    tenantOf = () => undefined,
  }: EventLogOptions = {}) {
    this.before = first;
    this.seq = first;
    this.clock = clock;
    this.onFollowers = onFollowers;
    this.tenantOf = tenantOf;
  }

  add(fact: EventFact): SwitchEvent {
    const event = this.event(fact, ++this.seq);
    if (this.ring.length < STORED) this.ring.push(event);
    else {
      this.ring[this.oldest] = event;
      this.oldest = (this.oldest + 1) % STORED;
    }
    for (const subscriber of this.subscribers) subscriber.offer(event);
    for (const listener of [...this.listeners]) listener(event);
    return event;
  }

  stored({ since = 0, ...filter }: SubscribeOptions = {}): SwitchEvent[] {
    const { before } = this;
    const kept = [...this.ring.slice(this.oldest), ...this.ring.slice(0, this.oldest)];
    const isStrange = since !== 0 && (since < before || since > this.seq);
    const from = isStrange ? 0 : since;
    const events = kept.filter((event) => event.seq > from && matchesEvent(event, filter));
    const oldest = this.seq - kept.length;
    // From another run of the switch, of which nothing is left, or a number that never was.
    if (isStrange) return [this.lost(0, oldest), ...events];
    const missing = oldest - Math.max(since, before);
    return since !== 0 && missing > 0 ? [this.lost(missing, oldest), ...events] : events;
  }

  subscribe({ since, ...filter }: SubscribeOptions = {}): EventSubscription {
    const subscription = new Subscription(
      filter,
      since === undefined ? [] : this.stored({ since, ...filter }),
      (count, seq) => this.lost(count, seq),
      () => {
        if (this.subscribers.delete(subscription)) this.onFollowers(this.subscribers.size);
      },
    );
    if (this.isClosed) subscription.close();
    else {
      this.subscribers.add(subscription);
      this.onFollowers(this.subscribers.size);
    }
    return subscription;
  }

  listen(listener: (event: SwitchEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Ends all subscriptions, after what they have in their queues. */
  close(): void {
    this.isClosed = true;
    for (const subscriber of [...this.subscribers]) subscriber.end();
  }

  private lost(count: number, seq: number): SwitchEvent {
    return this.event({ type: 'lost', count }, seq);
  }

  private event(fact: EventFact, seq: number): SwitchEvent {
    const tenant = this.tenantOf(fact);
    const known = tenant === undefined ? {} : { tenant };
    return { seq, time: this.clock().toISOString(), ...fact, message: eventMessage(fact), ...known };
  }
}

class Subscription implements EventSubscription {
  private readonly filter: EventFilter;
  private readonly queue: SwitchEvent[];
  private readonly room: number;
  private readonly lostEvent: (count: number, seq: number) => SwitchEvent;
  private readonly onClose: () => void;
  /** Lost since the last event in the queue, and the number of the last of them. */
  private lost = 0;
  private lostSeq = 0;
  private waiting: ((result: IteratorResult<SwitchEvent>) => void)[] = [];
  private isEnded = false;

  constructor(
    filter: EventFilter,
    queue: SwitchEvent[],
    lostEvent: (count: number, seq: number) => SwitchEvent,
    onClose: () => void,
  ) {
    this.filter = filter;
    this.queue = queue;
    this.room = queue.length + QUEUE;
    this.lostEvent = lostEvent;
    this.onClose = onClose;
  }

  offer(event: SwitchEvent): void {
    if (!matchesEvent(event, this.filter)) return;
    const reader = this.waiting.shift();
    if (reader !== undefined) {
      reader({ done: false, value: event });
      return;
    }
    // While something is lost the rest is, too, until the reader has caught up: one gap, not many.
    if (this.queue.length >= this.room || this.lost > 0) {
      this.lost += 1;
      this.lostSeq = event.seq;
    } else {
      this.queue.push(event);
    }
  }

  next(): Promise<IteratorResult<SwitchEvent>> {
    const value = this.take();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  return(): Promise<IteratorResult<SwitchEvent>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  close(): void {
    this.queue.length = 0;
    this.lost = 0;
    this.end();
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.onClose();
    for (const reader of this.waiting) reader({ done: true, value: undefined });
    this.waiting = [];
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private take(): SwitchEvent | undefined {
    const event = this.queue.shift();
    if (event !== undefined || this.lost === 0) return event;
    const { lost, lostSeq } = this;
    this.lost = 0;
    return this.lostEvent(lost, lostSeq);
  }
}
