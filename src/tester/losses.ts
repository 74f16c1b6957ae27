// Where frames were lost, as far as counters tell:
//
//   generator -> queue of the interface -> switch: receive drops ... transmit drops -> receiver's buffer -> counted
//                (a TAP's is full if the switch does not empty it in time)

import type { Stream, StreamResult } from './stream.ts';

export interface Losses {
  /** In the queue of the interface that the frames were sent on: the switch did not take them in time. */
  queue: number;
  /** In the switch, by its reason; undefined if it does not tell. */
  receiveDropped?: Record<string, number>;
  transmitDropped?: Record<string, number>;
  /** At the receiver of this program, which was too slow: nothing that the switch could be blamed for. */
  receiver: number;
  /** Not explained by any of these. */
  unexplained: number;
}

export interface PortSample {
  /** Of the interface: what the kernel could not put into its queue. */
  queueDropped: number;
  receiveDropped?: Record<string, number>;
  transmitDropped?: Record<string, number>;
}

/** By the name of the test port. */
export type LossSample = Map<string, PortSample>;
export type Witness = () => Promise<LossSample>;

export function account(
  lost: number,
  results: readonly StreamResult[],
  streams: readonly Stream[],
  before: LossSample,
  after: LossSample,
): Losses {
  const losses: Losses = { queue: 0, receiver: 0, unexplained: 0 };
  streams.forEach(({ from, to }, i) => {
    const queue = (after.get(from.name)?.queueDropped ?? 0) - (before.get(from.name)?.queueDropped ?? 0);
    losses.queue += Math.max(queue, results[i].refused);
    losses.receiver += results[i].at[0]?.overrun ?? 0;
    add(losses, 'receiveDropped', before.get(from.name), after.get(from.name));
    if (to.length > 0) add(losses, 'transmitDropped', before.get(to[0].name), after.get(to[0].name));
  });
  const told = sum(losses.receiveDropped) + sum(losses.transmitDropped);
  // counters count frames of others too
  losses.unexplained = Math.max(0, lost - losses.queue - losses.receiver - told);
  return losses;
}

function add(
  losses: Losses,
  side: 'receiveDropped' | 'transmitDropped',
  before: PortSample | undefined,
  after: PortSample | undefined,
): void {
  const now = after?.[side];
  if (now === undefined) return;
  const drops = losses[side] ?? {};
  for (const [reason, frames] of Object.entries(now)) {
    const more = frames - (before?.[side]?.[reason] ?? 0);
    if (more > 0) drops[reason] = (drops[reason] ?? 0) + more;
  }
  losses[side] = drops;
}

function sum(drops: Record<string, number> = {}): number {
  return Object.values(drops).reduce((all, frames) => all + frames, 0);
}
