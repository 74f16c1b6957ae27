// Lists of policers with a match -> which one a frame belongs to, and whose state that is.

import {
  DIRECTION,
  LIST_WORDS,
  NO_POLICER,
  type PolicerLists,
  type PolicerState,
} from '../table/policer_table.ts';
import { MAX_CLASSES, QOS, QOS_ROW } from '../table/qos_table.ts';
import type { PolicedPort } from './policed_ports.ts';
import { compileMatches, type PortsByGroup } from './qos_matches.ts';
import { shared } from './shared.ts';

export class MatchedPolicers {
  /** By port, direction, place in the list and match: where its state is. It stays while the policer does. */
  private slots = new Map<string, number>();

  /**
   * Null if there are none.
   * @param first number of the first one @param firstOwner where their states begin @param count ports
   */
  compile(
    all: readonly PolicedPort[],
    first: number,
    firstOwner: number,
    state: PolicerState,
    count: number,
    groups: PortsByGroup,
  ): PolicerLists | null {
    const slots = this.keep(all, firstOwner, state);
    if (all.length === 0) return null;
    const lists = listsOf(all);
    // Row 0 is none.
    const matches = compileMatches([[], ...lists.map((own) => own.map((n) => all[n].policer))], groups);
    const table = shared({
      settings: [Float64Array, (1 + lists.length) * QOS_ROW],
      owners: [Int32Array, (1 + lists.length) * LIST_WORDS],
      numbers: [Uint16Array, (1 + lists.length) * LIST_WORDS],
      in: [Uint16Array, count],
      out: [Uint16Array, count],
    });
    lists.forEach((own, k) => {
      const row = k + 1;
      const { direction, port } = all[own[0]];
      table[direction][port] = row;
      const settings = table.settings.subarray(row * QOS_ROW, (row + 1) * QOS_ROW);
      const open = own.findIndex((n) => all[n].policer.match === undefined);
      settings[QOS.classes] = MAX_CLASSES;
      settings[QOS.fallback] = open < 0 ? NO_POLICER : open;
      settings[QOS.readsDscp] = own.some((n) => all[n].policer.match?.dscp !== undefined) ? 1 : 0;
      settings[QOS.vlans] = matches.vlanRows[row];
      settings[QOS.marks] = matches.markRows[row];
      settings[QOS.sources] = matches.sourceRows[row];
      own.forEach((n, place) => {
        table.numbers[row * LIST_WORDS + place] = first + n;
        table.owners[row * LIST_WORDS + place] = slots[n];
      });
    });
    const { pcps, dscps, vlans, marks, sources } = matches;
    const { settings, ...rest } = table;
    return { ...rest, matches: { settings, pcps, dscps, vlans, marks, sources } };
  }

  /** Where the state of a policer is; undefined = it is not in force. */
  ownerOf(policed: PolicedPort): number | undefined {
    return this.slots.get(keyOf(policed));
  }

  private keep(all: readonly PolicedPort[], firstOwner: number, state: PolicerState): number[] {
    const before = this.slots;
    const taken = new Set(all.flatMap((one) => before.get(keyOf(one)) ?? []));
    let free = firstOwner;
    this.slots = new Map();
    return all.map((one) => {
      const key = keyOf(one);
      let owner = before.get(key);
      if (owner === undefined) {
        while (taken.has(free)) free++;
        owner = free;
        taken.add(owner);
        // Who comes anew begins with full buckets.
        state.clear(owner, DIRECTION.in);
        state.clear(owner, DIRECTION.out);
      }
      this.slots.set(key, owner);
      return owner;
    });
  }
}

/** Places in `all` of those that stand in one list. */
function listsOf(all: readonly PolicedPort[]): number[][] {
  const lists = new Map<string, number[]>();
  all.forEach(({ direction, port }, n) => {
    const key = `${direction} ${port}`;
    lists.set(key, [...(lists.get(key) ?? []), n]);
  });
  return [...lists.values()];
}

function keyOf({ direction, port, name, place, policer }: PolicedPort): string {
  return JSON.stringify([direction, port, name, place, policer.match]);
}
