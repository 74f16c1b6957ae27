// Chassis and port IDs, IEEE 802.1AB-2016 clauses 8.5.2 and 8.5.3: a subtype, and bytes that mean what it says.

import { formatIp } from '../ip_address.ts';
import { hex, textOrHex } from './text.ts';
import { FAMILY_IPV4, FAMILY_IPV6 } from './tlv.ts';

/** By subtype, tables 8-2 and 8-3; others are reserved. */
export const CHASSIS_ID_TYPES = [
  'reserved',
  'chassis_component',
  'interface_alias',
  'port_component',
  'mac',
  'network_address',
  'interface_name',
  'local',
] as const;
export const PORT_ID_TYPES = [
  'reserved',
  'interface_alias',
  'port_component',
  'mac',
  'network_address',
  'interface_name',
  'agent_circuit_id',
  'local',
] as const;

export interface LldpId<Type extends string = string> {
  readonly type: Type;
  /** For people: two IDs may look alike. */
  readonly text: string;
  /** Equal for equal IDs, and only for those. */
  readonly key: string;
}

export type ChassisId = LldpId<(typeof CHASSIS_ID_TYPES)[number]>;
export type PortId = LldpId<(typeof PORT_ID_TYPES)[number]>;

/** `value` has at least two bytes. */
export function parseId<Type extends string>(value: Uint8Array, types: readonly Type[]): LldpId<Type> {
  const type = types[value[0]] ?? types[0];
  return { type, text: idText(type, value.subarray(1)), key: hex(value) };
}

function idText(type: string, bytes: Uint8Array): string {
  switch (type) {
    case 'mac':
      return bytes.length === 6 ? hex(bytes).replaceAll(/..(?=.)/g, '$&:') : `0x${hex(bytes)}`;
    case 'network_address':
      return addressText(bytes[0], bytes.subarray(1));
    case 'agent_circuit_id':
    case 'reserved':
      return `0x${hex(bytes)}`;
    default:
      return textOrHex(bytes);
  }
}

/** IPv4 and IPv6 as such, other families as `0x...` with the family in front. */
export function addressText(family: number, bytes: Uint8Array): string {
  const isIp =
    (family === FAMILY_IPV4 && bytes.length === 4) || (family === FAMILY_IPV6 && bytes.length === 16);
  return isIp ? formatIp(bytes) : `0x${hex(Uint8Array.of(family))}${hex(bytes)}`;
}
