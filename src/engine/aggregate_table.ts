// The aggregates of a topology as flat arrays in shared memory. Which members take frames in, and which a flow leaves
// through, the control plane stores while the topology is in force.
//
//   memberOf[port] = aggregate | COLLECTING        0 = no member
//   buckets[rowOf[aggregate] * BUCKETS + n]        the member for flows whose hash has n in its top byte; 0 = none

/** Members for flows of one aggregate. */
export const BUCKETS = 256;
export const BUCKET_SHIFT = 24;

/** Of a word of memberOf: frames that come in are the aggregate's. */
export const COLLECTING = 1 << 16;

export interface AggregateTable {
  readonly memberOf: Int32Array;
  readonly rowOf: Uint16Array;
  /** By row: a value of LAYERS. */
  readonly layers: Uint16Array;
  readonly buckets: Uint16Array;
}

/**
 * Stores what an aggregate does while the topology is in force: ports that are members, of those the ones that take frames
 * in, and by bucket the member that sends.
 */
export function storeDistribution(
  { memberOf, rowOf, buckets: all }: AggregateTable,
  aggregate: number,
  collecting: ReadonlySet<number>,
  buckets: readonly number[],
): void {
  for (let port = 0; port < memberOf.length; port++) {
    if ((memberOf[port] & ~COLLECTING) !== aggregate || memberOf[port] === 0) continue;
    Atomics.store(memberOf, port, aggregate | (collecting.has(port) ? COLLECTING : 0));
  }
  const first = rowOf[aggregate] * BUCKETS;
  // One after the other: whoever looks meanwhile finds a member that carries frames, or carried them until now.
  for (let n = 0; n < BUCKETS; n++) Atomics.store(all, first + n, buckets[n] ?? 0);
}
