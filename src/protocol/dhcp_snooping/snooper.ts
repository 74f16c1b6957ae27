// DHCP snooping: which address a server of others gives to a client behind a guarded port. All of it passes through here, so that
// a binding is there before its client hears of it.
//
//   client's message -> remembered by (hardware address or DUID, transaction) -> on, perhaps with option 82 (RFC 3046)
//   server's answer  -> whose it is -> bindings                               -> on, without that option

import { LRUCache } from 'lru-cache';
import { etherType, TYPE_IPV4 } from '../../wire/ethernet.ts';
import type { Punt } from '../host.ts';
import { answer4, type Client4, request4 } from './snoop4.ts';
import { answer6, type Client6, request6 } from './snoop6.ts';
import type { Snooped, SnoopedPort } from './snooped.ts';

/** Clients whose answer is awaited, and how long: a client asks again long before. */
const MAX_CLIENTS = 8192;
const PATIENCE_MS = 60_000;

export class DhcpSnooper {
  private readonly clients4 = new LRUCache<string, Client4>({ max: MAX_CLIENTS, ttl: PATIENCE_MS });
  private readonly clients6 = new LRUCache<string, Client6>({ max: MAX_CLIENTS, ttl: PATIENCE_MS });

  /** A message of a client behind a guarded port. */
  request({ bytes, port, vlan }: Punt, place: SnoopedPort): Snooped {
    if (isIpv4(bytes)) {
      const found = request4(bytes, port, place);
      if (
        found === undefined ||
        isOthers(this.clients4, `${place.bridge} ${vlan} ${found.key}`, found.client)
      )
        return {};
      return found.snooped;
    }
    const found = request6(bytes, port);
    if (found === undefined || isOthers(this.clients6, `${place.bridge} ${vlan} ${found.key}`, found.client))
      return {};
    return found.snooped;
  }

  /** An answer from a port that leads to servers. Whoever is not behind a guarded port gets it as it is. */
  answer({ bytes, vlan }: Punt, bridge: string): Snooped {
    if (isIpv4(bytes)) return answer4(bytes, (key) => this.clients4.get(`${bridge} ${vlan} ${key}`));
    return answer6(bytes, (key) => this.clients6.get(`${bridge} ${vlan} ${key}`));
  }
}

/** Whether somebody behind another port asks the same, whose answer it would be: broadcasts are heard by all. Or remembers it. */
function isOthers<Client extends { readonly port: string }>(
  clients: LRUCache<string, Client>,
  key: string,
  client: Client,
): boolean {
  const before = clients.get(key);
  if (before !== undefined && before.port !== client.port) return true;
  clients.set(key, client);
  return false;
}

function isIpv4(bytes: Uint8Array): boolean {
  return etherType(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0) === TYPE_IPV4;
}
