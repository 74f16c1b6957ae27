// Ports whose tags are not those of a plain 802.1Q bridge, as flat arrays in shared memory: service tags, translated VIDs,
// and tunnels, where a tag is the customer's and stays in the frame.
//
//   on the wire:   S 10 | rest    --vlans-->   VLAN 110   --vids-->   S 10 | rest       a trunk with translate: { 10: 110 }
//                  C 15 | rest    --vlans-->   VLAN 100   ------->    C 15 | rest       a tunnel: the tag is part of the rest

/** Entries of a map: one for each VID. */
export const VIDS = 4096;
/** What a VID means that the port does not carry: no port is in this VLAN. */
export const NO_VLAN = 4095;

export interface TagTable {
  // by port
  /** EtherType of the tags that are looked at. */
  readonly tpid: Uint16Array;
  /** Bytes of such a tag that come off: TAG_LEN, or 0 in a tunnel. */
  readonly strips: Uint16Array;
  /** Its map; map 0 changes nothing. */
  readonly map: Uint16Array;

  // by map and VID, VIDS entries each
  /** VLAN of the bridge for a VID on the wire. */
  readonly vlans: Uint16Array;
  /** VID on the wire for a VLAN of the bridge. */
  readonly vids: Uint16Array;
}
