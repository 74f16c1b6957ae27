// LLDP frames of others.

export const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));

/** lldpd 1.0.16 on a veth, as captured: a management address of each family, two 802.3 TLVs, a private one. */
export const LLDPD = bytesOf(`
  0180c200000e 020000000a01 88cc
  0207 04 020000000a01  0407 03 020000000a01  0602 0078
  0a06 676f6c64656e  0c0d 476f6c64656e2073797374656d  0e04 009c 0080
  100c 05 01 c0000207 02 00000002 00
  1018 11 02 fe80000000000000000000fffe000a01 02 00000002 00
  0802 6530
  fe09 00120f 03 0100000000  fe09 00120f 01 0080000036  fe09 334455 2c 4545454545
  0000`);

/** What it sends when it ends. */
export const LLDPD_SHUTDOWN = bytesOf(`
  0180c200000e 020000000a01 88cc 0207 04 020000000a01  0407 03 020000000a01  0602 0000 0000`);

export const ETHERNET_LEN = 14;

export function tlv(type: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return Uint8Array.of((type << 1) | (bytes.length >> 8), bytes.length & 0xff, ...bytes);
}

/** With chassis and port names of a neighbour. */
export function lldpFrame(
  { chassis = 'c', port = 'p', ttl = 120, mac = '020000000b01', tag = '' } = {},
  ...more: Uint8Array[]
): Uint8Array {
  return Uint8Array.of(
    ...bytesOf(`0180c200000e${mac}${tag}88cc`),
    ...tlv(1, Uint8Array.of(7, ...new TextEncoder().encode(chassis))),
    ...tlv(2, Uint8Array.of(7, ...new TextEncoder().encode(port))),
    ...tlv(3, Uint8Array.of(ttl >> 8, ttl & 0xff)),
    ...more.flatMap((one) => [...one]),
    0,
    0,
  );
}
