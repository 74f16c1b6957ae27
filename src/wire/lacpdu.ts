// LACPDU and marker, slow protocols of IEEE 802.1AX-2014 clauses 6.4.2.3 and 6.5.3.3, in Ethernet frames without FCS.
//
//   MACs 12 | 0x8809 | subtype 1 | version | actor: 1, 20, ... | partner: 2, 20, ... | collector: 3, 16, ... | 0, 0 | 50 x 0
//   MACs 12 | 0x8809 | subtype 2 | version | marker: 1 or 2, 16, ...                                        | 0, 0 | 90 x 0
//
//   actor, partner:  type | length | system priority 2 | system 6 | key 2 | port priority 2 | port 2 | state 1 | 3 x 0

import { etherType, HEADER_LEN, setDst, setEtherType, setSrc } from './ethernet.ts';
import { formatMac, type Mac, macAt, parseMac, setMac } from './mac.ts';

export const TYPE_SLOW = 0x8809;
/** 01:80:C2:00:00:02. */
const GROUP_HI = 0x0180;
const GROUP_LO = 0xc200_0002 | 0;

const SUBTYPE_LACP = 1;
const SUBTYPE_MARKER = 2;
const VERSION = 1;
/** Of both kinds of frame. */
const FRAME_LEN = HEADER_LEN + 110;

const SUBTYPE = HEADER_LEN;
const ACTOR = HEADER_LEN + 2;
const PARTNER = ACTOR + 20;
const COLLECTOR = PARTNER + 20;
const MARKER = HEADER_LEN + 2;

const ACTOR_TLV = 0x0114;
const PARTNER_TLV = 0x0214;
const COLLECTOR_TLV = 0x0310;
const MARKER_TLV = 0x0110;
const MARKER_RESPONSE = 2;

// In an actor or a partner.
const SYSTEM_PRIORITY = 2;
const SYSTEM = 4;
const KEY = 10;
const PORT_PRIORITY = 12;
const PORT = 14;
const STATE = 16;

/** Bits of a state, clause 6.4.2.3 m. */
export const STATE_BIT = {
  activity: 1,
  /** Short timeout: wants an LACPDU each second. */
  timeout: 2,
  aggregation: 4,
  synchronization: 8,
  collecting: 16,
  distributing: 32,
  defaulted: 64,
  expired: 128,
} as const;

/** One end of a link. */
export interface LacpEnd {
  readonly systemPriority: number;
  /** MAC address. */
  readonly system: string;
  readonly key: number;
  readonly portPriority: number;
  readonly port: number;
  readonly state: number;
}

export interface Lacpdu {
  readonly actor: LacpEnd;
  /** What the actor knows of its partner. */
  readonly partner: LacpEnd;
}

export interface Marker {
  /** The whole frame. */
  readonly marker: Uint8Array;
}

/**
 * Why a frame to the slow protocols' address is neither LACPDU nor marker: another type or subtype (clause 7.3.3.1.5 of
 * 802.1AX-2014: unknown), or cut off or with other TLVs than it has to have (clause 7.3.3.1.6: illegal).
 */
export const BAD_SLOW = ['too_short', 'ether_type', 'subtype', 'tlv'] as const;
export type BadSlow = (typeof BAD_SLOW)[number];

/** Later versions are read as the first one, clause 6.4.2.3 b. The answer to a marker, which nobody asks here, is a `tlv`. */
export function parseSlow(frame: Uint8Array): Lacpdu | Marker | BadSlow {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length <= SUBTYPE) return 'too_short';
  if (etherType(view, 0) !== TYPE_SLOW) return 'ether_type';
  const subtype = view.getUint8(SUBTYPE);
  if (subtype !== SUBTYPE_LACP && subtype !== SUBTYPE_MARKER) return 'subtype';
  if (frame.length < FRAME_LEN) return 'too_short';
  if (subtype === SUBTYPE_MARKER) return view.getUint16(MARKER) === MARKER_TLV ? { marker: frame } : 'tlv';
  const isWhole =
    view.getUint16(ACTOR) === ACTOR_TLV &&
    view.getUint16(PARTNER) === PARTNER_TLV &&
    view.getUint16(COLLECTOR) === COLLECTOR_TLV;
  return isWhole ? { actor: endAt(view, ACTOR), partner: endAt(view, PARTNER) } : 'tlv';
}

export function buildLacpdu(source: Mac, { actor, partner }: Lacpdu): Uint8Array {
  const frame = new Uint8Array(FRAME_LEN);
  const view = new DataView(frame.buffer);
  setHeader(view, source);
  frame[SUBTYPE] = SUBTYPE_LACP;
  frame[SUBTYPE + 1] = VERSION;
  view.setUint16(ACTOR, ACTOR_TLV);
  setEnd(view, ACTOR, actor);
  view.setUint16(PARTNER, PARTNER_TLV);
  setEnd(view, PARTNER, partner);
  // The collector's longest delay, then the terminator: zero, since nothing waits here.
  view.setUint16(COLLECTOR, COLLECTOR_TLV);
  return frame;
}

/** The answer to a marker, which is the marker with another type. */
export function markerResponse(source: Mac, { marker }: Marker): Uint8Array {
  const answer = new Uint8Array(marker.subarray(0, FRAME_LEN));
  setHeader(new DataView(answer.buffer), source);
  answer[MARKER] = MARKER_RESPONSE;
  return answer;
}

function setHeader(view: DataView, source: Mac): void {
  setDst(view, 0, GROUP_HI, GROUP_LO);
  setSrc(view, 0, source.hi, source.lo);
  setEtherType(view, 0, TYPE_SLOW);
}

function endAt(view: DataView, at: number): LacpEnd {
  const system = macAt(view, at + SYSTEM);
  return {
    systemPriority: view.getUint16(at + SYSTEM_PRIORITY),
    system: formatMac(system.hi, system.lo),
    key: view.getUint16(at + KEY),
    portPriority: view.getUint16(at + PORT_PRIORITY),
    port: view.getUint16(at + PORT),
    state: view.getUint8(at + STATE),
  };
}

function setEnd(view: DataView, at: number, end: LacpEnd): void {
  const system = parseMac(end.system) as Mac;
  view.setUint16(at + SYSTEM_PRIORITY, end.systemPriority);
  setMac(view, at + SYSTEM, system.hi, system.lo);
  view.setUint16(at + KEY, end.key);
  view.setUint16(at + PORT_PRIORITY, end.portPriority);
  view.setUint16(at + PORT, end.port);
  view.setUint8(at + STATE, end.state);
}
