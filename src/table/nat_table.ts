// Rules of NAT, as flat arrays of a topology: part of what the data plane needs of routers. They are asked once for each
// connection, in their order; packets of a connection go by its lines.

/** What a rule does. */
export const NAT_RULE = {
  /** Sources in `address`/`mask` become one of `to`. */
  source: 0,
  /** What goes to `address`, or to any outside address of the router, goes to `to`. */
  destination: 1,
  /** `address`/`mask` inside is `to` outside, both ways. */
  one_to_one: 2,
} as const;

export const NAT_FLAG = {
  /** An inside address and port is the same outside for all destinations (RFC 4787 REQ-1), as long as there are ports. */
  sameForAll: 1,
  /** Anybody may send to an outside address and port that is taken (endpoint-independent filtering, RFC 4787 section 5). */
  openToAll: 2,
  /** A destination rule for every address of the router's own outside. */
  ownAddress: 4,
  /** Its outside addresses are no interface's: nothing is there but what it translates. */
  exclusive: 8,
  /** Nobody outside reaches what a source rule is about, but by connections and destination rules. */
  private: 16,
} as const;

export interface NatTable {
  /** By interface: the zone of its router, 0 = nothing is translated. Zones stay with routers. */
  readonly zone: Uint16Array;
  /** By zone: its rules are first[zone] .. first[zone + 1] - 1. */
  readonly first: Uint16Array;
  /** By interface: 1 = sources of rules are behind it. */
  readonly inside: Uint8Array;

  /** By zone: most connections. */
  readonly limit: Uint32Array;
  /** By zone and STATE, STATES of them each: seconds for which a connection may be silent. */
  readonly timeouts: Int32Array;
  /** Where connections are: see Connections. The same as long as limits ask for no more. */
  readonly memory: SharedArrayBuffer;

  // by rule
  readonly kind: Uint8Array;
  /** What connections remember of it: the same number in every topology that has the rule, from 1 on. */
  readonly id: Int32Array;
  /** 0 = any. */
  readonly protocol: Uint8Array;
  readonly address: Int32Array;
  readonly mask: Int32Array;
  /** Of a destination rule the ports that it is about, of a source rule those that it may use. */
  readonly portFirst: Uint16Array;
  readonly portLast: Uint16Array;
  /** Of a source rule: only what leaves by this interface; 0 = by any that is not inside. */
  readonly via: Uint16Array;
  /** The first address of `to`, and how many follow each other; 0 = the address of the interface by which it leaves. */
  readonly to: Int32Array;
  readonly toCount: Uint32Array;
  /** Of a destination rule: the port for `portFirst`; 0 = it stays. */
  readonly toPort: Uint16Array;
  readonly flags: Uint8Array;
}
