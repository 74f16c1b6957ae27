// The control server: HTTP/JSON over a Unix socket, so that `curl --unix-socket` works and the file's mode decides who
// may. Everything that a client can do is a row in routes.ts; here are parsing, errors and the socket.

import type { IncomingMessage, Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { FdbFilter, MdbFilter, NatFilter, PolicyFilter, SwitchApi } from '../api.ts';
import { ONCE } from '../config/leaves.ts';
import { TaploomError } from '../error.ts';
import type { Author } from '../event.ts';
import { limitClients } from './admission.ts';
import { authorOf, type Credentials, peerAt } from './author.ts';
import { CaptureSessions } from './capture_sessions.ts';
import type { Changes } from './changes.ts';
import { EventStream, EventStreams } from './event_stream.ts';
import { guarded, hasNoDot, requireOwnSite } from './guard.ts';
import { openApi } from './openapi.ts';
import { PageSessions } from './page_sessions.ts';
import { RequestError, toProblem } from './problem.ts';
import { type ControlContext, parameters, type Route, Streamed } from './route.ts';
import { ROUTES } from './routes.ts';
import { listenUnix } from './unix_socket.ts';
import { PAGE_PATHS, pageFile } from './web_page.ts';

/** Enough for a configuration of 4,095 ports; parsing it keeps the main thread busy for less than 50 ms. */
const MAX_BODY = 4 << 20;

/** Connections: more than people and scripts open, fewer than would take the descriptors of many ports. */
const MAX_CLIENTS = 512;
/** Levels of lists and mappings in a body. A configuration has 7. */
const MAX_LEVELS = 64;
const [QUOTE, BACKSLASH, BRACKET, BRACE] = [...'"\\[{'].map((char) => char.charCodeAt(0));
/** For captures to end when the server closes, ms. */
const CLOSE_MS = 1000;

export interface ControlServerOptions {
  api: SwitchApi;
  /** Shared with whoever else changes the configuration, such as a reload. */
  changes: Changes;
  version: string;
  /** Path of the Unix socket. Its directory is created if it is missing. */
  socket: string;
  /** Group, by name or number, whose members may use the socket: mode 0660 in place of 0600. */
  socketGroup?: string;
  /** Who is at the other end of a connection; without it nobody knows who makes changes. */
  credentials?: Credentials;
  /** Told of errors that are our fault: they are answered with status 500. */
  onError?: (error: unknown) => void;
}

export interface ControlServer {
  readonly socket: string;
  /** What is served, for other listeners. */
  readonly app: Hono;
  close(): Promise<void>;
}

/** Throws `TaploomError` `already_running` if somebody answers on the socket. */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { api, version, socket, socketGroup, onError } = options;
  const sessions = new PageSessions((filter: FdbFilter) => api.fdb(filter));
  const groups = new PageSessions((filter: MdbFilter) => api.mdb(filter));
  const connections = new PageSessions((filter: NatFilter) => api.routing.connections(filter));
  const tracked = new PageSessions((filter: PolicyFilter) => api.policy.connections(filter));
  const streams = new EventStreams(api.events);
  const captures = new CaptureSessions(api, `taploom ${version}`);
  const app = controlApp(
    { ...options, version, sessions, groups, connections, tracked, streams, captures },
    onError,
  );
  // replaces the global Request and Response of this process by lighter ones: 0.23 ms a request instead of 0.32
  // (Node 20, median), of the 1 ms that a command may take
  const fetch = guarded(app, (request) => requireOwnSite(request, hasNoDot));
  const server = createAdaptorServer({ fetch }) as Server;
  // A Unix socket has no host: clients send an empty one, its path, or with HTTP/1.0 none. RFC 9112 section 3.2.
  server.prependListener('request', ({ headers }) => {
    if (!headers.host || headers.host.startsWith('/')) headers.host = 'taploom';
  });
  const { credentials } = options;
  limitClients(server, {
    max: MAX_CLIENTS,
    name: 'the control socket',
    processOf: (client) => credentials && peerAt(client, credentials)?.pid,
  });
  await listenUnix(server, socket, { group: socketGroup });
  return {
    socket,
    app,
    close: async () => {
      sessions.close();
      groups.close();
      connections.close();
      tracked.close();
      streams.close();
      const closed = new Promise<void>((done) => server.close(() => done()));
      await within(captures.close(), CLOSE_MS);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What the routes work with, less what is of one request. */
interface AppContext extends Omit<ControlContext, 'changes'> {
  readonly changes: Changes;
  readonly credentials?: Credentials;
}

export function controlApp(context: AppContext, onError?: (error: unknown) => void): Hono {
  const app = new Hono();
  for (const route of ROUTES) {
    const names = parameters(route.path);
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    app.on(route.method.toUpperCase(), path, async (c) => {
      const value = await answer(c, route, names, context);
      if (value instanceof Streamed) return c.body(value.stream, 200, value.headers);
      return value instanceof EventStream ? stream(c, value) : json(c, value);
    });
  }
  // As text: to make it takes some ms, and nobody should wait while 64 clients get one each.
  let document: Buffer<ArrayBuffer> | undefined;
  app.get('/openapi.json', (c) => {
    document ??= Buffer.from(`${JSON.stringify(openApi(ROUTES, context.version))}\n`);
    return c.body(document, 200, { 'content-type': 'application/json' });
  });
  for (const path of PAGE_PATHS) {
    app.get(path, (c) => {
      const { text, headers } = pageFile(path);
      return c.body(text, 200, headers);
    });
  }

  app.notFound((c) => {
    const allowed = allowedMethods(c.req.path);
    if (allowed.length === 0) {
      return respond(c, new TaploomError('not_found', `No such resource: ${c.req.path}; see /openapi.json`));
    }
    c.header('Allow', allowed.join(', '));
    return respond(
      c,
      new TaploomError(
        'method_not_allowed',
        `${c.req.path} takes ${allowed.join(', ')}, not ${c.req.method}`,
      ),
    );
  });
  app.onError((error, c) => {
    if (!(error instanceof TaploomError) && !isGone(c)) onError?.(error);
    return respond(c, error);
  });
  return app;
}

async function answer(c: Context, route: Route, names: string[], app: AppContext): Promise<unknown> {
  const params = Object.fromEntries(names.map((name) => [name, c.req.param(name) ?? '']));
  const query = route.query?.safeParse(c.req.query(), ONCE);
  if (query?.success === false) throw new RequestError('query', query.error);
  const body = route.body || route.document ? await readBody(c, route) : undefined;
  const changes = app.changes.of(() => author(c, app.credentials));
  const lastEventId = c.req.header('last-event-id');
  return route.handle({ ...app, changes }, { params, query: query?.data ?? {}, body, lastEventId });
}

const authors = new WeakMap<object, Author>();

/** Asked for the first change of a connection: it takes some 0.2 ms, and the kernel keeps to what it said then. */
function author(c: Context, credentials: Credentials | undefined): Author {
  const { incoming } = (c.env ?? {}) as { incoming?: IncomingMessage };
  const socket = incoming?.socket;
  if (credentials === undefined || socket === undefined) return { kind: 'unknown' };
  const known = authors.get(socket) ?? authorOf(socket, credentials) ?? { kind: 'unknown' };
  authors.set(socket, known);
  return known;
}

async function readBody(c: Context, route: Route): Promise<unknown> {
  const text = await readText(c);
  requireShallow(text);
  if (text === '' && route.bodyOptional) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TaploomError('invalid_json', `The body is not JSON: ${(error as Error).message}`);
  }
  if (route.body === undefined) return value;
  const parsed = route.body.safeParse(value, ONCE);
  if (!parsed.success) throw new RequestError('body', parsed.error);
  return parsed.data;
}

/** In place of Hono's own limit, which copies chunked bodies twice and depends on which classes are global. */
async function readText(c: Context): Promise<string> {
  const announced = c.req.header('content-length');
  if (announced !== undefined) {
    if (Number(announced) > MAX_BODY) throw tooLarge();
    return c.req.text();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function respond(c: Context, error: unknown): Response {
  const problem = toProblem(error);
  return json(c, problem, problem.status, 'application/problem+json');
}

/** With a line end, for those who look at it with curl. */
function json(c: Context, value: unknown, status = 200, type = 'application/json'): Response {
  return c.body(`${JSON.stringify(value)}\n`, status as 200, { 'content-type': type });
}

function stream(c: Context, { body }: EventStream): Response {
  return c.body(body, 200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
}

function tooLarge(): TaploomError {
  return new TaploomError('body_too_large', `The body is larger than ${MAX_BODY >> 20} MiB`);
}

function allowedMethods(path: string): string[] {
  const matching = ROUTES.filter((route) => {
    const pattern = route.path.split('/').map((part) => (part.startsWith('{') ? '[^/]+' : part));
    return new RegExp(`^${pattern.join('/')}$`).test(path);
  });
  const methods = matching.map((route) => route.method.toUpperCase());
  return path === '/openapi.json' || PAGE_PATHS.includes(path) ? ['GET'] : methods;
}

/** What walks through a value calls itself for each level, and a stack is finite. */
function requireShallow(text: string): void {
  let levels = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (isText && char === BACKSLASH) at++;
    else if (char === QUOTE) isText = !isText;
    else if (!isText && (char === BRACKET || char === BRACE)) levels++;
    // 2 behind the opening ones in ASCII
    else if (!isText && (char === BRACKET + 2 || char === BRACE + 2)) levels--;
    if (levels > MAX_LEVELS) {
      throw new TaploomError('invalid_json', `The body is nested more than ${MAX_LEVELS} levels deep`);
    }
  }
}

/** The client went away before it was answered: nobody's error. */
function isGone(c: Context): boolean {
  const { incoming } = (c.env ?? {}) as { incoming?: IncomingMessage };
  return incoming?.socket?.destroyed === true;
}

async function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((done) => {
    timer = setTimeout(done, ms);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
