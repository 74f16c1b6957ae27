// Reads pcapng as the control socket streams it, chunk by chunk: whole blocks come out, and what they say. Only what
// pcapng.ts writes is understood; blocks of other types are passed on unread, as the format asks for.

import { BLOCK, BYTE_ORDER_MAGIC, DIRECTION, OPTION } from './pcapng.ts';

/** More than the largest frame with a comment of the largest size. */
const MAX_BLOCK = 1 << 20;

export interface ReadPacket {
  kind: 'packet';
  /** Name of its interface. */
  interface: string;
  time: bigint;
  direction: 'in' | 'out' | 'unknown';
  comment?: string;
  length: number;
  bytes: Uint8Array;
}
export interface ReadStatistics {
  kind: 'statistics';
  interface: string;
  received: number;
  dropped: number;
}
export type ReadBlock = ReadPacket | ReadStatistics | { kind: 'other' };

export class PcapngReader {
  private pending: Buffer = Buffer.alloc(0);
  private readonly names: string[] = [];

  /**
   * Takes the next bytes; returns the blocks that are whole now, raw.
   * @throws RangeError if it is not pcapng
   */
  push(chunk: Uint8Array): Buffer[] {
    const bytes = this.pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.pending, chunk]);
    const blocks: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= 12) {
      const length = bytes.readUInt32LE(at + 4);
      if (length < 12 || length % 4 !== 0 || length > MAX_BLOCK) {
        throw new RangeError(`Not a pcapng stream: a block of ${length} bytes`);
      }
      if (bytes.length - at < length) break;
      blocks.push(bytes.subarray(at, at + length));
      at += length;
    }
    this.pending = bytes.subarray(at);
    return blocks;
  }

  /** What a whole block says. Interfaces must be read before their packets. */
  read(block: Buffer): ReadBlock {
    switch (block.readUInt32LE(0)) {
      case BLOCK.section:
        if (block.length < 28 || block.readUInt32LE(8) !== BYTE_ORDER_MAGIC) {
          throw new RangeError('Not a pcapng stream in little-endian order');
        }
        return { kind: 'other' };
      case BLOCK.interface:
        this.names.push(optionsOf(block, 16).get(OPTION.name)?.toString('utf8') ?? '');
        return { kind: 'other' };
      case BLOCK.packet:
        return this.packet(block);
      case BLOCK.statistics: {
        const options = optionsOf(block, 20);
        return {
          kind: 'statistics',
          interface: this.names[block.readUInt32LE(8)] ?? '',
          received: Number(options.get(OPTION.received)?.readBigUInt64LE(0) ?? 0n),
          dropped: Number(options.get(OPTION.dropped)?.readBigUInt64LE(0) ?? 0n),
        };
      }
      default:
        return { kind: 'other' };
    }
  }

  private packet(block: Buffer): ReadPacket {
    const captured = block.readUInt32LE(20);
    const options = optionsOf(block, 28 + ((captured + 3) & ~3));
    const flags = options.get(OPTION.flags)?.[0] ?? DIRECTION.unknown;
    return {
      kind: 'packet',
      interface: this.names[block.readUInt32LE(8)] ?? '',
      time: (BigInt(block.readUInt32LE(12)) << 32n) | BigInt(block.readUInt32LE(16)),
      direction: flags === DIRECTION.inbound ? 'in' : flags === DIRECTION.outbound ? 'out' : 'unknown',
      comment: options.get(OPTION.comment)?.toString('utf8'),
      length: block.readUInt32LE(24),
      bytes: block.subarray(28, 28 + captured),
    };
  }
}

/** Options from `at` to the end of a block, by code. */
function optionsOf(block: Buffer, at: number): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  const end = block.length - 4;
  while (at + 4 <= end) {
    const code = block.readUInt16LE(at);
    const length = block.readUInt16LE(at + 2);
    if (code === OPTION.end || at + 4 + length > end) break;
    options.set(code, block.subarray(at + 4, at + 4 + length));
    at += 4 + ((length + 3) & ~3);
  }
  return options;
}
