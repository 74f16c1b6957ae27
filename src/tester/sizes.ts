// Frame sizes, as RFC 2544 counts them: with the frame check sequence, which no program sees.

export const FCS = 4;
/** RFC 2544, 9.1. */
export const RFC2544_SIZES = [64, 128, 256, 512, 1024, 1280, 1518];
export const MIN_SIZE = 64;
/** Ethernet header, and the largest IP packet. */
export const MAX_SIZE = 14 + 65_535 + FCS;
