// What clients may take of a listener, whatever they do: connections, requests under way, and answers that nobody reads.
//
//   connections   a share of the process's descriptors; beyond it the one that has been idle longest makes room, or else
//                 one that waits of the program with the most. If there is none, the new one is refused with a sentence
//   requests      one under way in each connection: who sends more before its answer came gets that answer, and the end
//   turns         one request is begun in each turn of the event loop: a change, or else the program's whose last answer is
//                 longest ago, and of its connections the same. So nobody waits until all who read for ever are answered
//   answers       who has not read on for `STALL_MS` is gone
//
// So the memory that clients can hold is a number of connections times one answer.

import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { LRUCache } from 'lru-cache';

/** For a reader to take a byte of what waits for it, ms. */
const STALL_MS = 10_000;
const LOOK_MS = 2500;
/** For a request's headers, and for all of it, ms. A local client sends 4 MiB in a hundredth of that. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** Connections that are accepted before the next request begins. */
const ACCEPT_TURNS = 32;
/** Whose turns are remembered; who has connections now is among them. */
const PROGRAMS = 1024;
/** Of a process's descriptors, what one listener may take; the rest is for ports, files and the other listeners. */
const SHARE = 1 / 8;

export interface AdmissionOptions {
  /** Connections at a time, if the process has descriptors enough. */
  max: number;
  /** For the refused: `... to the control socket`. */
  name: string;
  /** The number of the process at the other end, if the listener can tell: connections of one share its turns. */
  processOf?: (socket: Socket) => number | undefined;
}

type Listener = (...args: unknown[]) => void;

/** Call it before `listen`, after all request listeners are there. */
export function limitClients(server: Server, { max, name, processOf }: AdmissionOptions): void {
  const limit = Math.max(8, Math.min(max, Math.floor(descriptorLimit() * SHARE)));
  const clients = new Map<Socket, Client>();
  const programs = new LRUCache<number, Program>({ max: PROGRAMS });
  const programOf = (socket: Socket): Program => {
    // A command that is alone has nobody to take turns with.
    const pid = (clients.size > 0 && processOf?.(socket)) || 0;
    const program = programs.get(pid) ?? { served: 0, clients: 0 };
    programs.set(pid, program);
    return program;
  };
  const turns = new Turns();
  let answers = 0;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;

  const serve = take(server, 'connection');
  server.on('connection', (socket: Socket) => {
    const program = programOf(socket);
    const refusal = `${limit} clients are connected to ${name} already: end one of them`;
    if (clients.size >= limit && !evictIdle(clients) && !evictWaiting(clients, program, refusal)) {
      refuse(socket, refusal);
      return;
    }
    const client: Client = {
      program,
      current: null,
      isWaiting: false,
      isLast: false,
      served: 0,
      written: 0,
      since: Date.now(),
    };
    clients.set(socket, client);
    turns.accepted();
    program.clients++;
    socket.once('close', () => {
      clients.delete(socket);
      program.clients--;
    });
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
      client.served = client.program.served = ++answers;
      // The one idle for the shortest time is the last to be ended.
      if (clients.delete(socket) && !socket.destroyed) clients.set(socket, client);
    });
    client.isWaiting = true;
    turns.take(request.method === 'GET' ? client : null, () => {
      if (socket.destroyed || !client.isWaiting) return;
      client.isWaiting = false;
      answer(request, response);
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

/** What one process has of a listener. */
interface Program {
  /** Number of its last answer among those to all; 0 = it had none. */
  served: number;
  /** Its connections. */
  clients: number;
}

interface Client {
  readonly program: Program;
  /** The answer under way. */
  current: ServerResponse | null;
  /** Whether that has not begun. */
  isWaiting: boolean;
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
  private isAccepting = false;
  private delays = 0;
  private readonly waiting: { client: Client | null; begin: () => void }[] = [];

  /** @param client null: it goes ahead of all */
  take(client: Client | null, begin: () => void): void {
    if (this.waiting.push({ client, begin }) === 1) setImmediate(this.next);
  }

  /** Node accepts one connection in each turn of the event loop: those that wait for that have asked, too. */
  accepted(): void {
    this.isAccepting = true;
  }

  private readonly next = () => {
    if (this.isAccepting && ++this.delays < ACCEPT_TURNS) {
      this.isAccepting = false;
      setImmediate(this.next);
      return;
    }
    this.delays = 0;
    this.isForNewest = !this.isForNewest;
    let first = 0;
    for (const [i, { client }] of this.waiting.entries()) {
      const ahead = compareServed(this.waiting[first].client, client);
      // Equal are changes and new clients. The oldest alone would make each wait for all who connect anew to ask again.
      if (ahead > 0 || (ahead === 0 && this.isForNewest)) first = i;
    }
    const [{ begin }] = this.waiting.splice(first, 1);
    if (this.waiting.length > 0) setImmediate(this.next);
    begin();
  };
}

function compareServed(a: Client | null, b: Client | null): number {
  const [programA, programB] = [a?.program.served ?? 0, b?.program.served ?? 0];
  return programA - programB || (a?.served ?? 0) - (b?.served ?? 0);
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

/** Of the program with the most connections the one that began to wait last, if `program` has fewer. */
function evictWaiting(clients: Map<Socket, Client>, program: Program, why: string): boolean {
  let fullest = program;
  for (const { program: other } of clients.values()) if (other.clients > fullest.clients + 1) fullest = other;
  if (fullest === program) return false;
  const last = [...clients].findLast(([, client]) => client.program === fullest && client.isWaiting);
  if (last === undefined) return false;
  const [socket, client] = last;
  client.isWaiting = false;
  clients.delete(socket);
  refuse(socket, why);
  return true;
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
