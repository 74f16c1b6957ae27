// The view of a frame that hooks get: getters over the columns of one row, which the stage moves from row to row.
//
//   the frame   0 .. 11        12 ..               headLength ..
//   lies at     start          rest                body, only if the row owns its headers

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { flowHash } from '../wire/flow_hash.ts';
import { VID_MASK } from '../wire/vlan.ts';
import type { HookFrame } from './hook.ts';
import { segmentsOf } from './offload.ts';

const PCP_SHIFT = 13;

export class RowFrame implements HookFrame {
  /** Which row it shows. */
  row = 0;
  /** Whether `rewrite` is asked. */
  mayWrite = false;
  /** By port. */
  names: ReadonlyMap<number, string> = new Map();
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private readonly batch: FrameBatch;
  private readonly rows: Int32Array;

  constructor(batch: FrameBatch) {
    this.batch = batch;
    this.rows = batch.rows;
    this.bytes = batch.bytes;
    this.view = batch.view;
  }

  get length(): number {
    return this.rows[this.row + COLUMN.length];
  }

  get port(): string {
    return this.names.get(this.portNumber) ?? '';
  }

  get portNumber(): number {
    return this.rows[this.row + COLUMN.ingress] & PORT_MASK;
  }

  get vlan(): number {
    return this.rows[this.row + COLUMN.tci] & VID_MASK;
  }

  get priority(): number {
    return this.rows[this.row + COLUMN.tci] >>> PCP_SHIFT;
  }

  get flowHash(): number {
    const { rows, row } = this;
    return flowHash(
      this.view,
      rows[row + COLUMN.start],
      rows[row + COLUMN.rest],
      this.batch.headLength(this.row),
    );
  }

  get segments(): number {
    return Math.max(1, segmentsOf(this.batch, this.row));
  }

  get segmentSize(): number {
    return this.rows[this.row + COLUMN.gsoSize];
  }

  get checksumStart(): number {
    return this.rows[this.row + COLUMN.csumStart];
  }

  get checksumOffset(): number {
    return this.rows[this.row + COLUMN.csumOffset];
  }

  get writable(): number {
    return this.batch.headLength(this.row);
  }

  offsetOf(at: number): number {
    const { rows, row, batch } = this;
    if (at < MACS_LEN) return rows[row + COLUMN.start] + at;
    const head = batch.headLength(row);
    return at < head ? rows[row + COLUMN.rest] + at - MACS_LEN : batch.bodyAt(row) + at - head;
  }

  getUint8(at: number): number {
    const { rows, row } = this;
    if (at >= MACS_LEN && at < this.batch.headLength(row))
      return this.view.getUint8(rows[row + COLUMN.rest] + at - MACS_LEN);
    return at >= 0 && at < rows[row + COLUMN.length] ? this.view.getUint8(this.offsetOf(at)) : 0;
  }

  getUint16(at: number): number {
    const { rows, row } = this;
    if (at >= MACS_LEN && at + 2 <= this.batch.headLength(row))
      return this.view.getUint16(rows[row + COLUMN.rest] + at - MACS_LEN);
    // A tag may have lain between the two bytes, or the body begin, or the frame end.
    return (this.getUint8(at) << 8) | this.getUint8(at + 1);
  }

  getUint32(at: number): number {
    return ((this.getUint16(at) << 16) | this.getUint16(at + 2)) >>> 0;
  }

  setUint8(at: number, value: number): void {
    if (!this.mayWrite) throw new Error('Only rewrite() may change a frame');
    if (at >= 0 && at < this.writable) this.view.setUint8(this.offsetOf(at), value);
  }

  setUint16(at: number, value: number): void {
    this.setUint8(at, value >>> 8);
    this.setUint8(at + 1, value);
  }

  setUint32(at: number, value: number): void {
    this.setUint16(at, value >>> 16);
    this.setUint16(at + 2, value);
  }

  copyTo(target: Uint8Array, from = 0): number {
    const count = Math.max(0, Math.min(target.length, this.length - from));
    for (let n = 0; n < count; n++) target[n] = this.getUint8(from + n);
    return count;
  }
}
