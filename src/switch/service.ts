// What every protocol of a switch is: it sends and hears by the host, follows the configuration in force, and has a clock.

import type { SwitchConfig } from '../config/schema.ts';
import type { Host } from '../protocol/host.ts';
import type { World } from './world.ts';

export interface Surroundings {
  /** With a timer of its own. Otherwise things happen in `poll`, in the time of whoever calls it. */
  readonly threaded: boolean;
  readonly world: World;
}

export interface Service {
  attach(host: Host, surroundings: Surroundings): void;
  /** The configuration in force, with all routers. */
  update(config: SwitchConfig): void;
  /** Of a switch without threads, with each of its polls. */
  poll(now?: number): void;
  /** When `poll` has something to do next, ms; Infinity = not by itself. */
  deadline(): number;
  close(): void;
}
