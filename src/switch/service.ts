// What every protocol of a switch is: it sends and hears by the host, follows the configuration in force, and has a clock.

import type { SwitchConfig } from '../config/schema.ts';
import type { Host } from '../protocol/host.ts';

export interface Service {
  /** `threaded`: with a timer of its own. Otherwise things happen in `poll`, in the time of whoever calls it. */
  attach(host: Host, options: { threaded: boolean }): void;
  /** The configuration in force, with all routers. */
  update(config: SwitchConfig): void;
  /** Of a switch without threads, with each of its polls. */
  poll(now?: number): void;
  close(): void;
}
