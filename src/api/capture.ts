// Captures of frames, and the last ones that were dropped.

/** What passes a port, as the switch sees it: `in` from it, `out` to it; `drop` is what ended there. */
export type CaptureDirection = 'in' | 'out' | 'drop';

/** Which frames a capture takes, and how much of them. Without any: all. */
export interface CaptureOptions {
  /** Only ports of this bridge, those that come later too. */
  bridge?: string;
  /** Only this port; a bridge's own interface has the bridge's name. */
  port?: string;
  /** Default: in and out. */
  directions?: readonly CaptureDirection[];
  /** A classic BPF program over Ethernet frames, as `tcpdump -ddd` prints it: [code, jt, jf, k]. Default: every frame. */
  program?: readonly (readonly [code: number, jt: number, jf: number, k: number])[];
  /** Most bytes of each frame. Default 262,144: whole frames. */
  snaplen?: number;
  /** End after so many frames. */
  count?: number;
}

/** A frame that a capture took. */
export interface CapturedFrame {
  /** Nanoseconds since 1970. Frames of one poll have the same. */
  time: bigint;
  port: string;
  direction: CaptureDirection;
  /** Why it was dropped, and on which side of its port. */
  reason?: string;
  side?: 'receive' | 'transmit';
  /** Bytes that the frame has; of a GSO frame, of all its segments together. */
  length: number;
  /** What was captured of them, at most `snaplen`. The caller's own. */
  bytes: Uint8Array;
}

/** A running capture. Iterate over it to read; leaving the loop ends it. What is not read in time is lost, and counted. */
export interface Capture extends AsyncIterable<CapturedFrame> {
  readonly snaplen: number;
  /** The same in the pieces in which they come; a piece is never empty. */
  batches(): AsyncIterable<CapturedFrame[]>;
  /** Frames that were lost so far, because nobody read: port -> frames. */
  lost(): Record<string, number>;
  /** Ends it: who reads gets what was captured until now. Safe to call twice. */
  close(): Promise<void>;
}

/** One of the last drops of a port. */
export interface LastDrop {
  /** Milliseconds since 1970. */
  time: number;
  /** Empty = of no port. */
  port: string;
  side: 'receive' | 'transmit';
  reason: string;
  help: string;
  /** Bytes that the frame had; 0 if they were gone. */
  length: number;
  /** The first 128 of them, as hex digits. */
  head: string;
}
