// A station of a simulation: the network card of a host that the test plays.

import { framesIn } from '../wire/pcap_file.ts';

/** A frame that came, and when: ms since the start. */
export interface Arrival {
  time: number;
  bytes: Uint8Array;
}

/** What a station needs of its simulation. */
export interface StationLinks {
  /** Sends a frame now, or at a time, ms since the start. */
  send(frame: Uint8Array, at?: number): void;
  now(): number;
  /** Lets time pass until the condition is true, at most so many ms. */
  until(condition: () => boolean, ms: number): Promise<boolean>;
}

/** Which frames of a capture file a station sends, and when. */
export interface PlayOptions {
  /** Only those of this interface of a pcapng file. */
  interface?: string;
  /** When the first one leaves, ms since the start. Default: now. */
  at?: number;
}

/** A host's end of a link: sends frames, and keeps those that come. */
export class Station {
  readonly name: string;
  /** All that came, oldest first. */
  readonly received: Arrival[] = [];
  /** Is called for each frame that comes, and may answer. */
  onFrame: ((frame: Uint8Array) => void) | undefined;
  private readonly links: StationLinks;
  /** Frames of `received` that `expect` has given out. */
  private expected = 0;

  /** @internal */
  constructor(name: string, links: StationLinks) {
    this.name = name;
    this.links = links;
  }

  /** Sends one Ethernet frame, without FCS. @throws Error if no link leads away */
  send(frame: Uint8Array): void {
    this.links.send(Uint8Array.from(frame));
  }

  /**
   * Sends the Ethernet frames of a pcap or pcapng file, with the times between them. Returns how many.
   * @throws RangeError if it is no such file, or a frame was cut
   */
  play(file: Uint8Array, { interface: only, at = this.links.now() }: PlayOptions = {}): number {
    const frames = [...framesIn(file, 'The capture')].filter(
      (frame) => only === undefined || frame.interface === only,
    );
    for (const { bytes, original } of frames)
      if (bytes.length < original)
        throw new RangeError(`A frame was cut to ${bytes.length} of ${original} bytes: capture it whole`);
    for (const { bytes, time } of frames)
      this.links.send(Uint8Array.from(bytes), at + Number(time - frames[0].time) / 1e6);
    return frames.length;
  }

  /**
   * The next frame that matches, of those that came since the last one that was expected. Lets time pass until it comes.
   * @throws Error after `within` ms, default 1000, with what came in its place
   */
  async expect(matches: (frame: Uint8Array) => boolean = () => true, within = 1000): Promise<Uint8Array> {
    const from = this.expected;
    let found: Uint8Array | undefined;
    await this.links.until(() => {
      while (found === undefined && this.expected < this.received.length) {
        const { bytes } = this.received[this.expected++];
        if (matches(bytes)) found = bytes;
      }
      return found !== undefined;
    }, within);
    if (found !== undefined) return found;
    const came = this.received.slice(from).map(({ time, bytes }) => `${time} ms: ${summary(bytes)}`);
    const others = came.length === 0 ? 'nothing came' : `what came:\n${came.slice(-10).join('\n')}`;
    throw new Error(`Station ${this.name} waited ${within} ms for a frame in vain; ${others}`);
  }

  /** @internal */
  hear(bytes: Uint8Array): void {
    this.received.push({ time: this.links.now(), bytes });
    this.onFrame?.(bytes);
  }
}

function summary(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.subarray(0, 14)).toString('hex');
  return `${hex.slice(12, 24)} > ${hex.slice(0, 12)} type ${hex.slice(24)}, ${bytes.length} bytes`;
}
