// The packet path, one stage a function, each a pass over a range of rows: classify -> (hooks) -> (acls) -> (policy) -> search -> learn ->
// decide.
// What a stage gives up on gets a drop in its `dest` column, and later stages skip it; `replicate` (replicate.ts) counts
// every frame once. A recirculated row takes the stages again from `enter` on.
//
// The functions are closures, so that the arrays which they use are constants to V8: see docs/decisions.md.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT, PORT_STRIDE } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import type { Fdb } from '../table/fdb.ts';
import type { Groups } from '../table/groups.ts';
import { createSearch, KEY, KEY_WORDS } from '../table/search.ts';
import { dstHi, dstLo, isGroup, srcHi, srcLo } from '../wire/ethernet.ts';
import type { Acls } from './acls.ts';
import { createClassify } from './classify.ts';
import type { Controls } from './controls.ts';
import { createDeciding } from './deciding.ts';
import type { Hooks } from './hooks.ts';
import type { HostPort } from './host_port.ts';
import { createLearning } from './learning.ts';
import type { Policers } from './policers.ts';
import type { PolicyKeeper } from './policy_keeper.ts';
import type { Priorities } from './priorities.ts';
import { DOMAIN_BITS, DST, keysOf } from './row_keys.ts';
import { createSnooping } from './snooping.ts';
import { FORWARDING, ingressWord, LEARNING, LOCKED, type Topology } from './topology.ts';
import { createTrapping } from './trapping.ts';

export interface Stages {
  /** Takes a fresh batch through all stages. */
  run(topology: Topology, fdb: Fdb, tick: number): void;
  /** Takes rows that came in anew, from place `from` of the batch's list on, through the stages behind `classify`. */
  again(topology: Topology, fdb: Fdb, tick: number, from: number): void;
  /** Decides the rows from `from` on once more: the topology, a port's state or an entry has changed since. */
  decideAgain(topology: Topology, fdb: Fdb, tick: number, from: number): void;
}

/** @param host takes the frames that are the host's @param groups what multicast snooping knows @param controls looks at rows if some port has controls @param hooks look at rows if some port has hooks @param acls asks access lists, if some place has any @param keeper asks security groups, if some port is in one @param policers look at rows if some port is policed @param priorities give rows theirs if some port finds them elsewhere */
export function createStages(
  batch: FrameBatch,
  counters: Counters,
  host: HostPort,
  groups: Groups,
  controls: Controls,
  hooks: Pick<Hooks, 'pass'> | null,
  acls: Pick<Acls, 'pass' | 'again'>,
  keeper: Pick<PolicyKeeper, 'policy'>,
  policers: Pick<Policers, 'pass'> | null,
  priorities: Pick<Priorities, 'pass'>,
): Stages {
  const { view, rows } = batch;
  const { values } = counters;
  const portsAt = counters.port(0);
  const search = createSearch(2 * (rows.length / ROW));
  const { keys } = search;
  const learning = createLearning(batch, counters, keys, controls);
  const { learn, learnAnew } = learning;
  const classify = createClassify(batch, counters, keys, createTrapping(batch, host), learning);
  const deciding = createDeciding(batch, keys, createSnooping(batch, groups, host));
  const { decide, decideListed, decideAgain, decideListedAgain } = deciding;

  function run(topology: Topology, fdb: Fdb, tick: number): void {
    classify(topology, fdb, tick);
    if (topology.hooks !== null && hooks?.pass() === true) readdress();
    if (topology.priorities?.hasIn === true) priorities.pass(topology.priorities);
    if (topology.acls !== null) acls.pass(topology);
    if (topology.policers !== null) policers?.pass(topology.policers);
    if (topology.policy !== null) keeper.policy?.pass();
    const version = fdb.version();
    search.find(fdb, 0, 2 * batch.count);
    learn(topology, fdb, tick);
    decide(topology, fdb, tick);
    if (!fdb.isUnchanged(version)) decideAgain(topology, fdb, tick, 0);
    if (topology.policy !== null && topology.routers !== null) {
      const end = batch.count * ROW;
      for (let row = 0; row < end; row += ROW) keeper.policy?.settle(topology, row);
    }
    if (topology.controls !== null) controls.pass(topology.controls);
  }

  /** Where hooks may have given fresh rows other addresses. */
  function readdress(): void {
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      if (rows[row + COLUMN.dest] !== 0) continue;
      const at = rows[row + COLUMN.start];
      const hi = srcHi(view, at);
      if (isGroup(hi) || (hi | srcLo(view, at)) === 0) rows[row + COLUMN.dest] = DEST_DROP | DROP.bad_source;
      const domain = rows[row + COLUMN.domain] & DOMAIN_BITS;
      const k = keysOf(row);
      keys[k | KEY.hi] = domain | hi;
      keys[k | KEY.lo] = srcLo(view, at);
      keys[k | DST | KEY.hi] = domain | dstHi(view, at);
      keys[k | DST | KEY.lo] = dstLo(view, at);
    }
  }

  /** Of these rows only destinations are looked up together: a router learns from nobody. */
  function again(topology: Topology, fdb: Fdb, tick: number, from: number): void {
    const { list, listed } = batch;
    const version = fdb.version();
    for (let n = from; n < listed; n++) enter(topology, fdb, tick, list[n], (n - from) * KEY_WORDS);
    if (topology.acls !== null) acls.again(topology, from);
    if (topology.policy !== null) keeper.policy?.again(from);
    search.find(fdb, 0, listed - from);
    decideListed(topology, fdb, tick, from);
    if (!fdb.isUnchanged(version)) decideListedAgain(topology, fdb, tick, from);
    if (topology.policy !== null && topology.routers !== null)
      for (let n = from; n < listed; n++) keeper.policy?.settle(topology, list[n]);
    if (topology.controls !== null)
      for (let n = from; n < listed; n++) controls.passRow(topology.controls, list[n]);
  }

  /** What `classify` and `learn` do for a row that comes in anew in another domain, which its sender has set. */
  function enter(topology: Topology, fdb: Fdb, tick: number, row: number, k: number): void {
    values[portsAt + (rows[row + COLUMN.ingress] & PORT_MASK) * PORT_STRIDE + PORT.recirculated] += 1;
    if (rows[row + COLUMN.dest] !== 0) return; // it ends here
    const at = rows[row + COLUMN.start];
    const word = ingressWord(topology, rows[row + COLUMN.ingress], rows[row + COLUMN.tci]);
    rows[row + COLUMN.domain] = word;
    if ((word & FORWARDING) === 0) {
      rows[row + COLUMN.dest] = DEST_DROP | (word === 0 ? DROP.reconfigured : DROP.port_blocked);
      return;
    }
    if ((word & (LEARNING | LOCKED)) !== 0) learnAnew(row, topology, fdb, tick);
    keys[k | KEY.hi] = (word & DOMAIN_BITS) | dstHi(view, at);
    keys[k | KEY.lo] = dstLo(view, at);
  }

  return { run, again, decideAgain };
}
