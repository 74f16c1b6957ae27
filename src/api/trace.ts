// A frame's way through the switch, decision by decision.

/** A frame described by its fields, instead of its bytes. Addresses that are left out are made up, and locally administered. */
export interface TraceFields {
  src: string;
  dst: string;
  /** 802.1Q tag: VLAN and priority. */
  vlan?: number;
  pcp?: number;
  /** EtherType of a frame without an IP packet; 0x88b5 (local experiments) unless told. */
  etherType?: number;
  ipSrc?: string;
  ipDst?: string;
  /** Default udp, if there are ports, else icmp. */
  proto?: 'tcp' | 'udp' | 'icmp';
  sport?: number;
  dport?: number;
  /** Bytes without FCS and tag; 60 unless told. */
  size?: number;
}

/** Which frame is followed, and where it comes in. */
export interface TraceOptions {
  bridge: string;
  /** The port that would receive it; the bridge's own name is its local interface. */
  port: string;
  /** The frame, without FCS: bytes, or hexadecimal digits. Either this or `fields`. */
  frame?: Uint8Array | string;
  fields?: TraceFields;
  /** Through a VXLAN port: the configured remote that it comes from. */
  remote?: string;
}

/** Which real frames are followed. */
export interface TraceLiveOptions {
  bridge: string;
  port: string;
  /** Frames to follow, 1 to 100; default 1. */
  frames?: number;
  /** Seconds to wait for them, up to 300; default 10. */
  timeout?: number;
  src?: string;
  dst?: string;
  vlan?: number;
  etherType?: number;
}

export type TraceStage =
  | 'receive'
  | 'classify'
  | 'trap'
  | 'hook'
  | 'acl'
  | 'police'
  | 'policy'
  | 'learn'
  | 'decide'
  | 'route'
  | 'replicate'
  | 'egress';

/** One decision. */
export interface TraceStep {
  stage: TraceStage;
  /** A word for programs: a drop reason, or what was decided. */
  verdict: string;
  /** A sentence for people, with the cause. */
  message: string;
  /** Where the configuration says so, and what it says there. */
  path?: string;
  value?: unknown;
  /** Of a rule that came from a file: where it is there. */
  file?: string;
  line?: number;
}

/** One copy on its way out. */
export interface TraceCopy {
  port: string;
  /** Address of the VXLAN remote. */
  remote?: string;
  /** The tag with which it leaves; absent = untagged. */
  tag?: { vlan: number; pcp: number; dei: boolean };
  /** Bytes with its tag, without FCS and tunnel headers. */
  bytes: number;
  /** What has to be done in software first. */
  offload?: 'checksum' | 'segments';
  /** The reason why this copy would be dropped. */
  dropped?: string;
  /** The switch's own answer to a frame that is too big for a tunnel. */
  isAnswer?: true;
  /** A mirror made it, for whoever watches. */
  isMirrored?: true;
}

/** What becomes of a frame, step by step. */
export interface Trace {
  bridge: string;
  port: string;
  /** The frame in hexadecimal; of a super-frame its beginning. */
  frame: string;
  bytes: number;
  /** Of a live trace: ms, the switch's monotonic clock. */
  at?: number;
  steps: TraceStep[];
  outcome: {
    verdict: 'forwarded' | 'dropped' | 'consumed';
    /** Drop reason, and what it means. */
    reason?: string;
    help?: string;
    copies: TraceCopy[];
  };
}
