// Events by name, for `sw.on('port-up', ...)`, and several of them as one stream, which is bounded: who reads too slowly loses
// the newest, and is told how many.

import type { EventEmitter } from 'node:events';
import type { EventName, NamedEvent, SwitchEvents } from '../api.ts';
import type { SwitchEvent } from '../event.ts';

/** Events that wait for a reader. */
const QUEUE = 256;

const NAMES: ReadonlySet<unknown> = new Set<EventName>([
  'port-up',
  'port-down',
  'station-learned',
  'station-moved',
  'lease',
  'limit',
  'drop',
  'hook',
]);

export function isEventName(name: unknown): name is EventName {
  return NAMES.has(name);
}

/** The name of an event of the log, if it has one. */
export function nameOf(event: SwitchEvent): EventName | undefined {
  switch (event.type) {
    case 'port':
      // A new port counts as up; one that never was has nothing to lose.
      if (event.change === 'up' || event.change === 'added') return 'port-up';
      return ['down', 'disabled', 'gone', 'removed'].includes(event.change) ? 'port-down' : undefined;
    case 'station':
      return event.change === 'moved' ? 'station-moved' : undefined;
    case 'lease':
    case 'limit':
    case 'drop':
    case 'hook':
      return event.type;
    default:
      return undefined;
  }
}

export class EventStream<Name extends EventName> implements AsyncIterableIterator<NamedEvent<Name>> {
  private readonly emitter: EventEmitter;
  private readonly listeners: readonly (readonly [Name, (event: unknown) => void])[];
  private readonly queue: NamedEvent<Name>[] = [];
  private waiting: ((result: IteratorResult<NamedEvent<Name>>) => void)[] = [];
  private lost = 0;
  private readonly onEnd: () => void;
  private isEnded = false;

  constructor(emitter: EventEmitter<SwitchEvents>, names: readonly Name[], onEnd = () => {}) {
    this.emitter = emitter as EventEmitter;
    this.onEnd = onEnd;
    this.listeners = names.map((name) => [
      name,
      (event: unknown) => this.offer({ name, event } as NamedEvent<Name>),
    ]);
    for (const [name, listener] of this.listeners) this.emitter.on(name, listener);
  }

  next(): Promise<IteratorResult<NamedEvent<Name>>> {
    const value = this.queue.shift() ?? this.takeLost();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** What `break` in a loop calls. */
  return(): Promise<IteratorResult<NamedEvent<Name>>> {
    this.queue.length = 0;
    this.lost = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** No more come; those that wait are still to be had. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    for (const [name, listener] of this.listeners) this.emitter.off(name, listener);
    this.onEnd();
    for (const reader of this.waiting.splice(0)) reader({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private offer(event: NamedEvent<Name>): void {
    const reader = this.waiting.shift();
    if (reader !== undefined) reader({ done: false, value: event });
    else if (this.queue.length < QUEUE) this.queue.push(event);
    else this.lost += 1;
  }

  private takeLost(): NamedEvent<Name> | undefined {
    const { lost: count } = this;
    this.lost = 0;
    return count === 0 ? undefined : { name: 'lost', event: { count } };
  }
}
