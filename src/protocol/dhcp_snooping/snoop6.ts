// DHCPv6 as snooping sees it: addresses of identity associations in replies. Prefixes are delegated to routers, which a guard
// binds by the configuration.

import { OPTION6 } from '../../wire/dhcp6/codes.ts';
import { parseFrame6 } from '../../wire/dhcp6/frame.ts';
import { type Message6, parseMessage6 } from '../../wire/dhcp6/message.ts';
import { parseOptions } from '../../wire/dhcp6/options.ts';
import { formatIp } from '../../wire/ip_address.ts';
import { PROTOCOL_UDP } from '../../wire/ipv4.ts';
import { parseIpv6Frame } from '../../wire/ipv6_frame.ts';
import { formatMac } from '../../wire/mac.ts';
import * as udp from '../../wire/udp.ts';
import type { Snooped } from './snooped.ts';

const FOR_EVER = 0xffff_ffff;
/** Before the options of a message, of an association, and of an address: RFC 8415 section 21.4 and 21.6. */
const MESSAGE_HEADER = 4;
const ASSOCIATION_HEADER = 12;
/** Of temporary addresses, section 21.5. */
const TEMPORARY_HEADER = 4;
const ADDRESS_LEN = 24;
const VALID = 20;

export interface Client6 {
  readonly port: string;
  readonly mac: string;
}

/** Undefined: nobody shall hear it. */
export function request6(
  bytes: Uint8Array,
  port: string,
): { key: string; client: Client6; snooped: Snooped } | undefined {
  const frame = parseFrame6(bytes);
  // A guest that relays would speak for others.
  if (typeof frame === 'string' || frame.layers.length > 0) return undefined;
  const { message, srcMac } = frame;
  const mac = formatMac(srcMac.hi, srcMac.lo);
  const isOver = message.type === 'release' || message.type === 'decline';
  const addresses = isOver
    ? message.associations.flatMap(({ kind, items }) => (kind === 'address' ? items : []))
    : [];
  return {
    key: keyOf(message),
    client: { port, mac },
    snooped: {
      frame: bytes,
      ...(isOver && { freed: addresses.map(({ address }) => ({ port, mac, ip: formatIp(address) })) }),
    },
  };
}

export function answer6(bytes: Uint8Array, clientOf: (key: string) => Client6 | undefined): Snooped {
  const payload = payloadOf(bytes);
  const message = payload === undefined ? 'options' : parseMessage6(payload);
  const client = typeof message === 'string' ? undefined : clientOf(keyOf(message));
  if (payload === undefined || typeof message === 'string' || client === undefined) return { frame: bytes };
  if (message.type !== 'reply') return { frame: bytes };
  const { port, mac } = client;
  return { frame: bytes, bound: given(payload).map(({ ip, seconds }) => ({ port, mac, ip, seconds })) };
}

function keyOf({ transaction, options }: Message6): string {
  return `${Buffer.from(options.get(OPTION6.clientId) ?? []).toString('hex')} ${transaction}`;
}

/** Addresses in a reply that are valid from now on, which `parseMessage6` has found whole. */
function given(payload: Uint8Array): { ip: string; seconds: number }[] {
  const associations = (parseOptions(payload.subarray(MESSAGE_HEADER)) ?? []).filter(
    ([code]) => code === OPTION6.iaNa || code === OPTION6.iaTa,
  );
  const items = associations.flatMap(
    ([code, data]) =>
      parseOptions(data.subarray(code === OPTION6.iaNa ? ASSOCIATION_HEADER : TEMPORARY_HEADER)) ?? [],
  );
  return items.flatMap(([code, data]) => {
    if (code !== OPTION6.address || data.length < ADDRESS_LEN) return [];
    const valid = new DataView(data.buffer, data.byteOffset).getUint32(VALID);
    const seconds = valid === FOR_EVER ? Number.POSITIVE_INFINITY : valid;
    return valid === 0 ? [] : [{ ip: formatIp(data.slice(0, 16)), seconds }];
  });
}

function payloadOf(bytes: Uint8Array): Uint8Array | undefined {
  const packet = parseIpv6Frame(bytes);
  if (typeof packet === 'string' || packet.protocol !== PROTOCOL_UDP) return undefined;
  const { view, at, end } = packet;
  const length = udp.length(view, at);
  return length < udp.HEADER_LEN || at + length > end
    ? undefined
    : bytes.subarray(at + udp.HEADER_LEN, at + length);
}
