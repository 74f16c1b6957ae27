// Which station has which IPv4 address by a lease, both ways.

export class Stations {
  readonly macOf = new Map<number, string>();
  /** The last that it got. */
  readonly addressOf = new Map<string, number>();

  clear(): void {
    this.macOf.clear();
    this.addressOf.clear();
  }

  /** `mac` undefined: nobody has the address any more. */
  note(address: number, mac: string | undefined): void {
    const before = this.macOf.get(address);
    if (before !== undefined && before !== mac && this.addressOf.get(before) === address)
      this.addressOf.delete(before);
    if (mac === undefined) this.macOf.delete(address);
    else {
      this.macOf.set(address, mac);
      this.addressOf.set(mac, address);
    }
  }
}
