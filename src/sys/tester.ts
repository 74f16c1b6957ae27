// Test frames out of one interface and into another, by threads of native/tester.c: nothing here waits, so that the
// program stays awake for signals while a million frames a second pass.

import { aligned, native } from './native.ts';
import { withNetns } from './netns.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

// Words of the plan and of results, and sizes, in native/taploom.h.
const PLAN_WORDS = 6;
const RESULT_WORDS = 10;
const ERRNO = 9;
/** Buckets of a latency below 64 ns, and for each power of two above. */
export const SUB_BUCKETS = 64;
export const BUCKETS = SUB_BUCKETS * 36;

const LOOK_MS = 5;

export interface SendPlan {
  /** Frames a second; 0 = as fast as it goes. */
  rate: number;
  seconds: number;
  /** Most frames; at most 2^32. */
  limit: number;
  /** What a receiver tells the frames of this stream by, 0-65535. */
  tag: number;
  /** Frame n comes from station n modulo this (0: from the address that is in the frame) ... */
  sources: number;
  /** ... and goes to station n modulo that. */
  destinations: number;
}

export interface SendResult {
  sent: number;
  /** Of `sent`: the interface's queue was full. */
  refused: number;
  elapsedSeconds: number;
  /** Time for which the generator was too late to make up for it. */
  slippedSeconds: number;
}

export interface ReceiveResult {
  /** Frames of the stream, each counted once. */
  received: number;
  duplicates: number;
  /** RFC 4737: came after one with a larger number. */
  reordered: number;
  /** Test frames of another stream, or damaged ones. */
  strays: number;
  /** Frames that came, and were lost because this receiver was too slow. */
  overrun: number;
  /** Frames that seem to have arrived before they were sent: the clock was set meanwhile. */
  backwards: number;
  minNs: number;
  maxNs: number;
  sumNs: number;
  /** Frames by `tl_test_bucket` of their latency. */
  histogram: Float64Array;
}

/** The bucket of a latency, as native code finds it. */
export function bucketOf(nanoseconds: number): number {
  return native().tl_test_bucket(nanoseconds);
}

abstract class Task {
  private readonly id: number;
  private readonly result = aligned(RESULT_WORDS * 8);
  private readonly histogram = aligned(BUCKETS * 8);
  private readonly end: Promise<Float64Array>;
  private isDone = false;

  protected constructor(id: number, what: string) {
    this.id = check(id, 'pthread_create', what);
    this.end = this.wait(what);
    this.end.catch(() => {}); // whoever wants to know waits for it
  }

  /** Frames so far. */
  get progress(): number {
    this.look();
    return new Float64Array(this.result.buffer)[0];
  }

  /** Makes it finish at once; what was there until now counts. */
  stop(): void {
    if (!this.isDone) native().tl_test_stop(this.id);
  }

  protected async values(): Promise<{ words: Float64Array; histogram: Float64Array }> {
    return { words: await this.end, histogram: new Float64Array(this.histogram.buffer) };
  }

  private look(): boolean {
    if (!this.isDone) this.isDone = native().tl_test_poll(this.id, this.result, this.histogram) === 1;
    return this.isDone;
  }

  private async wait(what: string): Promise<Float64Array> {
    while (!this.look()) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    native().tl_test_close(this.id);
    const words = new Float64Array(this.result.buffer);
    check(-words[ERRNO], 'sendmmsg', what);
    return words;
  }
}

export class SendTask extends Task {
  /** Resolves when all is sent, or `stop` was called. Rejects with SysError, e.g. ENETDOWN. */
  async finished(): Promise<SendResult> {
    const { words } = await this.values();
    const [sent, refused, elapsedSeconds, slippedSeconds] = words;
    return { sent, refused, elapsedSeconds, slippedSeconds };
  }

  /** @internal */
  static start(fd: number, plan: SendPlan, frame: Uint8Array, name: string): SendTask {
    const bytes = aligned(frame.length);
    bytes.set(frame);
    const { rate, seconds, limit, tag, sources, destinations } = plan;
    const words = doubles([rate, seconds, limit, tag, sources, destinations]);
    return new SendTask(native().tl_test_send(fd, words, bytes, frame.length), `Cannot send on ${name}`);
  }
}

export class ReceiveTask extends Task {
  /** Resolves some time after `stop`, or when the time is over. */
  async finished(): Promise<ReceiveResult> {
    const { words, histogram } = await this.values();
    const [received, duplicates, reordered, strays, overrun, backwards, minNs, maxNs, sumNs] = words;
    return {
      received,
      duplicates,
      reordered,
      strays,
      overrun,
      backwards,
      minNs,
      maxNs,
      sumNs,
      histogram,
    };
  }

  /** @internal */
  static start(fd: number, plan: { seconds: number; limit: number; tag: number }, name: string): ReceiveTask {
    const words = doubles([0, plan.seconds, plan.limit, plan.tag, 1, 1]);
    return new ReceiveTask(native().tl_test_receive(fd, words), `Cannot receive on ${name}`);
  }
}

function doubles(values: readonly number[]): Buffer {
  const bytes = aligned(PLAN_WORDS * 8);
  new Float64Array(bytes.buffer).set(values);
  return bytes;
}

/** An interface from its host's side: what is sent here goes to whatever is at the other end of the wire. */
export class TestSockets {
  private readonly name: string;
  private readonly sender: number;
  private readonly receiver: number;

  private constructor(name: string, sender: number, receiver: number) {
    this.name = name;
    this.sender = sender;
    this.receiver = receiver;
  }

  /** Throws SysError: EPERM without CAP_NET_RAW in that namespace, ENODEV, ENETDOWN. */
  static open(name: string, ifindex: number, netns?: string): TestSockets {
    return withNetns(netns, (fd) => {
      const what = `Cannot open a raw socket on interface ${name}`;
      const sender = check(native().tl_test_socket(fd, ifindex, 0), 'socket', what);
      const receiver = native().tl_test_socket(fd, ifindex, 1);
      if (receiver < 0) closeFd(sender);
      check(receiver, 'socket', what);
      return new TestSockets(name, sender, receiver);
    });
  }

  send(plan: SendPlan, frame: Uint8Array): SendTask {
    return SendTask.start(this.sender, plan, frame, this.name);
  }

  /** One at a time. `limit` is the sender's; it ends by itself after `seconds`. */
  receive(plan: { seconds: number; limit: number; tag: number }): ReceiveTask {
    return ReceiveTask.start(this.receiver, plan, this.name);
  }

  /** Tasks have ended before. */
  close(): void {
    closeFd(this.sender);
    closeFd(this.receiver);
  }
}
