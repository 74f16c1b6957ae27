// HalfSipHash-1-3: a keyed hash of 32-bit words, of which nobody who does not have the key can make collisions. As Linux has it for
// its hash tables (Documentation/security/siphash.rst). Aumasson and Bernstein, SipHash: a fast short-input PRF, 2012.

const V0 = 0;
const V1 = 1;
const V2 = 2;
const V3 = 3;

export class HalfSipHash {
  private readonly k0: number;
  private readonly k1: number;
  private readonly state = new Int32Array(4);
  private bytes = 0;

  constructor(k0: number, k1: number) {
    this.k0 = k0;
    this.k1 = k1;
  }

  begin(): void {
    const { state, k0, k1 } = this;
    state[V0] = k0;
    state[V1] = k1;
    state[V2] = 0x6c79_6765 ^ k0;
    state[V3] = 0x7465_6462 ^ k1;
    this.bytes = 0;
  }

  add(word: number): void {
    const { state } = this;
    state[V3] ^= word;
    this.round();
    state[V0] ^= word;
    this.bytes += 4;
  }

  /** 32 bits as int32 of all words since `begin`. */
  end(): number {
    const { state } = this;
    this.add(this.bytes << 24);
    state[V2] ^= 0xff;
    this.round();
    this.round();
    this.round();
    return state[V1] ^ state[V3];
  }

  private round(): void {
    const { state } = this;
    let v0 = (state[V0] + state[V1]) | 0;
    let v1 = rotated(state[V1], 5) ^ v0;
    v0 = rotated(v0, 16);
    let v2 = (state[V2] + state[V3]) | 0;
    let v3 = rotated(state[V3], 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotated(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotated(v1, 13) ^ v2;
    v2 = rotated(v2, 16);
    state[V0] = v0;
    state[V1] = v1;
    state[V2] = v2;
    state[V3] = v3;
  }
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
