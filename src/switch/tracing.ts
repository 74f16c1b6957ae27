// Traces of a switch: brings together what the control plane keeps (topology, names, configuration), the few entries that
// it asks the data plane for, and the dry run that needs both.
//
//   dry run, knowing nothing -> which keys mattered? -> lookup -> dry run -> ... until no key is new -> tell

import { setTimeout as sleep } from 'node:timers/promises';
import type { Trace, TraceLiveOptions, TraceOptions } from '../api.ts';
import { aggregateOf } from '../config/members.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { LIVE_FRAMES, LIVE_TIMEOUT } from '../config/trace_limits.ts';
import type { FollowedFrame } from '../engine/follower.ts';
import type { Topology } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import { COLUMN } from '../frame/frame_batch.ts';
import { hop, PORT_MASK } from '../frame/hop.ts';
import type { Flight, Knowledge } from '../trace/dry_run.ts';
import { Runner } from '../trace/runner.ts';
import { headOf, step, type TraceNames } from '../trace/scene.ts';
import type { Sighting } from '../trace/sighting.ts';
import { tell } from '../trace/tell.ts';
import { frameOf } from '../trace/trace_frame.ts';
import { canonicalIp } from '../wire/ip_address.ts';
import type { Answer, RemoteAddress, Request } from '../worker/messages.ts';
import { macOf } from './fdb_view.ts';

/** How often a live trace asks for frames, ms. */
const LOOK_INTERVAL = 50;
const NOBODY_GIVES = { count: 0, key: 0, lo: 0 };
/** Live traces at a time. */
const MAX_LIVE = 8;
/** Rounds of questions: a frame may be recirculated 15 times. */
const MAX_ROUNDS = 16;

/** What a trace needs of the switch. */
export interface TraceLinks {
  readonly gauges: ArrayBufferLike;
  /** What routers know: see Flight. */
  readonly neighbours: SharedArrayBuffer;
  /** What multicast snooping knows of a bridge: see Knowledge. */
  groups(bridge: string): Int32Array;
  config(): SwitchConfig;
  /** The one in force. */
  topology(): Topology;
  portNumber(name: string): number | undefined;
  remoteRow(port: string, address: string): number | undefined;
  /** Names of one moment; `remotes` are learned ones, by row. */
  names(remotes: ReadonlyMap<number, Int32Array>): TraceNames;
  request(body: Request): Promise<Answer>;
  /** Does something while no change is under way. */
  enqueue<T>(task: () => Promise<T>): Promise<T>;
  isClosed(): boolean;
}

export class Tracing {
  private readonly links: TraceLinks;
  private readonly runner = new Runner();
  private live = 0;
  private nextId = 1;

  constructor(links: TraceLinks) {
    this.links = links;
  }

  async trace(options: TraceOptions): Promise<Trace> {
    const bytes = frameOf(options);
    return this.links.enqueue(async () => {
      const { topology, gauges, neighbours } = this.links;
      const from = this.ingressOf(options);
      const flight = { bytes, length: bytes.length, ingress: from, topology: topology(), gauges, neighbours };
      return this.explore(options, flight);
    });
  }

  async traceLive(options: TraceLiveOptions): Promise<Trace[]> {
    const { frames = 1, timeout = 10 } = options;
    if (!Number.isInteger(frames) || frames < 1 || frames > LIVE_FRAMES)
      throw new TaploomError(
        'invalid_trace',
        `frames: ${frames} is not a number of frames (1-${LIVE_FRAMES})`,
      );
    if (!(timeout > 0 && timeout <= LIVE_TIMEOUT))
      throw new TaploomError('invalid_trace', `timeout: ${timeout} is not a time (up to ${LIVE_TIMEOUT} s)`);
    if (this.live === MAX_LIVE)
      throw new TaploomError('trace_busy', `There are ${MAX_LIVE} live traces already: wait for one of them`);
    this.live++;
    try {
      return await this.follow(options, frames, timeout);
    } finally {
      this.live--;
    }
  }

  close(): Promise<void> {
    return this.runner.close();
  }

  private async follow(options: TraceLiveOptions, frames: number, timeout: number): Promise<Trace[]> {
    const { links } = this;
    const id = this.nextId++;
    const port = this.ingressOf(options) & PORT_MASK;
    const { vlan, etherType } = options;
    const src = options.src === undefined ? undefined : macOf(options.src);
    const dst = options.dst === undefined ? undefined : macOf(options.dst);
    const traces: Trace[] = [];
    const end = performance.now() + timeout * 1000;
    await links.request({ kind: 'follow', id, filter: { port, src, dst, vlan, etherType }, limit: frames });
    try {
      for (let isLast = false; !isLast && traces.length < frames; ) {
        await sleep(Math.max(0, Math.min(LOOK_INTERVAL, end - performance.now())));
        isLast = performance.now() >= end || links.isClosed();
        const answer = await links.request({ kind: 'followed', id, isLast });
        if (answer.kind !== 'followed') break;
        const { lists } = answer;
        for (const frame of answer.frames.slice(0, frames - traces.length)) {
          traces.push(await links.enqueue(() => this.explain(options, frame, lists)));
        }
      }
    } finally {
      await links.request({ kind: 'followed', id, isLast: true }).catch(() => {});
    }
    return traces;
  }

  private async explain(
    options: TraceLiveOptions,
    frame: FollowedFrame,
    lists: Knowledge['lists'],
  ): Promise<Trace> {
    const topology = this.links.topology();
    const { bytes, length, columns, serial } = frame;
    const ingress = columns[COLUMN.ingress];
    const { gauges, neighbours } = this.links;
    const flight = { bytes, length, ingress, topology, gauges, neighbours, decided: columns };
    const trace = await this.explore(options, flight, lists);
    trace.at = frame.at;
    if (serial !== topology.serial) {
      const text = 'The configuration has changed since: what follows is told by the present one';
      trace.steps.splice(1, 0, step('receive', 'reconfigured', text));
    }
    return trace;
  }

  /** Runs the frame until every entry that its way depends on is known, and tells of the last run. */
  private async explore(
    { bridge, port }: { bridge: string; port: string },
    flight: Omit<Flight, 'knowledge'>,
    lists: Knowledge['lists'] = [],
  ): Promise<Trace> {
    const { links } = this;
    if (links.isClosed()) throw new TaploomError('closed', 'The switch is closed');
    const none = new Int32Array(0);
    const groups = links.groups(bridge);
    let knowledge: Knowledge = {
      groups,
      keys: none,
      entries: none,
      tick: 0,
      isFull: false,
      giver: NOBODY_GIVES,
      lists,
    };
    let remotes: RemoteAddress[] = [];
    let sighting = await this.runner.run({ ...flight, knowledge });
    for (let round = 0; round < MAX_ROUNDS && !isKnown(sighting, knowledge); round++) {
      const keys = Int32Array.from(distinct([...triples(knowledge.keys), ...sighting.keys]).flat());
      const found = await links.request({ kind: 'lookup', keys });
      if (found.kind !== 'found') break;
      remotes = found.remotes;
      knowledge = {
        groups,
        keys,
        entries: found.entries,
        tick: found.tick,
        isFull: found.rooms.includes(false),
        // Of the frame's own source: other rows are of the same bridge, or of one that is seldom full.
        giver: found.givers[0] ?? NOBODY_GIVES,
        lists: [...lists, ...found.lists],
      };
      sighting = await this.runner.run({ ...flight, knowledge });
    }
    const names = links.names(new Map(remotes.map(({ row, address }) => [row, address])));
    const frame = headOf(flight.bytes, flight.length);
    const { topology } = flight;
    const isLive = flight.decided !== undefined;
    const scene = {
      bridge,
      port,
      config: links.config(),
      topology,
      names,
      frame,
      knowledge,
      sighting,
      isLive,
    };
    const hex = Buffer.from(flight.bytes).toString('hex');
    return { bridge, port, frame: hex, bytes: flight.length, ...tell(scene) };
  }

  /** The next hop that a frame would come from. */
  private ingressOf({ bridge, port, remote }: { bridge: string; port: string; remote?: string }): number {
    const owner = this.links.config().bridges[bridge];
    if (owner === undefined) throw new TaploomError('no_such_bridge', `There is no bridge ${bridge}`);
    const isLocal = port === bridge && owner.local !== false;
    const settings = Object.hasOwn(owner.ports, port) ? owner.ports[port] : undefined;
    const number = this.links.portNumber(port);
    const aggregate = aggregateOf(owner, port);
    if (aggregate !== undefined)
      throw new TaploomError('invalid_trace', `${port} is a member of ${aggregate}: trace a frame from that`);
    if ((settings === undefined && !isLocal) || number === undefined)
      throw new TaploomError('no_such_port', `Bridge ${bridge} has no port ${port}`);
    if (settings?.type !== 'vxlan') {
      if (remote !== undefined)
        throw new TaploomError('invalid_trace', `remote: ${port} is no VXLAN port, it has no remotes`);
      return number;
    }
    const address = remote === undefined ? settings.remotes[0] : (canonicalIp(remote) ?? remote);
    const row = address === undefined ? 0 : this.links.remoteRow(port, address);
    if (row === undefined)
      throw new TaploomError('no_such_remote', `${address} is no configured remote of port ${port}`);
    return hop(number, row);
  }
}

/** Whether every key that the way depended on had been asked for. */
function isKnown(sighting: Sighting, { keys }: Knowledge): boolean {
  const asked = new Set(triples(keys).map(String));
  return sighting.keys.every((key) => asked.has(String(key)));
}

function triples(keys: Int32Array): number[][] {
  return Array.from({ length: keys.length / 3 }, (_, n) => [...keys.subarray(n * 3, n * 3 + 3)]);
}

function distinct(keys: number[][]): number[][] {
  return [...new Map(keys.map((key) => [String(key), key])).values()];
}
