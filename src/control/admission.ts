// What clients may take of a listener, whatever they do: connections, requests under way, and answers that nobody reads.
//
//   connections   a share of the process's descriptors; beyond it the one that has been idle longest makes room, and if
//                 none is idle the new one is refused with a sentence
//   requests      one under way in each connection: who sends more before its answer came gets that answer, and the end
//   turns         one request is begun in each turn of the event loop: a change, or a new client's first, or of the client
//                 whose last answer is longest ago. So neither waits until all who read for ever have their answers
//   answers       who has not read on for `STALL_MS` is gone
//
// So the memory that clients can hold is a number of connections times one answer.

import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** For a reader to take a byte of what waits for it, ms. */
const STALL_MS = 10_000;
const LOOK_MS = 2500;
/** For a request's headers, and for all of it, ms. A local client sends 4 MiB in a hundredth of that. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** Of a process's descriptors, what one listener may take; the rest is for ports, files and the other listeners. */
const SHARE = 1 / 8;

export interface AdmissionOptions {
  /** Connections at a time, if the process has descriptors enough. */
  max: number;
  /** For the refused: `... to the control socket`. */
  name: string;
}

type Listener = (...args: unknown[]) => void;

/** Call it before `listen`, after all request listeners are there. */
export function limitClients(server: Server, { max, name }: AdmissionOptions): void {
  const limit = Math.max(8, Math.min(max, Math.floor(descriptorLimit() * SHARE)));
  const clients = new Map<Socket, Client>();
  const turns = new Turns();
  let answers = 0;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;

  const serve = take(server, 'connection');
  server.on('connection', (socket: Socket) => {
    if (clients.size >= limit && !evictIdle(clients)) {
      refuse(socket, `${limit} clients are connected to ${name} already: end one of them`);
      return;
    }
    const client: Client = { current: null, isLast: false, served: 0, written: 0, since: Date.now() };
    clients.set(socket, client);
    socket.once('close', () => clients.delete(socket));
    serve(socket);
    oneAtATime(socket, client);
  });

  const answer = take(server, 'request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const client = clients.get(socket);
    if (client === undefined) return;
    if (client.current !== null) {
      if (!client.isLast) endAfter(client.current, socket);
      client.isLast = true;
      return;
    }
    client.current = response;
    response.once('close', () => {
      client.current = null;
      client.served = ++answers;
      // The one idle for the shortest time is the last to be ended.
      if (clients.delete(socket) && !socket.destroyed) clients.set(socket, client);
    });
    turns.take(request.method === 'GET' ? client.served : 0, () => {
      if (!socket.destroyed) answer(request, response);
    });
  });

  // Only while there is somebody to look at: an idle switch wakes for nothing.
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    endStalled(clients);
    if (clients.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  server.on('connection', () => {
    timer ??= setInterval(look, LOOK_MS).unref();
  });
  server.once('close', () => clearInterval(timer));
}

interface Client {
  /** The answer under way. */
  current: ServerResponse | null;
  /** Whether the connection ends with it. */
  isLast: boolean;
  /** Number of its last answer among those to all clients; 0 = it had none. */
  served: number;
  /** Bytes that the kernel had taken when it was last looked, and since when it was no more, ms. */
  written: number;
  since: number;
}

class Turns {
  private isForNewest = false;
  private readonly waiting: { rank: number; begin: () => void }[] = [];

  take(rank: number, begin: () => void): void {
    if (this.waiting.push({ rank, begin }) === 1) setImmediate(this.next);
  }

  private readonly next = () => {
    this.isForNewest = !this.isForNewest;
    let first = 0;
    for (const [i, { rank }] of this.waiting.entries()) {
      const ahead = this.waiting[first].rank - rank;
      // Equal are changes and new clients. The oldest alone would make each wait for all who connect anew to ask again.
      if (ahead > 0 || (ahead === 0 && this.isForNewest)) first = i;
    }
    const [{ begin }] = this.waiting.splice(first, 1);
    if (this.waiting.length > 0) setImmediate(this.next);
    begin();
  };
}

/** The listeners that were there, as one. */
function take(server: Server, event: 'connection' | 'request'): Listener {
  const listeners = server.listeners(event) as Listener[];
  server.removeAllListeners(event);
  return (...args) => {
    for (const listener of listeners) listener.apply(server, args);
  };
}

/**
 * Keeps Node from making two objects for each request of a chunk, a thousand in 64 KiB: its parser is told that the
 * connection is no longer HTTP (2, as for an upgrade). Where Node has no such hook the listener of 'request' is enough.
 */
function oneAtATime(socket: Socket, client: Client): void {
  const { parser } = socket as { parser?: { onIncoming?: (...args: unknown[]) => number } | null };
  const incoming = parser?.onIncoming;
  if (!parser || typeof incoming !== 'function') return;
  parser.onIncoming = (...args) => {
    if (client.current === null) return incoming(...args);
    if (!client.isLast) endAfter(client.current, socket);
    client.isLast = true;
    return 2;
  };
}

function evictIdle(clients: Map<Socket, Client>): boolean {
  for (const [socket, { current }] of clients) {
    if (current !== null) continue;
    clients.delete(socket);
    socket.destroy();
    return true;
  }
  return false;
}

function refuse(socket: Socket, detail: string): void {
  const body = `${JSON.stringify({ type: 'about:blank', title: 'Service Unavailable', status: 503, code: 'too_many_clients', detail })}\n`;
  const head = [
    'HTTP/1.1 503 Service Unavailable',
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.on('error', () => {});
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** RFC 9112, 9.3.2: a client that pipelines asks again for what was not answered when the connection closed. */
function endAfter(response: ServerResponse, socket: Socket): void {
  socket.pause();
  response.shouldKeepAlive = false;
  response.once('finish', () => socket.destroySoon());
}

function endStalled(clients: Map<Socket, Client>): void {
  const now = Date.now();
  for (const [socket, client] of clients) {
    const taken = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength === 0 || taken !== client.written) {
      client.written = taken;
      client.since = now;
    } else if (now - client.since >= STALL_MS) socket.destroy();
  }
}

/** RLIMIT_NOFILE of this process; Node has raised it as far as it may. */
function descriptorLimit(): number {
  const match = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return match === null ? Number.POSITIVE_INFINITY : Number(match[1]);
}
