// Bytes from one array to another.

/** Below this a loop is faster than a view of the bytes and `set`. */
const SMALL = 256;

export function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  length: number,
): void {
  if (length > SMALL) {
    target.set(source.subarray(from, from + length), to);
    return;
  }
  for (let k = 0; k < length; k++) target[to + k] = source[from + k];
}
