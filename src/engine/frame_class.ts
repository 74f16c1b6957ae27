// Which class of a shaped port a frame belongs to: by its VLAN, the priority of its tag, and its DSCP.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DSCPS, NO_DSCP, QOS, QOS_ROW, type QosTable } from '../table/qos_table.ts';
import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { isTpid, pcp, TAG_LEN, VID_MASK } from '../wire/vlan.ts';
import { l3Of } from './offload.ts';

const VIDS = 4096;

/** @param n row of the table */
export function classOf(batch: FrameBatch, row: number, table: QosTable, n: number): number {
  const { settings } = table;
  const at = n * QOS_ROW;
  if (settings[at + QOS.classes] === 1) return 0;
  const dscp = settings[at + QOS.readsDscp] === 0 ? NO_DSCP : dscpOf(batch, row);
  return classFor(table, n, tciOf(batch, row), dscp);
}

/** The same of what is known of a frame. */
export function classFor(table: QosTable, n: number, tci: number, dscp: number): number {
  const { settings } = table;
  const at = n * QOS_ROW;
  if (settings[at + QOS.classes] === 1) return 0;
  const found =
    table.pcps[n * 8 + pcp(tci)] &
    table.dscps[n * DSCPS + dscp] &
    table.vlans[settings[at + QOS.vlans] * VIDS + (tci & VID_MASK)];
  return found === 0 ? settings[at + QOS.fallback] : 31 - Math.clz32(found & -found);
}

/** The tag's, in a bridge that filters VLANs or in the frame; 0 = it has none. */
export function tciOf({ rows, view }: FrameBatch, row: number): number {
  const tci = rows[row + COLUMN.tci];
  const rest = rows[row + COLUMN.rest];
  if ((tci & VID_MASK) !== 0 || !isTpid(view.getUint16(rest))) return tci;
  return rows[row + COLUMN.length] >= MACS_LEN + TAG_LEN ? view.getUint16(rest + 2) : 0;
}

/** NO_DSCP of what is not IP. */
export function dscpOf(batch: FrameBatch, row: number): number {
  const { rows, view } = batch;
  const l3 = l3Of(batch, row);
  if (rows[row + COLUMN.length] < l3 + ipv4.HEADER_LEN) return NO_DSCP;
  const at = rows[row + COLUMN.rest] - MACS_LEN + l3;
  const type = view.getUint16(at - 2);
  if (type === TYPE_IPV4) return ipv4.tos(view, at) >>> 2;
  return type === TYPE_IPV6 ? ipv6.trafficClass(view, at) >>> 2 : NO_DSCP;
}
