// What a client says, RFC 2131 table 5, and the way that it goes: to everybody, or straight to its server.

import { type MessageType, OPTION } from '../../wire/dhcp4/codes.ts';
import { buildDhcpFrame, CLIENT_PORT, SERVER_PORT } from '../../wire/dhcp4/frame.ts';
import { buildMessage } from '../../wire/dhcp4/message.ts';
import { text, uint16, uint32 } from '../../wire/dhcp4/values.ts';
import type { Mac } from '../../wire/mac.ts';

export interface DhcpClientSettings {
  readonly mac: Mac;
  /**
   * Content of option 61. Default: the hardware type and `mac`, which is unlike that of any other machine. What is made of a
   * machine's identity file is not, where disks are copied.
   */
  readonly clientId?: Uint8Array;
  readonly hostName?: string;
}

export interface Saying {
  readonly type: MessageType;
  readonly xid: number;
  /** Since the client began. */
  readonly secs: number;
  /** What it has, and sends from. */
  readonly ciaddr?: number;
  /** Options 50 and 54. */
  readonly requested?: number;
  readonly server?: number;
  /** Straight to the server, which is behind that MAC. */
  readonly to?: { readonly address: number; readonly mac: Mac };
}

const ETHERNET = 1;
const BROADCAST = 0xffff_ffff;
const BROADCAST_MAC: Mac = { hi: 0xffff, lo: -1 };
/** Of a message, with its headers: no way is known yet on which less would fit. */
const MAX_SIZE = 1500;
/** What it wants to know. */
const PARAMETERS = Uint8Array.of(
  OPTION.subnetMask,
  // RFC 3442: before the routers, of which some servers tell only the first.
  OPTION.routes,
  OPTION.routers,
  OPTION.dns,
  OPTION.domain,
  OPTION.mtu,
  OPTION.leaseTime,
  OPTION.renewalTime,
  OPTION.rebindingTime,
);
const ASKING: ReadonlySet<MessageType> = new Set(['discover', 'request']);

export function requestFrame(settings: DhcpClientSettings, saying: Saying): Uint8Array {
  const { mac } = settings;
  const { ciaddr = 0, to, type, xid, secs } = saying;
  const message = buildMessage({
    type,
    isReply: false,
    xid,
    hops: 0,
    secs: Math.min(secs, 0xffff),
    // The switch hears what is sent to its MAC, whatever address it has.
    broadcast: false,
    ...{ ciaddr, yiaddr: 0, siaddr: 0, giaddr: 0 },
    mac,
    ...{ serverName: '', bootFile: '' },
    options: optionsOf(settings, saying),
  });
  const way = {
    srcMac: mac,
    dstMac: to?.mac ?? BROADCAST_MAC,
    src: ciaddr,
    dst: to?.address ?? BROADCAST,
    srcPort: CLIENT_PORT,
    dstPort: SERVER_PORT,
  };
  return buildDhcpFrame(way, message.bytes);
}

function optionsOf({ mac, clientId, hostName }: DhcpClientSettings, saying: Saying): Map<number, Uint8Array> {
  const { requested, server, type } = saying;
  const id = clientId ?? Uint8Array.of(ETHERNET, ...uint16(mac.hi), ...uint32(mac.lo >>> 0));
  const options = new Map<number, Uint8Array>([[OPTION.clientId, id]]);
  if (requested !== undefined) options.set(OPTION.requestedAddress, uint32(requested));
  if (server !== undefined) options.set(OPTION.serverId, uint32(server));
  if (!ASKING.has(type)) return options;
  options.set(OPTION.maxSize, uint16(MAX_SIZE));
  options.set(OPTION.parameters, PARAMETERS);
  if (hostName !== undefined) options.set(OPTION.hostName, text(hostName));
  return options;
}
