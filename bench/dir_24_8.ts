// The usual table of IPv4 routes: an entry for each /24, 64 MiB, and a page of 256 behind those that have longer
// prefixes (Gupta, Lin, McKeown 1998; DPDK's rte_lpm). What table/lpm.ts is compared with.

const PAGE = 256;

export class Dir24 {
  private readonly entries = new Int32Array(1 << 24);
  private readonly pages: Int32Array;
  private used = 0;

  /** @param most pages */
  constructor(most: number) {
    this.pages = new Int32Array(most * PAGE);
  }

  /** Shorter prefixes before longer ones. */
  add(address: number, length: number, value: number): void {
    const index = address >>> 8;
    if (length <= 24) {
      const size = 1 << (24 - length);
      const first = index & -size;
      this.entries.fill(value, first, first + size);
      return;
    }
    if (this.entries[index] >= 0) {
      const at = this.used++ * PAGE;
      this.pages.fill(this.entries[index], at, at + PAGE);
      this.entries[index] = ~at;
    }
    const size = 1 << (32 - length);
    const first = ~this.entries[index] + (address & 0xff & -size);
    this.pages.fill(value, first, first + size);
  }

  find(address: number): number {
    const entry = this.entries[address >>> 8];
    return entry >= 0 ? entry : this.pages[~entry + (address & 0xff)];
  }
}
