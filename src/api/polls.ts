// How promptly the data plane polls, and how much a poll brings.

/** Distribution of the time between two waits of the data plane, during which new frames wait. */
export interface PollGap {
  polls: number;
  sumSeconds: number;
  maxSeconds: number;
  /** Cumulative counts as Prometheus has them: [upper bound in seconds, count]. */
  buckets: [number, number][];
}

/** Distribution of the frames that a poll brought, of the polls that brought any. */
export interface PollFrames {
  polls: number;
  frames: number;
  /** Cumulative, as in PollGap. */
  buckets: [number, number][];
}
