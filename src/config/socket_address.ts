// `127.0.0.1:5000` and `[::1]:5000`: where sockets of virtual machines are, if they have no path.

import { canonicalIp, parseIp } from '../wire/ip_address.ts';

export interface SocketAddress {
  address: string;
  port: number;
}

/** Undefined if it is none. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9]\d{0,4})$/.exec(text);
  if (found === null) return undefined;
  const [, six, four, digits] = found;
  const address = canonicalIp(six ?? four);
  const bytes = parseIp(six ?? four);
  const port = Number(digits);
  if (address === undefined || bytes === undefined || port > 65_535) return undefined;
  return (bytes.length === 16) === (six !== undefined) ? { address, port } : undefined;
}

/** Whether only this host can reach it. */
export function isLoopback({ address }: SocketAddress): boolean {
  return address === '::1' || address.startsWith('127.');
}
