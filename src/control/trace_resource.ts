// What `POST /v1/trace` takes and answers, as schemas. They mirror the trace types of src/api.ts.

import { z } from 'zod';
import type { Trace, TraceFields } from '../api.ts';
import { LIVE_FRAMES, LIVE_TIMEOUT } from '../config/trace_limits.ts';

const word = z.int().min(0).max(65_535);
const vlanId = z.int().min(0).max(4095);

const fields: z.ZodType<TraceFields> = z.strictObject({
  src: z.string(),
  dst: z.string(),
  vlan: vlanId.optional(),
  pcp: z.int().min(0).max(7).optional(),
  etherType: word.optional(),
  ipSrc: z.string().optional(),
  ipDst: z.string().optional(),
  proto: z.enum(['tcp', 'udp', 'icmp']).optional(),
  sport: word.optional(),
  dport: word.optional(),
  size: z.int().optional().describe('bytes without FCS and tag, 60 unless told'),
});

const live = z.strictObject({
  frames: z.int().min(1).max(LIVE_FRAMES).optional().describe('1 unless told'),
  timeout: z.number().positive().max(LIVE_TIMEOUT).optional().describe('seconds, 10 unless told'),
  src: z.string().optional(),
  dst: z.string().optional(),
  vlan: vlanId.optional(),
  etherType: word.optional(),
});

export const traceRequest = z.strictObject({
  bridge: z.string(),
  port: z.string().describe('the port that would receive it, or the bridge for its own interface'),
  frame: z.string().optional().describe('hexadecimal, without FCS'),
  fields: fields.optional().describe('in place of `frame`'),
  remote: z.string().optional().describe('a VXLAN port: the configured remote that it comes from'),
  live: live
    .optional()
    .describe('in place of a frame: follow the next real ones that match, and answer when there were enough'),
});

const copy = z.object({
  port: z.string(),
  remote: z.string().optional(),
  tag: z.object({ vlan: vlanId, pcp: z.int(), dei: z.boolean() }).optional().describe('absent: untagged'),
  bytes: z.int(),
  offload: z.enum(['checksum', 'segments']).optional().describe('what is done in software first'),
  dropped: z.string().optional().describe('why this copy is dropped'),
  isAnswer: z.literal(true).optional().describe('ICMP to the sender, whose frame is too big for a tunnel'),
});

export const trace: z.ZodType<Trace> = z.object({
  bridge: z.string(),
  port: z.string(),
  frame: z.string(),
  bytes: z.int(),
  at: z.number().optional().describe('live: ms of a monotonic clock'),
  steps: z.array(
    z.object({
      stage: z.enum([
        'receive',
        'classify',
        'trap',
        'hook',
        'acl',
        'police',
        'policy',
        'learn',
        'decide',
        'route',
        'replicate',
        'egress',
      ]),
      verdict: z.string(),
      message: z.string(),
      path: z.string().optional().describe('where the configuration says so'),
      value: z.unknown().optional().describe('what it says there'),
      file: z.string().optional().describe('of a rule that came from a file'),
      line: z.int().optional(),
    }),
  ),
  outcome: z.object({
    verdict: z.enum(['forwarded', 'dropped', 'consumed']),
    reason: z.string().optional(),
    help: z.string().optional(),
    copies: z.array(copy),
  }),
});

export const traces = z.object({ traces: z.array(trace) });
