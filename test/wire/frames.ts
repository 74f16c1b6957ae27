// Frames as scapy 2.5 builds them, lengths and checksums included: what the accessors are measured against.

/** A view of its own for every caller, at an odd offset, so that nothing depends on alignment. */
export function viewOf(hex: string): { view: DataView; bytes: Uint8Array } {
  const bytes = new Uint8Array(Buffer.from(`00 ${hex}`.replace(/\s+/g, ''), 'hex')).subarray(1);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Tag (VID 100, PCP 5, DEI), IPv4 (TOS 0xb9, DF, TTL 63), TCP with timestamps and flags PSH ACK ECE CWR, "hello". */
export const TAGGED_TCP4 = `
  02 00 00 00 00 02 02 00 00 00 00 01 81 00 b0 64 08 00
  45 b9 00 39 12 34 40 00 3f 06 14 d0 0a 00 00 01 0a 00 00 02
  03 e8 07 d0 ff ff ff f0 00 00 00 07 80 d8 02 00 10 69 00 00 08 0a 00 00 00 01 00 00 00 02 01 01
  68 65 6c 6c 6f`;

/** IPv6 (traffic class 0x2f, flow 0xabcde) with hop-by-hop and destination options, UDP, "abc". */
export const UDP6 = `
  33 33 00 00 00 01 02 00 00 00 00 01 86 dd
  62 fa bc de 00 23 00 40
  fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 01
  3c 00 01 04 00 00 00 00
  11 01 01 0c 00 00 00 00 00 00 00 00 00 00 00 00
  14 e9 14 e9 00 0b 15 9e 61 62 63`;
