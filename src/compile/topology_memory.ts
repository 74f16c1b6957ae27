// Memory in which topologies lie: that of the one before the last is taken again. New memory was a fifth of what a change of one
// port took, since pages that were never touched cost a fault each; and to zero all of it was more than that with hundreds of
// ports, whose words of `vlan` are 16 KiB each and mostly zero as they are.

import { extentOf, type Topology, VLAN_STRIDE } from '../engine/topology.ts';

/** Bytes that are had at once, at least: with one port more it still fits. And of more an eighth. */
const STEP = 1 << 16;
const SHARE = 8;

export class TopologyMemory {
  private spare: Pick<Topology, 'vlan' | 'extent'> | undefined;

  /** Nobody reads this topology any more. */
  retire(topology: Pick<Topology, 'vlan' | 'extent'>): void {
    this.spare = topology;
  }

  /** So many zero bytes, and perhaps some more. */
  take(size: number): ArrayBufferLike {
    const { spare } = this;
    this.spare = undefined;
    const room = roomFor(size);
    const isFit = spare !== undefined && spare.vlan.buffer.byteLength >= size;
    return isFit && spare.vlan.buffer.byteLength <= 2 * room ? clear(spare) : new SharedArrayBuffer(room);
  }
}

function roomFor(size: number): number {
  const step = Math.max(STEP, 2 ** Math.floor(Math.log2(size)) / SHARE);
  return Math.ceil(size / step) * step;
}

function clear({ vlan, extent }: Pick<Topology, 'vlan' | 'extent'>): ArrayBufferLike {
  for (let port = 0; port < extent.length; port++) {
    const { from, to } = extentOf(extent[port]);
    const at = port * VLAN_STRIDE;
    if (to > from) vlan.fill(0, at + from, at + to);
  }
  const bytes = new Uint8Array(vlan.buffer);
  bytes.fill(0, 0, vlan.byteOffset);
  bytes.fill(0, vlan.byteOffset + vlan.byteLength);
  return vlan.buffer;
}
