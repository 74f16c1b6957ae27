// Queues and policers of ports.

export interface QosStatus {
  queues: QueueStatus[];
  policers: PolicerStatus[];
}

/** A class of a shaped port. Bytes are those on the wire, as shaping counts them. */
export interface QueueStatus {
  bridge: string;
  port: string;
  class: string;
  /** What it may have at most, and what it gets whatever others want, as the configuration has it. */
  rate: string;
  min?: string;
  /** What waits now. */
  heldFrames: number;
  heldBytes: number;
  /** Since the queue was made. */
  sentFrames: number;
  sentBytes: number;
  /** Frames that did not fit, and that waited too long. */
  full: number;
  late: number;
  /** Frames that were marked in place of a drop (ECN). */
  marked: number;
  /** How long the last frames that waited did so, in seconds. */
  delay: number;
}

/** A policer of a port: frames by colour. */
export interface PolicerStatus {
  bridge: string;
  port: string;
  direction: 'in' | 'out';
  /** Of a policer in a list: which frames it takes, such as `vlan 10, dscp 46`; `rest` = those that no other does. */
  match?: string;
  rate: string;
  peak?: string;
  green: number;
  yellow: number;
  red: number;
}
