// Quality of service in the control API.

import { z } from 'zod';
import type { PolicerStatus, QueueStatus } from '../api.ts';
import { type Route, route } from './route.ts';

const count = z.int().nonnegative();

const queue: z.ZodType<QueueStatus> = z.object({
  bridge: z.string(),
  port: z.string(),
  class: z.string(),
  rate: z.string().describe('what it may have at most'),
  min: z.string().optional(),
  heldFrames: count.describe('frames that wait now'),
  heldBytes: z.number(),
  sentFrames: count,
  sentBytes: z.number().describe('on the wire, as shaping counts them'),
  full: count.describe('frames that did not fit'),
  late: count.describe('frames that waited too long'),
  marked: count.describe('frames that were marked in place of a drop (ECN)'),
  delay: z.number().describe('seconds that the last frames waited'),
});

const policer: z.ZodType<PolicerStatus> = z.object({
  bridge: z.string(),
  port: z.string(),
  direction: z.enum(['in', 'out']),
  match: z.string().optional().describe('which frames it takes, if it stands in a list'),
  rate: z.string(),
  peak: z.string().optional(),
  green: count,
  yellow: count,
  red: count,
});

export const QOS_ROUTES: readonly Route[] = [
  route('get', '/v1/qos', {
    summary: 'Queues of shaped ports, and policers',
    query: z.strictObject({ port: z.string().optional() }),
    answer: z.object({ queues: z.array(queue), policers: z.array(policer) }),
    handle: ({ api }, { query: { port } }) => {
      const { queues, policers } = api.qos();
      const isWanted = (one: { port: string }) => port === undefined || one.port === port;
      return { queues: queues.filter(isWanted), policers: policers.filter(isWanted) };
    },
  }),
];
