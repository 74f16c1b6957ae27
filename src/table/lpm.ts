// Longest-prefix match in typed arrays.

/** Tables of routes. A value is a number from 1 on, 0 = no route matches. */
export interface Lpm {
  /** @param address IPv4, in host order as DataView reads it */
  find4(table: number, address: number): number;
  /** @param at where the 16 bytes of the address begin */
  find6(table: number, view: DataView, at: number): number;
}
