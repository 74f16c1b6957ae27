// What relay agents put around DHCPv6 messages, RFC 8415 sections 9 and 19. One may relay what another one has relayed.
//
//   12 or 13 | hops 1 | link address 16 | peer address 16 | options: the message, interface id, the client's MAC (RFC 6939) ...

import type { IpBytes } from '../ip_address.ts';
import { type Mac, macAt } from '../mac.ts';
import { OPTION6 } from './codes.ts';
import { buildOptions, parseOptions } from './options.ts';

const FORWARD = 12;
const REPLY = 13;
const HEADER_LEN = 34;
const LINK = 2;
const PEER = 18;
/** HOP_COUNT_LIMIT. */
const MOST_LAYERS = 8;
/** Hardware type 1 | MAC. */
const ETHERNET = 1;
const CLIENT_MAC_LEN = 8;

/** Of one relay agent. */
export interface RelayLayer {
  readonly hops: number;
  /** Tells the link that the client is on; ::, it does not. */
  readonly link: IpBytes;
  /** Who asked it. */
  readonly peer: IpBytes;
  /** Goes back as it came. */
  readonly interfaceId: Uint8Array | undefined;
  readonly mac: Mac | undefined;
}

export interface Relayed {
  /** The server's neighbour first. */
  readonly layers: readonly RelayLayer[];
  /** Of the client. */
  readonly message: Uint8Array;
}

export function isRelayed(bytes: Uint8Array): boolean {
  return bytes[0] === FORWARD;
}

/** Undefined: it is not whole, or was relayed too often. */
export function parseRelayed(bytes: Uint8Array): Relayed | undefined {
  const layers: RelayLayer[] = [];
  let message = bytes;
  while (isRelayed(message)) {
    const options = message.length < HEADER_LEN ? undefined : parseOptions(message.subarray(HEADER_LEN));
    const inner = options?.find(([code]) => code === OPTION6.relayMessage)?.[1];
    if (options === undefined || inner === undefined || layers.length >= MOST_LAYERS) return undefined;
    layers.push({
      hops: message[1],
      link: message.slice(LINK, PEER),
      peer: message.slice(PEER, HEADER_LEN),
      interfaceId: options.find(([code]) => code === OPTION6.interfaceId)?.[1],
      mac: macOf(options.find(([code]) => code === OPTION6.clientMac)?.[1]),
    });
    message = inner;
  }
  return { layers, message };
}

function macOf(value: Uint8Array | undefined): Mac | undefined {
  if (value?.length !== CLIENT_MAC_LEN || value[0] !== 0 || value[1] !== ETHERNET) return undefined;
  return macAt(new DataView(value.buffer, value.byteOffset, value.length), 2);
}

/** An answer on the way back, by all who relayed the question. */
export function buildRelayed({ layers }: Pick<Relayed, 'layers'>, message: Uint8Array): Uint8Array {
  return layers.reduceRight((inner, { hops, link, peer, interfaceId }) => {
    const options: [number, Uint8Array][] =
      interfaceId === undefined ? [] : [[OPTION6.interfaceId, interfaceId]];
    const all = buildOptions([...options, [OPTION6.relayMessage, inner]]);
    return Buffer.concat([Uint8Array.of(REPLY, hops), link, peer, all]);
  }, message);
}
