// What passed the ends of the links, as pcapng: an interface for each end, a packet for what left there and one for what came.
// Sorted by time and end, so that the file does not depend on the order in which things were worked out.

import { DIRECTION, enhancedPacket, interfaceDescription, sectionHeader } from '../wire/pcapng.ts';

const SNAPLEN = 262_144;

interface Passed {
  readonly end: number;
  /** ns since the start. */
  readonly at: number;
  readonly isInbound: boolean;
  readonly bytes: Uint8Array;
}

export class CaptureFile {
  private readonly ends: string[] = [];
  private readonly passed: Passed[] = [];

  /** Its number; it is an interface of the file from now on. */
  endOf(name: string): number {
    const known = this.ends.indexOf(name);
    return known < 0 ? this.ends.push(name) - 1 : known;
  }

  add(end: number, at: number, isInbound: boolean, bytes: Uint8Array): void {
    this.passed.push({ end, at, isInbound, bytes });
  }

  /** `start`: ms since 1970. */
  write(start: number): Uint8Array {
    const blocks = [
      sectionHeader('Taploom simulation'),
      ...this.ends.map((name) => interfaceDescription(name, SNAPLEN)),
    ];
    // The sort is stable: of one end and direction the order is that of the wire.
    const sorted = [...this.passed].sort(
      (a, b) => a.at - b.at || a.end - b.end || Number(b.isInbound) - Number(a.isInbound),
    );
    for (const { end, at, isInbound, bytes } of sorted) {
      const time = BigInt(start) * 1_000_000n + BigInt(at);
      const direction = isInbound ? DIRECTION.inbound : DIRECTION.outbound;
      blocks.push(enhancedPacket({ interface: end, time, direction, length: bytes.length, bytes }));
    }
    return Buffer.concat(blocks);
  }
}
