// A DHCP message, RFC 2131 section 2. `parseMessage` checks every length once.
//
//   0    1       2      3      4     8      10
//   | op | htype | hlen | hops | xid | secs | flags |
//   12       16       20       24       28          44           108         236           240
//   | ciaddr | yiaddr | siaddr | giaddr | chaddr 16 | sname 64  | file 128  | magic cookie | options ...
//
// Addresses are unsigned numbers, 0 = none.

import { type Mac, macAt, setMac } from '../mac.ts';
import { MESSAGE_TYPES, type MessageType, OPTION } from './codes.ts';
import { type Options, optionLength, readOptions, writeOption } from './options.ts';

const HTYPE = 1;
const HLEN = 2;
const HOPS = 3;
const XID = 4;
const SECS = 8;
const FLAGS = 10;
const CIADDR = 12;
const YIADDR = 16;
const SIADDR = 20;
const GIADDR = 24;
const CHADDR = 28;
const SNAME = 44;
const FILE = 108;
const COOKIE = 236;
const OPTIONS = 240;

const SNAME_AREA = { at: SNAME, end: FILE };
const FILE_AREA = { at: FILE, end: COOKIE };

const BOOTREQUEST = 1;
const BOOTREPLY = 2;
const ETHERNET = 1;
const MAC_LEN = 6;
const BROADCAST = 0x8000;
const MAGIC = 0x6382_5363;
/** RFC 1542 section 2.1: some programs throw away what is shorter. */
const MIN_LEN = 300;
/** What every client has to accept, RFC 2131 section 2: an IP packet of 576 bytes, without its headers. */
export const DEFAULT_MAX_LEN = 548;
const TYPE_LEN = 3;
const OVERLOAD_LEN = 3;
const PLACED_APART: ReadonlySet<number> = new Set([OPTION.messageType, OPTION.overload, OPTION.relayAgent]);

export interface DhcpMessage {
  readonly type: MessageType;
  readonly isReply: boolean;
  readonly xid: number;
  readonly hops: number;
  /** Since the client began. */
  readonly secs: number;
  /** The client cannot receive unicast before it has an address. */
  readonly broadcast: boolean;
  readonly ciaddr: number;
  readonly yiaddr: number;
  readonly siaddr: number;
  readonly giaddr: number;
  /** The client's address: `chaddr`. */
  readonly mac: Mac;
  /** Empty also if options are in their place. ASCII, as it came. */
  readonly serverName: string;
  readonly bootFile: string;
  readonly options: Options;
}

/** Why bytes are no DHCP message; closed, so that it can be a label. */
export type BadMessage = 'too_short' | 'hardware' | 'not_dhcp' | 'options' | 'message_type';

export function parseMessage(bytes: Uint8Array): DhcpMessage | BadMessage {
  if (bytes.length < OPTIONS) return 'too_short';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(HTYPE) !== ETHERNET || view.getUint8(HLEN) !== MAC_LEN) return 'hardware';
  const op = view.getUint8(0);
  // Without the cookie it is BOOTP, RFC 951.
  if ((op !== BOOTREQUEST && op !== BOOTREPLY) || view.getUint32(COOKIE) !== MAGIC) return 'not_dhcp';
  const options = readOptions(bytes, { at: OPTIONS, end: bytes.length }, FILE_AREA, SNAME_AREA);
  if (options === undefined) return 'options';
  const typeOption = options.get(OPTION.messageType);
  const type = typeOption?.length === 1 ? MESSAGE_TYPES[typeOption[0] - 1] : undefined;
  if (type === undefined) return 'message_type';
  const overload = options.get(OPTION.overload)?.[0] ?? 0;
  return {
    type,
    isReply: op === BOOTREPLY,
    xid: view.getUint32(XID),
    hops: view.getUint8(HOPS),
    secs: view.getUint16(SECS),
    broadcast: (view.getUint16(FLAGS) & BROADCAST) !== 0,
    ciaddr: view.getUint32(CIADDR),
    yiaddr: view.getUint32(YIADDR),
    siaddr: view.getUint32(SIADDR),
    giaddr: view.getUint32(GIADDR),
    mac: macAt(view, CHADDR),
    serverName: (overload & 2) !== 0 ? '' : textAt(bytes, SNAME, FILE),
    bootFile: (overload & 1) !== 0 ? '' : textAt(bytes, FILE, COOKIE),
    options,
  };
}

export interface BuiltMessage {
  bytes: Uint8Array;
  /** Codes of options that did not fit. */
  omitted: number[];
}

/** Where options may go. One byte behind `end` is left for the end of the list. */
interface Room {
  at: number;
  readonly start: number;
  readonly end: number;
  /** What option 52 says if it is used. */
  readonly flag: number;
}

/**
 * The message with its options in their order, as far as they fit into `most` bytes; `file` and `sname` take options,
 * too, where they are empty. The message type goes first by itself. The relay agent's option goes last and whatever
 * `most` says: its agent needs it (RFC 3046 section 2.2).
 */
export function buildMessage(message: DhcpMessage, most = DEFAULT_MAX_LEN): BuiltMessage {
  const { options, bootFile, serverName } = message;
  const relay = options.get(OPTION.relayAgent);
  const tail = OVERLOAD_LEN + 1 + (relay === undefined ? 0 : optionLength(relay));
  const bytes = new Uint8Array(Math.max(most, MIN_LEN, OPTIONS + TYPE_LEN + tail));
  writeHeader(bytes, message);
  const type = Uint8Array.of(MESSAGE_TYPES.indexOf(message.type) + 1);
  const main = room(writeOption(bytes, OPTIONS, OPTION.messageType, type), bytes.length - tail, 0);
  const spare: Room[] = [];
  if (bootFile === '') spare.push(room(FILE, COOKIE - 1, 1));
  if (serverName === '') spare.push(room(SNAME, FILE - 1, 2));
  const omitted = fill(bytes, options, [main, ...spare]);
  let overload = 0;
  for (const { at, start, flag } of spare) {
    if (at === start) continue;
    bytes[at] = OPTION.end;
    overload |= flag;
  }
  let at = main.at;
  if (overload !== 0) at = writeOption(bytes, at, OPTION.overload, Uint8Array.of(overload));
  if (relay !== undefined) at = writeOption(bytes, at, OPTION.relayAgent, relay);
  bytes[at++] = OPTION.end;
  return { bytes: bytes.subarray(0, Math.max(at, MIN_LEN)), omitted };
}

function room(start: number, end: number, flag: number): Room {
  return { at: start, start, end, flag };
}

/** Puts each option where there is room for the whole of it; returns the codes of those that there was none for. */
function fill(bytes: Uint8Array, options: Options, rooms: Room[]): number[] {
  const omitted: number[] = [];
  for (const [code, value] of options) {
    if (PLACED_APART.has(code)) continue;
    const length = optionLength(value);
    const free = rooms.find(({ at, end }) => at + length <= end);
    if (free === undefined) omitted.push(code);
    else free.at = writeOption(bytes, free.at, code, value);
  }
  return omitted;
}

function writeHeader(bytes: Uint8Array, message: DhcpMessage): void {
  const view = new DataView(bytes.buffer);
  view.setUint8(0, message.isReply ? BOOTREPLY : BOOTREQUEST);
  view.setUint8(HTYPE, ETHERNET);
  view.setUint8(HLEN, MAC_LEN);
  view.setUint8(HOPS, message.hops);
  view.setUint32(XID, message.xid);
  view.setUint16(SECS, message.secs);
  view.setUint16(FLAGS, message.broadcast ? BROADCAST : 0);
  view.setUint32(CIADDR, message.ciaddr);
  view.setUint32(YIADDR, message.yiaddr);
  view.setUint32(SIADDR, message.siaddr);
  view.setUint32(GIADDR, message.giaddr);
  setMac(view, CHADDR, message.mac.hi, message.mac.lo);
  setText(bytes, SNAME, FILE, message.serverName);
  setText(bytes, FILE, COOKIE, message.bootFile);
  view.setUint32(COOKIE, MAGIC);
}

/** Bytes that are not ASCII stay as Latin-1: nobody but the sender knows better. */
function textAt(bytes: Uint8Array, at: number, end: number): string {
  const zero = bytes.subarray(at, end).indexOf(0);
  return Buffer.from(bytes.subarray(at, zero < 0 ? end : at + zero)).toString('latin1');
}

/** Cut if it is too long; a zero always follows. */
function setText(bytes: Uint8Array, at: number, end: number, text: string): void {
  bytes.set(Buffer.from(text, 'latin1').subarray(0, end - at - 1), at);
}
