// A forwarding database may have a million rows; nobody gets them in one string. An answer is a page, and the rest
// waits here as a *session*: the switch's iterator and what is left of its last page.
//
// Sessions are bounded in number and time: a client that walks away costs nothing after 30 seconds. A cursor works
// once, because an iterator cannot go back; so a session in use is out of the cache, and two requests cannot share it.

import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { FdbEntry, FdbFilter, SwitchApi } from '../api.ts';
import { TaploomError } from '../error.ts';

const MAX_SESSIONS = 64;
const SESSION_MS = 30_000;
const DEFAULT_LIMIT = 1000;

interface Session {
  readonly pages: AsyncIterator<FdbEntry[]>;
  page: FdbEntry[];
  at: number;
}

export class FdbSessions {
  private readonly api: SwitchApi;
  private readonly sessions: LRUCache<string, Session>;

  constructor(api: SwitchApi, { max = MAX_SESSIONS, ttl = SESSION_MS } = {}) {
    this.api = api;
    this.sessions = new LRUCache({
      max,
      ttl,
      ttlAutopurge: true,
      dispose: (session, _cursor, reason) => {
        if (reason !== 'delete') void session.pages.return?.();
      },
    });
  }

  open(filter: FdbFilter, limit = DEFAULT_LIMIT): Promise<{ entries: FdbEntry[]; next?: string }> {
    return this.read({ pages: this.api.fdb(filter)[Symbol.asyncIterator](), page: [], at: 0 }, limit);
  }

  resume(cursor: string, limit = DEFAULT_LIMIT): Promise<{ entries: FdbEntry[]; next?: string }> {
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

  private async read(session: Session, limit: number): Promise<{ entries: FdbEntry[]; next?: string }> {
    const entries: FdbEntry[] = [];
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
