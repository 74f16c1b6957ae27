// Events as server-sent events (HTML Living Standard, 9.2): `id:` is the event's number, so that a client which lost its
// connection goes on where it was. The stream is read only as fast as the client takes it; what comes meanwhile waits in
// the subscription, which is bounded.

import { TaploomError } from '../error.ts';
import type { EventSubscription, Events, SubscribeOptions, SwitchEvent } from '../event.ts';

const MAX_STREAMS = 64;
/** A comment now and then: so that both ends notice when the other is gone. */
const HEARTBEAT_MS = 15_000;

/** What the server answers with in place of JSON. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;

  constructor(body: ReadableStream<Uint8Array>) {
    this.body = body;
  }
}

/** All open streams of a server. */
export class EventStreams {
  private readonly events: Events;
  private readonly heartbeatMs: number;
  private readonly open = new Set<EventSubscription>();

  constructor(events: Events, heartbeatMs = HEARTBEAT_MS) {
    this.events = events;
    this.heartbeatMs = heartbeatMs;
  }

  get count(): number {
    return this.open.size;
  }

  /** @throws TaploomError `too_many_streams` */
  start(options: SubscribeOptions): EventStream {
    if (this.open.size >= MAX_STREAMS) {
      throw new TaploomError(
        'too_many_streams',
        `${MAX_STREAMS} clients follow the events already: end one of them`,
      );
    }
    const subscription = this.events.subscribe(options);
    this.open.add(subscription);
    const close = () => {
      this.open.delete(subscription);
      subscription.close();
    };
    return new EventStream(streamOf(subscription, this.heartbeatMs, close));
  }

  close(): void {
    for (const subscription of this.open) subscription.close();
    this.open.clear();
  }
}

function streamOf(
  subscription: EventSubscription,
  heartbeatMs: number,
  close: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<SwitchEvent>> | undefined;
  let isStarted = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // At once, so that the client knows that it is connected.
        if (!isStarted) {
          isStarted = true;
          controller.enqueue(encoder.encode(': events of taploomd\n\n'));
          return;
        }
        next ??= subscription.next();
        const result = await within(next, heartbeatMs);
        if (result === undefined) {
          controller.enqueue(encoder.encode(':\n\n'));
          return;
        }
        next = undefined;
        if (result.done) {
          close();
          controller.close();
        } else controller.enqueue(encoder.encode(eventText(result.value)));
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}

export function eventText(event: SwitchEvent): string {
  // JSON has no line ends inside, so one `data:` line does.
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** What `promise` gives within the time, or undefined. */
function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    timer.unref();
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
