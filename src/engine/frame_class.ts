// Which class of a shaped port a frame belongs to: by its VLAN, its priority, its DSCP, the mark that a rule gave it, and the port that
// it came from.

import { COLUMN, type FrameBatch, MARK } from '../frame/frame_batch.ts';
import { MAX_PORTS } from '../frame/hop.ts';
import { ruleMark } from '../frame/row.ts';
import { type ClassTable, DSCPS, MARKS, NO_DSCP, QOS, QOS_ROW } from '../table/qos_table.ts';
import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { isTpid, pcp, TAG_LEN, VID_MASK } from '../wire/vlan.ts';
import { l3Of } from './offload.ts';

const VIDS = 4096;

/** @param n row of the table */
export function classOf(batch: FrameBatch, row: number, table: ClassTable, n: number): number {
  const { settings } = table;
  const at = n * QOS_ROW;
  if (settings[at + QOS.classes] === 1) return 0;
  const dscp = settings[at + QOS.readsDscp] === 0 ? NO_DSCP : dscpOf(batch, row);
  const { rows } = batch;
  const mark = ruleMark(rows[row + COLUMN.mark]);
  return classFor(table, n, tciOf(batch, row), dscp, mark, rows[row + COLUMN.source]);
}

/** The same of what is known of a frame. */
export function classFor(
  table: ClassTable,
  n: number,
  tci: number,
  dscp: number,
  mark: number,
  source: number,
): number {
  const { settings } = table;
  const at = n * QOS_ROW;
  if (settings[at + QOS.classes] === 1) return 0;
  const found =
    table.pcps[n * 8 + pcp(tci)] &
    table.dscps[n * DSCPS + dscp] &
    table.vlans[settings[at + QOS.vlans] * VIDS + (tci & VID_MASK)] &
    table.marks[settings[at + QOS.marks] * MARKS + mark] &
    table.sources[settings[at + QOS.sources] * MAX_PORTS + source];
  return found === 0 ? settings[at + QOS.fallback] : 31 - Math.clz32(found & -found);
}

/** The tag's, in a bridge that filters VLANs or in the frame; 0 = it has none. A priority that a port found goes before the tag's. */
export function tciOf(batch: FrameBatch, row: number): number {
  const { rows } = batch;
  const tci = rows[row + COLUMN.tci];
  if ((tci & VID_MASK) !== 0) return tci;
  const inner = Math.max(0, innerTci(batch, row));
  return (rows[row + COLUMN.mark] & MARK.ranked) !== 0 ? tci | (inner & VID_MASK) : inner;
}

/** That of a tag which is still in the frame; -1 = there is none. */
export function innerTci({ rows, view }: FrameBatch, row: number): number {
  const rest = rows[row + COLUMN.rest];
  if (rows[row + COLUMN.length] < MACS_LEN + TAG_LEN || !isTpid(view.getUint16(rest))) return -1;
  return view.getUint16(rest + 2);
}

/** NO_DSCP of what is not IP. */
export function dscpOf(batch: FrameBatch, row: number): number {
  const { rows, view } = batch;
  const l3 = l3Of(batch, row);
  if (rows[row + COLUMN.length] < l3 + ipv4.HEADER_LEN) return NO_DSCP;
  const at = rows[row + COLUMN.rest] - MACS_LEN + l3;
  const type = view.getUint16(at - 2);
  const version = ipv4.version(view, at);
  if (type === TYPE_IPV4 && version === 4) return ipv4.tos(view, at) >>> 2;
  return type === TYPE_IPV6 && version === 6 ? ipv6.trafficClass(view, at) >>> 2 : NO_DSCP;
}
