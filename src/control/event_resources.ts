// Events as schemas, for the OpenAPI document and the handlers. The compiler compares them with src/event.ts, both ways: what
// is sent fits the schema, and the schema says nothing else.

import { z } from 'zod';
import { EVENT_TYPES, type SwitchEvent } from '../event.ts';
import { flag } from './resources.ts';

const count = z.int().nonnegative();
const common = {
  seq: count.describe('increases, also from one run of taploomd to the next'),
  time: z.string().describe('ISO 8601, UTC'),
  message: z.string().describe('one sentence for people'),
  tenant: z.string().optional().describe('whose the port is'),
};
const where = { bridge: z.string(), port: z.string() };
const vlan = z.int().min(0).max(4095).describe('0 in a bridge that does not filter VLANs');

const author = z.union([
  z.object({
    kind: z.literal('client'),
    pid: count,
    uid: count,
    gid: count,
    user: z.string().optional(),
    command: z.string().optional().describe('command line, at most 256 bytes'),
  }),
  z.object({ kind: z.literal('file'), file: z.string() }),
  z.object({ kind: z.literal('program') }),
  z.object({ kind: z.literal('unknown') }),
]);

const anyEvent = z.union([
  z.object({
    ...common,
    type: z.literal('port'),
    change: z.enum([
      'added',
      'removed',
      'up',
      'down',
      'disabled',
      'enabled',
      'gone',
      'waiting',
      'failed',
      'broken',
    ]),
    ...where,
    reason: z.string().optional(),
    guestOf: z.string().optional(),
  }),
  z.object({
    ...common,
    type: z.literal('station'),
    change: z
      .enum(['moved', 'flapping', 'calm', 'locked'])
      .describe('locked: it waits on a locked port, `from` and `to`, for somebody to admit it'),
    bridge: z.string(),
    vlan,
    mac: z.string(),
    from: z.string().describe('port'),
    to: z.string().describe('port'),
    fromRemote: z.string().optional(),
    toRemote: z.string().optional(),
    moves: count.optional(),
    seconds: z.number().optional(),
  }),
  z.object({ ...common, type: z.literal('station'), change: z.literal('more'), moves: count }),
  z.object({
    ...common,
    type: z.literal('limit'),
    limit: z.enum(['port_fdb_limit', 'bridge_fdb_limit', 'max_remotes', 'mcast_max_groups', 'max_groups']),
    ...where,
    vlan: vlan.optional(),
    mac: z.string().optional(),
    group: z.string().optional(),
    value: count,
  }),
  z.object({
    ...common,
    type: z.literal('neighbour'),
    change: z.enum(['added', 'changed', 'removed']),
    ...where,
    protocol: z.literal('lldp'),
    chassis: z.string(),
    neighbourPort: z.string(),
    name: z.string().optional(),
  }),
  z.object({
    ...common,
    type: z.literal('member'),
    change: z.enum(['carries', 'waits', 'down']),
    ...where,
    member: z.string(),
    reason: z.string().optional(),
  }),
  z.object({
    ...common,
    type: z.literal('uplink'),
    change: z.enum(['full', 'free']),
    ...where,
    rate: count.optional().describe('bit/s'),
  }),
  z.object({
    ...common,
    type: z.literal('stp'),
    change: z.enum(['role', 'forwarding', 'blocked', 'guarded']),
    ...where,
    role: z.enum(['disabled', 'root', 'designated', 'alternate', 'backup']),
    reason: z.string().optional(),
  }),
  z.object({
    ...common,
    type: z.literal('stp'),
    change: z.literal('root'),
    bridge: z.string(),
    root: z.string(),
    port: z.string().optional().describe('on the way to the root; none: the bridge is the root'),
  }),
  z.object({
    ...common,
    type: z.literal('multicast'),
    change: z.enum(['querier_elected', 'querier_lost', 'router_added', 'router_removed']),
    ...where,
    vlan,
    protocol: z.enum(['igmp', 'mld']),
    address: z.string().optional().describe('of the querier'),
  }),
  z.object({
    ...common,
    type: z.literal('lease'),
    change: z.enum(['bound', 'released', 'expired', 'declined', 'refused', 'rogue']),
    network: z.string(),
    ...where,
    mac: z.string(),
    address: z.string().optional(),
    name: z.string().optional(),
    reason: z.string().optional(),
  }),
  z.object({
    ...common,
    type: z.literal('network'),
    change: z.enum(['ready', 'failed', 'address_taken', 'restored']),
    network: z.string(),
    bridge: z.string(),
    port: z.string().describe('of `address_taken`, and of `restored` the interface; otherwise empty'),
    reason: z.string().optional(),
    address: z.string().optional(),
    mac: z.string().optional(),
  }),
  z.object({
    ...common,
    type: z.literal('address'),
    change: z.enum(['moved', 'lost', 'duplicate', 'leased', 'ended']),
    ...where,
    vlan,
    address: z.string(),
    mac: z.string(),
    before: z.string().optional().describe('of `moved`'),
    reason: z.string().optional(),
  }),
  z.object({
    ...common,
    type: z.literal('guard'),
    change: z.literal('refused'),
    ...where,
    vlan,
    reason: z.string().describe('of the drop'),
    mac: z.string().describe('who sent it'),
    address: z.string().optional().describe('that it says its sender has'),
  }),
  z.object({
    ...common,
    type: z.literal('acl'),
    change: z.literal('matched'),
    ...where,
    vlan,
    side: z.enum(['in', 'out']),
    list: z.string(),
    rule: z.int().describe('its number in the list, from 1 on'),
    path: z.string(),
    file: z.string().optional().describe('that the rule came from'),
    line: z.int().optional(),
    verdict: z.enum(['permit', 'deny', 'count']),
    frame: z.string().describe('in one line'),
    more: count.optional().describe('frames of the rule that were not told since the last one'),
  }),
  z.object({
    ...common,
    type: z.literal('drop'),
    ...where,
    side: z.enum(['receive', 'transmit']),
    reason: z.string(),
    frames: count.describe('since the last event of this port and reason'),
  }),
  z.object({
    ...common,
    type: z.literal('hook'),
    change: z.enum(['off', 'reported']),
    bridge: z.string(),
    port: z.string().describe("empty: of all of the bridge's"),
    hook: z.string().describe('its module'),
    reason: z.string().optional().describe('of `off`'),
    onError: z.enum(['pass', 'drop']).optional().describe('of `off`: what becomes of its frames'),
    text: z.string().optional().describe('of `reported`'),
  }),
  z.object({
    ...common,
    type: z.literal('configuration'),
    by: author,
    actions: z
      .array(
        z.object({
          op: z.enum(['delete', 'add', 'set']),
          kind: z.enum(['bridge', 'port', 'fdb', 'router', 'group', 'acl', 'tenant']),
          path: z.string(),
          keys: z.array(z.string()).optional().describe('of a `set`: keys that change'),
          ok: z.boolean(),
          error: z.string().optional(),
        }),
      )
      .describe('the first hundred'),
    total: count,
    failed: count,
  }),
  z.object({
    ...common,
    type: z.literal('lost'),
    count: count.describe('events missing before this one; 0 = nobody knows how many'),
  }),
]) satisfies z.ZodType<SwitchEvent>;

type Said = z.infer<typeof anyEvent>;
/** Unions with the same members; were one without the other, this would be none. */
export const switchEvent: z.ZodType<SwitchEvent extends Said ? SwitchEvent : never> = anyEvent;

export const eventList = z.object({ events: z.array(switchEvent) });

const number = z
  .string()
  .regex(/^\d{1,16}$/, 'not the number of an event')
  .transform(Number);
const types = z
  .string()
  .transform((text) => text.split(',').filter((type) => type !== ''))
  .pipe(z.array(z.enum(EVENT_TYPES, `not a type of event: ${EVENT_TYPES.join(', ')}`)));

export const eventQuery = z.strictObject({
  follow: flag.describe('false: answer with the stored events as JSON, instead of server-sent events'),
  look: flag.describe('false, with follow=false: what was seen until now, which is two seconds ago at most'),
  since: number
    .optional()
    .describe('begin after the event of this number, 0 = with the oldest stored; as `Last-Event-ID`'),
  type: types.optional().describe(`only these, with commas between: ${EVENT_TYPES.join(',')}`),
  bridge: z.string().optional().describe('only what concerns this bridge'),
  port: z.string().optional().describe('only what concerns this port'),
});
