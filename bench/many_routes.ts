// Routes as the Internet's tables have them, by the lengths of their prefixes; the same in every run.

export interface Route4 {
  address: number;
  length: number;
  value: number;
}

export interface Route6 {
  /** The first two words. */
  address: [number, number];
  length: number;
  value: number;
}

/** Per mille, by the reports at bgp.potaroo.net of 2024; a few that are longer than what crosses between providers. */
const LENGTHS_4: readonly (readonly [length: number, share: number])[] = [
  [24, 600],
  [22, 115],
  [23, 100],
  [21, 50],
  [20, 45],
  [19, 26],
  [16, 14],
  [18, 14],
  [17, 11],
  [15, 8],
  [14, 6],
  [13, 4],
  [12, 2],
  [32, 3],
  [29, 2],
];
const LENGTHS_6: readonly (readonly [length: number, share: number])[] = [
  [48, 460],
  [32, 140],
  [40, 100],
  [44, 100],
  [36, 70],
  [29, 50],
  [46, 40],
  [64, 40],
];
/** Next hops. */
const VALUES = 1000;
/** What providers got of IPv6: each a /29. */
const ALLOCATIONS = 20_000;

/** Numbers from 0 to 2^32 - 1 (xorshift32). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Anywhere in the unicast space. */
export function manyRoutes4(count: number, random: () => number): Route4[] {
  return Array.from({ length: count }, () => {
    const length = pick(LENGTHS_4, random);
    const address = ((1 + (random() % 223)) << 24) | (random() & 0xff_ffff);
    return { address, length, value: 1 + (random() % VALUES) };
  });
}

export function manyRoutes6(count: number, random: () => number): Route6[] {
  return Array.from({ length: count }, () => {
    const allocation = 0x2a00_0000 + (((random() % ALLOCATIONS) * 7919) % (1 << 21)) * 8;
    const length = pick(LENGTHS_6, random);
    const first = length > 29 ? allocation | (random() & 7) : allocation;
    return { address: [first, random() | 0], length, value: 1 + (random() % VALUES) };
  });
}

function pick(shares: typeof LENGTHS_4, random: () => number): number {
  let left = random() % 1000;
  for (const [length, share] of shares) {
    if (left < share) return length;
    left -= share;
  }
  throw new Error('shares of lengths must sum up to 1,000');
}
