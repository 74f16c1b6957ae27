// A two-rate three-colour meter, RFC 2698, colour-blind, for many policers. Time is an argument, state is in shared memory.
//
//   red:    more than the peak rate and its burst          yellow: more than the committed rate and its burst          green: the rest
//
// Each of the two rates is a time: when its bucket is whole again, as in shaper.ts. A packet of B bytes fits the bucket if that is no
// further away than burst - B bytes take. Without a peak rate what is not green is red (RFC 2697 without excess).

export const GREEN = 0;
export const YELLOW = 1;
export const RED = 2;

/** Words of a policer's settings: ms that a byte or frame takes, and ms that the burst does; costs of 0 = no such rate. */
export const METER = { cost: 0, burst: 1, peakCost: 2, peakBurst: 3, flags: 4 } as const;
export const METER_WORDS = 5;
/** Bits of METER.flags. */
export const METER_FLAG = { frames: 1, dropYellow: 2, deiYellow: 4 } as const;
/** Words of its state: when each bucket is whole again, ms; and frames by colour. */
export const METER_STATE = { whole: 0, peakWhole: 1, green: 2, yellow: 3, red: 4 } as const;
export const METER_STATE_WORDS = 8;

/**
 * The colour of `amount` bytes or frames at `clock[0]`, ms.
 * @param at where the settings begin @param s where the state does
 */
export function meter(
  settings: Float64Array,
  at: number,
  state: Float64Array,
  s: number,
  amount: number,
  clock: Float64Array,
): number {
  const now = clock[0];
  const peakCost = settings[at + METER.peakCost];
  const whole = Math.max(state[s + METER_STATE.whole], now) + amount * settings[at + METER.cost];
  const fits = whole - now <= settings[at + METER.burst] + ROUNDING;
  if (peakCost === 0) {
    if (!fits) return count(state, s, RED);
  } else {
    const peakWhole = Math.max(state[s + METER_STATE.peakWhole], now) + amount * peakCost;
    if (peakWhole - now > settings[at + METER.peakBurst] + ROUNDING) return count(state, s, RED);
    state[s + METER_STATE.peakWhole] = peakWhole;
    if (!fits) return count(state, s, YELLOW);
  }
  state[s + METER_STATE.whole] = whole;
  return count(state, s, GREEN);
}

/** ms: what fills the burst exactly fits. */
const ROUNDING = 1e-6;

function count(state: Float64Array, s: number, colour: number): number {
  state[s + METER_STATE.green + colour] += 1;
  return colour;
}
