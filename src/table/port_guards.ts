// Guards of ports: what is looked at in frames that come in, by port.

/** Bits of `flags`. */
export const GUARD = {
  /** MAC addresses are those of bindings. */
  mac: 1,
  /** IP addresses are, too, and what ARP and neighbour discovery tell. */
  address: 2,
  /** No binding of the configuration says which MAC addresses there are: whoever asks for an address may. */
  anyMac: 4,
  /** What DHCP servers say is dropped. */
  servers: 8,
  /** What routers say to hosts is dropped: advertisements and redirects. */
  routers: 16,
  /** A tag behind the one that the bridge reads is dropped. */
  doubleTag: 32,
  /** Fragments that hide what they are of are dropped. */
  fragments: 64,
  /** DHCP of clients goes by the host, which learns bindings from it. */
  snooped: 128,
  /** So does what DHCP servers behind the port answer. */
  trusted: 256,
  /** Who says first that an address is its own has it: the host is asked. */
  first: 512,
  /** Bindings may be of one VLAN alone: the bridge filters VLANs. */
  byVlan: 1024,
} as const;

export interface PortGuards {
  /** By port: bits of GUARD. */
  readonly flags: Uint16Array;
}
