// The priority code point of a tag, IEEE 802.1Q-2018 clause 6.9.3: how it stands for a priority and for whether a frame may be dropped
// first. Both together are four bits, as in a TCI: priority << 1 | drop eligible.
//
// 8P0D: eight priorities, and the DEI says the rest. The others spend code points on what may be dropped: 7P1D one, 5P3D three.

export const PRIORITY_CODINGS = ['8p0d', '7p1d', '6p2d', '5p3d'] as const;
export type PriorityCoding = (typeof PRIORITY_CODINGS)[number];

/** Table 6-3: what the code points 0 to 7 mean. */
const DECODING: Record<PriorityCoding, readonly number[]> = {
  '8p0d': meaning('0 1 2 3 4 5 6 7'),
  '7p1d': meaning('0 1 2 3 4D 4 6 7'),
  '6p2d': meaning('0 1 2D 2 4D 4 6 7'),
  '5p3d': meaning('0D 0 2D 2 4D 4 6 7'),
};

/** Table 6-2: code points of the priorities 0, 0 drop eligible, 1, and so on. */
const ENCODING: Record<PriorityCoding, readonly number[]> = {
  '8p0d': [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7],
  '7p1d': [0, 0, 1, 1, 2, 2, 3, 3, 5, 4, 5, 4, 6, 6, 7, 7],
  '6p2d': [0, 0, 1, 1, 3, 2, 3, 2, 5, 4, 5, 4, 6, 6, 7, 7],
  '5p3d': [1, 0, 1, 0, 3, 2, 3, 2, 5, 4, 5, 4, 6, 6, 7, 7],
};

/** What four bits of a tag, PCP << 1 | DEI, mean. */
export function decodePriority(coding: PriorityCoding, bits: number): number {
  return DECODING[coding][bits >>> 1] | (bits & 1);
}

/** The four bits of a tag for a priority. With 8P0D the DEI is said, with the others the code point says it. */
export function encodePriority(coding: PriorityCoding, ranked: number): number {
  return (ENCODING[coding][ranked] << 1) | (coding === '8p0d' ? ranked & 1 : 0);
}

function meaning(text: string): number[] {
  return text.split(' ').map((one) => (Number.parseInt(one, 10) << 1) | (one.endsWith('D') ? 1 : 0));
}
