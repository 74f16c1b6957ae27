// What the FDB needs beside learning and lookups: static entries, a walk when the topology changes, memory of another
// size, and the sweeper. Where workers share an FDB one of them keeps it, the leader, and the others follow.

import { PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import { Fdb } from '../table/fdb.ts';
import { LOCAL, LOCKED, STATIC, tickAt } from '../table/fdb_entry.ts';
import { CONTROL } from '../table/port_controls.ts';
import { SharedFdb } from '../table/shared_fdb.ts';
import { DOMAIN_SHIFT, extentOf, type Topology, VLAN_STRIDE } from './topology.ts';

/** The sweeper comes around the FDB in this time, in ms. */
const SWEEP_PERIOD = 2000;
/** How often it does a share of that, in ms. */
const SWEEP_INTERVAL = 100;
/** Most slots that it visits in one poll: 0.2 ms, or 2 ms if most of them have just expired. */
const SWEEP_SLOTS = 32_768;
/** Words of members, from which on comparing all as bytes is the shorter way. */
const MANY_WORDS = 65_536;

export interface FdbOptions {
  counters: Counters;
  topology: Topology;
  /** Four random words for the hash. */
  seed: Int32Array;
  /** Where several engines share the FDB: its memory, of `SharedFdb.allocate`. */
  table?: SharedArrayBuffer;
  /** Another engine is the leader. */
  isFollower?: boolean;
}

export class FdbKeeper {
  fdb: Fdb;
  readonly isFollower: boolean;
  private readonly counters: Counters;
  private readonly seed: Int32Array;
  private topology: Topology;
  /** One word, ms: when the sweeper last did a share. In an array, because a fraction in a field is a heap object. */
  private readonly swept = new Float64Array(1);
  /** Slots that it should have visited by now. */
  private unswept = 0;

  constructor({ counters, topology, seed, table, isFollower = false }: FdbOptions) {
    this.counters = counters;
    this.seed = seed;
    this.topology = topology;
    this.isFollower = isFollower;
    this.fdb = this.create(topology, table);
    if (!isFollower) this.addStatics(0);
  }

  /**
   * Forgets entries whose domain, port or, by `isHop`, remote is no more in `topology`. `isHop` null: no remote went.
   * `table`: other memory for a shared FDB.
   */
  swap(
    topology: Topology,
    isHop: ((hop: number) => boolean) | null,
    table: SharedArrayBuffer | undefined,
    now: number,
  ): void {
    this.removeStatics();
    if (isHop !== null || this.losesMember(topology)) {
      const { vlan, domainVid } = topology;
      this.fdb.flush((domain, hop) => {
        const word = vlan[(hop & PORT_MASK) * VLAN_STRIDE + (domainVid[domain] ?? 0)];
        return word >>> DOMAIN_SHIFT !== domain || (isHop !== null && !isHop(hop));
      });
    }
    this.forgetLocked(topology);
    const old = this.fdb;
    old.expire(topology, tickAt(now));
    this.follow(topology, table);
    if (this.fdb !== old) old.moveTo(this.fdb);
    this.addStatics(now);
  }

  /** What a follower does after its leader's `swap`, with the same arguments. */
  follow(topology: Topology, table: SharedArrayBuffer | undefined): void {
    this.topology = topology;
    if (table === undefined && topology.fdbSlots === this.fdb.slots) this.fdb.configure(topology);
    else this.fdb = this.create(topology, table);
  }

  /** Whether the sweeper wants to go on soon. */
  get isBehind(): boolean {
    return this.unswept > 0;
  }

  /**
   * Does a share of the sweeper's work if it is time to. `clock[0]` is now, in ms. It is called in every poll, so it is
   * short, and what it calls gets the clock, not a time: where V8 does not inline, a fraction is a heap object.
   */
  sweep(clock: Float64Array): void {
    if (clock[0] - this.swept[0] >= SWEEP_INTERVAL) this.addShare(clock);
    if (this.unswept > 0) this.sweepShare(clock);
  }

  private addShare(clock: Float64Array): void {
    const { fdb, swept } = this;
    if (this.isFollower) return;
    const share = Math.min(1, (clock[0] - swept[0]) / SWEEP_PERIOD);
    swept[0] = clock[0];
    // Beside static entries there is nothing that could expire: an idle switch leaves the table where it is.
    if (fdb.taken * 3 === this.topology.statics.length) this.unswept = 0;
    else this.unswept = Math.min(fdb.slots, this.unswept + Math.ceil(fdb.slots * share));
  }

  private sweepShare(clock: Float64Array): void {
    const slots = Math.min(this.unswept, SWEEP_SLOTS);
    this.fdb.sweep(tickAt(clock[0]), slots);
    this.unswept -= slots;
  }

  private create(topology: Topology, table: SharedArrayBuffer | undefined): Fdb {
    const { counters, seed } = this;
    // One of one's own would part this engine from the others without a word.
    if (table === undefined && this.fdb instanceof SharedFdb) throw new Error('No memory for the shared FDB');
    return table === undefined
      ? new Fdb(new Int32Array(topology.fdbSlots * 4), counters, topology, seed)
      : new SharedFdb(table, counters, topology, seed);
  }

  /**
   * Whether a port leaves a domain, so that FDB entries may be wrong: without that, a change need not walk over the FDB
   * (12 ms with 1,000,000 entries; this is 0.9 ms for 100 ports in all VLANs). Says yes where the FDB is the shorter walk.
   */
  private losesMember(next: Topology): boolean {
    const { vlan, extent } = this.topology;
    let words = 0;
    for (const word of extent) words += extentOf(word).to - extentOf(word).from;
    if (words > MANY_WORDS && areSame(vlan, next.vlan)) return false;
    if (words > this.fdb.slots) return true;
    for (let port = 0; port < extent.length; port++) {
      const { from, to } = extentOf(extent[port]);
      for (let n = port * VLAN_STRIDE + from; n < port * VLAN_STRIDE + to; n++) {
        const domain = vlan[n] >>> DOMAIN_SHIFT;
        if (domain !== 0 && (n >= next.vlan.length || next.vlan[n] >>> DOMAIN_SHIFT !== domain)) return true;
      }
    }
    return false;
  }

  /** Who waited to be admitted on a port that admits nobody any more is forgotten, as on Linux. */
  private forgetLocked({ controls: next }: Topology): void {
    const { controls } = this.topology;
    const isMab = (flags: number | undefined) => ((flags ?? 0) & CONTROL.mab) !== 0;
    if (!controls?.flags.some((flags, port) => isMab(flags) && !isMab(next?.flags[port]))) return;
    this.fdb.flush(
      (_domain, hop, _hi, _lo, flags) => (flags & LOCKED) !== 0 && !isMab(next?.flags[hop & PORT_MASK]),
    );
  }

  private removeStatics(): void {
    const { statics } = this.topology;
    for (let at = 0; at < statics.length; at += 3) {
      this.fdb.forget(statics[at] >>> 16, statics[at] & 0xffff, statics[at + 1], STATIC);
    }
  }

  private addStatics(now: number): void {
    const { statics, locals } = this.topology;
    for (let n = 0; n * 3 < statics.length; n++) {
      const flags = n < locals ? LOCAL : 0;
      if (this.addStatic(n * 3, flags)) continue;
      // The table has room for all statics, but what is dead or has expired may be in the way until a sweep.
      this.fdb.sweep(tickAt(now), this.fdb.slots);
      if (!this.addStatic(n * 3, flags)) throw new Error('The FDB is too small for its static entries');
    }
  }

  private addStatic(at: number, flags: number): boolean {
    const { statics } = this.topology;
    const [key, lo, hop] = [statics[at], statics[at + 1], statics[at + 2]];
    return this.fdb.addStatic(key >>> 16, key & 0xffff, lo, hop, flags);
  }
}

/** Tens of times faster than a loop: nearly always a change leaves all members where they are. */
function areSame(a: Int32Array, b: Int32Array): boolean {
  return bytesOf(a).equals(bytesOf(b));
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
