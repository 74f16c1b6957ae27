// One trial: streams of test frames from port to port for a time, then a wait for frames that are still on their way,
// then the account: what arrived, how late, and where the rest was lost.

import { setTimeout as sleep } from 'node:timers/promises';
import type { ReceiveTask, SendResult, SendTask } from '../sys/tester.ts';
import type { Losses, LossSample, Witness } from './losses.ts';
import { account } from './losses.ts';
import type { Stream, StreamResult, TrialPlan } from './stream.ts';

/** Frames that a trial may have: each takes a bit at the receiver, and the sequence number has 32. */
const MAX_FRAMES = 2 ** 31;
/** More than one generator thread sends, frames a second: for the receiver's memory if the rate is not limited. */
const FLAT_OUT = 4_000_000;
/** A receiver that nobody stops ends by itself after so many seconds more than it was needed. */
const GRACE = 10;
const LOOK_MS = 10;
const LAST_COPIES_MS = 50;

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
    const running = start(streams, plan, frames, tasks);
    const sent = await Promise.all(running.map(({ sender }) => sender.finished()));
    await settle(running, sent, plan.settle, signal, async (lost) => {
      const soFar = sent.map((result) => ({ ...result, at: [] }));
      return account(lost, soFar, streams, before, await witness()).unexplained === 0;
    });
    stop();
    const results = await Promise.all(
      running.map(async ({ receivers }, i) => ({
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

interface Running {
  sender: SendTask;
  receivers: ReceiveTask[];
}

/** Receivers first. Whatever was started is in `tasks`, also if something could not be. */
function start(
  streams: readonly Stream[],
  { rate, seconds, settle }: TrialPlan,
  limit: number,
  tasks: (SendTask | ReceiveTask)[],
): Running[] {
  const listening = streams.map((stream) => {
    tags = (tags % 0xffff) + 1;
    const plan = { seconds: seconds + settle + GRACE, limit, tag: tags };
    const receivers = stream.to.map((port) => remember(tasks, port.sockets.receive(plan)));
    return { stream, tag: tags, receivers };
  });
  return listening.map(({ stream, tag, receivers }) => {
    const { from, frame, sources = 1, destinations = 1 } = stream;
    const plan = { rate, seconds, limit, tag, sources, destinations };
    return { sender: remember(tasks, from.sockets.send(plan, frame)), receivers };
  });
}

/** Waits until all is there, or the time is over, or nothing comes any more and `isExplained` knows where the rest is. */
async function settle(
  running: readonly Running[],
  sent: readonly SendResult[],
  seconds: number,
  signal: AbortSignal,
  isExplained: (lost: number) => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  let before = -1;
  while (performance.now() < end && !signal.aborted) {
    const missing = running.reduce(
      (sum, { receivers }, i) => sum + sent[i].sent - (receivers[0]?.progress ?? sent[i].sent),
      0,
    );
    if (missing === 0) break;
    if (missing === before && (await isExplained(missing))) break;
    before = missing;
    await sleep(LOOK_MS);
  }
  // copies of the last frames for other ports come after those for the first
  if (running.some(({ receivers }) => receivers.length > 1)) await sleep(LAST_COPIES_MS);
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
