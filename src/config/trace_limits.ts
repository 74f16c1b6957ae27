// Bounds of a live trace: what it may keep in memory, and for how long.

export const LIVE_FRAMES = 100;
/** Seconds. */
export const LIVE_TIMEOUT = 300;
