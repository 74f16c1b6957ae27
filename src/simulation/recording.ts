// A scenario as it was played: everything that came from outside, and when. Plain JSON; with the same version of Taploom it gives
// the same bytes again.

import type { SwitchConfigInput } from '../config/schema.ts';
import type { LinkOptions } from './direction.ts';

/** One thing that was done to a simulation. Times are ns since the start. */
export type Step = Done & {
  /** Done while time passed, at `at`. */
  during?: true;
};

type Done =
  | { do: 'switch' | 'apply'; name: string; config: SwitchConfigInput }
  | { do: 'station'; name: string }
  | { do: 'link'; ends: readonly [string, string]; options: LinkOptions; back: LinkOptions }
  | { do: 'change'; at: number; link: number; options: LinkOptions; back: LinkOptions }
  | { do: 'cut' | 'mend'; at: number; link: number }
  | { do: 'send'; at: number; name: string; frame: string }
  /** Time passed; `to` is when it stopped. What was done meanwhile comes next. */
  | { do: 'run'; to: number };

/** What `Simulation.replay` plays again. */
export interface Recording {
  version: 1;
  seed: number;
  /** ms since 1970. */
  start: number;
  steps: readonly Step[];
}
