// A listener on TCP: what can go wrong in words, the address that it got, and a close that waits for nobody.

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TaploomError } from '../error.ts';

const SERVED = { metrics: 'metrics', web: 'the web page' };

export interface TcpAddress {
  /** A host name or an address. */
  address: string;
  /** 0 takes a free one. */
  port: number;
}

/**
 * Resolves with the address as a URL has it: `127.0.0.1:9477`, `[::1]:9477`.
 * @throws TaploomError, for `what` = `metrics` with the code `metrics_address`
 */
export async function listenTcp(
  server: Server,
  { address, port }: TcpAddress,
  what: keyof typeof SERVED,
): Promise<string> {
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message = `Cannot serve ${SERVED[what]} at ${authority(address, port)}: ${reason(error, address)}`;
      fail(new TaploomError(`${what}_address`, message, { cause: error }));
    });
    server.listen({ host: address, port }, done);
  });
  const bound = server.address() as AddressInfo;
  return authority(bound.address, bound.port);
}

export function closeNow(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}

function authority(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function reason({ code, message }: NodeJS.ErrnoException, address: string): string {
  if (code === 'EADDRINUSE') return 'the address is in use';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  if (code === 'EACCES') return 'not permitted';
  if (code === 'EINVAL' && /^fe[89ab]/i.test(address)) {
    return `a link-local address needs its interface: [${address}%eth0]`;
  }
  return message;
}
