// The data plane's thread. It sleeps in epoll_wait, in native code, so its event loop turns only while it imports a hook: messages are taken
// with receiveMessageOnPort after the eventfd woke it, and `stop` is the only way out (terminate() would never resolve).

import { setImmediate as turn } from 'node:timers/promises';
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { nameSources } from '../source_positions.ts';
import { Counters } from '../table/counters.ts';
import { DataPlane } from './data_plane.ts';
import type { Envelope, Request, ThreadData } from './messages.ts';

/** Longest sleep, ms: the FDB's sweeper wants to come around, and a lost wake-up must not be for ever (`takeWake`). */
const PATIENCE = 2000;

nameSources();

const { counters, maxBridges, topology, seed, wakeFd, ended, host, neighbours, team, channel } =
  workerData as ThreadData & {
    channel: MessagePort;
  };

const plane = new DataPlane(
  new Counters(counters, maxBridges, team?.gauges),
  topology,
  seed,
  (news) => channel.postMessage(news),
  { host, neighbours },
  team,
);
let isRunning = true;
/** Whether a request was answered in the last round: then there may be more, for which nobody signals again. */
let isAsked = false;
try {
  plane.listen(wakeFd);
  while (isRunning) {
    plane.poll(isAsked ? 0 : PATIENCE);
    if (!isAsked) {
      if (!plane.takeWake()) continue;
      // What the host said before it asked goes first: a port says goodbye before it is removed.
      plane.poll(0);
    }
    isAsked = await answerOne();
  }
} finally {
  plane.close(); // also after a crash: file descriptors belong to the process, not to the thread
  channel.close();
  Atomics.store(ended, 0, 1);
  Atomics.notify(ended, 0);
}

/** One a poll: a hundred requests at once must not keep frames waiting a hundred times as long. False: there was none. */
async function answerOne(): Promise<boolean> {
  const received = receiveMessageOnPort(channel) as { message: Envelope<Request> } | undefined;
  if (received === undefined) return false;
  const { id, body } = received.message;
  try {
    const answer =
      body.kind === 'load_hooks' ? await meanwhile(plane.loadHooks(body.hooks)) : plane.answer(body);
    // Copied, not transferred: once an ArrayBuffer was detached, V8 checks every typed array access for it.
    channel.postMessage({ id, body: answer });
  } catch (error) {
    // The control plane asked for something impossible: its problem, not the other ports'.
    channel.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
  // What came after it stays unanswered: other workers, which it may wait for, have stopped as well.
  if (body.kind === 'stop') isRunning = false;
  return true;
}

/** Forwards while something takes turns of the event loop: a module is imported. */
async function meanwhile<T>(promise: Promise<T>): Promise<T> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  promise.then(done, done);
  while (!isDone) {
    await turn();
    plane.poll(0);
  }
  return promise;
}
