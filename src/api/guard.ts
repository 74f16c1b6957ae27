// Guards of ports: which addresses are bound to them, and what they refused.

/** Where a binding is from: the configuration, a lease of a network here, DHCP of others, or who said it first. */
export type BindingSource = 'static' | 'lease' | 'dhcp' | 'first';

/** An address, or a MAC alone, that may speak on a port. */
export interface GuardBinding {
  mac: string;
  ip?: string;
  /** Absent: it holds in all VLANs that the port carries. */
  vlan?: number;
  from: BindingSource;
  /** Seconds; absent: it does not end by itself. */
  expiresIn?: number;
}

/** The guard of a port. */
export interface GuardStatus {
  bridge: string;
  port: string;
  /** Absent: it does not ask for addresses. */
  source?: 'mac' | 'strict' | 'first';
  /** DHCP servers behind the port are believed. */
  trusted: boolean;
  bindings: GuardBinding[];
  /** Bindings for which the data plane has no room: who they are of is refused. */
  unplaced: number;
  /** Frames that it refused, by reason; only reasons that occurred. */
  refused: Record<string, number>;
}
