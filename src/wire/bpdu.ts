// Bridge Protocol Data Units, IEEE 802.1D-2004 clause 9.3, in an 802.3 frame with LLC 42 42 03.
//
//   0 protocol 0 (2) | 2 version | 3 type | 4 flags | 5 root (8) | 13 root path cost (4) | 17 bridge (8) | 25 port (2)
//   27 message age (2) | 29 max age (2) | 31 hello time (2) | 33 forward delay (2) | 35 version 1 length 0: RST only
//
// Times on the wire are 1/256 s; here they are ms. A TCN BPDU ends after its type.

import { type Mac, setMac } from './mac.ts';

/** Where the bridges of customers' VLANs talk, and those of a provider's: IEEE 802.1Q, table 8-1. */
export const BRIDGE_GROUP: Mac = { hi: 0x0180, lo: 0xc200_0000 | 0 };
export const PROVIDER_BRIDGE_GROUP: Mac = { hi: 0x0180, lo: 0xc200_0008 | 0 };
const LENGTH_AT = 12;
const LLC_AT = 14;
const BPDU_AT = 17;
const LLC_LEN = 3;
const MIN_FRAME = 60;

const TCN_LEN = 4;
const CONFIG_LEN = 35;
const RST_LEN = 36;
const TYPE_CONFIG = 0;
const TYPE_RST = 2;
const TYPE_TCN = 0x80;
const VERSION_RST = 2;

// Flags.
const TOPOLOGY_CHANGE = 1;
const PROPOSAL = 2;
const ROLE_SHIFT = 2;
const LEARNING = 16;
const FORWARDING = 32;
const AGREEMENT = 64;
const TOPOLOGY_CHANGE_ACK = 128;

/** By their number in the flags, clause 9.2.9; `alternate` is backup, too. */
const ROLES = ['unknown', 'alternate', 'root', 'designated'] as const;
export type BpduRole = (typeof ROLES)[number];

/** What a bridge says of the tree. */
export interface Bpdu {
  kind: 'config' | 'rst';
  /** Priority << 48 | address, of the root and of whoever sends. */
  root: bigint;
  rootPathCost: number;
  bridge: bigint;
  port: number;
  /** ms. */
  messageAge: number;
  maxAge: number;
  helloTime: number;
  forwardDelay: number;
  topologyChange: boolean;
  topologyChangeAck: boolean;
  /** From here on of an RST BPDU; a configuration BPDU is always a designated port's. */
  role: BpduRole;
  proposal: boolean;
  agreement: boolean;
  learning: boolean;
  forwarding: boolean;
}

export type ParsedBpdu = Bpdu | { kind: 'tcn' };

/** Why a frame to the bridges is of no use, clause 9.3.4. `age`: what it says is older than it may become. */
export const BAD_BPDU = ['too_short', 'llc', 'protocol', 'version', 'type', 'age'] as const;
export type BadBpdu = (typeof BAD_BPDU)[number];

/** Of a frame without tag, padded or not. */
export function parseBpdu(frame: Uint8Array): ParsedBpdu | BadBpdu {
  if (frame.length < BPDU_AT) return 'too_short';
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  // What lies behind the 802.3 length is padding.
  const length = Math.min(view.getUint16(LENGTH_AT), frame.length - LLC_AT) - LLC_LEN;
  if (view.getUint16(LLC_AT) !== 0x4242 || view.getUint8(LLC_AT + 2) !== 3) return 'llc';
  if (length < TCN_LEN) return 'too_short';
  if (view.getUint16(BPDU_AT) !== 0) return 'protocol';
  const version = view.getUint8(BPDU_AT + 2);
  switch (view.getUint8(BPDU_AT + 3)) {
    case TYPE_TCN:
      return { kind: 'tcn' };
    case TYPE_CONFIG:
      return length < CONFIG_LEN ? 'too_short' : readConfig(view);
    case TYPE_RST:
      if (version < VERSION_RST) return 'version';
      return length < RST_LEN ? 'too_short' : read(view, 'rst');
    default:
      return 'type';
  }
}

function readConfig(view: DataView): Bpdu | 'age' {
  const bpdu = read(view, 'config');
  return bpdu.messageAge < bpdu.maxAge ? bpdu : 'age';
}

function read(view: DataView, kind: Bpdu['kind']): Bpdu {
  const at = BPDU_AT;
  const flags = view.getUint8(at + 4);
  const time = (offset: number) => (view.getUint16(at + offset) * 1000) / 256;
  const isRst = kind === 'rst';
  return {
    kind,
    root: view.getBigUint64(at + 5),
    rootPathCost: view.getUint32(at + 13),
    bridge: view.getBigUint64(at + 17),
    port: view.getUint16(at + 25),
    messageAge: time(27),
    maxAge: time(29),
    helloTime: time(31),
    forwardDelay: time(33),
    topologyChange: (flags & TOPOLOGY_CHANGE) !== 0,
    topologyChangeAck: (flags & TOPOLOGY_CHANGE_ACK) !== 0,
    role: isRst ? ROLES[(flags >> ROLE_SHIFT) & 3] : 'designated',
    proposal: isRst && (flags & PROPOSAL) !== 0,
    agreement: isRst && (flags & AGREEMENT) !== 0,
    learning: isRst && (flags & LEARNING) !== 0,
    forwarding: isRst && (flags & FORWARDING) !== 0,
  };
}

/** The frame, from the address of the port to that of a group of bridges. */
export function buildBpdu(source: Mac, bpdu: ParsedBpdu, group = BRIDGE_GROUP): Uint8Array {
  const frame = new Uint8Array(MIN_FRAME);
  const view = new DataView(frame.buffer);
  setMac(view, 0, group.hi, group.lo);
  setMac(view, 6, source.hi, source.lo);
  view.setUint16(LLC_AT, 0x4242);
  view.setUint8(LLC_AT + 2, 3);
  if (bpdu.kind === 'tcn') {
    view.setUint16(LENGTH_AT, LLC_LEN + TCN_LEN);
    view.setUint8(BPDU_AT + 3, TYPE_TCN);
    return frame;
  }
  const isRst = bpdu.kind === 'rst';
  view.setUint16(LENGTH_AT, LLC_LEN + (isRst ? RST_LEN : CONFIG_LEN));
  if (isRst) view.setUint16(BPDU_AT + 2, (VERSION_RST << 8) | TYPE_RST);
  write(view, bpdu);
  return frame;
}

function write(view: DataView, bpdu: Bpdu): void {
  const at = BPDU_AT;
  const time = (offset: number, ms: number) =>
    view.setUint16(at + offset, Math.min(0xffff, Math.round((ms * 256) / 1000)));
  const rapid =
    (bpdu.proposal ? PROPOSAL : 0) |
    (ROLES.indexOf(bpdu.role) << ROLE_SHIFT) |
    (bpdu.learning ? LEARNING : 0) |
    (bpdu.forwarding ? FORWARDING : 0) |
    (bpdu.agreement ? AGREEMENT : 0);
  const flags =
    (bpdu.topologyChange ? TOPOLOGY_CHANGE : 0) |
    (bpdu.topologyChangeAck ? TOPOLOGY_CHANGE_ACK : 0) |
    (bpdu.kind === 'rst' ? rapid : 0);
  view.setUint8(at + 4, flags);
  view.setBigUint64(at + 5, bpdu.root);
  view.setUint32(at + 13, Math.min(0xffff_ffff, bpdu.rootPathCost));
  view.setBigUint64(at + 17, bpdu.bridge);
  view.setUint16(at + 25, bpdu.port);
  time(27, bpdu.messageAge);
  time(29, bpdu.maxAge);
  time(31, bpdu.helloTime);
  time(33, bpdu.forwardDelay);
}
