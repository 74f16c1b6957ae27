// Counters of a port.

/** Frames and bytes are counted without virtio-net header and FCS. Receive is what the switch receives. */
export interface PortCounters {
  receivedFrames: number;
  receivedBytes: number;
  receivedSegments: number;
  forwarded: number;
  copies: number;
  transmittedFrames: number;
  transmittedBytes: number;
  transmittedSegments: number;
  /** Copies that wait in the shaper of the port now. */
  held: number;
  learnRefused: number;
  stationMoves: number;
  /** Frames that the switch made itself in the place of the port. */
  generated: number;
  /** Frames of the control plane, sent through the port or relayed as if it had received them. */
  injected: number;
  /** Frames that came in anew from this port in another domain. */
  recirculated: number;
  /** Frames that went on in another domain, or to the control plane. */
  consumed: number;
  /** Frames that the control plane was given. */
  punted: number;
  /** Drop reason -> frames; only reasons that occurred. */
  receiveDropped: Record<string, number>;
  transmitDropped: Record<string, number>;
}
