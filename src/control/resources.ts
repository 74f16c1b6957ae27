// What the control socket answers, as schemas: the server's handlers are type-checked against them, and the OpenAPI
// document is made from them. They mirror src/api.ts; the annotations make the compiler compare the two.

import { z } from 'zod';
import type {
  AggregateCounters,
  AggregateStatus,
  BridgeStatus,
  FdbEntry,
  LacpEndStatus,
  LastDrop,
  LldpCounters,
  LldpNeighbor,
  LldpPortStatus,
  PollGap,
  PortCounters,
  PortStatus,
  StpCounters,
  StpPortStatus,
  StpStatus,
} from '../api.ts';
import type { Action, ActionResult } from '../config/action.ts';
import { configShape } from '../config/shape.ts';
import { socketStatus } from './socket_resources.ts';

// The parts of the configuration that have resources of their own.
export const switchConfig = configShape;
export const bridgeConfig = configShape.shape.bridges.unwrap().valueType;
export const portConfig = bridgeConfig.shape.ports.unwrap().valueType;

export const count = z.int().nonnegative();
const mac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i, 'not a MAC address (like 02:00:5e:10:00:01)');
export const vlanId = z.int().min(0).max(4095);

const timer = z.number().describe('seconds that are left; 0: it does not run');
const bridgeId = z.string().describe('priority and address: 8000.02005e100001');

const stpStatus: z.ZodType<StpStatus> = z.object({
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

export const malformed = z.record(z.string(), count).describe('frames without use, by reason');

const stpCounters: z.ZodType<StpCounters> = z.object({
  bpdusReceived: count,
  malformed,
  bpdusSent: count,
  bpdusNotSent: count.describe('the data plane had no room for them'),
  topologyChanges: count.describe('that the port made itself'),
  forwardTransitions: count.describe('how often it began to forward'),
});

const stpPortStatus: z.ZodType<StpPortStatus> = z.object({
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

export const portStatus: z.ZodType<PortStatus> = z.object({
  bridge: z.string(),
  name: z.string(),
  type: z.enum([
    'tap',
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
  kind: z.enum(['bridge', 'port', 'fdb', 'router', 'group']),
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

export const lldpNeighbor: z.ZodType<LldpNeighbor> = z.object({
  bridge: z.string(),
  port: z.string(),
  mac: z.string().describe('source address of its last frame'),
  vlan: vlanId.describe('VLAN that its last frame came in; 0 in a bridge that does not filter VLANs'),
  chassisId: z.string().describe('what is no text as `0x...`'),
  chassisIdType: z.string().describe('mac, interface_name, network_address, local, ...'),
  portId: z.string(),
  portIdType: z.string(),
  ttl: count.describe('seconds, as in its last frame'),
  expiresIn: z.number().describe('seconds until it is forgotten'),
  age: z.number().describe('seconds since it was first seen'),
  portDescription: z.string().optional(),
  systemName: z.string().optional(),
  systemDescription: z.string().optional(),
  capabilities: z.array(z.string()).optional().describe('bridge, router, station, ...'),
  enabledCapabilities: z.array(z.string()).optional(),
  managementAddresses: z.array(z.string()),
  pvid: count.optional().describe('VLAN of its untagged frames, 0 = none'),
  maxFrameSize: count.optional().describe('bytes, with header, tag and FCS'),
  otherTlvs: z
    .array(
      z.object({
        type: count,
        oui: z.string().optional(),
        subtype: count.optional(),
        length: count,
        hex: z.string(),
      }),
    )
    .describe('TLVs that Taploom does not interpret: the first 32, and 64 bytes of each'),
});

const lldpCounters: z.ZodType<LldpCounters> = z
  .object({
    framesIn: count,
    framesOut: count,
    framesDiscarded: count.describe('malformed, or of neighbours for whom there is no room'),
    framesInErrors: count.describe('with any error'),
    framesNotSent: count.describe('the data plane had no room'),
    tlvsDiscarded: count.describe('malformed, or there twice'),
    tlvsUnrecognized: count,
    tlvsOmitted: count.describe('ours that did not fit into a frame'),
    ageouts: count.describe('neighbours that fell silent'),
    neighborsRefused: count.describe('frames of neighbours for whom there was no room'),
  })
  .describe('IEEE 802.1AB-2016 clause 9.2.6');

export const lldpPortStatus: z.ZodType<LldpPortStatus> = z.object({
  bridge: z.string(),
  port: z.string(),
  mode: z.enum(['receive', 'both']),
  neighbors: count,
  counters: lldpCounters,
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
export const lldpQuery = z.strictObject({ bridge: z.string().optional(), port: z.string().optional() });
export const lldp = z.object({
  neighbors: z.array(lldpNeighbor),
  ports: z.array(lldpPortStatus).describe('ports on which LLDP runs'),
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
