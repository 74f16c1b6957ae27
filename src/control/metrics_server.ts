// The HTTP server of /metrics. A port of its own, because Prometheus comes over the network, and the control socket
// does not.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { limitClients } from './admission.ts';
import { closeNow, listenTcp, type TcpAddress } from './tcp_listener.ts';

/** What is served; `Metrics` is one. */
export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
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
  const read = sharedText(exposition);
  const server = createServer((request, response) => void answer(request, response, exposition, read));
  server.setTimeout(30_000);
  limitClients(server, { max: MAX_CLIENTS, name: 'the metrics address' });
  const authority = await listenTcp(server, address, 'metrics');
  return { url: `http://${authority}/metrics`, close: () => closeNow(server) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  exposition: Exposition,
  read: () => Promise<Buffer>,
): Promise<void> {
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
    try {
      send(200, exposition.contentType, await read());
    } catch (error) {
      send(
        500,
        'text/plain',
        `Cannot read the counters: ${error instanceof Error ? error.message : error}\n`,
      );
    }
  }
}

/** One text, in one piece of memory, for all who ask within a moment, however slowly they read it. */
function sharedText(exposition: Exposition): () => Promise<Buffer> {
  let text: Promise<Buffer> | undefined;
  return () => {
    if (text === undefined) {
      text = exposition.text().then((whole) => Buffer.from(whole));
      const forget = () => {
        text = undefined;
      };
      text.then(() => setTimeout(forget, SHARED_MS).unref(), forget);
    }
    return text;
  };
}
