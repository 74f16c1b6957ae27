// Ports of type `stream` and `dgram`: sockets that virtual machines and their like send frames through. The port is there
// as long as the configuration says so; its connection comes and goes, and without one it is down.
//
//   way (socket_ways.ts) --found--> take: the data plane gets the descriptor --> up
//   lost: the data plane gives it back --> closed --> the way looks for the next one

import type { GuestPeer } from '../config/guest_ports.ts';
import type { SocketPortConfig } from '../config/schema.ts';
import { KIND } from '../sys/burst.ts';
import { peerOf } from '../sys/peer.ts';
import { closeSocket, openStream, type SocketType } from '../sys/socket.ts';
import { errnoName } from '../sys/sys_error.ts';
import type { Connection, SocketFacts } from './connection.ts';
import type { Device } from './device.ts';
import { placeOf, socketType } from './socket_place.ts';
import { openWay, PeerLook, type Way } from './socket_ways.ts';
import type { SocketLinks, Sockets } from './sockets.ts';

const EPIPE = 32;
const EPROTO = 71;
const ECONNRESET = 104;

export const KINDS = { stream: KIND.stream, seqpacket: KIND.packets, dgram: KIND.datagrams } as const;

/** Throws TaploomError if there can be no such socket. */
export function openSocketPort(
  port: number,
  name: string,
  config: SocketPortConfig,
  sockets: Sockets,
): Device {
  const connection = new SocketConnection(port, name, config, sockets);
  const close = () => connection.close();
  const way = openWay(`Cannot attach port ${name}`, config, sockets.watch, connection);
  connection.begin(way);
  return {
    spec: { kind: 'socket', port, socket: KINDS[socketType(config)], fault: config.fault },
    connection,
    setMtu() {},
    close,
    undo: close,
  };
}

export class SocketConnection implements Connection {
  reason: string | undefined;
  private readonly port: number;
  private readonly name: string;
  private readonly config: SocketPortConfig;
  private readonly links: SocketLinks;
  private readonly look: PeerLook;
  private way: Way | undefined;
  private fd = -1;
  private peer: GuestPeer | undefined;
  /** How many there have been. */
  private count = 0;
  private lastEnd: string | undefined;
  private isClosed = false;

  constructor(port: number, name: string, config: SocketPortConfig, { links }: Sockets) {
    this.port = port;
    this.name = name;
    this.config = config;
    this.links = links as SocketLinks;
    this.look = new PeerLook(config);
  }

  begin(way: Way): void {
    this.way = way;
    way.seek();
  }

  found(fd: number): void {
    void this.links.enqueue(() => this.take(fd)).catch(() => {}); // The data plane has died, and says so by itself.
  }

  waits(reason: string): void {
    this.reason = this.lastEnd === undefined ? reason : `${reason}; the last connection ${this.lastEnd}`;
  }

  lost(errno: number): void {
    const { count } = this;
    void this.links
      .enqueue(async () => {
        if (count === this.count) await this.drop(endText(errno));
      })
      .catch(() => {});
  }

  status(): SocketFacts {
    const { config, peer, count, lastEnd, fd } = this;
    return {
      place: placeOf(config),
      mode: config.mode,
      framing: config.framing,
      connected: fd >= 0,
      ...(peer !== undefined && { peer }),
      connections: count,
      ...(lastEnd !== undefined && { lastEnd }),
    };
  }

  /** When the data plane knows nothing of it any more. */
  close(): void {
    this.isClosed = true;
    this.look.end();
    this.way?.close();
    if (this.fd >= 0) closeSocket(this.fd);
    this.fd = -1;
  }

  private async take(fd: number): Promise<void> {
    if (this.isClosed) {
      closeSocket(fd);
      return;
    }
    try {
      await connectSocket(this.links, this.port, fd, socketType(this.config));
    } catch (error) {
      closeSocket(fd);
      this.lastEnd = `could not be taken in: ${(error as Error).message}`;
      this.way?.seek();
      return;
    }
    this.fd = fd;
    this.count++;
    this.peer = this.config.path === undefined || this.config.type === 'dgram' ? undefined : peerOf(fd);
    this.reason = undefined;
    this.links.changed(this.name);
    this.look.begin(fd, () => this.lost(EPIPE));
  }

  private async drop(end: string): Promise<void> {
    const { fd } = this;
    if (fd < 0 || this.isClosed) return;
    this.look.end();
    this.fd = -1;
    this.peer = undefined;
    this.lastEnd = end;
    await this.links.connect(this.port, -1);
    closeSocket(fd);
    this.way?.seek();
    this.links.changed(this.name, this.reason ?? end);
  }
}

/** Gives a connection to the data plane. Throws, and has taken it back, if that is not to be. */
export async function connectSocket(
  links: SocketLinks,
  port: number,
  fd: number,
  type: SocketType,
): Promise<void> {
  if (type !== 'seqpacket') openStream(fd);
  try {
    await links.connect(port, fd);
  } catch (error) {
    await links.connect(port, -1);
    throw error;
  }
}

export function endText(errno: number): string {
  if (errno === EPROTO)
    return 'was closed: it sent a length that no frame has, so it does not speak this framing';
  if (errno === EPIPE || errno === ECONNRESET) return 'was closed by the other end';
  return `ended with ${errnoName(errno)}`;
}
