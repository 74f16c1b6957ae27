// The connection of a port that is a socket, seen from the switch.

import type { GuestPeer } from '../config/guest_ports.ts';
import type { SocketPortConfig } from '../config/schema.ts';

/** As in api/sockets.ts. */
export interface SocketFacts {
  place: string;
  mode: 'server' | 'client';
  framing: SocketPortConfig['framing'];
  connected: boolean;
  peer?: GuestPeer;
  connections: number;
  lastEnd?: string;
  guests?: number;
  refused?: number;
  guestOf?: string;
}

/** What a device with a connection can do beside what all can. */
export interface Connection {
  /** The data plane says that the connection is dead. */
  lost(errno: number): void;
  status(): SocketFacts;
  /** It has guests of its own in place of a connection, and as long as it listens it is up. */
  readonly listens?: boolean;
  /** Why there is none. */
  readonly reason: string | undefined;
}
