// What a listener checks before a request reaches a route. Browsers send requests in the name of whatever site is open:
// to the web page's address, and to the control socket where somebody has made it reachable (`ssh -L 8080:SOCKET`).
//
//   Origin   tells the site whose script asks: only our own page may
//   Host     tells the name under which the browser found us. A site can have its own name resolve to 127.0.0.1 (DNS
//            rebinding), and is then its own Origin; it cannot have an address, or a name without a dot

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Http2Bindings, HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { TaploomError } from '../error.ts';
import { toProblem } from './problem.ts';

type Env = HttpBindings | Http2Bindings;
export type Fetch = (request: Request, env: Env) => Response | Promise<Response>;
export type Incoming = Pick<IncomingMessage, 'headers' | 'method' | 'url'>;

/** @param check throws `TaploomError` for what is not to be answered */
export function guarded(app: Hono, check: (request: Incoming) => void): Fetch {
  return (request, env) => {
    try {
      check(env.incoming);
    } catch (error) {
      const problem = toProblem(error);
      const headers = { 'content-type': 'application/problem+json' };
      return new Response(`${JSON.stringify(problem)}\n`, { status: problem.status, headers });
    }
    return app.fetch(request, env);
  };
}

/** @throws TaploomError `foreign_site`, `foreign_host` */
export function requireOwnSite({ headers }: Incoming, isOurs: (name: string) => boolean): void {
  const { host = '', origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new TaploomError('foreign_site', `Scripts of ${origin} may not ask taploomd`);
  }
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (!isOurs(name) && isIP(name.replace(/^\[(.*)\]$/, '$1')) === 0) {
    throw new TaploomError(
      'foreign_host',
      `taploomd is not called ${name}: use its address, also as the \`Host\` that a proxy passes`,
    );
  }
}

export function hasNoDot(name: string): boolean {
  return !name.includes('.');
}
