// Where guests ask: port 53 of the gateway's address, by UDP and TCP. Opened together, or not at all.

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIP, type Server, type Socket } from 'node:net';
import { DnsStream, framed } from '../protocol/dns/framing.ts';

/** No question is longer, and a connection keeps as much of one. */
const MAX_QUESTION = 4096;
const MAX_CONNECTIONS = 64;
const MAX_CONNECTIONS_OF_ONE = 8;
/** ms, RFC 7766 section 6.2.3; and no connection lasts longer than the second, however its client dawdles. */
const IDLE = 10_000;
const LONGEST = 60_000;
/** Bytes of answers that a client leaves lying. */
const MAX_UNREAD = 256 * 1024;

export interface Asked {
  readonly bytes: Buffer;
  /** In text. */
  readonly address: string;
  readonly isUdp: boolean;
  reply(answer: Buffer): void;
}

export interface ListenerFacts {
  readonly address: string;
  readonly port: number;
  /** Of which client a connection is; undefined: of nobody who may have one. */
  clientOf(address: string): string | undefined;
  hear(asked: Asked): void;
  /** It listens. */
  opened(): void;
  /** It does not listen any longer. */
  failed(error: NodeJS.ErrnoException): void;
}

export class DnsListener {
  private readonly facts: ListenerFacts;
  private readonly udp: UdpSocket;
  private readonly tcp: Server;
  private readonly connections = new Map<Socket, string>();
  private isOpen = true;

  constructor(facts: ListenerFacts) {
    this.facts = facts;
    const { address, port } = facts;
    const fail = (error: Error) => this.fail(error);
    const isOfIpv6 = isIP(address) === 6;
    this.udp = createSocket({ type: isOfIpv6 ? 'udp6' : 'udp4', ipv6Only: isOfIpv6 });
    this.udp.on('error', fail);
    this.udp.on('message', (bytes, { address, port }) => {
      const reply = (answer: Buffer) => {
        if (this.isOpen) this.udp.send(answer, port, address, ignoreError);
      };
      facts.hear({ bytes, address, isUdp: true, reply });
    });
    this.tcp = createServer((socket) => this.accept(socket));
    this.tcp.maxConnections = MAX_CONNECTIONS;
    this.tcp.on('error', fail);
    this.udp.bind({ address, port, exclusive: true }, () => {
      if (!this.isOpen) return;
      this.tcp.listen({ host: address, port, exclusive: true }, () => facts.opened()).unref();
    });
    this.udp.unref();
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.udp.close();
    this.tcp.close();
    for (const socket of this.connections.keys()) socket.destroy();
  }

  private fail(error: NodeJS.ErrnoException): void {
    if (!this.isOpen) return;
    this.close();
    this.facts.failed(error);
  }

  private accept(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const client = this.facts.clientOf(address);
    const others = [...this.connections.values()].filter((one) => one === client).length;
    socket.on('error', () => socket.destroy());
    if (client === undefined || others >= MAX_CONNECTIONS_OF_ONE) {
      socket.destroy();
      return;
    }
    this.connections.set(socket, client);
    const end = setTimeout(() => socket.destroy(), LONGEST);
    end.unref();
    socket.unref();
    socket.setTimeout(IDLE, () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(end);
      this.connections.delete(socket);
    });
    const reply = (answer: Buffer) => {
      if (socket.writableLength > MAX_UNREAD) socket.destroy();
      else if (socket.writable) socket.write(framed(answer));
    };
    const stream = new DnsStream(MAX_QUESTION);
    socket.on('data', (chunk) => {
      const messages = stream.push(chunk);
      if (messages === undefined) socket.destroy();
      else for (const bytes of messages) this.facts.hear({ bytes, address, isUdp: false, reply });
    });
  }
}

/** Of an answer that could not leave: its client asks again. */
function ignoreError(): void {}
