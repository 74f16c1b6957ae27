// Captures by HTTP: each is a stream of pcapng that lasts until its frames are counted, somebody ends it by its id, or
// the client goes away. Nothing is read from the switch unless the client takes it: what does not fit into the switch's
// ring meanwhile is lost, and the statistics at the end of the stream say how much.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Capture, CapturedFrame, CaptureOptions, SwitchApi } from '../api.ts';
import { TaploomError } from '../error.ts';
import { PcapngWriter } from './pcapng_writer.ts';

/** How long clients have when the server ends, ms, and how often to look. */
const GRACE = 500;
const STEP = 20;

export interface CaptureSession {
  id: string;
  stream: ReadableStream<Uint8Array>;
}

export class CaptureSessions {
  private readonly api: SwitchApi;
  private readonly application: string;
  private readonly captures = new Map<string, Capture>();

  /** @param application written into the head of each stream */
  constructor(api: SwitchApi, application: string) {
    this.api = api;
    this.application = application;
  }

  async open(options: CaptureOptions): Promise<CaptureSession> {
    const capture = await this.api.capture(options);
    const id = randomUUID();
    this.captures.set(id, capture);
    return { id, stream: this.stream(id, capture) };
  }

  /** Ends a capture; its client gets what was captured until now, and the statistics. */
  async end(id: string): Promise<void> {
    const capture = this.captures.get(id);
    if (capture === undefined) throw new TaploomError('no_such_capture', `There is no capture ${id}`);
    await capture.close();
  }

  /** Ends all, and gives their clients a moment for the rest and the statistics. */
  async close(): Promise<void> {
    for (const capture of this.captures.values()) void capture.close();
    const isOpen = () => this.captures.size > 0;
    if (!isOpen()) return;
    for (let waited = 0; isOpen() && waited < GRACE; waited += STEP) await delay(STEP);
    await delay(STEP); // what the streams gave last is on its way to the sockets
    this.captures.clear();
  }

  private stream(id: string, capture: Capture): ReadableStream<Uint8Array> {
    const writer = new PcapngWriter(this.application, capture.snaplen);
    const batches = capture.batches()[Symbol.asyncIterator]();
    const end = () => this.captures.delete(id);
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          controller.enqueue(writer.head());
        },
        async pull(controller) {
          const { done, value }: IteratorResult<CapturedFrame[]> = await batches.next();
          if (!done) {
            controller.enqueue(writer.frames(value));
            return;
          }
          controller.enqueue(writer.statistics(capture.lost()));
          end();
          controller.close();
        },
        async cancel() {
          end();
          await capture.close();
        },
      },
      { highWaterMark: 1 },
    );
  }
}
