// LLDP's TLVs, IEEE 802.1AB-2016 clause 8. An LLDPDU is the payload of an Ethernet frame to the nearest bridge:
//
//   | chassis ID | port ID | time to live | optional TLVs ... | end |        each:  | type, 7 bits | length, 9 | value |

/** Of a TLV, and the whole of the End TLV. */
export const HEADER_LEN = 2;
export const MAX_VALUE = 511;

/** EtherType, clause 7.3. */
export const TYPE_LLDP = 0x88cc;
/** 01:80:C2:00:00:0E, the nearest bridge, table 7-1. */
export const NEAREST_BRIDGE = { hi: 0x0180, lo: 0xc200_000e | 0 } as const;
/** Its bit in a bridge's group_fwd_mask. */
export const NEAREST_BRIDGE_BIT = 1 << 14;

/** Types of TLVs, table 8-1. */
export const END = 0;
export const CHASSIS_ID = 1;
export const PORT_ID = 2;
export const TTL = 3;
export const PORT_DESCRIPTION = 4;
export const SYSTEM_NAME = 5;
export const SYSTEM_DESCRIPTION = 6;
export const CAPABILITIES = 7;
export const MANAGEMENT_ADDRESS = 8;
export const ORGANIZATION = 127;

/** Of an ID, clauses 8.5.2 and 8.5.3: a subtype and 1 to 255 bytes. Of a text, 8.5.5 to 8.5.7: 0 to 255. */
export const MAX_ID = 256;
export const MAX_TEXT = 255;

/** Subtypes of IDs that this switch sends, tables 8-2 and 8-3. */
export const CHASSIS_MAC = 4;
export const PORT_INTERFACE_NAME = 5;

/** Address families, RFC 3232. */
export const FAMILY_IPV4 = 1;
export const FAMILY_IPV6 = 2;

/** OUI << 8 | subtype of organisations' TLVs. IEEE 802.1Q annex D.2.1: port VLAN ID; IEEE 802.3 clause 79.3.4. */
export const PORT_VLAN_ID = 0x0080_c201;
export const MAX_FRAME_SIZE = 0x0012_0f04;
/** Bytes of an organisation's TLV before its own: OUI and subtype. */
export const ORGANIZATION_LEN = 4;

/** By bit, table 8-4. */
export const CAPABILITY_NAMES = [
  'other',
  'repeater',
  'bridge',
  'wlan_access_point',
  'router',
  'telephone',
  'docsis_cable_device',
  'station',
  'cvlan_component',
  'svlan_component',
  'two_port_mac_relay',
] as const;
export const CAPABLE_BRIDGE = 1 << 2;
