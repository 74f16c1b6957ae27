// HalfSipHash-1-3: a keyed hash of 32-bit words, of which nobody who does not have the key can make collisions. As Linux has it for
// its hash tables (Documentation/security/siphash.rst). Aumasson and Bernstein, SipHash: a fast short-input PRF, 2012.

const FINAL_ROUNDS = 3;

/** 32 bits as int32 of the first `count` words. */
export function halfSipHash(words: Int32Array, count: number, k0: number, k1: number): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c79_6765 ^ k0;
  let v3 = 0x7465_6462 ^ k1;
  for (let n = 0; n <= count + FINAL_ROUNDS; n++) {
    // The last word is the length in bytes. Behind it there is nothing.
    const word = n < count ? words[n] : n === count ? count << 26 : 0;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
    if (n === count) v2 ^= 0xff;
  }
  return v1 ^ v3;
}
