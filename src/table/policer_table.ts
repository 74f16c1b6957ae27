// What the data plane knows of policers: settings of each, which port has which, and state, which survives reconfigurations.
//
//   state:  | floats: port 0 in | port 0 out | port 1 in | ...  | locks: two words for each port |

import { Lock } from './lock.ts';
import { METER_STATE_WORDS } from './meter.ts';
import type { ClassTable } from './qos_table.ts';

/** Of frames that come in through the port, and of those that leave there. */
export const DIRECTION = { in: 0, out: 1 } as const;

export interface PolicerTable {
  /** METER_WORDS for each policer; number 0 is none. */
  readonly settings: Float64Array;
  /** By port: the number of its policer. */
  readonly in: Uint16Array;
  readonly out: Uint16Array;
  /** By port: the slot of the meter that all ports of its tenant have in common, 0 = none; null = no tenant has any. */
  readonly tenants: Uint16Array | null;
  /** By slot: the number of its policer, the same for both directions, which are metered each by itself. */
  readonly slots: Uint16Array;
  /** State of slot n is that of owner firstTenant + n, behind those of ports. */
  readonly firstTenant: number;
  /** By port: its list of policers with a match, by direction; 0 = none. Null = no port has any. */
  readonly lists: PolicerLists | null;
  /** Whether any port or tenant has one for what leaves. */
  readonly hasOut: boolean;
  /** See PolicerState. */
  readonly memory: SharedArrayBuffer;
}

/** Policers of a list at most, and then none. */
export const LIST_WORDS = 16;

/** What policers with a match go by: a row for each list, of which row 0 is none. */
export interface PolicerLists {
  readonly in: Uint16Array;
  readonly out: Uint16Array;
  /** Which of its list a frame belongs to: its place, NO_POLICER = none. */
  readonly matches: ClassTable;
  /** By row and place, LIST_WORDS each: number of the policer, and owner of its state. */
  readonly numbers: Uint16Array;
  readonly owners: Int32Array;
}
export const NO_POLICER = 8;

export class PolicerState {
  readonly floats: Float64Array;
  readonly locks: Int32Array;
  readonly memory: SharedArrayBuffer;

  constructor(memory: SharedArrayBuffer) {
    const ports = memory.byteLength / (2 * METER_STATE_WORDS * 8 + 8);
    const floats = 2 * ports * METER_STATE_WORDS;
    this.memory = memory;
    this.floats = new Float64Array(memory, 0, floats);
    this.locks = new Int32Array(memory, floats * 8, 2 * ports);
  }

  static allocate(owners: number): PolicerState {
    return new PolicerState(new SharedArrayBuffer(owners * (2 * METER_STATE_WORDS * 8 + 8)));
  }

  /** Where the state of a port's policer begins in `floats`. */
  static at(port: number, direction: number): number {
    return (2 * port + direction) * METER_STATE_WORDS;
  }

  /** The port is another one from here on, or has a policer again. */
  clear(port: number, direction: number): void {
    const at = PolicerState.at(port, direction);
    this.floats.fill(0, at, at + METER_STATE_WORDS);
  }
}

/** Locks of the policers of what leaves, and of those of tenants. */
export function policerLocks({ memory, out, slots, firstTenant, lists }: PolicerTable): Lock[] {
  const { locks } = new PolicerState(memory);
  const owners = Array.from(out, (policer, port) => ({ policer, owner: port })).filter(
    ({ policer }) => policer !== 0,
  );
  for (let slot = 1; slot < slots.length; slot++)
    owners.push({ policer: slots[slot], owner: firstTenant + slot });
  for (const owner of lists?.owners ?? []) if (owner !== 0) owners.push({ policer: 0, owner });
  return owners.map(({ owner }) => new Lock(locks, 2 * owner));
}
