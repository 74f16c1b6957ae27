// Networks of bridges, and DHCP in them.

/** A network of a bridge, and how it is. */
export interface NetworkStatus {
  /** Its name: that of its bridge, or with a VLAN `br0.10`. */
  network: string;
  bridge: string;
  /** Absent: the bridge does not filter VLANs. */
  vlan?: number;
  mode: 'isolated' | 'host-only' | 'nat' | 'routed' | 'bridged';
  /** What follows is absent in mode `bridged`. */
  subnet?: string;
  gateway?: string;
  /** Interface of the host that leads out, of `nat` and `routed`; absent while there is none. */
  uplink?: string;
  /** What stands in the way, and what helps; empty: all that the configuration asks for is so. */
  problems: string[];
  /** Absent: nobody gives addresses. */
  dhcp?: DhcpStatus;
  /** Absent: nobody answers. */
  dns?: DnsStatus;
  /** Absent: guests have link-local addresses alone, or what a router of others says. */
  ipv6?: Ipv6Status;
}

/** IPv6 of a network, since it exists. */
export interface Ipv6Status {
  subnet: string;
  gateway: string;
  /** Router advertisements that were sent, and solicitations that were heard. */
  advertisements: number;
  solicitations: number;
  /** Absent: no DHCPv6. */
  dhcp?: Dhcp6Status;
}

export interface Dhcp6Status {
  /** What it gives addresses from; absent: hosts make addresses of their own. */
  range?: string;
  leases: number;
  /** Messages of guests by type: `solicit`, `request` ... */
  received: Record<string, number>;
  /** Messages to guests by type: `advertise`, `reply`. */
  sent: Record<string, number>;
  /** Messages without effect, by reason. */
  ignored: Record<string, number>;
}

/** Of a DNS server, since the network exists. A question is answered, refused, failed or malformed, once it is done. */
export interface DnsStatus {
  /** In which guests have their names. */
  domain: string;
  /** Names of guests. */
  names: number;
  /** Resolvers that are asked for other names; empty: other names are refused. */
  upstreams: string[];
  queries: number;
  answered: { zone: number; cache: number; upstream: number };
  /** By reason: `outside` (not from the subnet, without an answer), `rate`, `busy`, `off`, ... */
  refused: Record<string, number>;
  /** No resolver answered. */
  failed: number;
  /** By reason: `short`, `format`, ... */
  malformed: Record<string, number>;
}

/** Of a DHCP server, since the network exists. */
export interface DhcpStatus {
  /** First and last address that it gives. */
  range: string;
  /** Addresses that guests hold now, and those that are free. */
  leases: number;
  free: number;
  /** Messages of guests by type: `discover`, `request` ... */
  received: Record<string, number>;
  /** Messages to guests by type: `offer`, `ack`, `nak`. */
  sent: Record<string, number>;
  /** Messages without an answer, by reason; `other_server`: of guests' own servers, which nobody got. */
  ignored: Record<string, number>;
}

/** An address that a guest has, or will have. */
export interface LeaseStatus {
  network: string;
  bridge: string;
  address: string;
  /** Empty: an address that somebody else was found to use. */
  mac: string;
  /** Hexadecimal bytes, if the guest says one. */
  clientId?: string;
  /** Its host name, as the configuration says or as it calls itself. */
  name?: string;
  /** Where it was heard last; empty: not since the start. */
  port: string;
  /** `offered`: not yet taken; `quarantined`: somebody else was found to use it. */
  state: 'offered' | 'bound' | 'quarantined';
  /** The configuration says which address it has. */
  isFixed: boolean;
  /** Seconds; absent: for ever. */
  expiresIn?: number;
}

/** Remembers which guest has which address, over the end of the process: JSON by key. */
export interface StoredLeases {
  /** What is stored: before the start, and put since. */
  readonly entries: ReadonlyMap<string, unknown>;
  put(key: string, value: unknown): void;
  delete(key: string): void;
  /** Resolves when all that was put and deleted is on the disk. */
  flushed(): Promise<void>;
}

/** Leases that match in all that is said. */
export interface LeaseFilter {
  /** The name of a bridge means all of its networks. */
  network?: string;
  bridge?: string;
  port?: string;
  mac?: string;
  address?: string;
}
