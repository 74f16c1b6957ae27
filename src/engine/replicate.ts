// The last stage: one queue entry for each egress copy. Every frame is counted here, as forwarded or as dropped; every
// copy is, as a copy. A closure for the same reason as in stages.ts.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import {
  DEST_CONSUMED,
  DEST_DIRECT,
  DEST_DROP,
  DEST_LIST,
  DEST_VALUE,
  MAX_REMOTES,
  PORT_BITS,
  PORT_MASK,
} from '../frame/hop.ts';
import { type Counters, PORT, PORT_STRIDE } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { FIRST_GROUP, type Groups } from '../table/groups.ts';
import { FIRST_LIST, type Lists } from '../table/lists.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import { flowHash } from '../wire/flow_hash.ts';
import { TAG_LEN, TPID_8021Q, VID_MASK } from '../wire/vlan.ts';
import type { Egress } from './egress.ts';
import { maskIfZero } from './mask.ts';
import { l3Length, segmentsOf } from './offload.ts';
import type { Pmtu } from './pmtu.ts';
import { VIDS } from './tag_table.ts';
import {
  DOMAIN_SHIFT,
  FORWARDING,
  FRAME_KIND,
  HAIRPIN,
  ISOLATED,
  leavingTag,
  OWN_TAG,
  SAME,
  SELECTIVE,
  SPLIT_HORIZON,
  TELLS_MTU,
  type Topology,
  TUNNEL,
  UNTAGGED,
  VLAN_STRIDE,
} from './topology.ts';
import type { Tunnelling } from './tunnelling.ts';

/**
 * A poll replicates until this is used up, and the next poll goes on: about 1 ms of TAP writes, so that a flood to 256
 * ports holds up commands and timers no longer than that. A copy costs its bytes and COPY_COST for the system call, and
 * SEGMENT_COST for each segment, since egress may have to send it by itself. Half of COPY_COST lets 32 usual super-frames,
 * of 45 segments, go in one poll, and no more than two of those made to be expensive, of 1,821.
 */
const POLL_BUDGET = 8 * 1024 * 1024;
const COPY_COST = 8192;
const SEGMENT_COST = 4096;
/** Most that a port owes: of a frame to 1,000 ports. */
const MOST_OWED = 16 * 1024 * 1024;

/** Every remote takes what its port does. */
export const NO_LIMITS = new Int32Array(MAX_REMOTES);

/** Walks over the frames from `batch.next` on, counts each, and queues its copies. */
export type Replicate = (topology: Topology) => void;

/** @param limits by remote, see Paths; 0 = none */
export function createReplicate(
  batch: FrameBatch,
  counters: Counters,
  lists: Lists,
  groups: Groups,
  egress: Egress,
  pmtu: Pmtu,
  tunnelling: Tunnelling,
  limits: Int32Array,
): Replicate {
  const { rows, owed } = batch;
  const { queueOf } = egress;
  const { values, drops } = counters;
  const portsAt = counters.port(0);
  /** What is left of this poll's. */
  let budget = 0;

  function replicate(topology: Topology): void {
    const end = batch.count * ROW;
    let row = batch.next * ROW;
    budget = POLL_BUDGET;
    tunnelling.begin();
    for (; row < end && budget > 0; row += ROW) {
      const counter = portsAt + (rows[row + COLUMN.ingress] & PORT_MASK) * PORT_STRIDE;
      let dest = rows[row + COLUMN.dest];
      if (dest < DEST_DROP) dest = unicast(row, dest, topology);
      else if ((dest & DEST_LIST) !== 0) dest = toMany(row, dest, topology);
      if (dest === 0) values[counter + PORT.forwarded] += 1;
      else if (dest === DEST_CONSUMED) values[counter + PORT.consumed] += 1;
      else drops.count(row, rows[row + COLUMN.ingress] & PORT_MASK, dest & DEST_VALUE);
    }
    batch.next = row / ROW;
  }

  /** Queues the frame for one next hop. Returns 0, or the drop. */
  function unicast(row: number, hop: number, topology: Topology): number {
    const source = rows[row + COLUMN.domain];
    const vid = rows[row + COLUMN.tci] & VID_MASK;
    const membership = topology.vlan[(hop & PORT_MASK) * VLAN_STRIDE + vid];
    const difference = (membership ^ source) & SAME;
    if (difference !== 0) return DEST_DROP | keptOut(difference, hop, source, topology);
    const from = rows[row + COLUMN.ingress];
    if (((hop ^ from) & PORT_MASK) === 0 && !turnsRound(source, from, hop)) return DEST_DROP | DROP.same_port;
    const both = source & membership;
    if (((both & (ISOLATED | SPLIT_HORIZON)) | (membership & SELECTIVE)) !== 0) {
      const drop = refusal(row, hop, both, topology);
      if (drop !== 0) return drop;
    }
    enqueue(row, hop, membership, topology);
    return 0;
  }

  /** The drop of a frame that its next hop may not get; 0 = a tunnel that takes only some gets this one. */
  function refusal(row: number, hop: number, both: number, topology: Topology): number {
    if ((both & ISOLATED) !== 0) return DEST_DROP | DROP.isolated;
    if ((both & SPLIT_HORIZON) !== 0) return DEST_DROP | DROP.split_horizon;
    return takes(row, hop & PORT_MASK, topology) ? 0 : DEST_DROP | DROP.customer_vlan;
  }

  /** Why a port does not get what is for a station behind it. In its primary VLAN a port is in the domain of a private one. */
  function keptOut(difference: number, hop: number, source: number, { vlan, domainVid }: Topology): number {
    if (difference === FORWARDING) return DROP.port_blocked;
    const domain = source >>> DOMAIN_SHIFT;
    const word = vlan[(hop & PORT_MASK) * VLAN_STRIDE + domainVid[domain]];
    return word >>> DOMAIN_SHIFT === domain ? DROP.private_vlan : DROP.not_member;
  }

  /**
   * What is neither a next hop nor a drop: queues the frame for every member of its list that may have it. Returns 0,
   * DEST_CONSUMED, or the drop. One long function, which V8 never puts inside of `replicate`, however much of what it saw
   * first was the host's: the room there is for `enqueue`.
   */
  function toMany(row: number, dest: number, topology: Topology): number {
    if (dest === DEST_CONSUMED) return dest;
    if (dest === DEST_DIRECT) return direct(row, rows[row + COLUMN.user], topology);
    const list = dest & DEST_VALUE;
    let hops = topology.hops;
    let next = 0;
    let end = 0;
    if (list < FIRST_LIST) {
      next = topology.listAt[2 * list];
      end = topology.listAt[2 * list + 1];
    } else if (list >= FIRST_GROUP) {
      hops = groups.membersOf(list);
      end = hops.length;
    } else {
      hops = lists.hops;
      next = lists.at(list);
      end = next + lists.count(list);
      if (lists.isByFlow(list) && end - next > 1) {
        next += oneOf(row, end - next);
        end = next + 1;
      }
    }
    const from = rows[row + COLUMN.ingress];
    const source = rows[row + COLUMN.domain];
    const vid = rows[row + COLUMN.tci] & VID_MASK;
    let copies = 0;
    for (; next < end; next++) {
      const hop = hops[next];
      if (((hop ^ from) & PORT_MASK) === 0 && !turnsRound(source, from, hop)) continue;
      const membership = topology.vlan[(hop & PORT_MASK) * VLAN_STRIDE + vid];
      if ((source & membership & (ISOLATED | SPLIT_HORIZON | FRAME_KIND)) !== 0) continue;
      if (((membership ^ source) & SAME) !== 0) continue;
      if ((membership & SELECTIVE) !== 0 && !takes(row, hop & PORT_MASK, topology)) continue;
      enqueue(row, hop, membership, topology);
      copies += 1;
    }
    if (copies === 0)
      return (rows[row + COLUMN.mark] & MARK.punted) !== 0 ? DEST_CONSUMED : DEST_DROP | DROP.no_destination;
    owe(rows[row + COLUMN.source] & PORT_MASK, (copies - 1) * (COPY_COST + rows[row + COLUMN.length]));
    return 0;
  }

  /** What the host sends leaves whatever tables and states say. */
  function direct(row: number, hop: number, topology: Topology): number {
    if (queueOf[hop & PORT_MASK] === undefined) return DEST_DROP | DROP.no_destination;
    enqueue(row, hop, UNTAGGED, topology);
    return 0;
  }

  /** The member of `count` that carries the frame's flow. */
  function oneOf(row: number, count: number): number {
    const hash = flowHash(
      batch.view,
      rows[row + COLUMN.start],
      rows[row + COLUMN.rest],
      batch.headLength(row),
    );
    return (((hash >>> 16) * count) >>> 16) | 0;
  }

  /** Whether the customer's VLAN in a frame is one that a tunnel carries in the frame's VLAN. */
  function takes(row: number, port: number, { pvid, tags }: Topology): boolean {
    if (tags === null) return true;
    const rest = rows[row + COLUMN.rest];
    const isTagged =
      rows[row + COLUMN.length] >= HEADER_LEN + TAG_LEN && batch.view.getUint16(rest) === tags.tpid[port];
    const vid = isTagged ? batch.view.getUint16(rest + 2) & VID_MASK : 0;
    const vlan = vid === 0 ? pvid[port] & VID_MASK : tags.vlans[tags.map[port] * VIDS + vid];
    return vlan === (rows[row + COLUMN.tci] & VID_MASK);
  }

  /** A flooded frame costs its sender's turns what its copies do. */
  function owe(port: number, cost: number): void {
    owed[port] = Math.min(owed[port] + cost, MOST_OWED);
  }

  /** Queues one copy. Small, for V8 to have it inside of the loop (docs/decisions.md): what is less usual is `enqueueOther`. */
  function enqueue(row: number, hop: number, membership: number, topology: Topology): void {
    const port = hop & PORT_MASK;
    const length = rows[row + COLUMN.length];
    const queue = queueOf[port];
    values[portsAt + port * PORT_STRIDE + PORT.copies] += 1;
    budget -= COPY_COST + length;
    if (
      (rows[row + COLUMN.gsoType] | limits[hop >>> PORT_BITS] | (membership & OWN_TAG)) !== 0 ||
      length > topology.mtu[port] + HEADER_LEN ||
      queue === undefined
    ) {
      enqueueOther(row, hop, membership, topology);
      return;
    }
    const ifTagged = maskIfZero(membership & UNTAGGED);
    if (queue.count >= queue.capacity) egress.drain(topology, queue);
    queue.push(row, hop, ((TPID_8021Q << 16) | rows[row + COLUMN.tci]) & ifTagged, 0);
  }

  /** Queues a super-frame, or a copy with a tag of the port's own, or one that may be too big or has no way. */
  function enqueueOther(received: number, hop: number, membership: number, topology: Topology): void {
    const port = hop & PORT_MASK;
    const tunnels = topology.protocolTunnels;
    const row = tunnels === null ? received : tunnelling.leaving(received, port, tunnels);
    if (row < 0) {
      drops.count(received, port, ~row);
      return;
    }
    const queue = queueOf[port];
    if (rows[row + COLUMN.gsoType] !== 0) budget = (budget - segmentsOf(batch, row) * SEGMENT_COST) | 0;
    const mtu = mtuOf(hop, membership, topology);
    if (queue === undefined || (rows[row + COLUMN.length] > mtu + HEADER_LEN && l3Length(batch, row) > mtu)) {
      refuse(row, hop, membership, topology);
      return;
    }
    if (queue.count >= queue.capacity) egress.drain(topology, queue);
    queue.push(row, hop, leavingTag(topology, port, membership, rows[row + COLUMN.tci]), 0);
  }

  /** MTU on the way to a next hop: what a router said to a tunnel is of untagged frames. */
  function mtuOf(hop: number, membership: number, topology: Topology): number {
    const mtu = topology.mtu[hop & PORT_MASK];
    const limit = limits[hop >>> PORT_BITS];
    return limit === 0 ? mtu : Math.min(mtu, limit - ((membership & UNTAGGED) === 0 ? TAG_LEN : 0));
  }

  /** Drops a copy whose port has no device or too small an MTU; who sends too much into a port that tells is told. */
  function refuse(row: number, hop: number, membership: number, topology: Topology): void {
    const port = hop & PORT_MASK;
    const isGone = queueOf[port] === undefined;
    drops.count(row, port, isGone ? DROP.device_gone : DROP.too_big);
    if (isGone || (membership & TELLS_MTU) === 0) return;
    const answer = pmtu.answer(row, hop, mtuOf(hop, membership, topology));
    if (answer >= 0) enqueue(answer, rows[row + COLUMN.ingress], rows[row + COLUMN.domain], topology);
  }

  return replicate;
}

/** Whether a frame may leave through its own port: with hairpin, but in a tunnel not to the remote that it came from. */
function turnsRound(source: number, from: number, hop: number): boolean {
  return (source & HAIRPIN) !== 0 && ((source & TUNNEL) === 0 || hop !== from);
}
