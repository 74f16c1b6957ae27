// What the control socket answers about aggregates: resources.ts.

import { z } from 'zod';
import type { AggregateCounters, AggregateStatus, LacpEndStatus } from '../api.ts';
import { count, malformed } from './counts.ts';

const lacpEnd: z.ZodType<LacpEndStatus> = z
  .object({
    systemPriority: count,
    system: z.string(),
    key: count,
    portPriority: count,
    port: count,
    state: count.describe(
      'bits, from the lowest: activity, timeout, aggregation, synchronization, collecting, distributing, defaulted, expired',
    ),
  })
  .describe('one end of a link, as LACP says it');

const aggregateCounters: z.ZodType<AggregateCounters> = z.object({
  lacpdusIn: count,
  lacpdusOut: count,
  lacpdusNotSent: count.describe('LACPDUs that the data plane had no room for'),
  malformed,
  markersIn: count,
  failures: count.describe('times that its link went down'),
  churns: count.describe('times that an end did not get in step within a minute'),
});

export const aggregateStatus: z.ZodType<AggregateStatus> = z.object({
  lacp: z.enum(['active', 'passive', 'off']),
  mode: z.enum(['balance', 'active_backup']),
  minLinks: count,
  system: z.string().optional(),
  systemPriority: count.optional(),
  key: count.optional(),
  partner: lacpEnd.optional().describe('the end that the members in use lead to'),
  members: z.array(
    z.object({
      port: z.string(),
      state: z.enum(['carries', 'waits', 'down']),
      reason: z.string().optional().describe('why it does not carry frames'),
      share: z.number().describe('of the flows, 0 to 1'),
      actor: lacpEnd.optional(),
      partner: lacpEnd.optional(),
      receive: z.enum(['disabled', 'expired', 'defaulted', 'current']).optional(),
      mux: z.enum(['detached', 'waiting', 'attached', 'collecting', 'distributing']).optional(),
      churn: z.boolean().optional().describe('an end has not been in step for more than a minute'),
      counters: aggregateCounters,
    }),
  ),
});
