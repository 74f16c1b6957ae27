// Egress to connected sockets: one entry for each emission, of two pieces.
//
//   header in aux:  | length of the frame, 4: streams only | MACs, 12 | tag, 0 or 4 |     rest: straight from the frame
//
// The other end asked for no offloads: what leaves is whole, its checksums included.

import { COPY, COPY_WORDS, type EgressQueue, type Sink } from '../engine/port.ts';
import type { FrameBatch } from '../frame/frame_batch.ts';
import { MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { KIND } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { copyMacs, MACS_LEN } from '../wire/ethernet.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import { Emission } from './emission.ts';
import type { TransmitList } from './transmit_list.ts';

/** The length before a frame, in network order. */
const LENGTH_LEN = 4;
const ROOM = LENGTH_LEN + MACS_LEN + TAG_LEN;
const NO_OFFLOADS = 0;

export class SocketSink implements Sink {
  /** Ports whose socket has said that nobody is there, once for each connection: [port, errno]. */
  readonly refused: [port: number, errno: number][] = [];
  private readonly list: TransmitList;
  private readonly counters: Counters;
  private readonly emission: Emission;
  private readonly fd = new Int32Array(MAX_PORTS).fill(-1);
  private readonly kind = new Uint8Array(MAX_PORTS);
  private readonly isRefused = new Uint8Array(MAX_PORTS);

  constructor(list: TransmitList, counters: Counters) {
    this.list = list;
    this.counters = counters;
    this.emission = new Emission(list);
    list.onRefused = (port, errno) => {
      if (this.isRefused[port] === 1) return;
      this.isRefused[port] = 1;
      this.refused.push([port, errno]);
    };
  }

  /** @param fd -1 = nobody is connected; `kind`: KIND.stream, KIND.packets or KIND.datagrams */
  set(port: number, fd: number, kind: number): void {
    this.fd[port] = fd;
    this.kind[port] = kind;
    this.isRefused[port] = 0;
    this.counters.setUp(port, fd < 0 ? 0 : 1);
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { emission } = this;
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS) {
      const hop = copies[at + COPY.hop];
      const port = hop & PORT_MASK;
      const row = copies[at + COPY.row];
      if (this.fd[port] < 0) {
        this.list.settlement.refuse(row, port, DROP.not_connected);
        continue;
      }
      if (!emission.begin(batch, row, hop, copies[at + COPY.tag], NO_OFFLOADS))
        this.list.settlement.refuse(row, port, DROP.bad_packet);
      while (emission.next(batch)) this.put(batch, port);
    }
    queue.count = 0;
  }

  flush(batch: FrameBatch): void {
    this.list.flush(batch);
  }

  private put(batch: FrameBatch, port: number): void {
    const { emission, list } = this;
    const { view } = batch;
    const at = list.header(batch, ROOM);
    const kind = this.kind[port];
    const tagLength = emission.tag === 0 ? 0 : TAG_LEN;
    let macsAt = at;
    if (kind === KIND.stream) {
      view.setUint32(at, emission.length + tagLength);
      macsAt += LENGTH_LEN;
    }
    copyMacs(view, emission.macs, macsAt);
    if (tagLength !== 0) view.setInt32(macsAt + MACS_LEN, emission.tag);
    list.add(emission, kind, this.fd[port], at, macsAt - at + MACS_LEN + tagLength);
  }
}
