// The bits of Topology.traps: reserved group addresses by their last digit, EtherTypes, then what is deeper in a frame.

export const TRAP = {
  /** 01:80:C2:00:00:00, spanning tree (802.1D). */
  bpdu: 0,
  /** ...:02, slow protocols: LACP (802.3 annex 57A). */
  slow: 2,
  /** ...:03, port access entities: EAPOL (802.1X). */
  eapol: 3,
  /** ...:08, spanning tree of provider bridges (802.1Q table 8-1). */
  provider_bpdu: 8,
  /** ...:0E, nearest bridge: LLDP (802.1AB clause 7.1). */
  lldp: 14,
  /** The first EtherType: OUI Extended, which probes for loops have. */
  loop_probe: 16,
  /** IGMP, MLD and PIM hellos, of bridges with multicast snooping. No bit: engine/snooping.ts finds them. */
  multicast: 25,
  /** DHCP to a server, and from one (RFC 2131), of bridges with a network that gives addresses. */
  dhcp: 26,
  /** ARP that claims an address, of such a bridge: the host gets a copy. */
  arp: 27,
  /** ARP and neighbour discovery that an interface of a router hears: a copy. No bit, as the next: engine/router.ts finds them. */
  router: 28,
  /** A packet whose next hop is not known yet, as it would leave, but to no address. */
  neighbour: 29,
  /** ARP or neighbour discovery that claims an address which a network knows to be another's; it goes no further. */
  claim: 30,
  /** DHCP from a server to a client, for a client of ours behind the port: a copy. */
  dhcp_client: 31,
  /** What only routers and DHCPv6 servers say, from a port of guests. No bit, as the next: see NETWORK. */
  rogue: 32,
  /** ICMPv6 router solicitations (RFC 4861) and DHCPv6 to a server (RFC 8415). */
  solicitation: 33,
  dhcp6: 34,
  /** What a guard refused, for somebody to be told of it. */
  guard: 35,
  /** DHCP and DHCPv6 between guarded ports and those that lead to servers; the host passes it on. No bit, as the next: engine/guards.ts finds them. */
  dhcp_snooping: 36,
  /** Who has an address that nobody has had before, where the first has it; the host passes it on. */
  newcomer: 37,
  /** What a rule of an access list wants in the log: a copy. No bit: engine/acls.ts finds it. */
  acl: 38,
} as const;

/**
 * By trap: a port may punt one frame in so many ms, and `puntBurst` at once. Waking the control plane costs the machine 0.3 ms, and no
 * neighbour that means well says more than 1 frame of LLDP a second (802.1AB clause 9.2.5.5, fast transmission).
 */
export function puntInterval(trap: number): number {
  if (trap === TRAP.lldp || isSuspect(trap)) return 100;
  // A host that joins a thousand groups at once says so in as many reports, and one more for each in the next second.
  if (trap === TRAP.multicast) return 0.5;
  // As many as a guest has addresses, and some.
  if (trap === TRAP.newcomer) return 10;
  // A thousand guests may boot at once behind one port.
  return isBoot(trap) ? 1 : 10;
}

export function puntBurst(trap: number): number {
  if (isSuspect(trap)) return 16;
  return trap === TRAP.multicast || (isBoot(trap) && trap !== TRAP.newcomer) ? 256 : 16;
}

/** Whether many may say it at once: that leaves room for other protocols. */
export function isCrowd(trap: number): boolean {
  return trap === TRAP.multicast || trap >= TRAP.dhcp;
}

/** What guests say when they start, and what routers hear when many do. */
function isBoot(trap: number): boolean {
  return trap === TRAP.dhcp || (trap >= TRAP.router && !isSuspect(trap));
}

/** What nobody has to say. */
function isSuspect(trap: number): boolean {
  return trap === TRAP.claim || trap === TRAP.rogue || trap === TRAP.guard || trap === TRAP.acl;
}

/** The first bit of those that name EtherTypes, and how many these are: the first is always that of probes. */
export const FIRST_TYPE = TRAP.loop_probe;
export const TRAP_TYPES = 9;
/** Their bits. */
export const TYPE_BITS = ((1 << TRAP_TYPES) - 1) << FIRST_TYPE;
export const TRAPS = TRAP.acl + 1;

/** In Topology.traps, in the place of a trap that needs no bit: guests are behind the port. */
export const GUESTS = 1 << TRAP.router;
/** The same: the port has a guard, see Topology.guards. */
export const GUARDED = 1 << TRAP.neighbour;

/** Bits of Topology.networks: what the network of a domain takes out of it, or keeps out. */
export const NETWORK = {
  /** DHCP of clients and servers, and copies of ARP. */
  dhcp: 1,
  solicitation: 2,
  /** DHCPv6 of clients. */
  dhcp6: 4,
  /** Router advertisements are dropped. */
  guardsRouters: 8,
  /** What DHCPv6 servers say is dropped. */
  guardsServers: 16,
  /** Dropped from ports of guests only: others lead to the router and servers of the network. */
  hasOthers: 32,
  /** Claims of addresses that are another's are dropped. */
  guardsAddresses: 64,
} as const;
