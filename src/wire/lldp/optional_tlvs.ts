// The optional TLVs of an LLDPDU that Taploom understands, and a bounded, readable form of those that it does not.

import { addressText } from './id.ts';
import { hex, readable } from './text.ts';
import * as tlv from './tlv.ts';

/** Of each LLDPDU, so that a stranger cannot make us keep much: others are counted, not kept. */
export const MAX_ADDRESSES = 8;
export const MAX_OTHERS = 32;
/** Bytes shown of a TLV that is not understood. */
export const MAX_SHOWN = 64;

export type Capability = (typeof tlv.CAPABILITY_NAMES)[number];

/** A TLV that Taploom does not interpret. */
export interface OtherTlv {
  type: number;
  /** `00:12:0f`, and the subtype, of an organisation's TLV. */
  oui?: string;
  subtype?: number;
  /** Bytes of the value, for an organisation's without OUI and subtype. */
  length: number;
  /** The value, at most 64 bytes of it. */
  hex: string;
}

export interface OptionalTlvs {
  portDescription?: string;
  systemName?: string;
  systemDescription?: string;
  capabilities?: Capability[];
  enabledCapabilities?: Capability[];
  managementAddresses: string[];
  /** Port VLAN id; 0: the neighbour has none. */
  pvid?: number;
  /** Longest frame in bytes, with header, tag and FCS. */
  maxFrameSize?: number;
  others: OtherTlv[];
}

/** What became of a TLV. */
export type Fate = 'understood' | 'unrecognized' | 'bad';

/** Puts what `value` says into `found`. A second one of a kind that may be there once is bad: the first is kept. */
export function addTlv(found: OptionalTlvs, type: number, value: Uint8Array): Fate {
  switch (type) {
    case tlv.PORT_DESCRIPTION:
      return addText(found, 'portDescription', value);
    case tlv.SYSTEM_NAME:
      return addText(found, 'systemName', value);
    case tlv.SYSTEM_DESCRIPTION:
      return addText(found, 'systemDescription', value);
    case tlv.CAPABILITIES:
      if (value.length < 4 || found.capabilities !== undefined) return 'bad';
      found.capabilities = capabilities(word(value, 0));
      found.enabledCapabilities = capabilities(word(value, 2));
      return 'understood';
    case tlv.MANAGEMENT_ADDRESS:
      return addAddress(found, value);
    case tlv.ORGANIZATION:
      return addOrganization(found, value);
    default:
      addOther(found, { type, length: value.length, hex: shown(value) });
      return 'unrecognized';
  }
}

type Text = 'portDescription' | 'systemName' | 'systemDescription';

function addText(found: OptionalTlvs, key: Text, value: Uint8Array): Fate {
  if (value.length > tlv.MAX_TEXT || found[key] !== undefined) return 'bad';
  found[key] = readable(value);
  return 'understood';
}

function capabilities(bits: number): Capability[] {
  return tlv.CAPABILITY_NAMES.filter((_, bit) => (bits & (1 << bit)) !== 0);
}

/** 8.5.9: | address length | family | address, 1 to 31 | interface numbering | number, 4 | OID length | OID, 0 to 128 |. */
function addAddress(found: OptionalTlvs, value: Uint8Array): Fate {
  const length = value[0] ?? 0; // with the family
  const oidAt = 1 + length + 5;
  if (length < 2 || length > 32 || oidAt >= value.length) return 'bad';
  if (value[oidAt] > 128 || oidAt + 1 + value[oidAt] > value.length) return 'bad';
  const text = addressText(value[1], value.subarray(2, 1 + length));
  if (found.managementAddresses.length < MAX_ADDRESSES) found.managementAddresses.push(text);
  return 'understood';
}

function addOrganization(found: OptionalTlvs, value: Uint8Array): Fate {
  if (value.length < tlv.ORGANIZATION_LEN) return 'bad';
  const [a, b, c, subtype] = value;
  const own = value.subarray(tlv.ORGANIZATION_LEN);
  switch ((a << 24) | (b << 16) | (c << 8) | subtype) {
    case tlv.PORT_VLAN_ID:
      if (own.length < 2 || found.pvid !== undefined) return 'bad';
      found.pvid = word(own, 0);
      return 'understood';
    case tlv.MAX_FRAME_SIZE:
      if (own.length < 2 || found.maxFrameSize !== undefined) return 'bad';
      found.maxFrameSize = word(own, 0);
      return 'understood';
  }
  const oui = hex(value.subarray(0, 3)).replaceAll(/..(?=.)/g, '$&:');
  addOther(found, { type: tlv.ORGANIZATION, oui, subtype, length: own.length, hex: shown(own) });
  return 'unrecognized';
}

function addOther({ others }: OptionalTlvs, other: OtherTlv): void {
  if (others.length < MAX_OTHERS) others.push(other);
}

function shown(value: Uint8Array): string {
  return hex(value.subarray(0, MAX_SHOWN));
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}
