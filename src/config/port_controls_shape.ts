// The shape of what keeps a port in check: floods, stations, storms and loops.

import { z } from 'zod';
import { guard } from './guard_shape.ts';
import { boolean, expecting, integer, mapping } from './leaves.ts';

// A rate of 1 frame a second is what `bcast_flood: false` and its like are not: something gets through.
const rate = mapping({
  frames: integer('a number of frames a second (1-1000000000)', 1, 1_000_000_000).optional(),
  bits: integer('a number of bits a second (1000-1000000000000)', 1000, 1_000_000_000_000).optional(),
}).refine(({ frames, bits }) => (frames === undefined) !== (bits === undefined), {
  error: 'expected frames: NUMBER or bits: NUMBER, a second',
});
export const stormControl = mapping({
  broadcast: rate.optional(),
  multicast: rate.optional(),
  unknown_unicast: rate.optional(),
  action: z.enum(['drop', 'shutdown'], expecting('drop or shutdown')).default('drop'),
}).refine(
  ({ broadcast, multicast, unknown_unicast }) => (broadcast ?? multicast ?? unknown_unicast) !== undefined,
  { error: 'expected a rate of broadcast, multicast or unknown_unicast' },
);

/** Linux' names, where Linux has the control. */
export const controls = {
  bcast_flood: boolean().default(true),
  mcast_flood: boolean().default(true),
  locked: boolean().default(false),
  mab: boolean().default(false),
  sticky: boolean().default(false),
  fdb_limit_action: z
    .enum(['ignore', 'drop', 'shutdown'], expecting('ignore, drop or shutdown'))
    .default('ignore'),
  storm_control: stormControl.optional(),
  loop_detection: boolean().default(false),
  guard: guard.optional(),
  error_recovery: integer('a number of seconds (1-86400)', 1, 86_400).default(300),
};
