// Security groups, and the connections that they let in.

/** A group. */
export interface SecurityGroupStatus {
  name: string;
  /** Whose it is, as the configuration says. */
  tenant?: string;
  /** Ports in it. */
  ports: string[];
  /** Addresses and prefixes that it stands for beside its ports. */
  members: string[];
  /** How many rules; `any`: everything is let in, or out. */
  in: number | 'any';
  out: number | 'any';
  /** Connections that its ports have begun, and those that strangers have begun with them. */
  connections: number;
  /** How many there may be; absent: as many as its ports may have. */
  limit?: number;
}

/** How many connections ports in groups have, and may have. */
export interface PolicyStatus {
  connections: number;
  limit: number;
  portLimit: number;
  /** By port that is in a group. */
  ports: { port: string; connections: number }[];
}

/** A connection. Ends are `10.0.1.5:5000` or `[fd00::5]:5000`, of ICMP with the identifier, of other protocols an address. */
export interface PolicyConnection {
  bridge: string;
  /** 0 in a bridge that does not filter VLANs. */
  vlan: number;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, `sctp`, or the protocol's number. */
  protocol: string;
  /** Of TCP: `syn_sent`, `syn_received`, `established`, `fin`, `time_wait`, `reset`. */
  state?: string;
  /** Who began it, and with whom. */
  source: string;
  destination: string;
  /** By which ports its packets came and left last. */
  from: string;
  to: string;
  /** From who began it, and back. */
  packets: { sent: number; received: number };
  bytes: { sent: number; received: number };
  /** Seconds since it began, since its last packet, and until it is over if there is no other. */
  age: number;
  idle: number;
  expires: number;
}

export interface PolicyFilter {
  bridge?: string;
  /** One of its ends is behind this port. */
  port?: string;
  /** One of its ends is behind a port of this group. */
  group?: string;
  protocol?: string;
  /** One of its ends has this address. */
  address?: string;
}

export interface PolicyApi {
  groups(): SecurityGroupStatus[];
  status(): PolicyStatus;
  /** Page by page; what begins or ends meanwhile may be missing. */
  connections(filter?: PolicyFilter): Iterable<PolicyConnection[]>;
  /** Ends connections: their next packet is asked about as a first one. Returns how many. */
  endConnections(filter?: PolicyFilter): number;
}
