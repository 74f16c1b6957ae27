// The web page over TCP: what the control socket answers to GET, for whoever has the token. The page itself is no
// secret; it has the token from its own URL, behind the `#`, which browsers send to nobody, and puts it into a header.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { TaploomError } from '../error.ts';
import { limitClients } from './admission.ts';
import { guarded, type Incoming, requireOwnSite } from './guard.ts';
import { readRegularFile } from './regular_file.ts';
import { closeNow, listenTcp, type TcpAddress } from './tcp_listener.ts';
import { PAGE_PATHS } from './web_page.ts';

export interface WebOptions extends TcpAddress {
  /** Holds the token; without it one is made up. */
  tokenFile?: string;
}

export interface WebServer {
  /** `http://127.0.0.1:9478/#TOKEN`; without the token if it came from a file, whose reader need not be the log's. */
  readonly url: string;
  close(): Promise<void>;
}

/** Browsers take six connections each, and keep them. */
const MAX_CLIENTS = 64;
/** What a URL can hold as it is; 22 such characters are 128 bits. */
const TOKEN = /^[\w.~-]{22,256}$/;

/** @throws TaploomError `web_token`, `web_address` */
export async function webServer({ tokenFile, ...at }: WebOptions, app: Hono): Promise<WebServer> {
  const token = tokenFile === undefined ? randomBytes(16).toString('base64url') : readToken(tokenFile);
  const isToken = comparison(`Bearer ${token}`);
  const names = ['localhost', at.address.toLowerCase()];
  const fetch = guarded(app, (request) => {
    requireOwnSite(request, (name) => names.includes(name));
    requireReading(request);
    const [path] = (request.url ?? '').split('?');
    if (!PAGE_PATHS.includes(path) && !isToken(request.headers.authorization ?? '')) {
      throw new TaploomError(
        'wrong_token',
        'This needs `Authorization: Bearer TOKEN`; see the log of taploomd',
      );
    }
  });
  const server = createAdaptorServer({ fetch }) as Server;
  limitClients(server, { max: MAX_CLIENTS, name: 'the web address' });
  const url = `http://${await listenTcp(server, at, 'web')}/`;
  return { url: tokenFile === undefined ? `${url}#${token}` : url, close: () => closeNow(server) };
}

/** Reading only: whoever wants to change something comes to the control socket. */
function requireReading({ method }: Incoming): void {
  if (method !== 'GET') throw new TaploomError('method_not_allowed', `Only GET here, not ${method}`);
}

function readToken(file: string): string {
  let token: string;
  try {
    token = readRegularFile(file, true).trim();
    if ((statSync(file).mode & 0o004) !== 0) throw new Error('everybody may read it: chmod o-r');
  } catch (error) {
    const { message } = error as Error;
    throw new TaploomError('web_token', `Cannot take the token from ${file}: ${message}`, { cause: error });
  }
  if (!TOKEN.test(token)) {
    const wanted = 'a token has 22 to 256 letters, digits and any of . _ ~ -';
    throw new TaploomError('web_token', `Cannot take the token from ${file}: ${wanted}`);
  }
  return token;
}

/** Takes the same time however much of a text is right: digests have one length, and nobody can choose their bytes. */
function comparison(secret: string): (text: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(secret);
  return (text) => timingSafeEqual(digest(text), wanted);
}
