// Which VLANs a port is in, and what it may do there: its words of Topology.vlan.

import type { PortVlans } from '../config/private_vlans.ts';
import {
  DOMAIN_SHIFT,
  FORWARDING,
  HAIRPIN,
  ISOLATED,
  LEARNING,
  LOCKED,
  NO_BROADCAST,
  NO_ENTRY,
  NO_EXIT,
  NO_MULTICAST,
  SNOOPING,
  SPLIT_HORIZON,
  TELLS_MTU,
  type Topology,
  TUNNEL,
  UNTAGGED,
  VLAN_STRIDE,
} from '../engine/topology.ts';
import { type PortState, type PortStates, STATES } from './overlay.ts';
import type { PortView } from './port_view.ts';
import { tagFlags } from './tags.ts';

/** A range as short as this is copied word by word. */
const FEW = 32;

/** Writes the words of a bridge's ports. */
export class Memberships {
  private readonly words: Int32Array;
  private readonly extents: Uint32Array;
  private readonly numbers: Uint16Array;
  /** Words of a port that is in all VLANs, by its flags: a thousand trunks are written once and copied. */
  private readonly rows = new Map<number, Int32Array>();

  /** @param numbers of the bridge's domains, by VID */
  constructor({ vlan, extent }: Pick<Topology, 'vlan' | 'extent'>, numbers: Uint16Array) {
    this.words = vlan;
    this.extents = extent;
    this.numbers = numbers;
  }

  /** @param tells whether who sends too much into the port is told */
  join(port: number, view: PortView, vlans: PortVlans, tells: boolean, states: PortStates): void {
    const flags = flagsOf(view) | (tells ? TELLS_MTU : 0);
    const row = this.rowOf(flags, view, states.byVid(view.name));
    const at = port * VLAN_STRIDE;
    this.extents[port] = extentWord(vlans);
    for (const { from, to } of vlans.tagged) this.copy(row, from, to, at);
    for (const { from, to } of vlans.untagged) {
      for (let vid = from; vid <= to; vid++) this.words[at + vid] = row[vid] | UNTAGGED;
    }
    for (const vid of vlans.outOnly) this.words[at + vid] |= NO_ENTRY;
    for (const vid of vlans.inOnly) this.words[at + vid] |= NO_EXIT;
  }

  private rowOf(flags: number, view: PortView, stateOf: Uint8Array | undefined): Int32Array {
    const allowed = STATES.map((state) => stateFlags(view.isMirrorEnd ? 'blocking' : state, view.learning));
    if (stateOf !== undefined) return this.make((vid) => flags | allowed[stateOf[vid]]);
    const common = flags | allowed[STATES.indexOf(view.isInTree ? 'blocking' : 'forwarding')];
    const row = this.rows.get(common) ?? this.make(() => common);
    this.rows.set(common, row);
    return row;
  }

  private make(flagsOf: (vid: number) => number): Int32Array {
    const row = new Int32Array(this.numbers.length);
    for (let vid = 0; vid < row.length; vid++) row[vid] = (this.numbers[vid] << DOMAIN_SHIFT) | flagsOf(vid);
    return row;
  }

  private copy(row: Int32Array, from: number, to: number, at: number): void {
    const { words } = this;
    if (to - from >= FEW) words.set(row.subarray(from, to + 1), at + from);
    else for (let vid = from; vid <= to; vid++) words[at + vid] = row[vid];
  }
}

/** A word of Topology.extent. */
function extentWord({ tagged, untagged, outOnly, inOnly }: PortVlans): number {
  const ranges = [...tagged, ...untagged, ...[...outOnly, ...inOnly].map((vid) => ({ from: vid, to: vid }))];
  let [first, behind] = [VLAN_STRIDE, 0];
  for (const { from, to } of ranges) {
    first = Math.min(first, from);
    behind = Math.max(behind, to + 1);
  }
  return behind === 0 ? 0 : (behind << 16) | first;
}

/** What a state allows. The same flags are stored into a topology in force: see Switch.setPortState. */
export function stateFlags(state: PortState, isLearning: boolean): number {
  if (state === 'blocking') return 0;
  return (state === 'forwarding' ? FORWARDING : 0) | (isLearning ? LEARNING : 0);
}

function flagsOf(view: PortView): number {
  return (
    (view.hairpin ? HAIRPIN : 0) |
    (view.snooping ? SNOOPING : 0) |
    (view.isolated ? ISOLATED : 0) |
    (view.locked ? LOCKED : 0) |
    (view.bcastFlood ? 0 : NO_BROADCAST) |
    (view.mcastFlood ? 0 : NO_MULTICAST) |
    (view.isTunnel ? TUNNEL | TELLS_MTU : 0) |
    (view.isTunnel && !view.hairpin ? SPLIT_HORIZON : 0) |
    tagFlags(view)
  );
}
