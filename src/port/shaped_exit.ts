// The way out of a shaper: to the sink of a port, of what passes and of what waited.

import type { EgressQueue, Sink } from '../engine/port.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { ENTRY, ENTRY_WORDS, type FrameStore } from '../table/frame_store.ts';
import { CUTTER_ROOM } from './cutter.ts';
import type { FrameCopier } from './frame_copier.ts';
import { SHAPED, SHAPED_WORDS, type ShapedPorts } from './shaped_ports.ts';

export class ShapedExit {
  /** Of all ports, each once. */
  sinks: Sink[] = [];
  private readonly ports: ShapedPorts;
  private readonly copier: FrameCopier;
  private readonly store: FrameStore;
  /** Room that frames take which are not sent yet, and what the cutter writes to before it. */
  private used = CUTTER_ROOM;

  constructor(ports: ShapedPorts, copier: FrameCopier, store: FrameStore) {
    this.ports = ports;
    this.copier = copier;
    this.store = store;
  }

  send(batch: FrameBatch, row: number, hop: number, tag: number, port: number): void {
    const { words, queues } = this.ports;
    const queue = queues[words[port * SHAPED_WORDS + SHAPED.queue]] as EgressQueue;
    queue.push(row, hop, tag, 0);
    queue.sink.transmit(batch, queue);
  }

  /** Sends a frame that waited at the port that the store looks at. */
  emit(batch: FrameBatch, frame: number, port: number): void {
    const { words } = this.store;
    const at = this.room(batch, words[frame * ENTRY_WORDS + COLUMN.length]);
    const hop = words[frame * ENTRY_WORDS + ENTRY.hop];
    const tag = words[frame * ENTRY_WORDS + ENTRY.tag];
    this.copier.restore(frame, batch, batch.shaped, at);
    this.store.release(frame);
    this.send(batch, batch.shaped, hop, tag, port);
  }

  flush(batch: FrameBatch): void {
    const { sinks } = this;
    for (let n = 0; n < sinks.length; n++) sinks[n].flush?.(batch);
    this.used = CUTTER_ROOM;
  }

  /** Where a frame of `length` bytes goes. */
  private room(batch: FrameBatch, length: number): number {
    const need = (length + 3 + 63) & -64;
    if (this.used + need > batch.shapedLength) this.flush(batch);
    const at = batch.shapedAt + this.used;
    this.used += need;
    return at;
  }
}
