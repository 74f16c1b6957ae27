// What the data plane knows of policers: settings of each, which port has which, and state, which survives reconfigurations.
//
//   state:  | floats: port 0 in | port 0 out | port 1 in | ...  | locks: two words for each port |

import { Lock } from './lock.ts';
import { METER_STATE_WORDS } from './meter.ts';

/** Of frames that come in through the port, and of those that leave there. */
export const DIRECTION = { in: 0, out: 1 } as const;

export interface PolicerTable {
  /** METER_WORDS for each policer; number 0 is none. */
  readonly settings: Float64Array;
  /** By port: the number of its policer. */
  readonly in: Uint16Array;
  readonly out: Uint16Array;
  /** Whether any port has one for what leaves. */
  readonly hasOut: boolean;
  /** See PolicerState. */
  readonly memory: SharedArrayBuffer;
}

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

  static allocate(ports: number): PolicerState {
    return new PolicerState(new SharedArrayBuffer(ports * (2 * METER_STATE_WORDS * 8 + 8)));
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

/** Locks of the policers of what leaves. */
export function policerLocks({ memory, out }: PolicerTable): Lock[] {
  const { locks } = new PolicerState(memory);
  return Array.from(out, (policer, port) => ({ policer, port }))
    .filter(({ policer }) => policer !== 0)
    .map(({ port }) => new Lock(locks, 2 * port));
}
