// Which news of the kernel may change the way out. A host with the whole table of the Internet hears of routes all the
// time, and one with containers of interfaces.

import { parseDefaultRoutes } from '../wire/route_listing.ts';
import { parseRtnetlink } from '../wire/rtnetlink.ts';

/** Interfaces that matter: by name those that may come, by index those that may go or get another name. */
export interface Known {
  names: ReadonlySet<string>;
  indices: ReadonlySet<number>;
}

export function mayConcern(bytes: Buffer, { names, indices }: Known): boolean {
  for (const _ of parseDefaultRoutes(bytes)) return true;
  for (const message of parseRtnetlink(bytes)) {
    // An address that goes takes its routes along, of which the kernel says nothing.
    if (message.kind === 'address') return true;
    if (message.kind !== 'route' && (names.has(message.name) || indices.has(message.index))) return true;
  }
  return false;
}
