// How a switch runs, as opposed to what it does.

import type { StoredLeases } from '../api.ts';
import type { HookFactory } from '../engine/hook.ts';
import { TaploomError } from '../error.ts';
import { MACHINE, type World } from './world.ts';

/** Of a switch that nobody gave a store: a restart forgets who has which address, and probes before it gives one. */
function leasesInMemory(): StoredLeases {
  const entries = new Map<string, unknown>();
  return {
    entries,
    put: (key, value) => void entries.set(key, value),
    delete: (key) => void entries.delete(key),
    async flushed() {},
  };
}

/** How a switch runs, as opposed to what it does. */
export interface SwitchOptions {
  /** True: worker threads forward. False: nothing moves but in `poll`. Default true. */
  threaded?: boolean;
  /** How many threads forward, 1 to 16. Default 1. */
  workers?: number;
  /**
   * Who takes interfaces of bridges again that outlive the switch (`local: { persist: true }`): goes into their alias, at
   * most 150 bytes of it. Default ''.
   */
  keeper?: string;
  /** Where leases of DHCP are kept. Default: nowhere. */
  leases?: StoredLeases;
  /**
   * An absolute path, where the switch writes what it has to undo of the host's settings for networks in mode `nat` or
   * `routed`, should it be killed. Default: there are no such networks.
   */
  stateDirectory?: string;
  /**
   * Where modules of hooks lie: no others are taken then. False: none are. Default '': any, relative to the working
   * directory.
   */
  hooksDirectory?: string | false;
  /** Functions that hooks of the configuration may name, in a switch that is not threaded. */
  hooks?: Readonly<Record<string, HookFactory>>;
  /** Of an inline switch: where it takes time and chance from. Default: the machine. */
  world?: World;
}

/** With more, each would have too little to do for what they have to agree on. */
export const MAX_WORKERS = 16;

/** The options with their defaults. @throws TaploomError `invalid_option` */
export function optionsOf({
  threaded = true,
  workers = 1,
  keeper = '',
  leases = leasesInMemory(),
  stateDirectory = '',
  hooksDirectory = '',
  hooks = {},
  world = MACHINE,
}: SwitchOptions): Required<SwitchOptions> {
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
    throw new TaploomError(
      'invalid_option',
      `workers: ${workers} is not a number of workers (1-${MAX_WORKERS})`,
    );
  }
  if (workers > 1 && !threaded) {
    throw new TaploomError(
      'invalid_option',
      'workers: more than one are threads, so `threaded` cannot be false',
    );
  }
  if (world !== MACHINE && threaded) {
    throw new TaploomError(
      'invalid_option',
      'world: threads have the clock of the machine, so `threaded` has to be false',
    );
  }
  return { threaded, workers, keeper, leases, stateDirectory, hooksDirectory, hooks, world };
}
