// The resolvers of the host: those that a guest behind it can ask, too, and those that the host asks for its guests.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseHostAddress } from '../config/subnet.ts';

/** Where systemd-resolved answers at 127.0.0.53, the second has those that it asks. */
const FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];
/** As many as resolvers of the C library ask (MAXNS). */
const MOST = 3;

/** Unsigned numbers. */
export function hostResolvers(files: readonly string[] = FILES): number[] {
  for (const file of files) {
    const found = nameservers(file).flatMap((address) => parseHostAddress(address) ?? []);
    if (found.length > 0) return found.slice(0, MOST);
  }
  return [];
}

/** For whoever asks from the host: also at its loopback addresses, also over IPv6. Without `ours`. */
export function resolversForHost(ours: ReadonlySet<string>, file = FILES[0]): string[] {
  return nameservers(file)
    .filter((address) => isIP(address) !== 0 && !ours.has(address))
    .slice(0, MOST);
}

function nameservers(file: string): string[] {
  try {
    return [...readFileSync(file, 'utf8').matchAll(/^nameserver\s+(\S+)/gm)].map(([, address]) => address);
  } catch {
    return []; // a host without resolvers
  }
}
