// Options of DHCPv6, RFC 8415 section 21.1: code 2 | length 2 | data, of messages and within options alike.

/** More nobody has. */
const MAX_OPTIONS = 64;

/** Undefined if they are not whole, or more than anybody has. */
export function parseOptions(bytes: Uint8Array): [number, Uint8Array][] | undefined {
  const options: [number, Uint8Array][] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length || options.length >= MAX_OPTIONS) return undefined;
    const length = (bytes[at + 2] << 8) | bytes[at + 3];
    const end = at + 4 + length;
    if (end > bytes.length) return undefined;
    options.push([(bytes[at] << 8) | bytes[at + 1], bytes.slice(at + 4, end)]);
    at = end;
  }
  return options;
}

export function buildOptions(options: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  return Buffer.concat(
    options.flatMap(([code, data]) => [
      Uint8Array.of(code >>> 8, code & 0xff, data.length >>> 8, data.length & 0xff),
      data,
    ]),
  );
}
