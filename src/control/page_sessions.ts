// A forwarding database may have a million rows, a table of groups 262,144; nobody gets them in one string. An answer is a page, and the rest
// waits here as a *session*: the switch's iterator and what is left of its last page.
//
// Sessions are bounded in number and time: a client that walks away costs nothing after 30 seconds. A cursor works
// once, because an iterator cannot go back; so a session in use is out of the cache, and two requests cannot share it.

import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TaploomError } from '../error.ts';

const MAX_SESSIONS = 64;
const SESSION_MS = 30_000;
const DEFAULT_LIMIT = 1000;

type Pages<Entry> = AsyncIterator<Entry[]> | Iterator<Entry[]>;

interface Session<Entry> {
  readonly pages: Pages<Entry>;
  page: Entry[];
  at: number;
}

export interface Page<Entry> {
  entries: Entry[];
  next?: string;
}

export class PageSessions<Filter, Entry> {
  private readonly list: (filter: Filter) => AsyncIterable<Entry[]> | Iterable<Entry[]>;
  private readonly sessions: LRUCache<string, Session<Entry>>;

  /** @param list what matches a filter, in pages of any size */
  constructor(
    list: (filter: Filter) => AsyncIterable<Entry[]> | Iterable<Entry[]>,
    { max = MAX_SESSIONS, ttl = SESSION_MS } = {},
  ) {
    this.list = list;
    this.sessions = new LRUCache({
      max,
      ttl,
      ttlAutopurge: true,
      dispose: (session, _cursor, reason) => {
        if (reason !== 'delete') void session.pages.return?.();
      },
    });
  }

  open(filter: Filter, limit = DEFAULT_LIMIT): Promise<Page<Entry>> {
    const list = this.list(filter);
    const pages = Symbol.asyncIterator in list ? list[Symbol.asyncIterator]() : list[Symbol.iterator]();
    return this.read({ pages, page: [], at: 0 }, limit);
  }

  resume(cursor: string, limit = DEFAULT_LIMIT): Promise<Page<Entry>> {
    const session = this.sessions.get(cursor);
    if (session === undefined) {
      throw new TaploomError(
        'cursor_expired',
        'This cursor was used or has expired; read from the beginning',
      );
    }
    this.sessions.delete(cursor);
    return this.read(session, limit);
  }

  close(): void {
    for (const session of this.sessions.values()) void session.pages.return?.();
    this.sessions.clear();
  }

  private async read(session: Session<Entry>, limit: number): Promise<Page<Entry>> {
    const entries: Entry[] = [];
    for (;;) {
      const end = Math.min(session.page.length, session.at + limit - entries.length);
      for (; session.at < end; session.at++) entries.push(session.page[session.at]);
      if (session.at < session.page.length) break;
      // one page ahead, so that the last answer is known to be the last
      const following = await session.pages.next();
      if (following.done) return { entries };
      session.page = following.value;
      session.at = 0;
    }
    const next = randomUUID();
    this.sessions.set(next, session);
    return { entries, next };
  }
}
