// Control protocols of layer 2 (L2CP, MEF 45.1), which bridges speak to whoever is at the link's other end: which of them a
// frame belongs to, by what follows its addresses and tags, and the group that it is for.
//
//   | DST | SRC | 88 cc  ...                              EtherType: EAPOL, LACP, LLDP
//   | DST | SRC | length | 42 42 03 | ...                 LLC (802.2): spanning tree
//   | DST | SRC | length | aa aa 03 | 00 00 0c | type     SNAP (IEEE 802, 9) with Cisco's OUI

import type { Mac } from './mac.ts';
import { skip } from './vlan.ts';

const CISCO: Mac = { hi: 0x0100, lo: 0x0ccc_cccc };
const ieee = (last: number): Mac => ({ hi: 0x0180, lo: 0xc200_0000 | last | 0 });

/** A protocol's number is its place here. */
const PROTOCOLS = {
  stp: ieee(0),
  pvst: { hi: 0x0100, lo: 0x0ccc_cccd },
  lacp: ieee(2),
  eapol: ieee(3),
  lldp: ieee(14),
  cdp: CISCO,
  vtp: CISCO,
  pagp: CISCO,
  udld: CISCO,
  dtp: CISCO,
} as const satisfies Record<string, Mac>;

export type L2cpName = keyof typeof PROTOCOLS;
export const L2CP_NAMES = Object.keys(PROTOCOLS) as L2cpName[];
/** By protocol: the group that its frames are for. */
export const L2CP_GROUPS: readonly Mac[] = Object.values(PROTOCOLS);
export const L2CP = Object.fromEntries(L2CP_NAMES.map((name, n) => [name, n])) as Record<L2cpName, number>;
/** No protocol of these. */
export const NONE = -1;

const TYPE_SLOW = 0x8809;
const TYPE_EAPOL = 0x888e;
const TYPE_LLDP = 0x88cc;
/** IEEE 802.3, 57A.4.3: LACP and its marker protocol. */
const SLOW_LACP = 1;
const SLOW_MARKER = 2;
/** IEEE 802.3, 3.2.6: up to here a length. */
const MAX_LENGTH = 1500;
const LLC_AT = 2;
const LLC_LEN = 3;
const LLC_STP = 0x42_4203;
const LLC_SNAP = 0xaa_aa03;
const OUI_AT = LLC_AT + LLC_LEN;
const OUI_CISCO = 0x00_000c;
const SNAP_TYPE_AT = OUI_AT + 3;
const SNAP_END = SNAP_TYPE_AT + 2;

/** The protocol of a frame whose EtherType, length or tag is at `at`, and which goes up to `end`; NONE if it is none of these. */
export function protocolOf(view: DataView, at: number, end: number): number {
  const typeAt = skip(view, at, end);
  if (typeAt < 0) return NONE;
  const type = view.getUint16(typeAt);
  if (type === TYPE_LLDP) return L2CP.lldp;
  if (type === TYPE_EAPOL) return L2CP.eapol;
  if (type === TYPE_SLOW) return isLacp(view, typeAt + 2, end) ? L2CP.lacp : NONE;
  return type > MAX_LENGTH ? NONE : llcProtocol(view, typeAt, end);
}

function isLacp(view: DataView, at: number, end: number): boolean {
  if (at >= end) return false;
  const subtype = view.getUint8(at);
  return subtype === SLOW_LACP || subtype === SLOW_MARKER;
}

function llcProtocol(view: DataView, at: number, end: number): number {
  if (at + LLC_AT + LLC_LEN > end) return NONE;
  const llc = (view.getUint16(at + LLC_AT) << 8) | view.getUint8(at + LLC_AT + 2);
  if (llc === LLC_STP) return L2CP.stp;
  const isCisco = llc === LLC_SNAP && at + SNAP_END <= end && view.getUint32(at + OUI_AT) >>> 8 === OUI_CISCO;
  return isCisco ? ciscoProtocol(view.getUint16(at + SNAP_TYPE_AT)) : NONE;
}

/** Wireshark's epan/oui.h lists them. */
function ciscoProtocol(type: number): number {
  switch (type) {
    case 0x2000:
      return L2CP.cdp;
    case 0x2003:
      return L2CP.vtp;
    case 0x2004:
      return L2CP.dtp;
    case 0x0104:
      return L2CP.pagp;
    case 0x0111:
      return L2CP.udld;
    case 0x010b:
      return L2CP.pvst;
    default:
      return NONE;
  }
}
