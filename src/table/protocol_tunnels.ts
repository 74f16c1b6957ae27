// Which control protocols of their customers tunnels carry through the provider's network, by port.

/** Room for protocols, in bits and in counters. */
export const MAX_PROTOCOLS = 12;
/** In `protocols`, above the bits of protocols: the control plane is told of what must not be. */
export const TUNNEL_ALARMS = 0x8000;

export interface ProtocolTunnels {
  // by port
  /** 1 << protocol of l2cp.ts, and TUNNEL_ALARMS; 0 = the port is no end of such a tunnel. */
  readonly protocols: Uint16Array;
  /** ms of its limit that a frame takes. */
  readonly costs: Float64Array;
  /** The group address with which frames cross the provider's network: two words of a MAC. */
  readonly macHi: Uint16Array;
  readonly macLo: Int32Array;
}
