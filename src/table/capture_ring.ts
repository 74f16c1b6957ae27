// Captured frames on their way from one worker of the data plane to the control plane. When the ring is full frames are
// lost, and counted by port.
//
//   memory: | state, 64 | lost: one word for each port | records: see byte_ring.ts |
//   record: | captured u32 | length u32 | time f64, ms | port u16 | direction u8 | reason u8 | age u8, 3 free | bytes |

import { ByteRing, RING_STATE } from './byte_ring.ts';

const RECORD = 24;

/** Bytes of a ring: some 60 super-frames, or 40,000 small frames. */
export const CAPTURE_RING = 4 << 20;

/** What happened to the frame, as a bit: captures ask for several. */
export const DIRECTIONS = { in: 1, out: 2, drop: 4 } as const;

export class CaptureRing extends ByteRing {
  private readonly lost: Int32Array;

  /** A ring over memory from `CaptureRing.allocate`, with the same `maxPorts`. */
  constructor(memory: SharedArrayBuffer, maxPorts: number) {
    super(memory, RING_STATE + 4 * maxPorts, RECORD);
    this.lost = new Int32Array(memory, RING_STATE, maxPorts);
  }

  /** @param capacity bytes, a power of two */
  static allocate(maxPorts: number, capacity = CAPTURE_RING): CaptureRing {
    return new CaptureRing(new SharedArrayBuffer(RING_STATE + 4 * maxPorts + capacity), maxPorts);
  }

  /**
   * Writer: what the reserved record is about.
   * @param clock one word, ms: a fraction as an argument would be a heap object
   * @param direction one of DIRECTIONS
   * @param reason code of a drop plus one, 0 = none
   * @param age tells ports apart that have the same number one after the other
   */
  describe(
    at: number,
    clock: Float64Array,
    length: number,
    port: number,
    direction: number,
    reason: number,
    age: number,
  ): void {
    this.view.setUint32(at - 20, length);
    this.view.setFloat64(at - 16, clock[0]);
    this.view.setUint16(at - 8, port);
    this.view.setUint8(at - 6, direction);
    this.view.setUint8(at - 5, reason);
    this.view.setUint8(at - 4, age);
  }

  /** Writer: there was no room for a frame of this port. */
  lose(port: number): void {
    this.lost[port]++;
  }

  /** Reader: what is known of the frame at `at`. */
  captured(at: number): number {
    return this.stored(at);
  }
  length(at: number): number {
    return this.view.getUint32(at - 20);
  }
  time(at: number): number {
    return this.view.getFloat64(at - 16);
  }
  port(at: number): number {
    return this.view.getUint16(at - 8);
  }
  direction(at: number): number {
    return this.view.getUint8(at - 6);
  }
  reason(at: number): number {
    return this.view.getUint8(at - 5);
  }
  age(at: number): number {
    return this.view.getUint8(at - 4);
  }

  /** Reader: frames lost so far, by port. */
  lostOf(port: number): number {
    return this.lost[port] >>> 0;
  }
}
