// Messages and frames of clients, for tests of the format and of the server.

import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { buildDhcpFrame, CLIENT_PORT, SERVER_PORT } from '../../../src/wire/dhcp4/frame.ts';
import { buildMessage, type DhcpMessage } from '../../../src/wire/dhcp4/message.ts';
import type { Mac } from '../../../src/wire/mac.ts';

export const BROADCAST_MAC: Mac = { hi: 0xffff, lo: -1 };
export const BROADCAST = 0xffff_ffff;

/** The MAC 02:00:00:00:00:`n`, n below 2^31. */
export function guestMac(n: number): Mac {
  return { hi: 0x0200, lo: n };
}

/** What most clients ask for: mask, router, DNS, name, domain, MTU, search, routes. */
export const PARAMETERS = Uint8Array.of(1, 3, 6, 12, 15, 26, 42, 119, 121, 66, 67, 43);

export function clientMessage(
  fields: Partial<Omit<DhcpMessage, 'options'>>,
  options: Iterable<readonly [number, Uint8Array]> = [],
): DhcpMessage {
  return {
    type: 'discover',
    isReply: false,
    xid: 0x1234_5678,
    hops: 0,
    secs: 0,
    broadcast: false,
    ciaddr: 0,
    yiaddr: 0,
    siaddr: 0,
    giaddr: 0,
    mac: guestMac(1),
    serverName: '',
    bootFile: '',
    ...fields,
    options: new Map(options),
  };
}

/** As a client without an address sends it, unless `way` says otherwise. */
export function clientFrame(
  message: DhcpMessage,
  way: { src?: number; dst?: number; srcMac?: Mac; srcPort?: number } = {},
): Uint8Array {
  const { bytes } = buildMessage(message, 1400);
  return buildDhcpFrame(
    {
      srcMac: way.srcMac ?? message.mac,
      dstMac: BROADCAST_MAC,
      src: way.src ?? message.ciaddr,
      dst: way.dst ?? BROADCAST,
      srcPort: way.srcPort ?? CLIENT_PORT,
      dstPort: SERVER_PORT,
    },
    bytes,
  );
}

export function parameters(...codes: number[]): readonly [number, Uint8Array] {
  return [OPTION.parameters, Uint8Array.from(codes)];
}
