// NAT of routers: how much of it there is, and its connections.

/** A router that translates addresses. */
export interface NatStatus {
  router: string;
  /** Connections now, and how many there may be. */
  connections: number;
  limit: number;
  /** Outside ports and identifiers that guests hold for all destinations. */
  ports: number;
}

/** A connection through a router with NAT. Ends are `10.0.1.5:5000`, of ICMP with the identifier, of other protocols an address. */
export interface NatConnection {
  router: string;
  /** `tcp`, `udp`, `icmp`, or the protocol's number. */
  protocol: string;
  /** Of TCP: `syn_sent`, `syn_received`, `established`, `fin`, `time_wait`, `reset`. */
  state?: string;
  /** Who began it, and with whom, as its packets came. */
  source: string;
  destination: string;
  /** The same as they leave; absent: nothing is translated. */
  newSource?: string;
  newDestination?: string;
  /** From who began it, and back. */
  packets: { sent: number; received: number };
  bytes: { sent: number; received: number };
  /** Seconds since it began, since its last packet, and until it is over if there is no other. */
  age: number;
  idle: number;
  expires: number;
}

export interface NatFilter {
  router?: string;
  protocol?: string;
  /** One of its ends has this address. */
  address?: string;
}
