// The packet path, one stage a function, each a pass over a range of rows: classify -> (hooks) -> (acls) -> (policy) -> search -> learn ->
// decide.
// What a stage gives up on gets a drop in its `dest` column, and later stages skip it; `replicate` (replicate.ts) counts
// every frame once. A recirculated row takes the stages again from `enter` on.
//
// The functions are closures, so that the arrays which they use are constants to V8: see docs/decisions.md.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, DEST_LIST, NOBODY, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT, PORT_STRIDE } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { DENIED, type Fdb, KNOWN, LEARNED, MOVED, REFUSED } from '../table/fdb.ts';
import type { Groups } from '../table/groups.ts';
import { CONTROL } from '../table/port_controls.ts';
import { createSearch, KEY, KEY_WORDS } from '../table/search.ts';
import { TRAP } from '../table/traps.ts';
import {
  dstHi,
  dstLo,
  etherType,
  HEADER_LEN,
  isGroup,
  isReservedGroup,
  MACS_LEN,
  PAUSE,
  RESERVED_HI,
  srcHi,
  srcLo,
} from '../wire/ethernet.ts';
import { isTpid, priority, TAG_LEN, TPID_8021Q, VID_MASK, VID_RESERVED } from '../wire/vlan.ts';
import type { Acls } from './acls.ts';
import { ALARM, type Controls } from './controls.ts';
import type { Hooks } from './hooks.ts';
import type { HostPort } from './host_port.ts';
import { maskIfZero } from './mask.ts';
import { checkOffload, moveOffload, segmentsOf } from './offload.ts';
import type { Policers } from './policers.ts';
import type { PolicyKeeper } from './policy_keeper.ts';
import type { Priorities } from './priorities.ts';
import { createSnooping } from './snooping.ts';
import { VIDS } from './tag_table.ts';
import {
  DOMAIN_SHIFT,
  ENTRY,
  entryWord,
  FORWARDING,
  FRAME_KIND,
  isOfVlanDevice,
  LEARNING,
  LOCKED,
  NO_ENTRY,
  NO_EXIT,
  OWN_TAGS,
  SAME,
  SNOOPING,
  type Topology,
  TRAPPING,
  TUNNEL,
  VLAN_AWARE,
  VLAN_STRIDE,
} from './topology.ts';

/** Of a word of Topology.vlan: where the FDB's keys have the domain, too. */
const DOMAIN_BITS = -1 << DOMAIN_SHIFT;
/** A frame looks up two addresses, its source and KEY_WORDS behind it its destination. */
const DST = KEY_WORDS;

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
  const { values, events } = counters;
  const portsAt = counters.port(0);
  const search = createSearch(2 * (rows.length / ROW));
  const { keys } = search;
  const snoop = createSnooping(batch, groups, host);

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

  /** Of these rows only destinations are looked up together: a router learns from nobody. */
  function again(topology: Topology, fdb: Fdb, tick: number, from: number): void {
    const { list, listed } = batch;
    const version = fdb.version();
    for (let n = from; n < listed; n++) enter(topology, fdb, tick, list[n], (n - from) * KEY_WORDS);
    if (topology.acls !== null) acls.again(topology, from);
    if (topology.policy !== null) keeper.policy?.again(from);
    search.find(fdb, 0, listed - from);
    for (let n = from; n < listed; n++) {
      if (rows[list[n] + COLUMN.dest] === 0) decideOne(list[n], (n - from) * KEY_WORDS, topology, fdb, tick);
    }
    if (!fdb.isUnchanged(version)) redecide(topology, fdb, tick, from);
    if (topology.policy !== null && topology.routers !== null)
      for (let n = from; n < listed; n++) keeper.policy?.settle(topology, list[n]);
    if (topology.controls !== null)
      for (let n = from; n < listed; n++) controls.passRow(topology.controls, list[n]);
  }

  /**
   * Counts what was received, checks every length once, strips the tag of VLAN-aware bridges and finds the domain.
   * Afterwards the columns describe the untagged frame, and `start` .. `rest` + `length` - 12 lies within its slot.
   * What is the host's leaves here, before anybody asks for its VLAN: a BPDU has none.
   */
  function classify(topology: Topology, fdb: Fdb, tick: number): void {
    const { pvid, vlan } = topology;
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      const port = rows[row + COLUMN.ingress] & PORT_MASK;
      const counter = portsAt + port * PORT_STRIDE;
      const length = rows[row + COLUMN.length];
      values[counter + PORT.receivedFrames] += 1;
      values[counter + PORT.receivedBytes] += length;
      rows[row + COLUMN.source] = port;
      if (rows[row + COLUMN.dest] !== 0) {
        giveUp(row, rows[row + COLUMN.dest]);
        continue;
      }
      if (length < HEADER_LEN) {
        giveUp(row, DEST_DROP | DROP.runt);
        continue;
      }
      const at = rows[row + COLUMN.start];
      const hi = srcHi(view, at);
      const lo = srcLo(view, at);
      if (isGroup(hi) || (hi | lo) === 0) {
        giveUp(row, DEST_DROP | DROP.bad_source);
        continue;
      }
      const isOffload = (rows[row + COLUMN.gsoType] | rows[row + COLUMN.csumStart]) !== 0;
      if (isOffload) {
        if (!checkOffload(batch, row)) {
          giveUp(row, DEST_DROP | DROP.bad_offload);
          continue;
        }
        values[counter + PORT.receivedSegments] += segmentsOf(batch, row);
      }
      const toHi = dstHi(view, at);
      if ((toHi === RESERVED_HI || (pvid[port] & TRAPPING) !== 0) && isForHost(row, topology)) continue;
      let restAt = at + MACS_LEN;
      let vid = pvid[port] & VID_MASK;
      let tci = 0;
      if ((pvid[port] & VLAN_AWARE) !== 0) {
        let tagLength = 0;
        if ((pvid[port] & OWN_TAGS) === 0) {
          const ifTagged = maskIfZero(etherType(view, at) ^ TPID_8021Q);
          tagLength = TAG_LEN & ifTagged;
          if (length < HEADER_LEN + tagLength) {
            giveUp(row, DEST_DROP | DROP.runt);
            continue;
          }
          tci = view.getUint16(at + HEADER_LEN) & ifTagged; // whatever lies there is masked
          const tagVid = tci & VID_MASK;
          if (tagVid === VID_RESERVED) {
            giveUp(row, DEST_DROP | DROP.vlan_invalid);
            continue;
          }
          vid = tagVid | (vid & maskIfZero(tagVid)); // 0 is a priority tag: the port's own VLAN
          if (vid === 0) {
            giveUp(row, DEST_DROP | DROP.vlan_untagged);
            continue;
          }
        } else {
          const read = readOwnTag(at, length, port, topology);
          if (read < 0) {
            giveUp(row, DEST_DROP | ~read);
            continue;
          }
          tagLength = read >>> 16;
          tci = read;
          vid = read & VID_MASK;
        }
        restAt += tagLength;
        rows[row + COLUMN.length] = length - tagLength;
        if (isOffload) moveOffload(rows, row, tagLength);
      }
      const membership = vlan[port * VLAN_STRIDE + vid];
      rows[row + COLUMN.rest] = restAt;
      rows[row + COLUMN.domain] = membership;
      rows[row + COLUMN.tci] = priority(tci) | vid;
      if ((membership & ENTRY) !== FORWARDING) {
        if ((membership & ENTRY) !== (FORWARDING | NO_EXIT)) {
          rows[row + COLUMN.dest] = DEST_DROP | blocked(row, membership, vid, topology, fdb, tick);
          continue;
        }
        rows[row + COLUMN.domain] = membership & ~NO_EXIT;
      }
      const domain = membership & DOMAIN_BITS;
      const k = keysOf(row);
      keys[k | KEY.hi] = domain | hi;
      keys[k | KEY.lo] = lo;
      keys[k | DST | KEY.hi] = domain | toHi;
      keys[k | DST | KEY.lo] = dstLo(view, at);
    }
  }

  /** Of a port that reads tags as `topology.tags` says: length to strip << 16 | TCI with the bridge's VLAN, or ~drop. */
  function readOwnTag(at: number, length: number, port: number, { pvid, tags }: Topology): number {
    if (tags === null) return ~DROP.reconfigured;
    const isTagged = etherType(view, at) === tags.tpid[port];
    if (isTagged && length < HEADER_LEN + TAG_LEN) return ~DROP.runt;
    const tci = isTagged ? view.getUint16(at + HEADER_LEN) : 0;
    const tagVid = tci & VID_MASK;
    const strip = isTagged ? TAG_LEN & tags.strips[port] : 0;
    if (tagVid === VID_RESERVED && strip !== 0) return ~DROP.vlan_invalid;
    if (tagVid === 0 && (pvid[port] & VID_MASK) === 0) return ~DROP.vlan_untagged;
    const vid = tagVid === 0 ? pvid[port] & VID_MASK : tags.vlans[tags.map[port] * VIDS + tagVid];
    return (strip << 16) | (tci & ~VID_MASK) | vid;
  }

  /** Of a frame that is not parsed any further: whoever looks on sees it as it was received. */
  function giveUp(row: number, dest: number): void {
    rows[row + COLUMN.rest] = rows[row + COLUMN.start] + MACS_LEN;
    rows[row + COLUMN.dest] = dest;
  }

  /** Why a frame goes no further whose port does not forward in its VLAN. In the learning state its source is learned. */
  function blocked(
    row: number,
    membership: number,
    vid: number,
    topology: Topology,
    fdb: Fdb,
    tick: number,
  ): number {
    if (membership === 0 || (membership & NO_ENTRY) !== 0)
      return vid === 0 ? DROP.reconfigured : DROP.vlan_not_allowed;
    if ((membership & LEARNING) !== 0) learnStranger(row, topology, fdb, tick);
    return DROP.port_blocked;
  }

  /** Takes out what is of VLAN devices, what a guard refuses, PAUSE, which is the link's own, and what the port's traps name. */
  function isForHost(row: number, topology: Topology): boolean {
    const at = rows[row + COLUMN.start];
    if (isForVlanDevice(row, topology)) {
      giveUp(row, DEST_DROP | DROP.vlan_device);
      return true;
    }
    const hi = dstHi(view, at);
    const lo = dstLo(view, at);
    const refusal = topology.guards === null ? 0 : host.guards.refusal(row, topology);
    if (refusal !== 0) {
      refuse(row, topology, refusal);
      return true;
    }
    const isReserved = isReservedGroup(hi, lo);
    if (isReserved && (lo & 15) === PAUSE) {
      giveUp(row, DEST_DROP | DROP.reserved_group);
      return true;
    }
    let trap = host.trapOf(row, topology, isReserved ? lo & 15 : -1);
    if (trap < 0 && topology.guards !== null) trap = host.guards.trapOfPassed();
    if (trap < 0) return false;
    if (trap === TRAP.arp || trap === TRAP.dhcp_client) {
      host.punt(row, topology, trap); // a copy: `classify` writes again what this changes
      return false;
    }
    if (trap === TRAP.claim || trap === TRAP.rogue) {
      host.punt(row, topology, trap);
      giveUp(row, DEST_DROP | (trap === TRAP.claim ? DROP.address_taken : DROP.rogue_server));
      return true;
    }
    handOver(row, topology, trap);
    return true;
  }

  /** The frame is the host's. */
  function handOver(row: number, topology: Topology, trap: number): void {
    giveUp(row, 0);
    rows[row + COLUMN.dest] = host.punt(row, topology, trap) ? DEST_CONSUMED : DEST_DROP | DROP.punt_limit;
  }

  /** What a guard lets in not yet, or not at all. */
  function refuse(row: number, topology: Topology, refusal: number): void {
    if (host.guards.isNewcomer(refusal)) {
      handOver(row, topology, TRAP.newcomer);
      return;
    }
    host.puntRefused(row, topology, refusal);
    giveUp(row, DEST_DROP | refusal);
  }

  /** Where the kernel has a VLAN device for a tag, the frame is that device's: so it is with a kernel bridge, too. */
  function isForVlanDevice(row: number, topology: Topology): boolean {
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    if (topology.vlanDevices[port] === 0 || rows[row + COLUMN.length] < HEADER_LEN + TAG_LEN) return false;
    const at = rows[row + COLUMN.start];
    return isTpid(etherType(view, at)) && isOfVlanDevice(topology, port, view.getInt32(at + MACS_LEN));
  }

  /** What `classify` and `learn` do for a row that comes in anew in another domain, which its sender has set. */
  function enter(topology: Topology, fdb: Fdb, tick: number, row: number, k: number): void {
    values[portsAt + (rows[row + COLUMN.ingress] & PORT_MASK) * PORT_STRIDE + PORT.recirculated] += 1;
    if (rows[row + COLUMN.dest] !== 0) return; // it ends here
    const at = rows[row + COLUMN.start];
    const word = wordOf(row, topology);
    rows[row + COLUMN.domain] = word;
    if ((word & FORWARDING) === 0) {
      rows[row + COLUMN.dest] = DEST_DROP | (word === 0 ? DROP.reconfigured : DROP.port_blocked);
      return;
    }
    if ((word & (LEARNING | LOCKED)) !== 0) learnAnew(row, topology, fdb, tick);
    keys[k | KEY.hi] = (word & DOMAIN_BITS) | dstHi(view, at);
    keys[k | KEY.lo] = dstLo(view, at);
  }

  function learnAnew(row: number, topology: Topology, fdb: Fdb, tick: number): void {
    if ((rows[row + COLUMN.domain] & LEARNING) !== 0) learnStranger(row, topology, fdb, tick);
    else admit(row, topology, fdb, tick);
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

  /** The word of the ingress port in the row's VLAN, as it is now. */
  function wordOf(row: number, topology: Topology): number {
    const vid = rows[row + COLUMN.tci] & VID_MASK;
    return entryWord(topology.vlan[(rows[row + COLUMN.ingress] & PORT_MASK) * VLAN_STRIDE + vid]);
  }

  /** Learns source addresses, or on a locked port lets in those that it knows. Relies on `classify`: unicast source, domain known. */
  function learn(topology: Topology, fdb: Fdb, tick: number): void {
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      if (rows[row + COLUMN.dest] !== 0) continue;
      const domain = rows[row + COLUMN.domain];
      if ((domain & LEARNING) === 0) {
        if ((domain & LOCKED) !== 0) admit(row, topology, fdb, tick);
        continue;
      }
      if (!fdb.refresh(keys[keysOf(row) | KEY.entry], rows[row + COLUMN.ingress], tick))
        learnStranger(row, topology, fdb, tick);
    }
  }

  /** Drops a frame of a locked port whose sender is not known there. */
  function admit(row: number, topology: Topology, fdb: Fdb, tick: number): void {
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const at = rows[row + COLUMN.start];
    const hop = rows[row + COLUMN.ingress];
    const hi = srcHi(view, at);
    const lo = srcLo(view, at);
    const flags = topology.controls?.flags[hop & PORT_MASK] ?? 0;
    const result = fdb.admit(domain, hi, lo, hop, tick, flags);
    if (result === KNOWN) return;
    rows[row + COLUMN.dest] = DEST_DROP | DROP.locked;
    if (result === REFUSED) values[counters.port(hop & PORT_MASK) + PORT.learnRefused] += 1;
    if (result !== DENIED) events.add(result, tick, domain, hop, hop, hi, lo);
  }

  function learnStranger(row: number, topology: Topology, fdb: Fdb, tick: number): void {
    const domain = rows[row + COLUMN.domain];
    const at = rows[row + COLUMN.start];
    const hop = rows[row + COLUMN.ingress];
    const noRemote = (domain & TUNNEL) !== 0 && hop >>> PORT_BITS === 0;
    let result = REFUSED;
    if (noRemote) fdb.forget(domain >>> DOMAIN_SHIFT, srcHi(view, at), srcLo(view, at), 0);
    else result = fdb.learn(domain >>> DOMAIN_SHIFT, srcHi(view, at), srcLo(view, at), hop, tick);
    if (result === KNOWN) return;
    const counter = counters.port(hop & PORT_MASK);
    if (result === REFUSED) refused(row, counter, topology, fdb);
    if (result === MOVED) values[counter + PORT.stationMoves] += 1;
    if (noRemote || (result === LEARNED && !events.wantsLearned)) return;
    events.add(result, tick, domain >>> DOMAIN_SHIFT, fdb.movedFrom, hop, srcHi(view, at), srcLo(view, at));
  }

  /** Beyond the limit of its port a frame is dropped, where the port says so. */
  function refused(row: number, counter: number, { controls: table }: Topology, fdb: Fdb): void {
    values[counter + PORT.learnRefused] += 1;
    const hop = rows[row + COLUMN.ingress];
    if (table === null || !fdb.isBeyond(hop)) return;
    rows[row + COLUMN.dest] = DEST_DROP | DROP.address_limit;
    const port = hop & PORT_MASK;
    if ((table.flags[port] & CONTROL.limitAlarms) !== 0) controls.raise(port, ALARM.address_limit);
  }

  /** Gives each frame one destination: a next hop, a flood list, or a drop. Relies on `classify`. */
  function decide(topology: Topology, fdb: Fdb, tick: number): void {
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      if (rows[row + COLUMN.dest] === 0) decideOne(row, keysOf(row) | DST, topology, fdb, tick);
    }
  }

  /** @param k where the key of its destination is */
  function decideOne(row: number, k: number, topology: Topology, fdb: Fdb, tick: number): void {
    const hop = fdb.hopAt(keys[k | KEY.entry], rows[row + COLUMN.domain] >>> DOMAIN_SHIFT, tick);
    rows[row + COLUMN.dest] = hop !== 0 ? hop : decideOther(row, topology, fdb, tick);
  }

  /** For groups, unknown addresses, and addresses that were unknown when the search was made. */
  function decideOther(row: number, topology: Topology, fdb: Fdb, tick: number): number {
    const at = rows[row + COLUMN.start];
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const hi = dstHi(view, at);
    const lo = dstLo(view, at);
    if (!isGroup(hi)) {
      const hop = fdb.lookup(domain, hi, lo, tick);
      return hop !== 0 ? hop : DEST_LIST | (2 * domain + 1);
    }
    if ((rows[row + COLUMN.domain] & SNOOPING) !== 0 && !isReservedGroup(hi, lo)) return snoop(row);
    const isStopped =
      isReservedGroup(hi, lo) && !mayForward(topology, rows[row + COLUMN.ingress] & PORT_MASK, lo & 15);
    return isStopped ? DEST_DROP | DROP.reserved_group : DEST_LIST | (2 * domain);
  }

  /** Nobody changes the table meanwhile. A final verdict stays, as long as its frame may be where it is. */
  function decideAgain(topology: Topology, fdb: Fdb, tick: number, from: number): void {
    const end = batch.count * ROW;
    fdb.take();
    try {
      for (let row = from; row < end; row += ROW) decideOneAgain(row, topology, fdb, tick);
    } finally {
      fdb.release();
    }
  }

  /** The same for rows from place `from` of the batch's list on. */
  function redecide(topology: Topology, fdb: Fdb, tick: number, from: number): void {
    const { list, listed } = batch;
    fdb.take();
    try {
      for (let n = from; n < listed; n++) decideOneAgain(list[n], topology, fdb, tick);
    } finally {
      fdb.release();
    }
  }

  function decideOneAgain(row: number, topology: Topology, fdb: Fdb, tick: number): void {
    // What the host says to a whole domain has no port.
    if ((rows[row + COLUMN.dest] & DEST_DROP) !== 0 || rows[row + COLUMN.ingress] === NOBODY) return;
    const word = wordOf(row, topology);
    const before = rows[row + COLUMN.domain];
    const change = (word ^ before) & SAME;
    rows[row + COLUMN.domain] = (word & ~FRAME_KIND) | (before & FRAME_KIND);
    if (change !== 0) {
      const isBlocked = (change & ~FORWARDING) === 0;
      rows[row + COLUMN.dest] = DEST_DROP | (isBlocked ? DROP.port_blocked : DROP.reconfigured);
    } else if ((rows[row + COLUMN.mark] & MARK.decided) === 0) {
      rows[row + COLUMN.dest] = decideOther(row, topology, fdb, tick);
    }
  }

  return { run, again, decideAgain };
}

/** Where the addresses of a frame are in `keys`: 8 words for each row of 16. */
function keysOf(row: number): number {
  return row >> 1;
}

/**
 * 01:80:C2:00:00:0X as in Linux' br_handle_frame: BPDUs (0) pass while no spanning tree runs here, so that loops are detected; PAUSE (1)
 * never; others if `group_fwd_mask` of the ingress port or of its bridge says so. The configuration refuses what Linux does.
 */
function mayForward(topology: Topology, port: number, group: number): boolean {
  return group === 0 || (topology.groupFwdMask[port] & (1 << group)) !== 0;
}
