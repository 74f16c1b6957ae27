// The control API, route by route. Reading asks the switch; changing edits the configuration and applies it, so that a
// change by HTTP, one by `taploom` and one by a file end in the same place.

import { z } from 'zod';
import type { PortStatus, SwitchApi } from '../api.ts';
import { portIn } from '../config/without_ports.ts';
import { TaploomError } from '../error.ts';
import { LOST, lostHelp } from '../event.ts';
import { DROPS } from '../table/drops.ts';
import {
  dropBridge,
  dropGroup,
  dropPort,
  dropStatic,
  portNamed,
  putBridge,
  putGroup,
  putPort,
  putStatic,
  requireBridge,
  requirePort,
} from './edits.ts';
import * as events from './event_resources.ts';
import { interfaceExists } from './interfaces.ts';
import { mergePatch } from './merge_patch.ts';
import { netnsName } from './netns.ts';
import * as resource from './resources.ts';
import { type Route, route, Streamed } from './route.ts';
import { tooBigHelp } from './too_big_help.ts';
import { traceRequest, traces } from './trace_resource.ts';

const dryRun = z.strictObject({ dry_run: resource.flag.describe('answer with the plan, change nothing') });
const exclusive = z.strictObject({ exclusive: resource.flag.describe('fail with 409 if it exists already') });
const putPortQuery = exclusive.extend({
  fresh: resource.flag.describe(
    'fail with 409 if the host has an interface of this name: create one, never take one',
  ),
});
const lookQuery = z.strictObject({
  look: resource.flag.describe(
    'false: tell of interfaces what was seen last, instead of asking the kernel; for who asks every second',
  ),
});
const CHANGE = [404, 409] as const;
const PCAPNG = 'application/x-pcapng';

export const ROUTES: readonly Route[] = [
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
    document: resource.switchConfig,
    answer: resource.planOrResults,
    problems: [409],
    handle: async ({ api, changes }, { query, body }) =>
      query.dry_run
        ? { plan: api.plan(body) }
        : { results: await changes.change(() => body, { keep: true }) },
  }),

  route('get', '/v1/bridges', {
    summary: 'All bridges',
    answer: resource.bridgeList,
    handle: ({ api }) => ({ bridges: api.bridges() }),
  }),
  route('get', '/v1/bridges/{bridge}', {
    summary: 'One bridge: its state and its configuration',
    answer: resource.bridge,
    problems: [404],
    handle: ({ api }, { params }) => {
      const config = requireBridge(api.config, params.bridge);
      const status = api.bridges().find((bridge) => bridge.name === params.bridge);
      if (status === undefined) throw new TaploomError('no_such_bridge', `No bridge ${params.bridge}`);
      return { status, config };
    },
  }),
  route('put', '/v1/bridges/{bridge}', {
    summary: 'Create a bridge, or replace its configuration',
    query: exclusive,
    document: resource.bridgeConfig,
    bodyOptional: true,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { params, query, body }) => ({
      results: await changes.change((config) =>
        putBridge(config, params.bridge, body ?? {}, query.exclusive),
      ),
    }),
  }),
  route('patch', '/v1/bridges/{bridge}', {
    summary: 'Change some keys of a bridge (RFC 7396: null removes a key)',
    document: resource.patch,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { params, body }) => ({
      results: await changes.change((config) =>
        putBridge(config, params.bridge, mergePatch(requireBridge(config, params.bridge), body)),
      ),
    }),
  }),
  route('delete', '/v1/bridges/{bridge}', {
    summary: 'Delete a bridge and its ports',
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { params }) => ({
      results: await changes.change((config) => dropBridge(config, params.bridge)),
    }),
  }),

  route('get', '/v1/bridges/{bridge}/ports', {
    summary: 'The ports of a bridge',
    answer: resource.portList,
    problems: [404],
    handle: ({ api }, { params }) => {
      requireBridge(api.config, params.bridge);
      return { ports: api.ports().filter((port) => port.bridge === params.bridge) };
    },
  }),
  route('get', '/v1/bridges/{bridge}/ports/{port}', {
    summary: 'One port: its state, counters and configuration',
    answer: resource.port,
    problems: [404],
    handle: ({ api }, { params }) => {
      const owner = requireBridge(api.config, params.bridge);
      const name = portNamed(api.config, () => api.ports(), params.bridge, params.port);
      const status = api.ports().find((port) => port.bridge === params.bridge && port.name === name);
      if (status === undefined) {
        throw new TaploomError('no_such_port', `Bridge ${params.bridge} has no port ${params.port}`);
      }
      return { status, config: portIn(owner, name) };
    },
  }),
  route('put', '/v1/bridges/{bridge}/ports/{port}', {
    summary: 'Create a port, or replace its configuration',
    query: putPortQuery,
    document: resource.portConfig,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { params, query, body }) => ({
      results: await changes.change((config) => {
        const wanted = putPort(config, params.bridge, params.port, body, query.exclusive);
        if (query.fresh && isHere(body) && interfaceExists(params.port)) {
          throw new TaploomError(
            'interface_exists',
            `Cannot create interface ${params.port}: it exists already`,
          );
        }
        return wanted;
      }),
    }),
  }),
  route('patch', '/v1/bridges/{bridge}/ports/{port}', {
    summary: 'Change some keys of a port (RFC 7396: null removes a key)',
    document: resource.patch,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ api, changes }, { params, body }) => ({
      results: await changes.change((config) => {
        const name = portNamed(config, () => api.ports(), params.bridge, params.port);
        const port = requirePort(config, params.bridge, name);
        return putPort(config, params.bridge, name, mergePatch(port, body));
      }),
    }),
  }),
  route('delete', '/v1/bridges/{bridge}/ports/{port}', {
    summary: 'Delete a port',
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ api, changes }, { params }) => ({
      results: await changes.change((config) => {
        const name = portNamed(config, () => api.ports(), params.bridge, params.port);
        return dropPort(config, params.bridge, name);
      }),
    }),
  }),

  route('post', '/v1/bridges/{bridge}/ports/{port}/enable', {
    summary: 'Try a port that is disabled for an error again, before its time',
    answer: resource.enabled,
    problems: [404],
    handle: async ({ api }, { params }) => {
      const name = portNamed(api.config, () => api.ports(), params.bridge, params.port);
      requirePort(api.config, params.bridge, name);
      return { enabled: await api.enablePort(name) };
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
    query: resource.lldpQuery,
    answer: resource.lldp,
    problems: [404],
    handle: ({ api }, { query: { bridge, port } }) => {
      if (bridge !== undefined) requireBridge(api.config, bridge);
      if (bridge !== undefined && port !== undefined) requirePort(api.config, bridge, port);
      const isWanted = (one: { bridge: string; port: string }) =>
        (bridge === undefined || one.bridge === bridge) && (port === undefined || one.port === port);
      return { neighbors: api.lldp().filter(isWanted), ports: api.lldpPorts().filter(isWanted) };
    },
  }),

  route('get', '/v1/multicast', {
    summary: 'Queriers and router ports by VLAN, and counters of ports, of bridges that snoop',
    query: resource.multicastQuery,
    answer: resource.multicast,
    problems: [404],
    handle: ({ api }, { query: { bridge } }) => {
      if (bridge !== undefined) requireBridge(api.config, bridge);
      const ports = api.multicastPorts().filter((port) => (bridge ?? port.bridge) === port.bridge);
      return { vlans: api.multicastVlans(bridge), ports };
    },
  }),
  route('get', '/v1/networks', {
    summary: 'Networks of bridges, and how they are',
    answer: resource.networks,
    handle: ({ api }) => ({ networks: api.networks() }),
  }),
  route('get', '/v1/leases', {
    summary: 'Addresses that guests have from DHCP',
    query: resource.leaseFilter,
    answer: resource.leases,
    problems: [404],
    handle: ({ api }, { query }) => {
      if (query.bridge !== undefined) requireBridge(api.config, query.bridge);
      requireNetwork(api, query.network);
      return { leases: api.leases(query) };
    },
  }),
  route('delete', '/v1/leases', {
    summary: 'Take addresses from guests: all, or those that match',
    query: resource.leaseFilter,
    answer: resource.endedLeases,
    problems: [404],
    handle: ({ api }, { query }) => {
      if (query.bridge !== undefined) requireBridge(api.config, query.bridge);
      requireNetwork(api, query.network);
      return { ended: api.endLeases(query) };
    },
  }),
  route('get', '/v1/mdb', {
    summary: 'Multicast groups by port, of bridges that snoop, page by page',
    description: 'Repeat with `cursor` set to `next` of the last answer until there is no `next`.',
    query: resource.mdbQuery,
    answer: resource.mdbPage,
    problems: [404, 410],
    handle: ({ api, groups }, { query: { cursor, limit, ...filter } }) => {
      if (filter.bridge !== undefined) requireBridge(api.config, filter.bridge);
      return cursor === undefined ? groups.open(filter, limit) : groups.resume(cursor, limit);
    },
  }),
  route('put', '/v1/mdb', {
    summary: 'Put a port into a group for ever: an entry of `multicast.static`',
    body: resource.groupEntry,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { body }) => ({
      results: await changes.change((config) => putGroup(config, body)),
    }),
  }),
  route('delete', '/v1/mdb', {
    summary: 'Delete such an entry',
    query: resource.groupKey,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { query }) => ({
      results: await changes.change((config) => dropGroup(config, query)),
    }),
  }),
  route('post', '/v1/mdb/join', {
    summary: "Join a group for a port, as long as a host's report would hold",
    body: resource.groupWish,
    answer: resource.joined,
    problems: [404, 409],
    handle: ({ api }, { body }) => {
      api.joinGroup(body);
      return { joined: body.group };
    },
  }),
  route('post', '/v1/mdb/flush', {
    summary: 'Forget what hosts have joined: all, or what matches',
    body: resource.groupFlushFilter,
    bodyOptional: true,
    answer: resource.flushed,
    handle: ({ api }, { body }) => ({ flushed: api.flushGroups(body ?? {}) }),
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

  route('get', '/v1/fdb', {
    summary: 'The forwarding database, page by page',
    description: 'Repeat with `cursor` set to `next` of the last answer until there is no `next`.',
    query: resource.fdbQuery,
    answer: resource.fdbPage,
    problems: [410],
    handle: ({ sessions }, { query: { cursor, limit, ...filter } }) =>
      cursor === undefined ? sessions.open(filter, limit) : sessions.resume(cursor, limit),
  }),
  route('put', '/v1/fdb', {
    summary: 'Add or replace a static entry',
    body: resource.staticEntry,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { body }) => ({
      results: await changes.change((config) => putStatic(config, body)),
    }),
  }),
  route('delete', '/v1/fdb', {
    summary: 'Delete a static entry',
    query: resource.staticKey,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { query }) => ({
      results: await changes.change((config) => dropStatic(config, query)),
    }),
  }),
  route('post', '/v1/fdb/flush', {
    summary: 'Forget learned entries: all, or those that match',
    body: resource.flushFilter,
    bodyOptional: true,
    answer: resource.flushed,
    handle: async ({ api }, { body }) => ({ flushed: await api.flush(body ?? {}) }),
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

/** Interfaces of other namespaces are not looked at: who names one looks there. */
function isHere(port: unknown): boolean {
  return (port as { netns?: unknown } | null | undefined)?.netns === undefined;
}

function dropRows(api: SwitchApi, { look }: { look?: boolean }): z.infer<typeof resource.drops>['drops'] {
  const help = new Map(DROPS.map((drop) => [drop.name, drop.help]));
  const rows = (
    bridge: string,
    port: string,
    side: 'receive' | 'transmit',
    dropped: Record<string, number>,
  ) =>
    Object.entries(dropped)
      .filter(([, frames]) => frames > 0)
      .map(([reason, frames]) => ({ bridge, port, side, reason, frames, help: help.get(reason) ?? '' }));
  const lost = (bridge: string, port: string, type: PortStatus['type'], frames: number) =>
    frames === 0
      ? []
      : [{ bridge, port, side: 'receive' as const, reason: LOST, frames, help: lostHelp(type, port) }];
  return [
    ...api.ports({ look }).flatMap((status) => {
      const { bridge, name, type, queueDropped = 0, counters } = status;
      const sent = rows(bridge, name, 'transmit', counters.transmitDropped);
      const tooBig = sent.find(({ reason }) => reason === 'too_big');
      if (tooBig && (type === 'vxlan' || status.underlay !== undefined)) {
        const isConfigured = api.config.bridges[bridge]?.ports[name]?.mtu === status.mtu;
        tooBig.help = tooBigHelp(status, isConfigured);
      }
      return [
        ...lost(bridge, name, type, queueDropped),
        ...rows(bridge, name, 'receive', counters.receiveDropped),
        ...sent,
      ];
    }),
    ...rows('', '', 'receive', api.unassignedDrops()),
  ];
}

/** By its name, or that of its bridge. */
function requireNetwork(api: SwitchApi, name: string | undefined): void {
  if (name === undefined || Object.hasOwn(api.config.bridges, name)) return;
  if (!api.networks().some(({ network }) => network === name))
    throw new TaploomError('no_such_network', `There is no network ${name}`);
}
