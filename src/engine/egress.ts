// The way out: a queue of copies for each sink, the passes that look at them, and one drain.
//
//   push ... push -> [queue is full: drain] -> end of the poll: service of wrappers, passes, drain of all, flush

import type { FrameBatch } from '../frame/frame_batch.ts';
import { MAX_PORTS } from '../frame/hop.ts';
import type { EgressPass } from './passes.ts';
import { EgressQueue, type Sink } from './port.ts';
import type { Topology } from './topology.ts';

/** Copies held for one sink before it is drained in the middle of a poll. */
const QUEUE = 512;

export class Egress {
  /** Look at copies before all others, and may take them out of the queue. */
  readonly gates: EgressPass[] = [];
  /** Look at copies before they leave. */
  readonly passes: EgressPass[] = [];
  /** By port; undefined = no device. */
  readonly queueOf: (EgressQueue | undefined)[] = new Array(MAX_PORTS).fill(undefined);
  /** One word: when a sink wants to be serviced next, in ms; Infinity = never. */
  readonly deadline = new Float64Array([Number.POSITIVE_INFINITY]);
  private readonly batch: FrameBatch;
  private readonly clock: Float64Array;
  /** One for each sink. */
  private readonly queues: EgressQueue[] = [];
  /** Sinks that hold frames back. */
  private wrappers: Pick<Required<Sink>, 'service' | 'deadline'>[] = [];

  constructor(batch: FrameBatch, clock: Float64Array) {
    this.batch = batch;
    this.clock = clock;
  }

  /** Frames for `port` go to `sink`; many ports may share one. */
  attach(port: number, sink: Sink): void {
    let queue = this.queues.find((queue) => queue.sink === sink);
    if (queue === undefined) {
      queue = new EgressQueue(sink, QUEUE);
      if (sink.givesOn === true) this.queues.unshift(queue);
      else this.queues.push(queue);
      if (sink.service !== undefined && sink.deadline !== undefined)
        this.wrappers.push(sink as Required<Sink>);
    }
    this.queueOf[port] = queue;
  }

  detach(port: number): void {
    const queue = this.queueOf[port];
    this.queueOf[port] = undefined;
    if (queue === undefined || this.queueOf.includes(queue)) return;
    this.queues.splice(this.queues.indexOf(queue), 1);
    this.wrappers = this.wrappers.filter((sink) => sink !== queue.sink);
    this.findDeadline();
  }

  get hasWrappers(): boolean {
    return this.wrappers.length > 0;
  }

  /** Queues a copy of `row` for the port of `hop`, which has a device. `flags` of COPY_FLAG. */
  push(topology: Topology, queue: EgressQueue, row: number, hop: number, tag: number, flags: number): void {
    if (queue.count >= queue.capacity) this.drain(topology, queue);
    queue.push(row, hop, tag, flags);
  }

  /** Empties one queue: its sink emits every copy. */
  drain(topology: Topology, queue: EgressQueue): void {
    if (this.isPassed) this.pass(topology, queue);
    queue.sink.transmit(this.batch, queue);
    queue.passed = 0;
  }

  /** The end of a poll: what was held back and is due, then all queues, then everything leaves. */
  finish(topology: Topology): void {
    const { batch, queues, wrappers } = this;
    for (let n = 0; n < wrappers.length; n++) wrappers[n].service(batch, this.clock);
    // A pass may add to a queue that had its turn: then the drain shows the others what is new.
    if (this.isPassed) for (let n = 0; n < queues.length; n++) this.pass(topology, queues[n]);
    for (let n = 0; n < queues.length; n++) if (queues[n].count > 0) this.drain(topology, queues[n]);
    for (let n = 0; n < queues.length; n++) queues[n].sink.flush?.(batch);
    if (wrappers.length > 0) this.findDeadline();
  }

  private get isPassed(): boolean {
    return this.passes.length + this.gates.length > 0;
  }

  /** Shows the passes the copies that they have not seen. */
  private pass(topology: Topology, queue: EgressQueue): void {
    const from = queue.passed;
    if (from === queue.count) return;
    for (let n = 0; n < this.gates.length; n++) this.gates[n].copies(topology, queue, from);
    queue.passed = queue.count;
    for (let n = 0; n < this.passes.length; n++) this.passes[n].copies(topology, queue, from);
  }

  private findDeadline(): void {
    const { deadline, wrappers } = this;
    deadline[0] = Number.POSITIVE_INFINITY;
    for (let n = 0; n < wrappers.length; n++) deadline[0] = Math.min(deadline[0], wrappers[n].deadline[0]);
  }
}
