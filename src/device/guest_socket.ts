// A listening socket whose connections become ports of their own, and such a port: it goes when its connection does.
//
//   GuestListener  found --> admit: a name, and what the template says --> the configuration in force follows
//   GuestPort      opened with its connection; lost --> dismissed --> the configuration in force follows

import type { GuestPeer } from '../config/guest_ports.ts';
import type { StreamPortConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import { peerOf } from '../sys/peer.ts';
import { closeSocket } from '../sys/socket.ts';
import type { Connection, SocketFacts } from './connection.ts';
import type { Device } from './device.ts';
import { placeOf, socketType } from './socket_place.ts';
import { connectSocket, endText, KINDS } from './socket_port.ts';
import { openWay, type Way } from './socket_ways.ts';
import type { SocketLinks, Sockets } from './sockets.ts';

export function openListener(port: number, name: string, config: StreamPortConfig, sockets: Sockets): Device {
  const listener = new GuestListener(name, config, sockets);
  const way = openWay(`Cannot attach port ${name}`, config, sockets.watch, listener);
  listener.begin(way);
  const close = () => listener.close();
  return {
    spec: { kind: 'socket', port, socket: KINDS[socketType(config)], fault: config.fault },
    connection: listener,
    setMtu() {},
    // Live settings are the template's: the next guests have them, and those that are there by the configuration.
    change: (next) => listener.change(next as StreamPortConfig),
    close,
    undo: close,
  };
}

class GuestListener implements Connection {
  readonly listens = true;
  readonly reason: undefined;
  private readonly name: string;
  private config: StreamPortConfig;
  private readonly sockets: Sockets;
  private readonly links: SocketLinks;
  private way: Way | undefined;
  private count = 0;
  private refused = 0;
  private lastEnd: string | undefined;
  private isClosed = false;

  constructor(name: string, config: StreamPortConfig, sockets: Sockets) {
    this.name = name;
    this.config = config;
    this.sockets = sockets;
    this.links = sockets.links as SocketLinks;
  }

  begin(way: Way): void {
    this.way = way;
    way.seek();
  }

  change(config: StreamPortConfig): void {
    this.config = config;
  }

  found(fd: number): void {
    this.way?.seek();
    void this.links.enqueue(() => this.admit(fd)).catch(() => {}); // The data plane has died, and says so by itself.
  }

  waits(): void {}

  lost(): void {}

  status(): SocketFacts {
    const { config, count, refused, lastEnd } = this;
    return {
      place: placeOf(config),
      mode: config.mode,
      framing: config.framing,
      connected: false,
      guests: this.guests.size,
      refused,
      connections: count,
      ...(lastEnd !== undefined && { lastEnd }),
    };
  }

  close(): void {
    this.isClosed = true;
    this.way?.close();
  }

  private get guests(): ReadonlyMap<string, GuestPeer | undefined> {
    return this.sockets.guests.get(this.name) ?? new Map();
  }

  private async admit(fd: number): Promise<void> {
    const { links, name, sockets } = this;
    const peer = this.config.path === undefined ? undefined : peerOf(fd);
    const guest = this.nameFor(peer);
    const obstacle = this.obstacleTo(guest);
    if (this.isClosed || obstacle !== undefined) {
      closeSocket(fd);
      this.refused++;
      this.lastEnd = `was refused: ${obstacle}`;
      return;
    }
    this.count++;
    sockets.admit(name, guest, { fd, peer });
    await links.regroup();
    // It came into force, or its device was undone and dismissed; what nobody opened is in nobody's hands.
    if (sockets.takeAccepted(guest) !== undefined) {
      sockets.dismiss(name, guest);
      closeSocket(fd);
    }
  }

  private nameFor(peer: GuestPeer | undefined): string {
    const { name_by } = this.config;
    if (name_by !== 'number') return `${this.name}.${peer?.[name_by] ?? 0}`;
    let number = 1;
    while (this.guests.has(`${this.name}.${number}`)) number++;
    return `${this.name}.${number}`;
  }

  private obstacleTo(guest: string): string | undefined {
    const { max_guests, name_by } = this.config;
    if (this.guests.has(guest)) return `there is a guest ${guest} of this ${name_by} already`;
    if (this.guests.size >= max_guests) return `there are ${max_guests} guests, as many as max_guests allows`;
    return undefined;
  }
}

/** @throws TaploomError if its connection has gone meanwhile */
export function openGuest(
  port: number,
  name: string,
  listener: string,
  config: StreamPortConfig,
  sockets: Sockets,
): Device {
  const accepted = sockets.takeAccepted(name);
  if (accepted === undefined)
    throw new TaploomError('socket_failed', `Cannot attach port ${name}: its connection has gone`);
  const guest = new GuestPort({ port, name, listener, config, sockets, ...accepted });
  return {
    spec: { kind: 'socket', port, socket: KINDS[socketType(config)], fault: config.fault },
    connection: guest,
    setMtu() {},
    close: () => guest.close(),
    undo: () => {
      sockets.dismiss(listener, name);
      guest.close();
    },
  };
}

interface GuestParts {
  port: number;
  name: string;
  listener: string;
  config: StreamPortConfig;
  sockets: Sockets;
  fd: number;
  peer: GuestPeer | undefined;
}

class GuestPort implements Connection {
  reason: string | undefined = 'its connection is on its way to the data plane';
  private readonly parts: GuestParts;
  private readonly links: SocketLinks;
  private isConnected = false;
  private isClosed = false;

  constructor(parts: GuestParts) {
    this.parts = parts;
    this.links = parts.sockets.links as SocketLinks;
    void this.links.enqueue(() => this.take()).catch(() => {});
  }

  lost(errno: number): void {
    void this.links.enqueue(() => this.leave(endText(errno))).catch(() => {});
  }

  status(): SocketFacts {
    const { config, listener, peer } = this.parts;
    return {
      place: placeOf(config),
      mode: config.mode,
      framing: config.framing,
      connected: this.isConnected,
      guestOf: listener,
      ...(peer !== undefined && { peer }),
      connections: 1,
    };
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    closeSocket(this.parts.fd);
  }

  private async take(): Promise<void> {
    const { port, name, config, fd, peer } = this.parts;
    if (this.isClosed) return;
    try {
      await connectSocket(this.links, port, fd, socketType(config));
    } catch (error) {
      await this.leave(`could not be taken in: ${(error as Error).message}`);
      return;
    }
    this.isConnected = true;
    this.reason = undefined;
    const who = peer === undefined ? '' : `, process ${peer.pid} of user ${peer.uid}`;
    this.links.told(name, this.parts.listener, 'added', `a guest of ${this.parts.listener}${who}`);
    this.links.changed(name);
  }

  private async leave(end: string): Promise<void> {
    const { name, listener, sockets } = this.parts;
    if (this.isClosed) return;
    this.links.told(name, listener, 'removed', `its connection ${end}`);
    sockets.dismiss(listener, name);
    await this.links.regroup();
  }
}
