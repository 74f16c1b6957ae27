// Answers of the data plane about what it holds: pages of the FDB, single entries, frames that are followed. None of it
// changes anything. Numbers of learned remotes and lists mean something here only, so what stands behind them goes along.

import type { Engine } from '../engine/engine.ts';
import { Follower, type FollowFilter } from '../engine/follower.ts';
import { COLUMN } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, DEST_LIST, DEST_VALUE, PORT_BITS } from '../frame/hop.ts';
import { FIRST_GROUP } from '../table/groups.ts';
import { FIRST_LIST } from '../table/lists.ts';
import { CONFIGURED_REMOTES, type Remotes } from '../table/remotes.ts';
import type { Followed, Found, Page, RemoteAddress } from './messages.ts';

/** Entries in one page of the FDB: 40 KiB, 0.1 ms. Clients who do not read on have one waiting each, decoded. */
const PAGE = 2048;

export class Lookout {
  private readonly engine: Engine;
  private readonly remotes: Remotes;
  /** Live traces, by what the control plane calls them. */
  private readonly followers = new Map<number, Follower>();

  constructor(engine: Engine, remotes: Remotes) {
    this.engine = engine;
    this.remotes = remotes;
  }

  page(from: number): Page {
    const out = new Int32Array(PAGE * 5);
    const { next, entries } = this.engine.readFdb(from, out);
    const rows = new Set<number>();
    for (let n = 0; n < entries; n++) {
      const row = out[n * 5 + 3] >>> PORT_BITS;
      if (row > CONFIGURED_REMOTES) rows.add(row);
    }
    return { kind: 'page', entries: out.slice(0, entries * 5), next, remotes: this.addressesOf(rows) };
  }

  lookUp(keys: Int32Array): Found {
    const { tick, entries, rooms, givers } = this.engine.inspect(keys);
    const hops = rooms.map((_, n) => entries[n * 4 + 2]);
    return { kind: 'found', tick, entries, rooms, givers, ...this.behind(hops) };
  }

  follow(id: number, filter: FollowFilter, limit: number): void {
    const follower = new Follower(this.engine.batch, this.engine.clock, filter, limit);
    this.followers.set(id, follower);
    this.engine.ingressPasses.push(follower);
  }

  followed(id: number, isLast: boolean): Followed {
    const { ingressPasses } = this.engine;
    const follower = this.followers.get(id);
    const frames = follower?.take() ?? [];
    if (follower !== undefined && (isLast || follower.isDone)) {
      // Once it is full it looks at nothing, but it is called.
      const at = ingressPasses.indexOf(follower);
      if (at >= 0) ingressPasses.splice(at, 1);
      if (isLast) this.followers.delete(id);
    }
    const hops = frames.flatMap(({ columns }) => [columns[COLUMN.ingress], columns[COLUMN.dest]]);
    return { kind: 'followed', frames, ...this.behind(hops) };
  }

  /** What stands behind destinations: addresses of learned remotes, and members of lists with theirs. */
  private behind(dests: readonly number[]): Pick<Found, 'remotes' | 'lists'> {
    const { lists, groups } = this.engine;
    const rows = dests
      .filter((dest) => (dest & DEST_CONSUMED) === DEST_LIST)
      .map((dest) => dest & DEST_VALUE);
    const named = [...new Set(rows)].filter((row) => row >= FIRST_LIST);
    const [own, shared] = [
      named.filter((row) => row >= FIRST_GROUP),
      named.filter((row) => row < FIRST_GROUP),
    ];
    const ofGroups = own.map((row) => ({ row, members: [...groups.membersOf(row)], isByFlow: false }));
    const ofLists = shared
      .filter((row) => lists.count(row) > 0)
      .map((row) => ({
        row,
        members: [...lists.hops.subarray(lists.at(row), lists.at(row) + lists.count(row))],
        isByFlow: lists.isByFlow(row),
      }));
    const content = [...ofLists, ...ofGroups];
    const hops = dests.filter((dest) => dest < DEST_DROP);
    const members = content.flatMap(({ members }) => members);
    const remotes = [...hops, ...members].map((hop) => hop >>> PORT_BITS);
    const learned = new Set(remotes.filter((row) => row > CONFIGURED_REMOTES));
    return { remotes: this.addressesOf(learned), lists: content };
  }

  private addressesOf(rows: ReadonlySet<number>): RemoteAddress[] {
    return [...rows].map((row) => ({
      row,
      address: Int32Array.from([0, 1, 2, 3], (word) => this.remotes.address(row, word)),
    }));
  }
}
