// What the sockets of ports have in common: one watch for all that wait, the way to the data plane, and the guests of
// listening sockets.

import type { GuestPeer } from '../config/guest_ports.ts';
import { closeSocket } from '../sys/socket.ts';
import type { SocketWatch } from '../sys/socket_watch.ts';

/** What the switch does for them. */
export interface SocketLinks {
  /** Does something while no change is under way. */
  enqueue(task: () => Promise<void>): Promise<void>;
  /** The connection of a port in the data plane from now on, -1 = none. */
  connect(port: number, fd: number): Promise<void>;
  /** A port has got its connection, or lost it: then `reason` says why. */
  changed(name: string, reason?: string): void;
  /** Guests came or went: the configuration in force follows them. */
  regroup(): Promise<void>;
  /** A guest is a port now, or no longer. */
  told(guest: string, listener: string, change: 'added' | 'removed', reason: string): void;
}

/** A connection that was accepted, before its port is open. */
export interface Accepted {
  fd: number;
  peer: GuestPeer | undefined;
}

export class Sockets {
  /** By listening port, its guests by name. */
  readonly guests = new Map<string, Map<string, GuestPeer | undefined>>();
  links: SocketLinks | undefined;
  readonly watch: SocketWatch;
  private readonly accepted = new Map<string, Accepted>();

  constructor(watch: SocketWatch) {
    this.watch = watch;
  }

  /** A guest of that name: its port is opened with this connection. */
  admit(listener: string, guest: string, accepted: Accepted): void {
    const own = this.guests.get(listener) ?? new Map<string, GuestPeer | undefined>();
    this.guests.set(listener, own.set(guest, accepted.peer));
    this.accepted.set(guest, accepted);
  }

  /** Of a guest. */
  listenerOf(guest: string): string | undefined {
    for (const [listener, guests] of this.guests) if (guests.has(guest)) return listener;
    return undefined;
  }

  takeAccepted(guest: string): Accepted | undefined {
    const accepted = this.accepted.get(guest);
    this.accepted.delete(guest);
    return accepted;
  }

  dismiss(listener: string, guest: string): void {
    this.guests.get(listener)?.delete(guest);
    const accepted = this.takeAccepted(guest);
    if (accepted !== undefined) closeSocket(accepted.fd);
  }

  /** Its listener is another one, or none any more. */
  dismissAll(listener: string): void {
    for (const guest of this.guests.get(listener)?.keys() ?? []) this.dismiss(listener, guest);
    this.guests.delete(listener);
  }

  close(): void {
    for (const listener of [...this.guests.keys()]) this.dismissAll(listener);
  }
}
