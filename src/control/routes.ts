// The control API, route by route. Reading asks the switch; changing edits the configuration and applies it, so that a
// change by HTTP, one by `taploom` and one by a file end in the same place.

import { z } from 'zod';
import { TaploomError } from '../error.ts';
import { ACL_ROUTES } from './acl_routes.ts';
import { BRIDGE_ROUTES } from './bridge_routes.ts';
import { dropRows } from './drop_rows.ts';
import { requireBridge, requirePort } from './edits.ts';
import * as events from './event_resources.ts';
import { FDB_ROUTES } from './fdb_routes.ts';
import { GUARD_ROUTES } from './guard_routes.ts';
import * as lldp from './lldp_resources.ts';
import { MULTICAST_ROUTES } from './multicast_routes.ts';
import { NAT_ROUTES } from './nat_routes.ts';
import { netnsName } from './netns.ts';
import { NETWORK_ROUTES } from './network_routes.ts';
import { POLICY_ROUTES } from './policy_routes.ts';
import { QOS_ROUTES } from './qos_routes.ts';
import * as resource from './resources.ts';
import { type Route, route, Streamed } from './route.ts';
import { ROUTER_ROUTES } from './router_routes.ts';
import { configWithLines, takeLines } from './rule_lines_body.ts';
import { TENANT_ROUTES } from './tenant_routes.ts';
import { traceRequest, traces } from './trace_resource.ts';

const dryRun = z.strictObject({ dry_run: resource.flag.describe('answer with the plan, change nothing') });
const lookQuery = z.strictObject({
  look: resource.flag.describe(
    'false: tell of interfaces what was seen last, instead of asking the kernel; for who asks every second',
  ),
});
const PCAPNG = 'application/x-pcapng';

const SWITCH_ROUTES: readonly Route[] = [
  route('get', '/v1/healthz', {
    summary: 'Whether the daemon answers',
    answer: resource.health,
    handle: () => ({ status: 'ok' as const }),
  }),
  route('get', '/v1/switch', {
    summary: 'Version, uptime, bridges and ports',
    query: lookQuery,
    answer: resource.switchStatus,
    handle: ({ api, version }, { query }) => ({
      version,
      pid: process.pid,
      uptimeSeconds: Math.round(process.uptime() * 1000) / 1000,
      bridges: api.bridges(),
      ports: api.ports(query),
    }),
  }),
  route('get', '/v1/netns/{inode}', {
    summary: 'What a configuration calls a network namespace',
    description:
      'For clients that mean their own: `inode` is that of their /proc/self/ns/net. Without `netns` in the answer it is the namespace of the daemon.',
    answer: resource.netns,
    problems: [404],
    handle: (_, { params }) => ({ netns: netnsName(Number(params.inode)) }),
  }),
  route('get', '/v1/config', {
    summary: 'The configuration that is wanted, defaults filled in',
    answer: resource.switchConfig,
    handle: ({ api }) => api.config,
  }),
  route('put', '/v1/config', {
    summary: 'Make the switch what this configuration says',
    description:
      'Bridges, ports and static entries that it does not name are deleted, and deletions come first. What cannot be had yet `waits`, and comes true as soon as it can.',
    query: dryRun,
    document: configWithLines,
    answer: resource.planOrResults,
    problems: [409],
    handle: async ({ changes }, { query, body }) => {
      const { config, lines } = takeLines(body);
      return query.dry_run
        ? { plan: changes.plan(config) }
        : { results: await changes.change(() => config, { keep: true, lines }) };
    },
  }),
  route('get', '/v1/stats', {
    summary: 'Counters of all ports, and how promptly the data plane polls',
    answer: resource.stats,
    handle: ({ api }) => ({ bridges: api.bridges(), ports: api.ports(), pollGap: api.pollGap() }),
  }),
  route('get', '/v1/drops', {
    summary: 'Dropped frames by port and reason',
    query: lookQuery,
    answer: resource.drops,
    handle: ({ api }, { query }) => ({ drops: dropRows(api, query) }),
  }),
  route('get', '/v1/drops/last', {
    summary: 'The last drops of each port, headers only, oldest first',
    answer: resource.lastDrops,
    handle: async ({ api }) => ({ drops: await api.lastDrops() }),
  }),
  route('post', '/v1/capture', {
    summary: 'Capture frames: a stream of pcapng',
    description:
      'Lasts until `count` frames are there, the capture is deleted by the id in the header `Taploom-Capture`, or the client goes away. What the client does not read in time is lost, and counted in the interface statistics at the end.',
    body: resource.captureOptions,
    bodyOptional: true,
    answer: z.instanceof(Uint8Array),
    media: PCAPNG,
    problems: [404, 409],
    handle: async ({ captures }, { body }) => {
      const { id, stream } = await captures.open(body ?? {});
      return new Streamed(stream, { 'content-type': PCAPNG, 'taploom-capture': id });
    },
  }),
  route('delete', '/v1/capture/{id}', {
    summary: 'End a capture: its stream closes with the statistics',
    answer: resource.ended,
    problems: [404],
    handle: async ({ captures }, { params }) => {
      await captures.end(params.id);
      return { ended: params.id };
    },
  }),
  route('get', '/v1/lldp', {
    summary: 'Neighbours that LLDP found, and its counters',
    query: lldp.lldpQuery,
    answer: lldp.lldp,
    problems: [404],
    handle: ({ api }, { query: { bridge, port } }) => {
      if (bridge !== undefined) requireBridge(api.config, bridge);
      if (bridge !== undefined && port !== undefined) requirePort(api.config, bridge, port);
      const isWanted = (one: { bridge: string; port: string }) =>
        (bridge === undefined || one.bridge === bridge) && (port === undefined || one.port === port);
      return { neighbors: api.lldp().filter(isWanted), ports: api.lldpPorts().filter(isWanted) };
    },
  }),
  route('get', '/v1/events', {
    summary: 'What happens, as server-sent events; with follow=false what is stored, as JSON',
    description:
      'Each `data:` is one event. Who reads too slowly loses events and gets one of type `lost`. ' +
      '`Last-Event-ID` or `since` begins with stored events; without them the stream begins now.',
    query: events.eventQuery,
    answer: events.eventList,
    streams: true,
    problems: [503],
    handle: ({ api, streams }, { query, lastEventId }) => {
      const { follow, look, since, type: types, bridge, port } = query;
      const filter = { types, bridge, port };
      if (follow === false) {
        if (look !== false) api.events.look();
        return { events: api.events.stored({ since, ...filter }) };
      }
      const last = /^\d{1,16}$/.test(lastEventId ?? '') ? Number(lastEventId) : undefined;
      return streams.start({ since: last ?? since, ...filter });
    },
  }),
  route('post', '/v1/trace', {
    summary: 'What would become of a frame, or what becomes of the next real ones',
    description: 'Nothing is sent, learned or counted. With `live`, fewer traces if time runs out.',
    body: traceRequest,
    answer: traces,
    problems: [404, 409],
    handle: async ({ api }, { body: { live, ...wanted } }) => {
      if (live === undefined) return { traces: [await api.trace(wanted)] };
      const { bridge, port, ...rest } = wanted;
      const [extra] = Object.keys(rest);
      if (extra !== undefined)
        throw new TaploomError('invalid_trace', `${extra} and live exclude each other`);
      return { traces: await api.traceLive({ bridge, port, ...live }) };
    },
  }),
];

export const ROUTES: readonly Route[] = [
  ...SWITCH_ROUTES,
  ...BRIDGE_ROUTES,
  ...FDB_ROUTES,
  ...MULTICAST_ROUTES,
  ...GUARD_ROUTES,
  ...NETWORK_ROUTES,
  ...ROUTER_ROUTES,
  ...NAT_ROUTES,
  ...QOS_ROUTES,
  ...TENANT_ROUTES,
  ...POLICY_ROUTES,
  ...ACL_ROUTES,
];
