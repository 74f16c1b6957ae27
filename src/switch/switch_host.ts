// The host's end in the control plane: takes punts out of every worker's ring for whoever listens, and puts what
// protocols say into the ring of the worker that receives from the port.

import { NOBODY } from '../frame/hop.ts';
import type { Host, Punt, PuntReason } from '../protocol/host.ts';
import {
  bytesAt,
  FLOOD,
  META,
  RELAY,
  SAY,
  SEND,
  SEND_IN,
  SLOT_BYTES,
  type SlotRing,
} from '../table/slot_ring.ts';

/** Frames that are handled in one go; then others have their turn. */
const TURN = 64;

export interface HostLinks {
  /** By worker: rings to the host. */
  readonly toHost: readonly SlotRing[];
  /** The ring from the host of the worker that receives from a port. */
  fromHost(port: number): SlotRing;
  /** Makes that worker look. */
  wake(port: number): void;
  /** Numbers and names of ports and domains. */
  numberOf(port: string): number | undefined;
  nameOf(port: number): string | undefined;
  vlanOf(domain: number): number;
  domainOf(bridge: string, vlan: number): number | undefined;
  /** The bit of a reason, and whether a port's frames of that kind are the host's. */
  bitOf(reason: PuntReason): number;
  trap(port: string, reason: PuntReason, isOn: boolean): Promise<void>;
  /** ms, monotonic. */
  now(): number;
  /** Without a timer or a thread, frames are heard in `poll`. */
  readonly isPolled: boolean;
}

export class SwitchHost implements Host {
  private readonly links: HostLinks;
  private readonly listeners = new Map<number, Set<(punt: Punt) => void>>();
  /** What is said in one go is told once, or every so many frames: to wake is a system call. */
  private readonly untold = new Map<SlotRing, { port: number; frames: number }>();
  private isClosed = false;

  constructor(links: HostLinks) {
    this.links = links;
    if (!links.isPolled) for (const ring of links.toHost) void this.listen(ring);
  }

  send(port: string, frame: Uint8Array): boolean {
    return this.put(port, frame, SEND);
  }

  relay(port: string, frame: Uint8Array, isOwn = false): boolean {
    return this.put(port, frame, isOwn ? SAY : RELAY);
  }

  sendIn(bridge: string, vlan: number, port: string, frame: Uint8Array): boolean {
    const number = this.links.numberOf(port);
    const domain = this.links.domainOf(bridge, vlan);
    if (number === undefined || domain === undefined) return false;
    return this.write(number, frame, SEND_IN, domain, vlan);
  }

  flood(bridge: string, vlan: number, frame: Uint8Array): boolean {
    const domain = this.links.domainOf(bridge, vlan);
    return domain !== undefined && this.write(NOBODY, frame, FLOOD, domain, vlan);
  }

  trap(port: string, reason: PuntReason, isOn: boolean): Promise<void> {
    return this.links.trap(port, reason, isOn);
  }

  onPunt(reason: PuntReason, listener: (punt: Punt) => void): () => void {
    const trap = this.links.bitOf(reason);
    const listeners = this.listeners.get(trap) ?? new Set();
    this.listeners.set(trap, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Hears what is in the rings now. */
  poll(): void {
    for (const ring of this.links.toHost) while (this.hearSome(ring));
  }

  close(): void {
    this.isClosed = true;
    for (const ring of this.links.toHost) ring.notify();
  }

  private put(port: string, frame: Uint8Array, reason: number): boolean {
    const number = this.links.numberOf(port);
    return number !== undefined && this.write(number, frame, reason, 0, 0);
  }

  private write(number: number, frame: Uint8Array, reason: number, domain: number, vlan: number): boolean {
    if (this.isClosed || frame.length > SLOT_BYTES) return false;
    const ring = this.links.fromHost(number);
    const slot = ring.reserve();
    if (slot < 0) return false;
    ring.bytes.set(frame, bytesAt(slot));
    ring.words[(slot >> 2) + META.length] = frame.length;
    ring.words[(slot >> 2) + META.port] = number;
    ring.words[(slot >> 2) + META.reason] = reason;
    ring.words[(slot >> 2) + META.domain] = domain;
    ring.words[(slot >> 2) + META.tag] = vlan;
    ring.commit();
    const untold = this.untold.get(ring) ?? { port: number, frames: 0 };
    if (this.untold.size === 0) queueMicrotask(() => this.wake());
    this.untold.set(ring, untold);
    if (++untold.frames % TURN === 0) this.links.wake(number);
    return true;
  }

  private wake(): void {
    if (!this.isClosed) for (const { port } of this.untold.values()) this.links.wake(port);
    this.untold.clear();
  }

  private async listen(ring: SlotRing): Promise<void> {
    while (!this.isClosed) {
      await ring.changed();
      this.hearSome(ring);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** False: there is nothing more. */
  private hearSome(ring: SlotRing): boolean {
    for (let n = 0; n < TURN; n++) {
      const slot = ring.peek();
      if (slot < 0) return false;
      this.tell(ring, slot);
      ring.release();
    }
    return true;
  }

  /** A listener's exception is a bug of ours: it is thrown to the process, and the ring goes on. */
  private tell(ring: SlotRing, slot: number): void {
    const meta = slot >> 2;
    const port = this.links.nameOf(ring.words[meta + META.port]);
    const listeners = this.listeners.get(ring.words[meta + META.reason]);
    if (port === undefined || listeners === undefined) return;
    const at = bytesAt(slot);
    const detail = ring.words[meta + META.detail];
    const punt: Punt = {
      port,
      vlan: this.links.vlanOf(ring.words[meta + META.domain]),
      tag: ring.words[meta + META.tag],
      bytes: ring.bytes.slice(at, at + ring.words[meta + META.length]),
      at: this.links.now(),
      ...(detail !== 0 && { detail }),
    };
    for (const listener of listeners) queueMicrotask(() => listener(punt));
  }
}
