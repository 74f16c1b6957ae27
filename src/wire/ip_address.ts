// IPv4 and IPv6 addresses between text and bytes in network order. The family is the number of bytes: 4 or 16.
//
// IPv6 text is written as RFC 5952 says, so two texts of one address become equal by `formatIp(parseIp(text))`.
// Zones (`fe80::1%eth0`) are not addresses and not accepted.

/** 4 or 16 bytes. */
export type IpBytes = Uint8Array;

/** Undefined if `text` is neither an IPv4 address in dotted decimals nor an IPv6 address. */
export function parseIp(text: string): IpBytes | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Canonical text of 4 or 16 bytes. */
export function formatIp(bytes: IpBytes): string {
  return bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes);
}

/** The address in its canonical form; undefined if it is none. */
export function canonicalIp(text: string): string | undefined {
  const bytes = parseIp(text);
  return bytes && formatIp(bytes);
}

export function ipFamily(bytes: IpBytes): 4 | 6 {
  return bytes.length === 4 ? 4 : 6;
}

/** 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291, 2.7). */
export function isMulticastIp(bytes: IpBytes): boolean {
  return bytes.length === 4 ? bytes[0] >> 4 === 0xe : bytes[0] === 0xff;
}

/** 0.0.0.0 or ::, "any address" for a socket, nobody as a destination. */
export function isUnspecifiedIp(bytes: IpBytes): boolean {
  return bytes.every((byte) => byte === 0);
}

/** IPv4 as an unsigned number. */
export function ipv4Number(bytes: IpBytes): number {
  return ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
}

export function ipv4Bytes(number: number): IpBytes {
  return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
}

// No leading zeros: `010` is 8 to inet_aton and 10 to people.
const DECIMAL_BYTE = /^(0|[1-9][0-9]{0,2})$/;

function parseIpv4(text: string): IpBytes | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => DECIMAL_BYTE.test(part) && Number(part) <= 255)) return undefined;
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): IpBytes | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const compressed = halves.length === 2;
  const head = parseGroups(halves[0], !compressed);
  const tail = compressed ? parseGroups(halves[1], true) : [];
  if (!head || !tail) return undefined;
  const missing = 16 - head.length - tail.length;
  // `::` stands for at least one group (RFC 4291, 2.2).
  if (compressed ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** Bytes of `a:b:c`; the last group may be an IPv4 address if this is the end of the whole text. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else {
      const ipv4 = last && index === groups.length - 1 ? parseIpv4(group) : undefined;
      if (!ipv4) return undefined;
      bytes.push(...ipv4);
    }
  }
  return bytes;
}

function formatIpv6(bytes: IpBytes): string {
  // RFC 5952, 5: IPv4-mapped addresses end in dotted decimals.
  if (bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) {
    return `::ffff:${bytes.subarray(12).join('.')}`;
  }
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at] << 8) | bytes[at + 1]).toString(16));
  const { from, length } = longestZeroRun(groups);
  // RFC 5952, 4.2.2: a single zero group is not shortened.
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`;
}

/** The first of the longest runs (RFC 5952, 4.2.3). */
function longestZeroRun(groups: string[]): { from: number; length: number } {
  let best = { from: 0, length: 0 };
  for (let from = 0; from < groups.length; from++) {
    let length = 0;
    while (groups[from + length] === '0') length++;
    if (length > best.length) best = { from, length };
  }
  return best;
}

/** The address as it lies in memory, in words: see Remotes. */
export function addressWords(address: string): Int32Array {
  const bytes = new Uint8Array(16);
  bytes.set(parseIp(address) as Uint8Array);
  return new Int32Array(bytes.buffer);
}
