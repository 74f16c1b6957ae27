// Ports of one worker that wait for their tenant, in a ring for each tenant: they take turns by bytes (deficit round robin), so that
// whoever is served first does not get all.

import { MAX_PORTS } from '../frame/hop.ts';
import { TenantClocks, type TenantShapes } from '../table/tenant_clocks.ts';

/** A full Ethernet frame: what a turn is good for. */
const QUANTUM = 1514;

export class TenantTurns {
  private shapes: TenantShapes | null = null;
  private clocks: TenantClocks | null = null;
  private readonly worker: number;
  private readonly workers: number;
  /** By slot, the first and the last port of the ring, and how many there are; 0 = none. */
  private readonly heads = new Int32Array(MAX_PORTS);
  private readonly tails = new Int32Array(MAX_PORTS);
  private readonly counts = new Int32Array(MAX_PORTS);
  /** By port: the next one, its slot while it is in a ring, and bytes that it has left of its turn. */
  private readonly next = new Int32Array(MAX_PORTS);
  private readonly slots = new Int32Array(MAX_PORTS);
  private readonly deficits = new Int32Array(MAX_PORTS);

  constructor(worker: number, workers: number) {
    this.worker = worker;
    this.workers = workers;
  }

  load(shapes: TenantShapes | null): void {
    this.shapes = shapes;
    if (shapes !== null && shapes.memory !== this.clocks?.memory)
      this.clocks = new TenantClocks(shapes.memory, this.worker, this.workers);
  }

  has(port: number): boolean {
    return this.slots[port] !== 0;
  }

  /** Whether nobody waits for the tenant. */
  isFree(slot: number): boolean {
    return this.counts[slot] === 0;
  }

  /** Whether a port need not wait for its tenant: that is open, and no other port waits for it here. Slot 0 is no tenant. */
  isOpen(slot: number, clock: Float64Array): boolean {
    if (slot === 0) return true;
    const { clocks } = this;
    return this.counts[slot] === 0 && clocks?.isOpen(slot, clock) !== false;
  }

  /** Writes to `at[0]` when the tenant is open. */
  when(slot: number, at: Float64Array): void {
    this.clocks?.when(slot, at);
  }

  /** The tenant pays for what one of its ports sends. */
  charge(slot: number, wire: number, since: Float64Array, clock: Float64Array): void {
    const { clocks, shapes } = this;
    if (slot !== 0 && clocks !== null && shapes !== null)
      clocks.charge(slot, wire, shapes.costs, since, clock);
  }

  /** Whether a port that waits for the tenant has its turn, among those of other workers, too. */
  mayServe(slot: number, clock: Float64Array): boolean {
    const { clocks } = this;
    return (
      clocks !== null && this.heads[slot] !== 0 && !clocks.isAhead(slot, clock) && clocks.isOpen(slot, clock)
    );
  }

  /** Puts the port behind the others of its tenant. It is in no ring. */
  push(port: number, slot: number): void {
    const { heads, tails, next, slots, counts } = this;
    next[port] = 0;
    if (heads[slot] === 0) heads[slot] = port;
    else next[tails[slot]] = port;
    tails[slot] = port;
    slots[port] = slot;
    counts[slot] += 1;
    this.clocks?.wait(slot, counts[slot]);
  }

  /** Its turn is not over: it goes before the others. */
  putBack(port: number, slot: number): void {
    const { heads, tails, next, slots, counts } = this;
    next[port] = heads[slot];
    if (heads[slot] === 0) tails[slot] = port;
    heads[slot] = port;
    slots[port] = slot;
    counts[slot] += 1;
  }

  /** Takes out the first one, which there is. Other workers hear of it by `settle`. */
  shift(slot: number): number {
    const { heads, next, slots, counts } = this;
    const port = heads[slot];
    heads[slot] = next[port];
    slots[port] = 0;
    counts[slot] -= 1;
    return port;
  }

  /** Turns of the slot are over for now. */
  settle(slot: number): void {
    this.clocks?.wait(slot, this.counts[slot]);
  }

  remove(port: number): void {
    const { heads, tails, next, slots, counts } = this;
    const slot = slots[port];
    this.deficits[port] = 0;
    if (slot === 0) return;
    let before = 0;
    for (let one = heads[slot]; one !== port; one = next[one]) before = one;
    if (before === 0) heads[slot] = next[port];
    else next[before] = next[port];
    if (tails[slot] === port) tails[slot] = before;
    slots[port] = 0;
    counts[slot] -= 1;
    this.settle(slot);
  }

  /** Another turn, unless the last one is not over. */
  begin(port: number): void {
    if (this.deficits[port] <= 0) this.deficits[port] += QUANTUM;
  }

  mayGoOn(port: number, slot: number, clock: Float64Array): boolean {
    return this.deficits[port] > 0 && this.clocks?.isOpen(slot, clock) === true;
  }

  /** Its turn was cut short. */
  isBegun(port: number): boolean {
    return this.deficits[port] > 0;
  }

  spend(port: number, wire: number): void {
    this.deficits[port] -= wire;
  }

  /** It has nothing to send: it saves nothing up, but owes what it owes. */
  end(port: number): void {
    this.deficits[port] = Math.min(0, this.deficits[port]);
  }
}
