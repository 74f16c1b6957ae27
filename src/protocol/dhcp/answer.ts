// The server's answers: OFFER, ACK and NAK as RFC 2131 section 4.3.1 (table 3) has them, and the way that they go, 4.1.

import { OPTION } from '../../wire/dhcp4/codes.ts';
import { buildDhcpFrame, CLIENT_PORT, type DhcpWay, SERVER_PORT } from '../../wire/dhcp4/frame.ts';
import { buildMessage, DEFAULT_MAX_LEN } from '../../wire/dhcp4/message.ts';
import { readUint16, text, uint32 } from '../../wire/dhcp4/values.ts';
import type { Mac } from '../../wire/mac.ts';
import type { Request } from './request.ts';
import type { DhcpSettings } from './settings.ts';
import { optionsOf, toldOptions } from './told_options.ts';

const BROADCAST = 0xffff_ffff;
const BROADCAST_MAC: Mac = { hi: 0xffff, lo: -1 };
/** Of IPv4 and UDP. */
const HEADERS_LEN = 28;
const DEFAULT_MTU = 1500;
/** Option 51's "for ever". */
const FOR_EVER = 0xffff_ffff;

/** An answer with an address. `leaseTime` in seconds; undefined: the client has it from elsewhere (INFORM). */
export interface Given {
  readonly type: 'offer' | 'ack';
  readonly address: number;
  readonly leaseTime: number | undefined;
  /** Whether the client gets it without having asked a second time, RFC 4039. */
  readonly rapid?: boolean;
}

/** The frame, untagged, for the port that the request came from. */
export function answerFrame(settings: DhcpSettings, request: Request, given: Given): Uint8Array {
  const { message } = request.frame;
  const told = optionsOf(request, settings.classes);
  const isInform = given.leaseTime === undefined;
  const options = new Map([
    ...identity(settings, request),
    ...times(given.leaseTime),
    ...(given.rapid ? [[OPTION.rapidCommit, new Uint8Array()] as const] : []),
    ...toldOptions(request, told),
  ]);
  const answer = {
    ...message,
    type: given.type,
    isReply: true,
    hops: 0,
    secs: 0,
    ciaddr: given.type === 'ack' ? message.ciaddr : 0,
    yiaddr: isInform ? 0 : given.address,
    siaddr: told.nextServer ?? 0,
    serverName: told.serverName ?? '',
    bootFile: told.bootFile ?? '',
    options,
  };
  const way = isInform || message.ciaddr !== 0 ? direct(request) : toNewcomer(request, given.address);
  return frame(settings, request, way, buildMessage(answer, room(request)).bytes);
}

/** Tells a client that it may not use its address; `why` is for whoever reads its log. */
export function nakFrame(settings: DhcpSettings, request: Request, why: string): Uint8Array {
  const { message } = request.frame;
  const options = new Map([...identity(settings, request), [OPTION.message, text(why)] as const]);
  const answer = {
    ...message,
    type: 'nak' as const,
    isReply: true,
    hops: 0,
    secs: 0,
    // RFC 2131 section 4.3.2: the relay agent has to send it to everybody, since the client's address is wrong.
    broadcast: message.broadcast || message.giaddr !== 0,
    ciaddr: 0,
    yiaddr: 0,
    siaddr: 0,
    serverName: '',
    bootFile: '',
    options,
  };
  return frame(settings, request, toEverybody, buildMessage(answer, room(request)).bytes);
}

type Way = Pick<DhcpWay, 'dst' | 'dstMac'>;

const toEverybody: Way = { dst: BROADCAST, dstMac: BROADCAST_MAC };

/** Back to where the request came from: the client, or the router before it. */
function direct({ frame }: Request): Way {
  return { dst: frame.message.ciaddr, dstMac: frame.srcMac };
}

function toNewcomer({ frame }: Request, address: number): Way {
  const { broadcast, mac } = frame.message;
  return broadcast ? toEverybody : { dst: address, dstMac: mac };
}

function frame(settings: DhcpSettings, request: Request, way: Way, message: Uint8Array): Uint8Array {
  const { giaddr } = request.frame.message;
  const isRelayed = giaddr !== 0;
  return buildDhcpFrame(
    {
      ...(isRelayed ? { dst: giaddr, dstMac: request.frame.srcMac } : way),
      srcMac: settings.mac,
      src: settings.address,
      srcPort: SERVER_PORT,
      dstPort: isRelayed ? SERVER_PORT : CLIENT_PORT,
    },
    message,
  );
}

/** Who answers whom: RFC 6842 wants the client's identifier back, RFC 3046 the relay agent's option. */
function identity(settings: DhcpSettings, { frame }: Request): [number, Uint8Array][] {
  const echoed = [OPTION.clientId, OPTION.relayAgent].flatMap((code): [number, Uint8Array][] => {
    const value = frame.message.options.get(code);
    return value === undefined ? [] : [[code, value]];
  });
  return [[OPTION.serverId, uint32(settings.address)], ...echoed];
}

function times(leaseTime: number | undefined): [number, Uint8Array][] {
  if (leaseTime === undefined) return [];
  if (leaseTime >= FOR_EVER) return [[OPTION.leaseTime, uint32(FOR_EVER)]];
  // T1 and T2 of RFC 2131 section 4.4.5.
  return [
    [OPTION.leaseTime, uint32(leaseTime)],
    [OPTION.renewalTime, uint32(Math.floor(leaseTime / 2))],
    [OPTION.rebindingTime, uint32(Math.floor((leaseTime * 7) / 8))],
  ];
}

/** Bytes of the message: what the client says that it takes (option 57), and its port lets through. */
function room({ frame, mtu = DEFAULT_MTU }: Request): number {
  const said = readUint16(frame.message.options.get(OPTION.maxSize));
  const most = said === undefined ? DEFAULT_MAX_LEN : Math.max(said - HEADERS_LEN, DEFAULT_MAX_LEN);
  return Math.min(most, mtu - HEADERS_LEN);
}
