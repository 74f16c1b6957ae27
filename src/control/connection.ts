// A connection to the control socket: JSON over node:http, which loads in a few milliseconds. Errors say what is wrong, where,
// and what to do.

import { Agent, type IncomingMessage, request } from 'node:http';
import type { ActionResult } from '../config/action.ts';
import { TaploomError } from '../error.ts';
import { clientSocket } from './socket_path.ts';

/** The daemon closes a connection that says nothing for 5 s (Node's default). Who asks just then would get no answer. */
export const IDLE_MS = 4000;

/** The daemon's answer to a request that failed, or the reason why there is no answer. */
export class ControlError extends TaploomError {
  /** HTTP status; 0 = no answer. */
  readonly status: number;
  readonly problems: { path: string; message: string }[];
  readonly results: ActionResult[];

  constructor(
    code: string,
    message: string,
    {
      status = 0,
      problems = [],
      results = [],
    }: Partial<Pick<ControlError, 'status' | 'problems' | 'results'>> = {},
  ) {
    super(code, message);
    this.name = 'ControlError';
    this.status = status;
    this.problems = problems;
    this.results = results;
  }
}

export type Query = Record<string, string | number | boolean | undefined>;

export class ControlConnection {
  readonly socket: string;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1, timeout: IDLE_MS });

  constructor(socket = clientSocket()) {
    this.socket = socket;
  }

  close(): void {
    this.agent.destroy();
  }

  protected async call<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    const { status, text } = await this.send(
      method,
      withQuery(path, query),
      body === undefined ? undefined : JSON.stringify(body),
    );
    return this.decode(status, text) as T;
  }

  protected async *pages<Entry>(path: string, query: Query): AsyncGenerator<Entry[]> {
    let cursor: string | undefined;
    do {
      const page: { entries: Entry[]; next?: string } = await this.call('GET', path, { ...query, cursor });
      yield page.entries;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** A connection of its own: a GET, or with a body a POST. */
  protected open(path: string, body?: string): Promise<IncomingMessage> {
    return new Promise((done, fail) => {
      const what = body === undefined ? {} : { method: 'POST', headers: jsonHeaders(body) };
      const call = request({ socketPath: this.socket, agent: false, path, ...what });
      call.on('response', done);
      call.on('error', (error: NodeJS.ErrnoException) => fail(this.explain(error)));
      call.end(body);
    });
  }

  protected async *chunksOf(response: IncomingMessage): AsyncGenerator<Uint8Array> {
    try {
      yield* response;
    } catch (error) {
      throw this.explain(error as NodeJS.ErrnoException);
    }
  }

  /** @throws ControlError if it is one */
  protected decode(status: number, text: string): unknown {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new ControlError(
        'bad_answer',
        `${this.socket} did not answer with JSON: is it taploomd's socket?`,
        {
          status,
        },
      );
    }
    if (status < 400) return value;
    const { code, detail, problems, results } = value as ControlError & { detail?: string };
    throw new ControlError(code ?? 'unknown', detail ?? `HTTP status ${status}`, {
      status,
      problems,
      results,
    });
  }

  private send(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    return new Promise((done, fail) => {
      const headers = body === undefined ? {} : jsonHeaders(body);
      const call = request({ socketPath: this.socket, agent: this.agent, method, path, headers });
      call.on('response', (response: IncomingMessage) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => done({ status: response.statusCode ?? 0, text }));
        response.on('error', (error: NodeJS.ErrnoException) => fail(this.explain(error)));
      });
      call.on('error', (error: NodeJS.ErrnoException) => fail(this.explain(error)));
      call.end(body);
    });
  }

  protected explain(error: NodeJS.ErrnoException): ControlError {
    const { socket } = this;
    switch (error.code) {
      case 'ENOENT':
        return new ControlError(
          'not_running',
          `taploomd is not running: no socket at ${socket}. Start it, or name its socket with --socket or $TAPLOOM_SOCKET`,
        );
      case 'ECONNREFUSED':
        return new ControlError(
          'not_running',
          `taploomd is not running: nobody listens at ${socket}. Start it again`,
        );
      case 'EACCES':
      case 'EPERM':
        return new ControlError(
          'permission_denied',
          `No permission to use ${socket}: run as root, or join the group that taploomd gives its socket (--socket-group)`,
        );
      case 'ECONNRESET':
      case 'EPIPE':
        return new ControlError(
          'connection_lost',
          `taploomd closed the connection at ${socket} before it answered`,
        );
      default:
        return new ControlError('connection_failed', `Cannot reach taploomd at ${socket}: ${error.message}`);
    }
  }
}

export function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) search.set(key, String(value));
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

function jsonHeaders(body: string): Record<string, string | number> {
  return { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
}
