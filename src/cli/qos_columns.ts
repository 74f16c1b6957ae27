// Columns of what `taploom qos` lists.

import { si } from '../amount.ts';
import type { PolicerStatus, QueueStatus } from '../api.ts';
import type { Columns } from './list.ts';

const amount = <One>(title: string, read: (one: One) => number) => ({
  title,
  value: read,
  text: (one: One) => si(read(one)),
  right: true as const,
});

export const QUEUE_COLUMNS: Columns<QueueStatus> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  port: { title: 'PORT', value: ({ port }) => port },
  class: { title: 'CLASS', value: (queue) => queue.class },
  min: { title: 'MIN', value: ({ min }) => min },
  rate: { title: 'RATE', value: ({ rate }) => rate },
  held_frames: amount('HELD', ({ heldFrames }) => heldFrames),
  held_bytes: amount('BYTES', ({ heldBytes }) => heldBytes),
  delay: {
    title: 'DELAY',
    value: ({ delay }) => delay,
    text: ({ delay }) => `${(delay * 1000).toFixed(1)}ms`,
    right: true,
  },
  sent_frames: amount('SENT', ({ sentFrames }) => sentFrames),
  sent_bytes: amount('SENT BYTES', ({ sentBytes }) => sentBytes),
  full: amount('FULL', ({ full }) => full),
  late: amount('LATE', ({ late }) => late),
  marked: amount('MARKED', ({ marked }) => marked),
};

export const POLICER_COLUMNS: Columns<PolicerStatus> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  port: { title: 'PORT', value: ({ port }) => port },
  direction: { title: 'DIRECTION', value: ({ direction }) => direction },
  match: { title: 'MATCH', value: ({ match }) => match },
  rate: { title: 'RATE', value: ({ rate }) => rate },
  peak: { title: 'PEAK', value: ({ peak }) => peak },
  green: amount('GREEN', ({ green }) => green),
  yellow: amount('YELLOW', ({ yellow }) => yellow),
  red: amount('RED', ({ red }) => red),
};
