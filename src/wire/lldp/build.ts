// The LLDP frames that Taploom sends: what it says about itself, IEEE 802.1AB-2016 clause 8.

import { HEADER_LEN as ETHERNET_LEN, setEtherType } from '../ethernet.ts';
import { parseIp } from '../ip_address.ts';
import { type Mac, setMac } from '../mac.ts';
import { encodeText } from './text.ts';
import * as tlv from './tlv.ts';

/** Without FCS, IEEE 802.3 clause 4.2.3.3. */
const MIN_FRAME = 60;
/** More than all that we send together. */
const ROOM = 2_048;
const END_LEN = tlv.HEADER_LEN;
/** How an interface is numbered, 8.5.9.5: unknown. */
const NUMBERING_UNKNOWN = 1;

export interface OwnLldpdu {
  chassis: Mac;
  portName: string;
  /** Seconds; 0: the port shuts down, and nothing but the two IDs is sent. */
  ttl: number;
  portDescription?: string;
  systemName?: string;
  systemDescription?: string;
  /** Of CAPABILITY_NAMES, as bits. */
  capabilities?: number;
  managementAddresses?: readonly string[];
  pvid?: number;
  maxFrameSize?: number;
}

export interface BuiltFrame {
  frame: Uint8Array;
  /** TLVs that did not fit. */
  omitted: number;
}

/** `most`: bytes of the frame without FCS; the mandatory TLVs are there whatever it says. */
export function buildLldpFrame(source: Mac, own: OwnLldpdu, most = ROOM): BuiltFrame {
  const frame = new Uint8Array(ROOM);
  const view = new DataView(frame.buffer);
  const { hi, lo } = tlv.NEAREST_BRIDGE;
  setMac(view, 0, hi, lo);
  setMac(view, 6, source.hi, source.lo);
  setEtherType(view, 0, tlv.TYPE_LLDP);
  let at = ETHERNET_LEN;
  let omitted = 0;
  const add = (type: number, value: Uint8Array, limit: number) => {
    if (at + tlv.HEADER_LEN + value.length + END_LEN > limit) {
      omitted++;
      return;
    }
    view.setUint16(at, (type << 9) | value.length);
    frame.set(value, at + tlv.HEADER_LEN);
    at += tlv.HEADER_LEN + value.length;
  };
  for (const [type, value] of mandatoryTlvs(own)) add(type, value, ROOM);
  if (own.ttl > 0) for (const [type, value] of optionalTlvs(own)) add(type, value, Math.min(most, ROOM));
  // The End TLV is two zeros, as is the padding.
  return { frame: frame.subarray(0, Math.max(MIN_FRAME, at + END_LEN)), omitted };
}

type Tlv = [type: number, value: Uint8Array];

function mandatoryTlvs({ chassis, portName, ttl }: OwnLldpdu): Tlv[] {
  const chassisId = new Uint8Array(7);
  chassisId[0] = tlv.CHASSIS_MAC;
  setMac(new DataView(chassisId.buffer), 1, chassis.hi, chassis.lo);
  const name = encodeText(portName, tlv.MAX_ID - 1);
  return [
    [tlv.CHASSIS_ID, chassisId],
    [tlv.PORT_ID, Uint8Array.of(tlv.PORT_INTERFACE_NAME, ...name)],
    [tlv.TTL, Uint8Array.of(ttl >> 8, ttl & 0xff)],
  ];
}

/** The short ones that matter to programs first, in case there is no room for all. */
function optionalTlvs(own: OwnLldpdu): Tlv[] {
  const { capabilities, pvid, maxFrameSize, managementAddresses = [] } = own;
  const tlvs: Tlv[] = [];
  const text = (type: number, value: string | undefined) => {
    if (value !== undefined && value !== '') tlvs.push([type, encodeText(value, tlv.MAX_TEXT)]);
  };
  if (capabilities !== undefined) tlvs.push([tlv.CAPABILITIES, words(capabilities, capabilities)]);
  if (pvid !== undefined) tlvs.push([tlv.ORGANIZATION, organization(tlv.PORT_VLAN_ID, pvid)]);
  if (maxFrameSize !== undefined) {
    tlvs.push([tlv.ORGANIZATION, organization(tlv.MAX_FRAME_SIZE, Math.min(maxFrameSize, 0xffff))]);
  }
  for (const address of managementAddresses) {
    const bytes = parseIp(address);
    if (bytes !== undefined) tlvs.push([tlv.MANAGEMENT_ADDRESS, managementAddress(bytes)]);
  }
  text(tlv.SYSTEM_NAME, own.systemName);
  text(tlv.PORT_DESCRIPTION, own.portDescription);
  text(tlv.SYSTEM_DESCRIPTION, own.systemDescription);
  return tlvs;
}

function managementAddress(bytes: Uint8Array): Uint8Array {
  const family = bytes.length === 4 ? tlv.FAMILY_IPV4 : tlv.FAMILY_IPV6;
  // No number of the interface, and no OID.
  return Uint8Array.of(bytes.length + 1, family, ...bytes, NUMBERING_UNKNOWN, 0, 0, 0, 0, 0);
}

function organization(kind: number, value: number): Uint8Array {
  return Uint8Array.of(kind >>> 24, kind >>> 16, kind >>> 8, kind, value >> 8, value);
}

function words(a: number, b: number): Uint8Array {
  return Uint8Array.of(a >> 8, a, b >> 8, b);
}
