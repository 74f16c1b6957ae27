// The control plane as a device of the switch, as the CPU port of a hardware switch is: what protocols get from the data
// plane and give to it. Both ways are bounded; what is lost there, protocols send or hear again.

/** What a protocol gets of a trapped frame. */
export interface Punt {
  readonly port: string;
  /** VLAN of the domain, 0 = none or VLAN-unaware. */
  readonly vlan: number;
  /** TPID << 16 | TCI as received, 0 = untagged. */
  readonly tag: number;
  readonly bytes: Uint8Array;
  /** ms, monotonic. */
  readonly at: number;
}

export type PuntReason = 'lldp';

export interface Host {
  /** Sends a frame (no FCS) out of a port, past all tables, untagged as given. False: no such port, or the inject ring is full. */
  send(port: string, frame: Uint8Array): boolean;
  /** Frames trapped for `reason`; returns the way to stop listening. */
  onPunt(reason: PuntReason, listener: (punt: Punt) => void): () => void;
}
