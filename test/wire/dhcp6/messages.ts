// DHCPv6 messages of clients, for tests.

import { MESSAGE_TYPES, type MessageType6, OPTION6 } from '../../../src/wire/dhcp6/codes.ts';
import { buildFrame6, CLIENT_PORT6, SERVER_PORT6 } from '../../../src/wire/dhcp6/frame.ts';
import {
  associationOption,
  buildMessage6,
  type Message6,
  parseMessage6,
} from '../../../src/wire/dhcp6/message.ts';
import { type IpBytes, parseIp } from '../../../src/wire/ip_address.ts';
import { multicastMac, parseIpv6Frame } from '../../../src/wire/ipv6_frame.ts';
import type { Mac } from '../../../src/wire/mac.ts';

export const ip = (text: string) => parseIp(text) as IpBytes;
export const ALL_SERVERS = ip('ff02::1:2');

export interface ClientFields {
  mac: Mac;
  type?: MessageType6;
  server?: Uint8Array;
  iaid?: number;
  kind?: 'address' | 'prefix';
  /** Undefined: no association. */
  items?: { address: IpBytes; bits: number }[];
  more?: [number, Uint8Array][];
  dst?: IpBytes;
  transaction?: number;
}

/** A client's DUID of type 3. */
export function duid({ hi, lo }: Mac): Uint8Array {
  return Uint8Array.of(
    0,
    3,
    0,
    1,
    hi >> 8,
    hi & 0xff,
    lo >>> 24,
    (lo >> 16) & 0xff,
    (lo >> 8) & 0xff,
    lo & 0xff,
  );
}

export function clientFrame6({
  mac,
  type = 'solicit',
  server,
  iaid = 1,
  kind = 'address',
  items,
  more = [],
  dst = ALL_SERVERS,
  transaction = 0xabcdef,
}: ClientFields): Uint8Array {
  const options: [number, Uint8Array][] = [[OPTION6.clientId, duid(mac)]];
  if (server !== undefined) options.push([OPTION6.serverId, server]);
  if (items !== undefined)
    options.push(
      associationOption(
        { kind, iaid, items: [] },
        { given: items.map((one) => ({ ...one, preferred: 0, valid: 0 })), t1: 0, t2: 0, status: undefined },
      ),
    );
  const message = buildMessage6(type, transaction, [...options, ...more]);
  const src = ip(`fe80::${(mac.lo & 0xffff).toString(16)}`);
  return buildFrame6(
    { srcMac: mac, dstMac: multicastMac(dst), src, dst },
    CLIENT_PORT6,
    SERVER_PORT6,
    message,
  );
}

/** What a server says in a frame. */
export function answerIn(frame: Uint8Array): Message6 | undefined {
  const packet = parseIpv6Frame(frame);
  if (typeof packet === 'string' || packet.protocol !== 17) return undefined;
  const { at, end } = packet;
  const message = parseMessage6(frame.subarray(at + 8, end));
  return typeof message === 'string' ? undefined : message;
}

/** The option in front of which a status code stands, as a number. */
export function statusOf({ options }: Message6): number | undefined {
  const value = options.get(OPTION6.statusCode);
  return value && (value[0] << 8) | value[1];
}

export const typeNumber = (type: MessageType6) => MESSAGE_TYPES.indexOf(type);
