// Controls of ports that cost a look at frames: what is locked, limited, sticky or metered, by port.

/** Bits of `flags`. */
export const CONTROL = {
  /** The bridge's own interface: its broadcasts and groups leave everywhere, as on Linux. */
  local: 1,
  /** A locked port that learns: its stations are refreshed. */
  learns: 2,
  /** A locked port that takes down who would like to come in. */
  mab: 4,
  /** Stations that were learned here do not move elsewhere. */
  sticky: 8,
  /** Frames of addresses beyond the limit are dropped. */
  limited: 16,
  /** What happens beyond: the control plane is told. */
  limitAlarms: 32,
  stormAlarms: 64,
  /** By STORM: the rate counts bits, not frames. */
  bits: 128,
} as const;

/** Kinds of frames that storm control meters. */
export const STORM = { broadcast: 0, multicast: 1, unknown_unicast: 2 } as const;
/** Words of `costs` for each port. */
export const STORMS = 3;

export interface PortControls {
  /** By port: bits of CONTROL. */
  readonly flags: Uint16Array;
  /** By port and STORM: ms of its rate that a frame or bit takes, 0 = unlimited. */
  readonly costs: Float64Array;
}
