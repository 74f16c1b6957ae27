// Keys of the FDB that a frame's way depends on.

import { COLUMN } from '../frame/frame_batch.ts';
import { dstHi, dstLo, srcHi, srcLo } from '../wire/ethernet.ts';

/** Source and destination of a row that got into a domain. */
export function keysOf({ columns, head }: { columns: Int32Array; head: Uint8Array }): number[][] {
  const domain = columns[COLUMN.domain] >>> 16;
  if (domain === 0) return [];
  const view = new DataView(head.buffer);
  return [
    [domain, srcHi(view, 0), srcLo(view, 0)],
    [domain, dstHi(view, 0), dstLo(view, 0)],
  ];
}
