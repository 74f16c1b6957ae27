// One trial: streams of test frames from port to port for a time, then a wait for frames that are still on their way,
// then the account: what arrived, how late, and where the rest was lost.

import { setTimeout as sleep } from 'node:timers/promises';
import type { ReceiveResult, ReceiveTask, SendResult, SendTask } from '../sys/tester.ts';
import type { Losses, LossSample, Witness } from './losses.ts';
import { account } from './losses.ts';
import type { TestPort } from './test_port.ts';

/** Frames that a trial may have: each takes a bit at the receiver, and the sequence number has 32. */
const MAX_FRAMES = 2 ** 31;
/** More than one generator thread sends, frames a second: for the receiver's memory if the rate is not limited. */
const FLAT_OUT = 4_000_000;
/** A receiver that nobody stops ends by itself after so many seconds more than it was needed. */
const GRACE = 10;
const LOOK_MS = 5;

export interface Stream {
  from: TestPort;
  /** Where the frames should arrive, and then where they should not, for those who want to know. */
  to: readonly TestPort[];
  frame: Uint8Array;
  /** Stations that the frames come from and go to, in turn. */
  sources?: number;
  destinations?: number;
}

export interface TrialPlan {
  /** Frames a second and stream; 0 = as fast as it goes. */
  rate: number;
  seconds: number;
  /** Most frames of each stream. */
  frames?: number;
  /** Seconds to wait for the last frames; less if all are there. RFC 2544, 23: two. */
  settle: number;
}

export interface StreamResult extends SendResult {
  /** In the order of the stream's `to`. */
  at: ReceiveResult[];
}

export interface Trial {
  streams: StreamResult[];
  /** Frames a second of the slowest stream. */
  offered: number;
  /** Frames a second that arrived, of the slowest stream, while frames were sent and after. */
  arrived: number;
  sent: number;
  received: number;
  lost: number;
  losses: Losses;
}

export interface Context {
  /** Ends everything when it aborts; trials reject with its reason. */
  signal: AbortSignal;
  /** Counters of the switch, if it tells. */
  witness: Witness;
}

/** Given out in turn, so that a late frame of one trial does not count in the next. */
let tags = 0;

export async function runTrial(
  streams: readonly Stream[],
  plan: TrialPlan,
  context: Context,
): Promise<Trial> {
  const { signal, witness } = context;
  signal.throwIfAborted();
  const before = await witness();
  const frames = Math.min(
    plan.frames ?? MAX_FRAMES,
    Math.ceil((plan.rate || FLAT_OUT) * plan.seconds),
    MAX_FRAMES,
  );
  const tasks: (SendTask | ReceiveTask)[] = [];
  const stop = () => {
    for (const task of tasks) task.stop();
  };
  signal.addEventListener('abort', stop);
  try {
    const running = streams.map((stream) => {
      tags = (tags % 0xffff) + 1;
      const tag = tags;
      const receivers = stream.to.map((port) => {
        const seconds = plan.seconds + plan.settle + GRACE;
        return remember(tasks, port.sockets.receive({ seconds, limit: frames, tag }));
      });
      return { stream, tag, receivers };
    });
    const sending = running.map(({ stream, tag, receivers }) => {
      const { sources = 1, destinations = 1 } = stream;
      const { rate, seconds } = plan;
      const sender = remember(
        tasks,
        stream.from.sockets.send({ rate, seconds, limit: frames, tag, sources, destinations }, stream.frame),
      );
      return { sender, receivers };
    });
    const sent = await Promise.all(sending.map(({ sender }) => sender.finished()));
    const missing = () =>
      sending.some(({ receivers }, i) => (receivers[0]?.progress ?? sent[i].sent) < sent[i].sent);
    const end = performance.now() + plan.settle * 1000;
    while (missing() && performance.now() < end && !signal.aborted) await sleep(LOOK_MS);
    stop();
    const results = await Promise.all(
      sending.map(async ({ receivers }, i) => ({
        ...sent[i],
        at: await Promise.all(receivers.map((receiver) => receiver.finished())),
      })),
    );
    signal.throwIfAborted();
    return total(results, streams, before, await witness());
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    await Promise.allSettled(tasks.map((task) => task.finished()));
  }
}

function remember<T extends SendTask | ReceiveTask>(tasks: (SendTask | ReceiveTask)[], task: T): T {
  tasks.push(task);
  return task;
}

function total(
  results: StreamResult[],
  streams: readonly Stream[],
  before: LossSample,
  after: LossSample,
): Trial {
  const sum = (value: (result: StreamResult) => number) =>
    results.reduce((all, result) => all + value(result), 0);
  const sent = sum((result) => result.sent);
  const received = sum((result) => result.at[0]?.received ?? result.sent);
  const lost = sent - received;
  return {
    streams: results,
    offered: Math.min(...results.map((result) => result.sent / result.elapsedSeconds)),
    arrived: Math.min(
      ...results.map((result) => (result.at[0]?.received ?? result.sent) / result.elapsedSeconds),
    ),
    sent,
    received,
    lost,
    losses: account(lost, results, streams, before, after),
  };
}
