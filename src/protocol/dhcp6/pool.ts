// What a DHCPv6 server gives from: addresses in a range, or prefixes in a larger one, by number.

import type { IpBytes } from '../../wire/ip_address.ts';
import type { IpPrefix } from '../../wire/ip_prefix.ts';

export class Pool6 {
  /** Of what it gives; of an address 128. */
  readonly bits: number;
  readonly size: number;
  private readonly first: bigint;

  private constructor(first: IpBytes, bits: number, size: number) {
    this.first = toNumber(first);
    this.bits = bits;
    this.size = size;
  }

  /** Both are in it, and differ in their last 32 bits alone. */
  static ofRange(first: IpBytes, last: IpBytes): Pool6 {
    return new Pool6(first, 128, Number(toNumber(last) - toNumber(first)) + 1);
  }

  /** Prefixes of so many bits, at most 16 more than `from` has. */
  static ofPrefix(from: IpPrefix, bits: number): Pool6 {
    return new Pool6(from.address, bits, 2 ** (bits - from.bits));
  }

  nth(n: number): IpBytes {
    return toBytes(this.first + (BigInt(n) << this.shift));
  }

  contains(address: IpBytes, bits: number): boolean {
    const distance = toNumber(address) - this.first;
    const n = distance >> this.shift;
    return bits === this.bits && n >= 0n && n < BigInt(this.size) && n << this.shift === distance;
  }

  private get shift(): bigint {
    return BigInt(128 - this.bits);
  }
}

function toNumber(bytes: IpBytes): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(number: bigint): IpBytes {
  return Uint8Array.from(Buffer.from(number.toString(16).padStart(32, '0'), 'hex'));
}
