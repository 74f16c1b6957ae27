// What snooping finds in a message.

export interface SnoopedAddress {
  readonly port: string;
  readonly mac: string;
  readonly ip: string;
  /** Infinity: for ever. */
  readonly seconds: number;
}

export interface Snooped {
  /** What goes on, untagged; none: nothing does. */
  readonly frame?: Uint8Array;
  readonly bound?: readonly SnoopedAddress[];
  /** Addresses that their client gave back. */
  readonly freed?: readonly Omit<SnoopedAddress, 'seconds'>[];
}

/** Of the port that a message came from. */
export interface SnoopedPort {
  readonly bridge: string;
  readonly insertsOption82: boolean;
}
