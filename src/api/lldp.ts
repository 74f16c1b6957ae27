// LLDP: neighbours, counters and ports.

/** A neighbour that LLDP found. Text is as the neighbour sent it, made printable, in one line. */
export interface LldpNeighbor {
  bridge: string;
  port: string;
  /** Source address of its last frame. */
  mac: string;
  /** VLAN that its last frame came in; 0 in a VLAN-unaware bridge. */
  vlan: number;
  /** MAC and IP addresses as usual; what is no text as `0x...`. */
  chassisId: string;
  /** `mac`, `interface_name`, `network_address`, `local`, ...: how to read `chassisId`. */
  chassisIdType: string;
  portId: string;
  portIdType: string;
  /** Seconds, as in its last frame. */
  ttl: number;
  /** Seconds until it is forgotten, unless it sends again. */
  expiresIn: number;
  /** Seconds since it was first seen. */
  age: number;
  portDescription?: string;
  systemName?: string;
  systemDescription?: string;
  /** `bridge`, `router`, `station`, ...: what it can be, and what it is. */
  capabilities?: string[];
  enabledCapabilities?: string[];
  managementAddresses: string[];
  /** VLAN of its untagged frames, 0 = none. */
  pvid?: number;
  /** Bytes of the longest frame that it takes, with header, tag and FCS. */
  maxFrameSize?: number;
  /** The first 32 TLVs that Taploom does not interpret, with the first 64 bytes of each. */
  otherTlvs: { type: number; oui?: string; subtype?: number; length: number; hex: string }[];
}

/** LLDP's counters of a port, as in IEEE 802.1AB-2016 clause 9.2.6, since LLDP runs on it. */
export interface LldpCounters {
  framesIn: number;
  framesOut: number;
  /** LLDPDUs without use: malformed, or of neighbours for whom there is no room. */
  framesDiscarded: number;
  /** LLDPDUs with any error. */
  framesInErrors: number;
  /** Frames that the data plane had no room for. */
  framesNotSent: number;
  /** Malformed, or there twice. */
  tlvsDiscarded: number;
  tlvsUnrecognized: number;
  /** TLVs that did not fit into a frame of ours. */
  tlvsOmitted: number;
  /** Neighbours that fell silent. */
  ageouts: number;
  /** Frames of neighbours for whom there was no room. */
  neighborsRefused: number;
}

/** A port on which LLDP runs. */
export interface LldpPortStatus {
  bridge: string;
  port: string;
  mode: 'receive' | 'both';
  neighbors: number;
  counters: LldpCounters;
}

/** A neighbour that came, said something new, or went: shut down, silent for too long, or its port is gone. */
export interface LldpChange {
  kind: 'added' | 'changed' | 'removed';
  neighbor: LldpNeighbor;
}
