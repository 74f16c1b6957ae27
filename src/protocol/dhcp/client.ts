// Who asks: what a message says of its sender, and what the server knows it by.
//
// A client is its identifier (option 61), else its hardware address: RFC 2131 section 4.2. Two machines may have the same
// identifier, since images of disks are copied with it. Who comes with the identifier of another machine, whose lease
// lasts and which was heard behind another port, or answers for its address, is known by identifier and hardware address
// together.

import { createHash } from 'node:crypto';
import { OPTION } from '../../wire/dhcp4/codes.ts';
import type { DhcpMessage } from '../../wire/dhcp4/message.ts';
import { readFqdn, readText, readUint16s, readUserClasses } from '../../wire/dhcp4/values.ts';
import { formatMac } from '../../wire/mac.ts';
import type { Pool } from './pool.ts';

export interface Client {
  /** Option 61 in hexadecimal digits; empty if there is none. */
  readonly clientId: string;
  readonly mac: string;
  /** Empty if it said none that can be a name. */
  readonly hostName: string;
  readonly vendorClass: string;
  readonly userClasses: readonly string[];
  readonly architectures: readonly number[];
}

/** Identifiers longer than this are known by their hash: memory is for many. */
const MAX_ID_DIGITS = 64;
/** RFC 1035 section 2.3.1, and digits first, as RFC 1123 section 2.1 allows. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function clientOf({ mac, options }: DhcpMessage): Client {
  return {
    clientId: Buffer.from(options.get(OPTION.clientId) ?? []).toString('hex'),
    mac: formatMac(mac.hi, mac.lo),
    hostName: hostNameOf(options),
    vendorClass: readText(options.get(OPTION.vendorClass)),
    userClasses: readUserClasses(options.get(OPTION.userClass)),
    architectures: readUint16s(options.get(OPTION.architecture)),
  };
}

/** What `pool` knows it by. */
export function clientKey({ clientId, mac }: Client, port: string, relayed: boolean, pool: Pool): string {
  if (clientId === '') return `mac ${mac}`;
  const digits =
    clientId.length <= MAX_ID_DIGITS ? clientId : createHash('sha256').update(clientId).digest('hex');
  const key = `id ${digits}`;
  const withMac = `${key} ${mac}`;
  if (pool.ofClient(withMac) !== undefined) return withMac;
  const known = pool.ofClient(key);
  if (known === undefined || known.state === 'ended' || known.mac === mac) return key;
  // A machine that changed its card stays behind its port; behind a relay agent all have the same one.
  return known.port !== port || relayed ? withMac : key;
}

/** The identifier in a key of `clientKey`; empty if there is none, and a hash if it is long. */
export function clientIdOf(key: string): string {
  const [kind, id] = key.split(' ');
  return kind === 'id' ? id : '';
}

function hostNameOf(options: DhcpMessage['options']): string {
  const said = readFqdn(options.get(OPTION.clientFqdn)) || readText(options.get(OPTION.hostName));
  const label = said.split('.', 1)[0].toLowerCase();
  return LABEL.test(label) ? label : '';
}
