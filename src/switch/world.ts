// Where a switch takes time, chance and a name from: the machine, or a simulation, in which all three are given.

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { machineId } from '../config/defaults.ts';
import { monotonicMs } from '../sys/clock.ts';

/** What an inline switch may be given in place of the machine. The same world and the same frames give the same switch. */
export interface World {
  /** ms; never goes back. */
  now(): number;
  /** ms since 1970. */
  unixMs(): number;
  randomBytes(length: number): Uint8Array;
  /** Addresses that nobody configured are made of it: two switches with bridges of one name need two. */
  readonly machine: string;
  /** What neighbours are told. */
  readonly hostName: string;
}

export const MACHINE: World = {
  now: monotonicMs,
  unixMs: Date.now,
  randomBytes,
  get machine() {
    return machineId();
  },
  get hostName() {
    return hostname();
  },
};

/** From 0 to before 1. */
export function chance(world: Pick<World, 'randomBytes'>): number {
  return randomWords(world, 1)[0] / 2 ** 32 + 0.5;
}

export function randomWords(world: Pick<World, 'randomBytes'>, count: number): Int32Array {
  return new Int32Array(Uint8Array.from(world.randomBytes(4 * count)).buffer);
}
