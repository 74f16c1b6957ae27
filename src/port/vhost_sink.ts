// Egress to one guest's rings: entries as for a TAP, which native code puts into the guest's buffers. What the guest takes
// as it is changes with its driver, so it is read once a queue.

import { COPY, COPY_WORDS, type EgressQueue, type Sink } from '../engine/port.ts';
import type { FrameBatch } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { KIND } from '../sys/burst.ts';
import { DROP } from '../table/drops.ts';
import { Emission } from './emission.ts';
import type { VhostUserDeviceSpec } from './spec.ts';
import { FRAME_HEADER, HEADER_ROOM, writeFrameHeader } from './tap_sink.ts';
import type { TransmitList } from './transmit_list.ts';

export class VhostSink implements Sink {
  private readonly device: number;
  private readonly state: Int32Array;
  private readonly list: TransmitList;
  private readonly emission: Emission;

  constructor({ device, state }: VhostUserDeviceSpec, list: TransmitList) {
    this.device = device;
    this.state = new Int32Array(state);
    this.list = list;
    this.emission = new Emission(list);
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { emission, list } = this;
    const { copies } = queue;
    const offloads = Atomics.load(this.state, 0);
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS) {
      const hop = copies[at + COPY.hop];
      const row = copies[at + COPY.row];
      if (!emission.begin(batch, row, hop, copies[at + COPY.tag], offloads))
        list.settlement.refuse(row, hop & PORT_MASK, DROP.bad_packet);
      while (emission.next(batch)) this.put(batch);
    }
    queue.count = 0;
  }

  flush(batch: FrameBatch): void {
    this.list.flush(batch);
  }

  private put(batch: FrameBatch): void {
    const { emission, list } = this;
    const at = list.header(batch, HEADER_ROOM);
    const shift = writeFrameHeader(batch, at, emission);
    list.add(emission, KIND.guest, this.device, at, FRAME_HEADER + shift);
  }
}
