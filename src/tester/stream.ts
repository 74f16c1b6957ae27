// What is sent in a trial, and what became of it.

import type { ReceiveResult, SendResult } from '../sys/tester.ts';
import type { TestPort } from './test_port.ts';

export interface Stream {
  from: TestPort;
  /** Where the frames should arrive, and then where they should not, for those who want to know. */
  to: readonly TestPort[];
  frame: Uint8Array;
  /** Stations that the frames come from and go to, in turn. */
  sources?: number;
  destinations?: number;
}

export interface TrialPlan {
  /** Frames a second and stream; 0 = as fast as it goes. */
  rate: number;
  seconds: number;
  /** Most frames of each stream. */
  frames?: number;
  /** Seconds to wait for the last frames; less if all are there. RFC 2544, 23: two. */
  settle: number;
}

export interface StreamResult extends SendResult {
  /** In the order of the stream's `to`. */
  at: ReceiveResult[];
}
