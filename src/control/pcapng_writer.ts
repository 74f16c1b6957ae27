// Captured frames as a pcapng stream: an interface for each port, described when its first frame comes, and at the end
// statistics of each. A dropped frame has its reason in a comment.

import type { CapturedFrame } from '../api.ts';
import {
  DIRECTION,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  sectionHeader,
} from '../wire/pcapng.ts';

/** The comment of a dropped frame begins with it. */
export const DROPPED = 'dropped: ';

export class PcapngWriter {
  private readonly application: string;
  private readonly snaplen: number;
  /** Port -> place of its interface. */
  private readonly places = new Map<string, number>();
  /** Frames written, by place. */
  private readonly written: number[] = [];
  private last = 0n;

  constructor(application: string, snaplen: number) {
    this.application = application;
    this.snaplen = snaplen;
  }

  head(): Buffer {
    return sectionHeader(this.application);
  }

  frames(frames: readonly CapturedFrame[]): Buffer {
    const blocks: Buffer[] = [];
    for (const { time, port, direction, reason, side, length, bytes } of frames) {
      const place = this.place(port, blocks);
      this.written[place]++;
      this.last = time;
      blocks.push(
        enhancedPacket({
          interface: place,
          time,
          direction: direction === 'out' || side === 'transmit' ? DIRECTION.outbound : DIRECTION.inbound,
          comment: reason === undefined ? undefined : DROPPED + reason,
          length,
          bytes,
        }),
      );
    }
    return Buffer.concat(blocks);
  }

  /** @param lost port -> frames that were captured, and lost on their way here */
  statistics(lost: Record<string, number>): Buffer {
    const blocks: Buffer[] = [];
    for (const port of Object.keys(lost)) this.place(port, blocks);
    for (const [port, place] of this.places) {
      const dropped = lost[port] ?? 0;
      blocks.push(interfaceStatistics(place, this.last, this.written[place] + dropped, dropped));
    }
    return Buffer.concat(blocks);
  }

  private place(port: string, blocks: Buffer[]): number {
    const known = this.places.get(port);
    if (known !== undefined) return known;
    const place = this.places.size;
    this.places.set(port, place);
    this.written.push(0);
    // Frames of no port, such as datagrams for an unknown VNI.
    blocks.push(interfaceDescription(port === '' ? 'none' : port, this.snaplen));
    return place;
  }
}
