// What the control socket answers about spanning trees: resources.ts.

import { z } from 'zod';
import type { StpCounters, StpPortStatus, StpStatus } from '../api.ts';
import { count, malformed } from './counts.ts';

const timer = z.number().describe('seconds that are left; 0: it does not run');
const bridgeId = z.string().describe('priority and address: 8000.02005e100001');

export const stpStatus: z.ZodType<StpStatus> = z.object({
  protocol: z.enum(['rstp', 'stp']),
  id: bridgeId,
  root: bridgeId,
  rootPathCost: count,
  rootPort: z.string().optional().describe('none: the bridge is the root'),
  maxAge: z.number().describe('seconds, in force: the root says so'),
  helloTime: z.number(),
  forwardDelay: z.number(),
  topologyChange: z.boolean(),
  topologyChangeDetected: z.boolean(),
  timers: z.object({ hello: timer, tcn: timer, topologyChange: timer }),
});

const stpCounters: z.ZodType<StpCounters> = z.object({
  bpdusReceived: count,
  malformed,
  bpdusSent: count,
  bpdusNotSent: count.describe('the data plane had no room for them'),
  topologyChanges: count.describe('that the port made itself'),
  forwardTransitions: count.describe('how often it began to forward'),
});

export const stpPortStatus: z.ZodType<StpPortStatus> = z.object({
  id: z.string().describe('priority and number: 8001'),
  role: z.enum(['disabled', 'root', 'designated', 'alternate', 'backup']),
  state: z.enum(['disabled', 'blocking', 'listening', 'learning', 'forwarding']),
  reason: z.string().optional().describe('why it does not forward'),
  cost: count,
  isEdge: z.boolean().describe('no bridge is behind it'),
  protocol: z.enum(['rstp', 'stp']).describe('what it speaks'),
  designatedRoot: bridgeId,
  designatedCost: count,
  designatedBridge: bridgeId,
  designatedPort: z.string(),
  configPending: z.boolean(),
  topologyChangeAck: z.boolean(),
  timers: z.object({ messageAge: timer, forwardDelay: timer, hold: timer }),
  counters: stpCounters,
});
