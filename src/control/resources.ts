// What the control socket answers, as schemas: the server's handlers are type-checked against them, and the OpenAPI
// document is made from them. They mirror src/api.ts; the annotations make the compiler compare the two.

import { z } from 'zod';
import type { BridgeStatus, FdbEntry, LastDrop, PollGap, PortCounters, PortStatus } from '../api.ts';
import type { Action, ActionResult } from '../config/action.ts';
import { configShape } from '../config/shape.ts';
import { aggregateStatus } from './aggregate_resources.ts';
import { count, vlanId } from './counts.ts';
import { socketStatus } from './socket_resources.ts';
import { stpPortStatus, stpStatus } from './stp_resources.ts';

// The parts of the configuration that have resources of their own.
export const switchConfig = configShape;
export const bridgeConfig = configShape.shape.bridges.unwrap().valueType;
export const portConfig = bridgeConfig.shape.ports.unwrap().valueType;

const mac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i, 'not a MAC address (like 02:00:5e:10:00:01)');
export const portCounters: z.ZodType<PortCounters> = z
  .object({
    receivedFrames: count,
    receivedBytes: count,
    receivedSegments: count.describe('wire segments that received GSO frames stand for'),
    forwarded: count.describe('frames that led to at least one copy'),
    copies: count.describe('copies of frames made for this port'),
    transmittedFrames: count,
    transmittedBytes: count,
    transmittedSegments: count,
    held: count.describe('copies that wait in the shaper of the port now'),
    learnRefused: count.describe('source addresses not learned because a limit was reached'),
    stationMoves: count,
    generated: count.describe('answers that the switch gave to frames too big for this port'),
    injected: count.describe('frames of the control plane, sent through the port or relayed as if received'),
    recirculated: count.describe('frames of this port that took the stages anew in another domain'),
    consumed: count.describe('frames that went on in another domain, or to the control plane'),
    punted: count.describe('frames that the control plane was given'),
    receiveDropped: z.record(z.string(), count).describe('reason -> frames, only reasons that occurred'),
    transmitDropped: z.record(z.string(), count).describe('reason -> frames, only reasons that occurred'),
  })
  .describe('Receive is what the switch receives; bytes are without FCS');

export const portStatus: z.ZodType<PortStatus> = z.object({
  bridge: z.string(),
  name: z.string(),
  tenant: z.string().optional().describe('whose it is'),
  type: z.enum([
    'tap',
    'veth',
    'af_packet',
    'tun',
    'vxlan',
    'stream',
    'dgram',
    'vhost_user',
    'memory',
    'aggregate',
    'local',
  ]),
  number: count,
  state: z.enum(['up', 'down', 'disabled', 'waiting', 'gone', 'failed', 'broken']),
  reason: z.string().optional().describe('if it is not up: why, and what helps'),
  interface: z.string().optional().describe('what its interface is called now, if somebody has renamed it'),
  mtu: count,
  underlay: z
    .object({
      mtu: count,
      device: z.string(),
      remote: z.string().optional(),
      route: z.string().optional(),
      setBy: z.enum(['interface', 'route']),
    })
    .optional()
    .describe('vxlan: what limits the outer packets, for the remote that takes the least'),
  mac: z.string().optional(),
  netns: z.string().optional(),
  offloads: z
    .int()
    .optional()
    .describe('TAP and af_packet: offloads that the kernel accepted, as TUNSETOFFLOAD bits'),
  queueDropped: count
    .optional()
    .describe(
      'TAP, TUN, af_packet and vxlan: frames that the kernel dropped because the queue was full; they never reached the switch',
    ),
  disabledBy: z
    .record(z.string(), count)
    .optional()
    .describe('how often it was disabled for an error: reason -> times'),
  memberOf: z.string().optional().describe('of a member: its aggregate'),
  member: z
    .object({ state: z.enum(['carries', 'waits', 'down']), reason: z.string().optional() })
    .optional()
    .describe('what it does there, and if it does not carry frames why'),
  aggregate: aggregateStatus.optional().describe('of an aggregate'),
  guest: z
    .object({
      path: z.string().describe('the socket of its front end'),
      rings: z.enum(['none', 'split', 'packed']),
      queues: count.describe('pairs of rings that are in use'),
      interrupts: count,
      full: count.describe('frames for which it had no buffers'),
    })
    .optional()
    .describe('of type vhost_user'),
  socket: socketStatus.optional().describe('of type stream or dgram'),
  learnedAddresses: count,
  stp: stpPortStatus.optional().describe('where its bridge has spanning tree and it takes part'),
  tunnelled: z
    .record(z.string(), z.object({ received: count, transmitted: count }))
    .optional()
    .describe('control frames of a customer that went into his tunnel and came out of it, by protocol'),
  hooks: z
    .array(
      z.object({
        bridge: z.string(),
        port: z.string().describe("empty: all of the bridge's"),
        hook: z.string().describe('its module'),
        state: z.enum(['on', 'off']),
        reason: z.string().optional(),
        onError: z.enum(['pass', 'drop']).describe('what becomes of its frames while it is off'),
      }),
    )
    .optional()
    .describe('those that its frames meet, in their order'),
  learnedRemotes: count.optional().describe('vxlan: remotes that were learned from the wire'),
  counters: portCounters,
});

export const bridgeStatus: z.ZodType<BridgeStatus> = z.object({
  name: z.string(),
  mac: z.string(),
  vlanFiltering: z.boolean(),
  ageingTime: z.number().describe('seconds'),
  learnedAddresses: count,
  stp: stpStatus.optional().describe('where spanning tree is on'),
  ports: z.array(z.string()),
});

const pollGap: z.ZodType<PollGap> = z
  .object({
    polls: count,
    sumSeconds: z.number(),
    maxSeconds: z.number(),
    buckets: z.array(z.tuple([z.number(), count])).describe('cumulative: [upper bound in seconds, count]'),
  })
  .describe('Time between two waits of the data plane');

const actionFields = {
  op: z.enum(['delete', 'add', 'set']),
  kind: z.enum(['bridge', 'port', 'fdb', 'router', 'group', 'acl', 'tenant']),
  path: z.string().describe('bridges.br0.ports.vm1'),
  changes: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })).optional(),
};
export const action: z.ZodType<Action> = z.object(actionFields);
export const actionResult: z.ZodType<ActionResult> = z.object({
  ...actionFields,
  ok: z.boolean(),
  waits: z
    .boolean()
    .optional()
    .describe('cannot be had yet, for the reason in `error`, and comes true as soon as it can'),
  error: z.string().optional().describe('why not, for people'),
  code: z.string().optional().describe('why not, for programs'),
});

export const fdbEntry: z.ZodType<FdbEntry> = z.object({
  bridge: z.string(),
  mac: z.string(),
  vlan: vlanId.describe('0 in a bridge that does not filter VLANs'),
  port: z.string(),
  remote: z.string().optional().describe('address of the VXLAN remote'),
  type: z.enum(['learned', 'static', 'local']),
  age: z.number().describe('seconds since the station was last seen'),
  locked: z.literal(true).optional().describe('it may not send until a static entry admits it (MAB)'),
});

/** A query string has only text; the compiler sees numbers. */
export const numeric = z.string().regex(/^\d+$/, 'not a number').transform(Number);

export const flushFilter = z.strictObject({
  bridge: z.string().optional(),
  port: z.string().optional(),
  vlan: vlanId.optional(),
  mac: mac.optional(),
});

export const pageLimit = numeric
  .pipe(z.int().min(1).max(10_000))
  .optional()
  .describe('most entries in one answer, 1000 unless told');
export const pageCursor = z.string().optional().describe('`next` of the answer before; valid for 30 seconds');
export const nextPage = z
  .string()
  .optional()
  .describe('pass as `cursor` to get the rest; absent on the last page');

export const fdbQuery = z.strictObject({
  ...flushFilter.shape,
  vlan: numeric.pipe(vlanId).optional(),
  limit: pageLimit,
  cursor: pageCursor,
});

export const staticKey = z.strictObject({
  bridge: z.string(),
  mac,
  vlan: numeric.pipe(vlanId).optional(),
});

export const staticEntry = z.strictObject({
  bridge: z.string(),
  mac,
  vlan: vlanId.optional(),
  port: z.string(),
  remote: z.string().optional(),
});

/** `?flag`, `?flag=true` or `?flag=1` switch it on. */
export const flag = z
  .enum(['true', 'false', '1', '0', ''])
  .transform((text) => text !== 'false' && text !== '0')
  .optional();

export const switchStatus = z.object({
  version: z.string(),
  pid: count,
  uptimeSeconds: z.number(),
  bridges: z.array(bridgeStatus),
  ports: z.array(portStatus),
});
export const stats = z.object({
  bridges: z.array(bridgeStatus),
  ports: z.array(portStatus),
  pollGap,
});
export const drops = z.object({
  drops: z.array(
    z.object({
      bridge: z.string(),
      port: z.string(),
      side: z.enum(['receive', 'transmit']),
      reason: z.string(),
      frames: count,
      help: z.string(),
    }),
  ),
});
export const lastDrops: z.ZodType<{ drops: LastDrop[] }> = z.object({
  drops: z.array(
    z.object({
      time: z.number().describe('milliseconds since 1970'),
      port: z.string().describe('empty: of no port'),
      side: z.enum(['receive', 'transmit']),
      reason: z.string(),
      help: z.string(),
      length: count.describe('bytes that the frame had; 0 if they were gone'),
      head: z.string().describe('the first 128 of them, as hex digits'),
    }),
  ),
});
const word = z.int().min(0).max(0xffff_ffff);
const byte = z.int().min(0).max(255);
export const captureOptions = z.strictObject({
  bridge: z.string().optional().describe('only ports of this bridge'),
  port: z.string().optional().describe('only this port'),
  directions: z
    .array(z.enum(['in', 'out', 'drop']))
    .min(1)
    .optional()
    .describe('in and out, unless told'),
  program: z
    .array(z.tuple([z.int().min(0).max(0xffff), byte, byte, word]))
    .max(4096)
    .optional()
    .describe('classic BPF over Ethernet frames, as `tcpdump -ddd` prints it: code, jt, jf, k'),
  snaplen: z.int().min(1).max(262_144).optional().describe('most bytes of each frame'),
  count: z.int().min(1).max(0x7fff_ffff).optional().describe('end after so many frames'),
});
export const ended = z.object({ ended: z.string() });
export const bridgeList = z.object({ bridges: z.array(bridgeStatus) });
export const bridge = z.object({ status: bridgeStatus, config: bridgeConfig });
export const portList = z.object({ ports: z.array(portStatus) });
export const port = z.object({
  status: portStatus,
  config: portConfig
    .optional()
    .describe("absent for a bridge's own interface, whose configuration is the bridge's `local`"),
});
export const patch = z
  .record(z.string(), z.unknown())
  .describe('JSON merge patch (RFC 7396): null removes a key');
export const fdbPage = z.object({
  entries: z.array(fdbEntry),
  next: nextPage,
});
export const enabled = z.object({ enabled: z.boolean().describe('false: it was not disabled') });
export const flushed = z.object({ flushed: count });
export const results = z.object({ results: z.array(actionResult).describe('deletions first') });
export const planOrResults = z.object({
  plan: z.array(action).optional().describe('with dry_run: what would be done, deletions first'),
  results: z.array(actionResult).optional(),
});
export const netns = z.object({ netns: z.string().optional() });
export const health = z.object({ status: z.literal('ok') });
