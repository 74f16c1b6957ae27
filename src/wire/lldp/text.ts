// Text of strangers, made fit for a terminal and a log: one line of printable characters. The bytes should be UTF-8
// (802.1AB-2016, 8.5.5), but neighbours send Latin-1, trailing zeros, line breaks and escape sequences as well.

const lenient = new TextDecoder('utf-8');
const strict = new TextDecoder('utf-8', { fatal: true });

/**
 * Controls, format characters (which turn the direction of writing), separators of lines, private and unassigned ones,
 * and half pairs. Their places show the replacement character.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const LINE_BREAKS = /[\t\r\n]+/g;
const FINAL_ZEROS = /\0+$/;

/** Never longer than the bytes, in UTF-16 units. */
export function readable(bytes: Uint8Array): string {
  const text = lenient.decode(bytes).replace(FINAL_ZEROS, '').trim();
  return text.replaceAll(LINE_BREAKS, ' ').replaceAll(UNPRINTABLE, '\ufffd');
}

/** Text if the bytes are nothing but that, else `0x...`. */
export function textOrHex(bytes: Uint8Array): string {
  try {
    const text = strict.decode(bytes).replace(FINAL_ZEROS, '');
    if (text !== '' && text === text.trim() && text.search(UNPRINTABLE) < 0) return text;
  } catch {
    // Not UTF-8.
  }
  return `0x${hex(bytes)}`;
}

/** By Buffer: text that is added up byte by byte stays a tree of its pieces, thirty times as large, for as long as it is kept. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** UTF-8, cut between two characters if it is longer than `most` bytes. */
export function encodeText(text: string, most: number): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= most) return bytes;
  let end = most;
  // 10xxxxxx continues a character.
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
