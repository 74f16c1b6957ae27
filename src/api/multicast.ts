// Multicast snooping: groups, queriers and router ports.

/** What the hosts behind a port want of a multicast group. */
export interface MdbEntry {
  bridge: string;
  /** 0 in a VLAN-unaware bridge. */
  vlan: number;
  group: string;
  port: string;
  /** `static`: the configuration says so. */
  type: 'static' | 'dynamic';
  /** `include`: only the sources that are listed; `exclude`: all but those that are blocked. */
  mode: 'include' | 'exclude';
  sources: { address: string; isBlocked: boolean; expiresIn?: number }[];
  /** Seconds until it is forgotten, unless a host says it again. */
  expiresIn?: number;
  /** Where a port leaves fast: the hosts that want it, of IGMPv3 and MLDv2. */
  hosts?: string[];
}

/** Groups that match in all that is said. */
export interface MdbFilter {
  bridge?: string;
  vlan?: number;
  port?: string;
  group?: string;
  /** `flushGroups` only: of these groups no more than this source. */
  source?: string;
}

/** What somebody wants of a group, as a host behind the port would say it: until the time for it is over. */
export interface GroupWish {
  bridge: string;
  vlan?: number;
  port: string;
  group: string;
  /** `include`: only from the sources that are listed; `exclude`, the default: from all others. */
  mode?: 'include' | 'exclude';
  sources?: string[];
}

/** IGMP or MLD in one VLAN. */
export interface MulticastVlan {
  bridge: string;
  vlan: number;
  protocol: 'igmp' | 'mld';
  /** Whether frames to groups go to their members only: while there is a querier. */
  isActive: boolean;
  /** Who asks; `port` if it is not the switch itself. */
  querier?: { address: string; port?: string; expiresIn?: number };
  /** Ports that lead to routers, which get the frames of all groups. */
  routers: { port: string; type: 'permanent' | 'temporary'; expiresIn?: number }[];
  groups: number;
}

/** Counters of a port since the bridge snoops. */
export interface MulticastPort {
  bridge: string;
  port: string;
  /** Groups now, over all VLANs. */
  groups: number;
  reports: number;
  queries: number;
  /** Hellos of PIM routers. */
  hellos: number;
  /** Records that no group was made for, because of a limit. */
  refused: number;
  /** By reason. */
  malformed: Record<string, number>;
}

/** What multicast snooping found. */
export interface MulticastStatus {
  entries: MdbEntry[];
  vlans: MulticastVlan[];
  ports: MulticastPort[];
}
