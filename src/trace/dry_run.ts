// A frame's way through the very stages of the data plane, on tables of its own: nothing real is sent, learned or counted.
// Stages speak only through columns, queues and counters, so there is nothing in them that knows of a trace.
//
//   topology (shared memory) + the few entries that matter  ->  stages, replicate, egress  ->  rows, copies, drops
//
// One for each thread, made when it is first wanted, and never in a thread that forwards: V8 specialises closures for one
// set of arrays, and a second set makes both slow.

import { AclMirrors } from '../engine/acl_mirrors.ts';
import { AclTrial } from '../engine/acl_trial.ts';
import { Controls } from '../engine/controls.ts';
import { Egress } from '../engine/egress.ts';
import { dscpOf, tciOf } from '../engine/frame_class.ts';
import { HostPort } from '../engine/host_port.ts';
import { Mirrors } from '../engine/mirrors.ts';
import type { NatHook } from '../engine/nat_hook.ts';
import { NatTrial } from '../engine/nat_trial.ts';
import type { Route } from '../engine/passes.ts';
import { Pmtu } from '../engine/pmtu.ts';
import { PolicerTrial } from '../engine/policer_trial.ts';
import { PolicyTrial } from '../engine/policy_trial.ts';
import { COPY, COPY_FLAG, COPY_WORDS, type EgressQueue, type Sink } from '../engine/port.ts';
import { Priorities } from '../engine/priorities.ts';
import { createReplicate, NO_LIMITS, type Replicate } from '../engine/replicate.ts';
import { createRouter } from '../engine/router.ts';
import { createStages, type Stages } from '../engine/stages.ts';
import type { Topology } from '../engine/topology.ts';
import { Tunnelling } from '../engine/tunnelling.ts';
import { COLUMN, FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, DEST_VALUE, MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { ruleMark } from '../frame/row.ts';
import { BRIDGE, Counters, MAX_BRIDGES, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { Fdb, type Giver } from '../table/fdb.ts';
import { WORDS } from '../table/fdb_entry.ts';
import { FIRST_GROUP, Groups } from '../table/groups.ts';
import { Lists } from '../table/lists.ts';
import { Neighbours } from '../table/neighbours.ts';
import { dscpOut, type PriorityTable, tagOut } from '../table/priority_table.ts';
import { NO_DSCP } from '../table/qos_table.ts';
import { META, SlotRing } from '../table/slot_ring.ts';
import { macAt } from '../wire/mac.ts';
import { keysOf } from './seen_keys.ts';
import type { SeenCopy, SeenRow, Sighting } from './sighting.ts';

/** Room for the entries of all rounds. */
const FDB_SLOTS = 256;
/** Between two traces allowances become whole again, ms. */
const PAUSE_MS = 3_600_000;
/** Destinations of what access lists drop. */
const OF_ACLS = new Set([DEST_DROP | DROP.acl_in, DEST_DROP | DROP.acl_policed_in]);
/** Destinations of what security groups do not let in by its port. */
const OF_POLICY = new Set(
  [DROP.policy_out, DROP.policy_invalid, DROP.policy_window, DROP.policy_fragment].map(
    (drop) => DEST_DROP | drop,
  ),
);
/** Destinations of what was too much for a port or a tenant. */
const POLICED = new Set([DEST_DROP | DROP.policed_receive, DEST_DROP | DROP.tenant_bandwidth_receive]);
const SEED = Int32Array.of(1, 2, 3, 4);

/** What the tables of the data plane say, of the keys that matter. */
export interface Knowledge {
  /** Three words each: domain, MAC 0-1, MAC 2-5. */
  keys: Int32Array;
  /** Four words each, zeros if there is none: see Fdb.inspect. */
  entries: Int32Array;
  /** Now, by the data plane's clock. */
  tick: number;
  /** Whether the table is too full to learn what it does not know. */
  isFull: boolean;
  /** What would give way to the frame's source, if its bridge is full. */
  giver: Giver;
  lists: { row: number; members: number[]; isByFlow: boolean }[];
  /** What multicast snooping knows of the bridge: changes of an empty Groups. */
  groups?: Int32Array;
}

export interface Flight {
  bytes: Uint8Array;
  /** Of which `bytes` may be the beginning only. */
  length: number;
  /** Next hop that it comes from. */
  ingress: number;
  topology: Topology;
  /** Memory of the counters that have the gauges. */
  gauges: ArrayBufferLike;
  knowledge: Knowledge;
  /** Memory of Neighbours: what routers know of theirs, and which addresses are whose. */
  neighbours?: SharedArrayBuffer;
  /** Columns of a frame that the data plane has decided: see FollowedFrame. */
  decided?: Int32Array;
}

/** What a router and a name for everything in a frame need: MACs, IP with options, ports. */
const HEAD = 128;

/** Nobody is told that a trace went there. */
class QuietNeighbours extends Neighbours {
  override markUsed(): void {}
}

class Recorder implements Sink {
  readonly copies: SeenCopy[] = [];
  /** Here they are not a pass, which would give copies rows of their own. */
  priorities: PriorityTable | null = null;

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { rows } = batch;
    const { priorities } = this;
    for (let at = 0; at < queue.count * COPY_WORDS; at += COPY_WORDS) {
      const row = queue.copies[at + COPY.row];
      const isMirrored = (queue.copies[at + COPY.flags] & COPY_FLAG.mirrored) !== 0;
      const isRestored = batch.isShadow(row) && !isMirrored;
      const macs = rows[row + COLUMN.start];
      const n = isMirrored ? 0 : (priorities?.out[queue.copies[at + COPY.hop] & PORT_MASK] ?? 0);
      const writes = n === 0 ? null : priorities;
      const came = queue.copies[at + COPY.tag];
      const tag = writes === null || came === 0 ? came : tagOut(writes, n, came);
      const tci = tciOf(batch, row);
      const dscp = dscpOf(batch, row);
      this.copies.push({
        row: isRestored ? rows[row + COLUMN.user] : row,
        hop: queue.copies[at + COPY.hop],
        tag,
        length: rows[row + COLUMN.length] + (tag === 0 ? 0 : 4),
        tci,
        dscp,
        dscpOut: writes === null || dscp === NO_DSCP ? dscp : dscpOut(writes, n, tci, dscp),
        mark: ruleMark(batch.rows[row + COLUMN.mark]),
        source: batch.rows[row + COLUMN.source],
        columns: rows.slice(row, row + ROW),
        isAnswer: row > batch.spare && !isMirrored && !isRestored,
        ...(isRestored && { restored: macAt(batch.view, macs) }),
        isMirrored,
      });
    }
    queue.count = 0;
  }
}

export class DryRun {
  private readonly batch = new FrameBatch(1, 128 * 1024, true);
  private readonly clock = new Float64Array(1);
  private readonly counters = Counters.allocate(MAX_PORTS, MAX_BRIDGES);
  private readonly lists = new Lists();
  private readonly groups = new Groups(1);
  private readonly egress = new Egress(this.batch, this.clock);
  private readonly host = new HostPort(this.batch, this.counters, this.clock);
  private readonly punted = new SlotRing(SlotRing.allocate());
  private readonly pmtu = new Pmtu(this.batch, this.counters, this.clock);
  private readonly recorder = new Recorder();
  private readonly mirrors = new Mirrors(this.batch, this.counters, this.egress);
  private readonly acls: AclTrial;
  private readonly policers: PolicerTrial;
  private readonly stages: Stages;
  private readonly replicate: Replicate;
  private readonly tunnelling: Tunnelling;
  private dropped: Sighting['drops'] = [];

  /** Before routers had them, by row. */
  private heads: Uint8Array[] = [];
  private decided: number[] = [];
  private router: Route | null = null;
  /** Of the frame that is tried. */
  private readonly translation: { hook: NatHook | null } = { hook: null };
  private readonly route: Route | null;
  private readonly policy: { policy: PolicyTrial | null } = { policy: null };

  constructor(createRoute?: (batch: FrameBatch) => Route) {
    this.route = createRoute?.(this.batch) ?? null;
    const { batch, counters, lists, groups, egress, host } = this;
    host.connect(this.punted.memory, SlotRing.allocate());
    counters.drops.passes.push({ dropped: (row, port, code) => void this.dropped.push({ row, port, code }) });
    const controls = new Controls(batch, this.clock);
    const aclMirrors = new AclMirrors(this.mirrors);
    this.acls = new AclTrial(batch, counters, this.clock, host, aclMirrors);
    this.policers = new PolicerTrial(batch, counters, this.clock);
    const priorities = new Priorities(batch, counters);
    this.stages = createStages(
      batch,
      counters,
      host,
      groups,
      controls,
      null,
      this.acls,
      this.policy,
      this.policers,
      priorities,
    );
    this.tunnelling = new Tunnelling(batch, counters, this.clock, controls);
    this.replicate = createReplicate(
      batch,
      counters,
      lists,
      groups,
      egress,
      this.pmtu,
      this.tunnelling,
      NO_LIMITS,
    );
  }

  run(flight: Flight): Sighting {
    const { batch, egress, recorder } = this;
    const { topology, knowledge } = flight;
    this.begin(flight);
    this.policy.policy =
      topology.policy === null ? null : new PolicyTrial(batch, this.counters, this.clock, topology.policy);
    this.mirrors.load(topology);
    this.acls.load(topology.acls);
    this.policers.load(topology.policers);
    const fdb = this.table(flight);
    if (flight.decided === undefined) {
      this.stages.run(topology, fdb, knowledge.tick);
      this.mirrors.skipped.fill(0x3fff_ffff);
      const received = batch.count * ROW;
      this.tunnel(topology, fdb, knowledge.tick);
      this.mirrors.rows(topology, 0, received);
    } else this.askAgain(topology);
    this.recirculate(this.routeOf(flight), topology, fdb, knowledge.tick);
    const rows = Array.from({ length: batch.count }, (_, n) => this.see(n * ROW, fdb, topology));
    while (batch.next < batch.count) this.replicate(topology);
    const { policy } = this.policy;
    const gates = [...(topology.acls === null ? [] : [this.acls]), ...(policy === null ? [] : [policy])];
    egress.gates.splice(0, egress.gates.length, ...gates);
    egress.passes.splice(0, egress.passes.length, ...(topology.mirrors === null ? [] : [this.mirrors]));
    recorder.priorities = topology.priorities;
    egress.finish(topology);
    for (const { row } of knowledge.lists) if (row < FIRST_GROUP) this.lists.set(row, [], false);
    return {
      rows,
      copies: recorder.copies.splice(0),
      drops: this.dropped,
      punts: this.takePunts(),
      acls: this.acls.notes,
      policers: this.policers.notes,
      policy: policy === null ? null : { isKnown: policy.isKnown, notes: policy.notes },
      keys: rows.flatMap((seen) => keysOf(seen)),
    };
  }

  /** Puts the frame into the batch, and everything else back to where it begins. */
  private begin(flight: Flight): void {
    const { bytes, length, ingress, topology, gauges, neighbours, knowledge, decided } = flight;
    const { batch, counters, egress, recorder } = this;
    const { rows } = batch;
    this.clock[0] += PAUSE_MS;
    this.dropped = [];
    this.heads = [];
    this.decided = [];
    batch.clear();
    batch.forgetMade();
    this.pmtu.clear();
    rows.fill(0, 0, ROW);
    const row = batch.append(ingress, length);
    const start = batch.frameAt(row);
    batch.bytes.set(bytes, start);
    if (decided !== undefined) {
      rows.set(decided, row);
      rows[row + COLUMN.start] = start;
      rows[row + COLUMN.rest] += start;
    }
    this.host.know(neighbours === undefined ? null : new Neighbours(neighbours));
    this.groups.clear();
    if (knowledge.groups !== undefined) this.groups.apply(knowledge.groups);
    for (const { row, members, isByFlow } of knowledge.lists) {
      if (row >= FIRST_GROUP) this.groups.give(row, Int32Array.from(members));
      else this.lists.set(row, members, isByFlow);
    }
    const ports = topology.pvid.length;
    const real = new Counters(gauges, MAX_BRIDGES);
    counters.values.fill(0, 0, counters.port(ports));
    for (let port = 1; port < ports; port++) {
      counters.values[counters.port(port) + PORT.learned] = real.values[real.port(port) + PORT.learned];
      const isThere = topology.mtu[port] !== 0;
      if (isThere && egress.queueOf[port] === undefined) egress.attach(port, recorder);
    }
    for (let port = 1; port < egress.queueOf.length; port++) {
      const isGone = port >= ports || topology.mtu[port] === 0;
      if (isGone && egress.queueOf[port] !== undefined) egress.detach(port);
    }
    for (let bridge = 0; bridge < topology.bridgeFdbLimit.length; bridge++) {
      const at = counters.bridge(bridge) + BRIDGE.learned;
      counters.values[at] = real.values[at];
    }
  }

  /** An FDB with the entries that matter, as they are, ages included. */
  private table({ topology, knowledge }: Flight): Fdb {
    const used = new Int32Array(1);
    const { keys, entries, isFull, giver } = knowledge;
    const fdb = new Fdb(new Int32Array(FDB_SLOTS * WORDS), this.counters, topology, SEED, used);
    for (let n = 0; n * 3 < keys.length; n++) {
      const [key, lo, hop, stamp] = entries.subarray(n * WORDS);
      if (key !== 0) fdb.adopt(key, lo, hop, stamp);
    }
    if (isFull) used[0] = FDB_SLOTS;
    fdb.giver = giver;
    return fdb;
  }

  /** About a frame that the data plane has decided: it is of a connection by now, if it may be. */
  private askAgain(topology: Topology): void {
    const { rows } = this.batch;
    const dest = rows[COLUMN.dest];
    const isOfAcl = OF_ACLS.has(dest);
    if ((dest & DEST_DROP) === 0 || isOfAcl || POLICED.has(dest) || OF_POLICY.has(dest))
      rows[COLUMN.dest] = 0;
    if (dest === (DEST_DROP | DROP.acl_policed_in)) this.acls.dropping = rows[COLUMN.user];
    this.acls.pass(topology);
    if (isOfAcl) rows[COLUMN.dest] = dest;
    if (topology.policers !== null) this.policers.pass(topology.policers);
    if (POLICED.has(dest)) rows[COLUMN.dest] = dest;
    this.policy.policy?.pass();
    rows[COLUMN.dest] = dest;
  }

  /** As Engine.tunnel. */
  private tunnel(topology: Topology, fdb: Fdb, tick: number): void {
    if (topology.protocolTunnels === null) return;
    const { batch } = this;
    batch.listed = 0;
    this.tunnelling.route(topology.protocolTunnels, 0, batch.count * ROW);
    if (batch.listed > 0) this.stages.again(topology, fdb, tick, 0);
  }

  /** As Engine.recirculate. */
  private recirculate(route: Route | null, topology: Topology, fdb: Fdb, tick: number): void {
    const { batch } = this;
    batch.listAll();
    for (let from = 0, to = batch.listed; from < to; ) {
      for (let n = from; n < to; n++) this.remember(batch.list[n]);
      route?.(topology, from, to);
      from = to;
      to = batch.listed;
      if (from < to) this.stages.again(topology, fdb, tick, from);
    }
  }

  /** What routes a frame: in the first place, for tests, what this was made with. */
  private routeOf({ topology, neighbours }: Flight): Route | null {
    if (this.route !== null || topology.routers === null || neighbours === undefined) return this.route;
    const { batch, counters, clock, host } = this;
    const { nat } = topology.routers;
    this.translation.hook = nat == null ? null : new NatTrial(batch, clock, nat);
    const quiet = new QuietNeighbours(neighbours);
    this.router ??= createRouter(batch, counters, clock, host, quiet, this.translation);
    return this.router;
  }

  /** Bytes that routers may change. */
  private remember(row: number): void {
    const { batch } = this;
    batch.gather(row, batch.aux);
    const length = Math.min(HEAD, batch.rows[row + COLUMN.length]);
    this.heads.push(Uint8Array.from(batch.bytes.subarray(batch.aux, batch.aux + length)));
    this.decided.push(batch.rows[row + COLUMN.dest]);
  }

  private see(row: number, fdb: Fdb, { fdbLimit }: Topology): SeenRow {
    const { batch, counters } = this;
    const columns = batch.rows.slice(row, row + ROW);
    const port = columns[COLUMN.ingress] & PORT_MASK;
    const at = counters.port(port);
    const learned = new Int32Array(WORDS);
    const head = this.heads[row / ROW];
    const [src] = keysOf({ columns, head });
    if (src !== undefined) fdb.inspect(src[0], src[1], src[2], learned, 0);
    return {
      row,
      columns,
      decided: this.decided[row / ROW],
      head,
      isAnswer: batch.isAnswer(row),
      isRefused: counters.values[at + PORT.learnRefused] > 0,
      isPortFull: counters.values[at + PORT.learned] >= fdbLimit[port],
      members: [...this.groups.membersOf(columns[COLUMN.dest] & DEST_VALUE)],
      learned,
    };
  }

  private takePunts(): number[] {
    const traps: number[] = [];
    for (let slot = this.punted.peek(); slot >= 0; slot = this.punted.peek()) {
      traps.push(this.punted.words[(slot >> 2) + META.reason]);
      this.punted.release();
    }
    return traps;
  }
}
