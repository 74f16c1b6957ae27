// Values of DHCP options between bytes and what programs work with. Readers return undefined for what is malformed.

import { RELAY } from './codes.ts';

/** A route of option 121. */
export interface DhcpRoute {
  /** Unsigned number, its host bits 0. */
  readonly to: number;
  /** 0 to 32. */
  readonly prefix: number;
  /** The router; 0: the destination is on the link itself (RFC 3442). */
  readonly via: number;
}

/** RFC 1035 section 2.3.4. */
const MAX_LABEL = 63;
const MAX_NAME = 255;
/** Of option 81, RFC 4702 section 2.1: the name is in DNS wire format, not in ASCII. */
const FQDN_ENCODED = 0x04;
const FQDN_HEADER_LEN = 3;

export function uint8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function addresses(list: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * list.length);
  const view = new DataView(bytes.buffer);
  for (const [i, address] of list.entries()) view.setUint32(4 * i, address);
  return bytes;
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** RFC 3442: prefix length 1 | significant bytes of the destination | router 4. */
export function routes(list: readonly DhcpRoute[]): Uint8Array {
  return Uint8Array.from(
    list.flatMap(({ to, prefix, via }) => [
      prefix,
      ...uint32(to).subarray(0, Math.ceil(prefix / 8)),
      ...uint32(via),
    ]),
  );
}

/** RFC 3397: names in DNS wire format, here without compression. Who calls has checked them with `isDomain`. */
export function searchList(domains: readonly string[]): Uint8Array {
  return Buffer.concat(domains.map(domainName));
}

function domainName(domain: string): Uint8Array {
  const labels = domain.replace(/\.$/, '').split('.');
  return Buffer.concat([...labels.flatMap((label) => [uint8(label.length), text(label)]), uint8(0)]);
}

/** Whether it is a name that DNS can carry: labels of letters, digits, hyphens and underscores. */
export function isDomain(name: string): boolean {
  const labels = name.replace(/\.$/, '').split('.');
  const isShort = name.length + 1 <= MAX_NAME;
  return isShort && labels.every((label) => /^[a-z0-9_-]+$/i.test(label) && label.length <= MAX_LABEL);
}

export function readUint16(value: Uint8Array | undefined): number | undefined {
  return value?.length === 2 ? (value[0] << 8) | value[1] : undefined;
}

/** An address, or a time in seconds. */
export function readUint32(value: Uint8Array | undefined): number | undefined {
  if (value?.length !== 4) return undefined;
  return ((value[0] << 24) | (value[1] << 16) | (value[2] << 8) | value[3]) >>> 0;
}

/** Latin-1, final zeros (which some clients send) removed. */
export function readText(value: Uint8Array | undefined): string {
  return value === undefined ? '' : Buffer.from(value).toString('latin1').replace(/\0+$/, '');
}

/** Numbers of option 93, RFC 4578: pairs of bytes. */
export function readUint16s(value: Uint8Array | undefined): number[] {
  if (value === undefined) return [];
  return Array.from({ length: value.length >> 1 }, (_, i) => (value[2 * i] << 8) | value[2 * i + 1]);
}

/** Option 77, RFC 3004: strings behind their lengths. iPXE and Windows send one string without. */
export function readUserClasses(value: Uint8Array | undefined): string[] {
  if (value === undefined || value.length === 0) return [];
  const classes: string[] = [];
  let at = 0;
  while (at < value.length) {
    const end = at + 1 + value[at];
    if (value[at] === 0 || end > value.length) return [readText(value)];
    classes.push(readText(value.subarray(at + 1, end)));
    at = end;
  }
  return classes;
}

/** The name in option 81, RFC 4702; empty if there is none. */
export function readFqdn(value: Uint8Array | undefined): string {
  if (value === undefined || value.length <= FQDN_HEADER_LEN) return '';
  const name = value.subarray(FQDN_HEADER_LEN);
  if ((value[0] & FQDN_ENCODED) === 0) return readText(name);
  const labels: string[] = [];
  for (let at = 0; at < name.length && name[at] !== 0; at += 1 + name[at]) {
    // A pointer has nothing to point to.
    if (name[at] > MAX_LABEL || at + 1 + name[at] > name.length) return '';
    labels.push(readText(name.subarray(at + 1, at + 1 + name[at])));
  }
  return labels.join('.');
}

/** The link that a relay agent names in option 82 beside or in place of `giaddr`, RFC 3527; 0 = none. */
export function readLinkSelection(relayAgent: Uint8Array | undefined): number {
  if (relayAgent === undefined) return 0;
  for (let at = 0; at + 2 <= relayAgent.length; at += 2 + relayAgent[at + 1]) {
    if (relayAgent[at] !== RELAY.linkSelection) continue;
    return readUint32(relayAgent.subarray(at + 2, at + 2 + relayAgent[at + 1])) ?? 0;
  }
  return 0;
}

/** A list of addresses; empty if it is malformed. */
export function readAddresses(value: Uint8Array | undefined): number[] {
  if (value === undefined || value.length % 4 !== 0) return [];
  return Array.from(
    { length: value.length / 4 },
    (_, n) => readUint32(value.subarray(4 * n, 4 * n + 4)) ?? 0,
  );
}

/** Option 121, RFC 3442: what `routes` writes. Undefined if it is not there, or malformed. */
export function readRoutes(value: Uint8Array | undefined): DhcpRoute[] | undefined {
  if (value === undefined || value.length === 0) return undefined;
  const list: DhcpRoute[] = [];
  for (let at = 0; at < value.length; ) {
    const prefix = value[at];
    const bytes = Math.ceil(prefix / 8);
    const end = at + 1 + bytes + 4;
    if (prefix > 32 || end > value.length) return undefined;
    const to = new Uint8Array(4);
    to.set(value.subarray(at + 1, at + 1 + bytes));
    const mask = prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
    list.push({
      to: ((readUint32(to) as number) & mask) >>> 0,
      prefix,
      via: readUint32(value.subarray(end - 4, end)) as number,
    });
    at = end;
  }
  return list;
}
