// Several workers as one data plane. Requests go to all of them in one breath, and the answers are joined.
//
//   change:       to all; each receives from its share of the ports and sends to every port
//   remove, connect, barrier, list, groups, captures:  to all
//   read, flush, make_room:  to the first, while the others stand still
//   lookup:       to the first alone, under the lock of the FDB
//   follow, followed, load_hooks, keep_hooks:  to all
//
// A port is received from by the worker that has the fewest, and stays there. Tunnels belong to the first worker: it
// alone knows the remotes.

import type { Topology } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import { traitsOf } from '../port/spec.ts';
import { aclLocks } from '../table/acl_table.ts';
import { Connections } from '../table/connections.ts';
import type { Counters } from '../table/counters.ts';
import { shaperLocks } from '../table/frame_store.ts';
import type { Lock } from '../table/lock.ts';
import type { Neighbours } from '../table/neighbours.ts';
import { Paths } from '../table/paths.ts';
import { policerLocks } from '../table/policer_table.ts';
import { CONFIGURED_REMOTES, LEARNED_REMOTES, REMOTE_ROWS, Remotes } from '../table/remotes.ts';
import { SharedFdb } from '../table/shared_fdb.ts';
import type { SlotRing } from '../table/slot_ring.ts';
import { tenantLocks } from '../table/tenant_clocks.ts';
import { Barrier } from './barrier.ts';
import type { Answer, Change, Failed, Followed, News, Request } from './messages.ts';
import { InlinePlane, newNeighbours, type PlaneClient, ThreadPlane } from './plane_client.ts';

/** @param counters of each worker; inline there is only one */
export function openPlane(
  isThreaded: boolean,
  counters: readonly Counters[],
  topology: Topology,
  seed: Int32Array,
  onNews: (news: News) => void,
  onFailure: (error: Error) => void,
): PlaneClient {
  if (!isThreaded) return new InlinePlane(counters[0], topology, seed, onNews);
  if (counters.length === 1) return new ThreadPlane(counters[0], topology, seed, onNews, onFailure);
  return new WorkersPlane(counters, topology, seed, onNews, onFailure);
}

export class WorkersPlane implements PlaneClient {
  readonly neighbours: Neighbours;
  private readonly threads: ThreadPlane[] = [];
  private readonly barrier = new Barrier();
  /** Port -> the worker that receives from it. */
  private readonly owners = new Map<number, number>();
  /** Of the FDB; 0 = some worker may not have the latest table. */
  private slots: number;
  /** Memory of the FDB: the latest, and before it what some worker may still use. */
  private readonly tables: SharedArrayBuffer[];
  /** The same of connections. */
  private readonly connections = new Set<SharedArrayBuffer>();
  /** By port: what all workers take to send to it. */
  private readonly locks = new Map<number, Lock>();
  /** Those of queues and policers. */
  private ofTopology: readonly Lock[] = [];
  /** Ports for which the kernel refuses to segment: each worker finds out, and one of them tells. */
  private readonly unsegmented = new Set<number>();
  private failure: Error | null = null;
  private isClosed = false;

  constructor(
    counters: readonly Counters[],
    topology: Topology,
    seed: Int32Array,
    onNews: (news: News) => void,
    onFailure: (error: Error) => void,
  ) {
    this.slots = topology.fdbSlots;
    this.neighbours = newNeighbours(seed);
    const team = {
      workers: counters.length,
      gauges: counters[0].memory,
      remotes: new SharedArrayBuffer(Remotes.size(CONFIGURED_REMOTES, LEARNED_REMOTES)),
      paths: new SharedArrayBuffer(Paths.size(REMOTE_ROWS)),
      barrier: this.barrier.memory,
      table: SharedFdb.allocate(this.slots),
      neighbours: this.neighbours.memory,
    };
    this.tables = [team.table];
    const fail = (error: Error) => {
      if (this.failure !== null) return;
      this.failure = error;
      this.abandon();
      onFailure(error);
    };
    const tell = (news: News) => {
      if (news.kind === 'unsegmented') {
        if (this.unsegmented.has(news.port)) return;
        this.unsegmented.add(news.port);
      }
      onNews(news);
    };
    try {
      counters.forEach((own, index) => {
        this.threads.push(new ThreadPlane(own, topology, seed, tell, fail, { index, ...team }));
      });
    } catch (error) {
      for (const thread of this.threads) thread.stop();
      throw error;
    }
  }

  async request(body: Request): Promise<Answer> {
    if (this.failure !== null) throw this.failure;
    // Some workers may have stopped, and none could meet them.
    if (this.isClosed) throw new TaploomError('closed', 'The switch is closed');
    if (body.kind === 'change') return this.change(body.change);
    if (body.kind === 'remove') return this.remove(body.ports);
    if (body.kind === 'connect') return (await this.ask(() => body))[0];
    if (body.kind === 'barrier' || body.kind === 'list' || body.kind === 'groups')
      return (await this.ask(() => body))[0];
    if (body.kind === 'capture' || body.kind === 'end_capture' || body.kind === 'last_drops') {
      return this.askEach(body);
    }
    if (body.kind === 'lookup') return this.threads[0].request(body);
    if (body.kind === 'load_hooks') return this.loadHooks(body);
    if (body.kind === 'keep_hooks' || body.kind === 'follow') return (await this.ask(() => body))[0];
    if (body.kind === 'followed') return this.followed(await this.ask(() => body));
    const [answer] = await this.ask((index) => (index === 0 ? body : { kind: 'stand' }));
    return answer;
  }

  /** One that is off somewhere is off. */
  private async loadHooks(body: Request): Promise<Answer> {
    const answers = await this.ask(() => body);
    return {
      kind: 'loaded',
      failed: answers.flatMap((answer) => (answer.kind === 'loaded' ? answer.failed : [])),
    };
  }

  private followed(answers: readonly Answer[]): Followed {
    const all = answers.filter((answer) => answer.kind === 'followed');
    return {
      kind: 'followed',
      frames: all.flatMap(({ frames }) => frames),
      remotes: all.flatMap(({ remotes }) => remotes),
      lists: all.flatMap(({ lists }) => lists),
    };
  }

  get toHost(): readonly SlotRing[] {
    return this.threads.flatMap((thread) => thread.toHost);
  }

  fromHost(port: number): SlotRing {
    return this.threads[this.owners.get(port) ?? 0].fromHost();
  }

  wake(port: number): void {
    this.threads[this.owners.get(port) ?? 0].wake();
  }

  poll(): void {
    throw new TaploomError('threaded', 'poll() is for a switch that was opened with { threaded: false }');
  }

  deadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.threads.map((thread) => thread.close()));
  }

  private async change(change: Change): Promise<Answer> {
    const reads = this.share(change);
    const { fdbSlots } = change.topology;
    const table = fdbSlots === this.slots ? undefined : SharedFdb.allocate(fdbSlots);
    if (table !== undefined) this.tables.push(table);
    const { routers, policy, qos, policers, acls } = change.topology;
    const memories = [routers?.nat?.memory, policy?.memory].filter((memory) => memory !== undefined);
    for (const memory of memories) this.connections.add(memory);
    this.ofTopology = [
      ...(qos === null ? [] : shaperLocks(qos)),
      ...(qos?.tenants == null ? [] : tenantLocks(qos.tenants)),
      ...(policers === null ? [] : policerLocks(policers)),
      ...(acls === null ? [] : aclLocks(acls)),
    ];
    const common = { ...change, table };
    this.slots = 0;
    const noVteps = { addedVteps: [], removedVteps: [] };
    const answers = await this.ask((index) => ({
      kind: 'change',
      change: { ...common, ...(index === 0 ? {} : noVteps), reads: reads[index] },
    }));
    this.slots = fdbSlots;
    this.tables.splice(0, this.tables.length - 1);
    for (const old of this.connections) if (!memories.includes(old)) this.connections.delete(old);
    const failed = new Map<number, Failed>();
    for (const answer of answers) {
      if (answer.kind === 'done') for (const one of answer.failed) failed.set(one.port, one);
    }
    const ports = [...failed.keys()];
    if (ports.length > 0) {
      // Some worker has it, and would go on with a descriptor that is about to be closed.
      await this.remove(ports);
    }
    return { kind: 'done', failed: [...failed.values()] };
  }

  private async remove(ports: number[]): Promise<Answer> {
    const [answer] = await this.ask(() => ({ kind: 'remove', ports }));
    this.forget(ports);
    return answer;
  }

  /** For what each worker does by itself. */
  private async askEach(body: Request): Promise<Answer> {
    const answers = await this.ask(() => body);
    const memories = answers.flatMap((answer) => (answer.kind === 'last_drops' ? answer.memories : []));
    return body.kind === 'last_drops' ? { kind: 'last_drops', memories } : answers[0];
  }

  /** A worker died: no other waits for it, and the switch can be closed. */
  private abandon(): void {
    this.barrier.abandon();
    for (const table of this.tables) SharedFdb.abandon(table);
    for (const memory of this.connections) Connections.abandon(memory);
    for (const lock of this.locks.values()) lock.abandon();
    for (const lock of this.ofTopology) lock.abandon();
  }

  /** Who receives from what is added, by worker. */
  private share({ removedPorts, added }: Change): number[][] {
    this.forget(removedPorts);
    const counts = this.threads.map(() => 0);
    for (const owner of this.owners.values()) counts[owner]++;
    const reads = this.threads.map((): number[] => []);
    const give = (port: number, owner: number) => {
      this.owners.set(port, owner);
      counts[owner]++;
      reads[owner].push(port);
    };
    for (const spec of added) if (traitsOf(spec).isFirstsOnly) give(spec.port, 0);
    for (const spec of added) {
      const { isFirstsOnly, sharedLock } = traitsOf(spec);
      if (sharedLock !== undefined) this.locks.set(spec.port, sharedLock(spec));
      // Of equal ones the last: the first has the table to keep.
      if (!isFirstsOnly) give(spec.port, counts.lastIndexOf(Math.min(...counts)));
    }
    return reads;
  }

  private forget(ports: readonly number[]): void {
    for (const port of ports) {
      this.owners.delete(port);
      this.unsegmented.delete(port);
      this.locks.delete(port);
    }
  }

  /** Resolves when nothing of it is under way any more, also if a worker refuses. */
  private async ask(request: (index: number) => Request): Promise<Answer[]> {
    const answers = await Promise.allSettled(
      this.threads.map((thread, index) => thread.request(request(index))),
    );
    const refused = answers.find((answer) => answer.status === 'rejected');
    if (refused !== undefined) throw refused.reason;
    return answers.map((answer) => (answer as PromiseFulfilledResult<Answer>).value);
  }
}
