/** Drop eligible, in a TCI (IEEE 802.1Q clause 9.6). */
export const DEI = 0x1000;
