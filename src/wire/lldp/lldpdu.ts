// What a neighbour says in an LLDPDU, by the rules of IEEE 802.1AB-2016 clause 9.2.7.7 for what is discarded: the whole
// LLDPDU if its first three TLVs are not the mandatory ones in their order, if one of these is there twice, or if a TLV is
// cut off; else only the TLV that is wrong. Nothing here throws, whatever the bytes are.

import { dstHi, dstLo, HEADER_LEN as ETHERNET_LEN } from '../ethernet.ts';
import { skip } from '../vlan.ts';
import { CHASSIS_ID_TYPES, type ChassisId, PORT_ID_TYPES, type PortId, parseId } from './id.ts';
import { addTlv, type OptionalTlvs } from './optional_tlvs.ts';
import * as tlv from './tlv.ts';

/** The payload of an ordinary jumbo frame. 802.1AB sets no limit but the frame's; a GSO frame is never LLDP. */
export const MAX_LLDPDU = 9_000;

export interface Lldpdu extends OptionalTlvs {
  chassisId: ChassisId;
  portId: PortId;
  /** Seconds; 0 says that the port shuts down, and then nothing else was looked at. */
  ttl: number;
}

/** The LLDPDU with the number of TLVs that were discarded and not understood; or undefined, to be discarded. */
export interface Parsed {
  lldpdu: Lldpdu | undefined;
  badTlvs: number;
  unrecognizedTlvs: number;
}

/** Where the LLDPDU starts in a frame to the nearest bridge, tagged or not; -1: it is none. */
export function lldpduStart(frame: Uint8Array): number {
  if (frame.length < ETHERNET_LEN) return -1;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const { hi, lo } = tlv.NEAREST_BRIDGE;
  if (dstHi(view, 0) !== hi || dstLo(view, 0) !== lo) return -1;
  // Some switches send LLDP in their native VLAN, with its tag or with a priority.
  const at = skip(view, ETHERNET_LEN - 2, frame.length);
  return at >= 0 && view.getUint16(at) === tlv.TYPE_LLDP ? at + 2 : -1;
}

/** The LLDPDU of the bytes from `at` to their end. */
export function parseLldpdu(bytes: Uint8Array, at: number): Parsed {
  const parsed: Parsed = { lldpdu: undefined, badTlvs: 0, unrecognizedTlvs: 0 };
  if (bytes.length - at > MAX_LLDPDU) return parsed;
  const [chassis, afterChassis] = mandatory(bytes, at, tlv.CHASSIS_ID);
  if (chassis === undefined || !isId(chassis)) return parsed;
  const [port, afterPort] = mandatory(bytes, afterChassis, tlv.PORT_ID);
  if (port === undefined || !isId(port)) return parsed;
  const [ttl, afterTtl] = mandatory(bytes, afterPort, tlv.TTL);
  if (ttl === undefined || ttl.length < 2) return parsed;
  const lldpdu: Lldpdu = {
    chassisId: parseId(chassis, CHASSIS_ID_TYPES),
    portId: parseId(port, PORT_ID_TYPES),
    ttl: (ttl[0] << 8) | ttl[1],
    managementAddresses: [],
    others: [],
  };
  if (lldpdu.ttl === 0 || parseOptional(bytes, afterTtl, lldpdu, parsed)) parsed.lldpdu = lldpdu;
  return parsed;
}

function isId(value: Uint8Array): boolean {
  return value.length >= 2 && value.length <= tlv.MAX_ID;
}

/** The value of the TLV at `at`, if it is of this type and complete, and where the next one starts. */
function mandatory(bytes: Uint8Array, at: number, type: number): [Uint8Array | undefined, number] {
  const from = at + tlv.HEADER_LEN;
  if (from > bytes.length) return [undefined, at];
  const to = from + lengthAt(bytes, at);
  return typeAt(bytes, at) === type && to <= bytes.length ? [bytes.subarray(from, to), to] : [undefined, at];
}

/** Up to the End TLV, or to the end of the frame where there is none. False: the LLDPDU is to be discarded. */
function parseOptional(bytes: Uint8Array, start: number, lldpdu: Lldpdu, parsed: Parsed): boolean {
  let at = start;
  while (at < bytes.length) {
    const from = at + tlv.HEADER_LEN;
    if (from > bytes.length) return false;
    const type = typeAt(bytes, at);
    if (type === tlv.END) return true;
    at = from + lengthAt(bytes, at);
    if (at > bytes.length || type <= tlv.TTL) return false;
    const fate = addTlv(lldpdu, type, bytes.subarray(from, at));
    if (fate === 'bad') parsed.badTlvs++;
    else if (fate === 'unrecognized') parsed.unrecognizedTlvs++;
  }
  return true;
}

function typeAt(bytes: Uint8Array, at: number): number {
  return bytes[at] >> 1;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] & 1) << 8) | bytes[at + 1];
}
