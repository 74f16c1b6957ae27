// A ring of frames in shared memory. Several writers take turns by `lock`.
//
//   memory: | state, 64, with the lock in it | records: see byte_ring.ts |
//   record: | length u32 | csumStart u16 | csumOffset u16 | gsoSize u16 | gsoType u8 | 0 u8 | pad u32 | frame |

import { FRAME_ROOM } from '../frame/frame_batch.ts';
import { ByteRing, RING_STATE } from '../table/byte_ring.ts';
import { Lock } from '../table/lock.ts';

const RECORD = 16;
const LOCK = 12;

export class FrameRing extends ByteRing {
  /** Writers, if there are several: from `reserve` to `commit`. */
  readonly lock: Lock;

  /** A ring over memory from `FrameRing.allocate`. */
  constructor(memory: SharedArrayBuffer) {
    super(memory, RING_STATE, RECORD);
    this.lock = new Lock(this.state, LOCK);
  }

  /** @param capacity bytes, a power of two of at least 256 KiB, so that the largest frame always fits an empty ring */
  static allocate(capacity: number): FrameRing {
    if (capacity < 3 * FRAME_ROOM || (capacity & (capacity - 1)) !== 0) {
      throw new RangeError(`Frame ring of ${capacity} bytes: must be a power of two, at least 262144`);
    }
    return new FrameRing(new SharedArrayBuffer(RING_STATE + capacity));
  }

  /** Writer: the offload columns of the reserved record. */
  describe(at: number, gsoType: number, gsoSize: number, csumStart: number, csumOffset: number): void {
    this.view.setUint16(at - 12, csumStart);
    this.view.setUint16(at - 10, csumOffset);
    this.view.setUint16(at - 8, gsoSize);
    this.view.setUint8(at - 6, gsoType);
  }

  /** Reader: columns of the frame at `at`. */
  length(at: number): number {
    return this.stored(at);
  }
  csumStart(at: number): number {
    return this.view.getUint16(at - 12);
  }
  csumOffset(at: number): number {
    return this.view.getUint16(at - 10);
  }
  gsoSize(at: number): number {
    return this.view.getUint16(at - 8);
  }
  gsoType(at: number): number {
    return this.view.getUint8(at - 6);
  }
}
