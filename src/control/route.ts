// One route of the control API, declared once: the server serves it and the OpenAPI document describes it from the
// same value, so the two cannot drift. `handle` is type-checked against the schemas it is declared with.

import type { z } from 'zod';
import type {
  FdbEntry,
  FdbFilter,
  MdbEntry,
  MdbFilter,
  NatConnection,
  NatFilter,
  PolicyConnection,
  PolicyFilter,
  SwitchApi,
} from '../api.ts';
import type { CaptureSessions } from './capture_sessions.ts';
import type { OwnChanges } from './changes.ts';
import type { EventStream, EventStreams } from './event_stream.ts';
import type { PageSessions } from './page_sessions.ts';

/** What handlers work with. */
export interface ControlContext {
  readonly api: SwitchApi;
  readonly changes: OwnChanges;
  readonly sessions: PageSessions<FdbFilter, FdbEntry>;
  readonly groups: PageSessions<MdbFilter, MdbEntry>;
  readonly connections: PageSessions<NatFilter, NatConnection>;
  readonly tracked: PageSessions<PolicyFilter, PolicyConnection>;
  readonly captures: CaptureSessions;
  readonly streams: EventStreams;
  readonly version: string;
}

/** An answer that is not JSON, and comes as it is made. */
export class Streamed {
  readonly stream: ReadableStream<Uint8Array>;
  readonly headers: Record<string, string>;

  constructor(stream: ReadableStream<Uint8Array>, headers: Record<string, string>) {
    this.stream = stream;
    this.headers = headers;
  }
}

/** Statuses of what may be refused for what is there. */
export const CHANGE = [404, 409] as const;

export type Method = 'get' | 'put' | 'patch' | 'post' | 'delete';

export interface Route {
  readonly method: Method;
  /** OpenAPI's notation: `/v1/bridges/{bridge}`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  /** The body, if the route checks it. */
  readonly body?: z.ZodType;
  /** The body, if it becomes part of the configuration: the switch checks it, with the configuration's paths. */
  readonly document?: z.ZodType;
  readonly bodyOptional?: boolean;
  readonly answer: z.ZodType;
  /** Media type of the answer, if it is `Streamed`. */
  readonly media?: string;
  /** It may also answer with server-sent events; `answer` is then for the rest. */
  readonly streams?: boolean;
  /** Problem statuses beside 400 and 500, which any route may give. */
  readonly problems: readonly number[];
  handle(
    context: ControlContext,
    input: { params: Record<string, string>; query: unknown; body: unknown; lastEventId?: string },
  ): unknown;
}

/** `{bridge}` in a path makes `params.bridge`. */
type Params<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Record<Name, string> & Params<Rest>
  : Record<never, string>;

interface Declared<Path extends string, Q extends z.ZodObject, B extends z.ZodType, A extends z.ZodType> {
  summary: string;
  description?: string;
  query?: Q;
  body?: B;
  document?: z.ZodType;
  bodyOptional?: boolean;
  answer: A;
  media?: string;
  streams?: boolean;
  problems?: readonly number[];
  handle(
    context: ControlContext,
    input: { params: Params<Path>; query: z.output<Q>; body: z.output<B>; lastEventId?: string },
  ): z.input<A> | EventStream | Promise<z.input<A> | Streamed>;
}

export function route<
  Path extends string,
  A extends z.ZodType,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
>(method: Method, path: Path, declared: Declared<Path, Q, B, A>): Route {
  // the server parses query and body with these same schemas before it calls `handle`
  return { problems: [], ...declared, method, path } as Route;
}

/** Names of the path's parameters, in order. */
export function parameters(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
}
