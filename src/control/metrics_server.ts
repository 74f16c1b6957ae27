// The HTTP server of /metrics. A port of its own, because Prometheus comes over the network, and the control socket
// does not.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { RegistryContentType } from 'prom-client';
import { limitClients } from './admission.ts';
import { acceptsGzip, formatFor } from './metrics_format.ts';
import { closeNow, listenTcp, type TcpAddress } from './tcp_listener.ts';

/** What is served; `Metrics` is one. */
export interface Exposition {
  text(type: RegistryContentType): Promise<string>;
}

export interface MetricsServer {
  /** Of the metrics: `http://127.0.0.1:9477/metrics`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Prometheus servers that scrape it, and some more. */
const MAX_CLIENTS = 64;
/** Age of a text that is still answered with, ms: a scrape of 512 ports takes 20 ms of the main thread. */
const SHARED_MS = 100;

const LANDING = `<!doctype html>
<html lang="en"><head><title>Taploom</title></head>
<body><h1>Taploom</h1><p><a href="/metrics">Metrics</a></p></body></html>
`;

/** Rejects with a `TaploomError` if the address cannot be had. Port 0 takes a free one. */
export async function metricsServer(address: TcpAddress, exposition: Exposition): Promise<MetricsServer> {
  const read = sharedTexts(exposition);
  const server = createServer((request, response) => void answer(request, response, read));
  server.setTimeout(30_000);
  limitClients(server, { max: MAX_CLIENTS, name: 'the metrics address' });
  const authority = await listenTcp(server, address, 'metrics');
  return { url: `http://${authority}/metrics`, close: () => closeNow(server) };
}

async function answer(request: IncomingMessage, response: ServerResponse, read: Read): Promise<void> {
  const send = (
    status: number,
    type: string,
    body: string | Buffer,
    headers: Record<string, string> = {},
  ) => {
    const length = Buffer.byteLength(body);
    response.writeHead(status, { 'content-type': type, 'content-length': length, ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const path = request.url?.split('?')[0];
  if (path !== '/metrics' && path !== '/') {
    send(404, 'text/plain', 'Not found. The metrics are at /metrics.\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(405, 'text/plain', 'Only GET and HEAD.\n', { allow: 'GET, HEAD' });
  } else if (path === '/') {
    send(200, 'text/html; charset=utf-8', LANDING);
  } else {
    const type = formatFor(request.headers.accept);
    const isZipped = acceptsGzip(request.headers['accept-encoding']);
    try {
      send(200, type, await read(type, isZipped), {
        vary: 'Accept, Accept-Encoding',
        ...(isZipped && { 'content-encoding': 'gzip' }),
      });
    } catch (error) {
      send(
        500,
        'text/plain',
        `Cannot read the counters: ${error instanceof Error ? error.message : error}\n`,
      );
    }
  }
}

type Read = (type: RegistryContentType, isZipped: boolean) => Promise<Buffer>;

/** One text of each format, in one piece of memory, for all who ask within a moment, however slowly they read it. */
function sharedTexts(exposition: Exposition): Read {
  const texts = new Map<RegistryContentType, { plain: Promise<Buffer>; zipped?: Promise<Buffer> }>();
  return (type, isZipped) => {
    let text = texts.get(type);
    if (text === undefined) {
      text = { plain: exposition.text(type).then((whole) => Buffer.from(whole)) };
      texts.set(type, text);
      const forget = () => void texts.delete(type);
      text.plain.then(() => setTimeout(forget, SHARED_MS).unref(), forget);
    }
    if (!isZipped) return text.plain;
    text.zipped ??= text.plain.then(compress);
    return text.zipped;
  };
}

/** By a thread of Node's pool, so that this one and the data plane's go on. */
function compress(text: Buffer): Promise<Buffer> {
  return promisify(gzip)(text, { level: constants.Z_BEST_SPEED });
}
