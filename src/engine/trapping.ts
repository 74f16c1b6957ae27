// What never gets as far as its VLAN: frames of VLAN devices, what a guard refuses, the link's own, and what a port's traps
// give the host. Relies on what `classify` has checked so far: a whole Ethernet header, a unicast source, an offload request that fits.
//
// A closure, as in stages.ts.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import { DROP } from '../table/drops.ts';
import { TRAP } from '../table/traps.ts';
import { dstHi, dstLo, etherType, HEADER_LEN, isReservedGroup, MACS_LEN, PAUSE } from '../wire/ethernet.ts';
import { isTpid, TAG_LEN } from '../wire/vlan.ts';
import { giveUp } from './give_up.ts';
import type { HostPort } from './host_port.ts';
import { isOfVlanDevice, type Topology } from './topology.ts';

/** Whether the frame of a row goes no further: then it has its `dest`. */
export type Trapping = (row: number, topology: Topology) => boolean;

export function createTrapping(batch: FrameBatch, host: HostPort): Trapping {
  const { view, rows } = batch;

  /** Takes out what is of VLAN devices, what a guard refuses, PAUSE, which is the link's own, and what the port's traps name. */
  function isForHost(row: number, topology: Topology): boolean {
    const at = rows[row + COLUMN.start];
    if (isForVlanDevice(row, topology)) {
      giveUp(rows, row, DEST_DROP | DROP.vlan_device);
      return true;
    }
    const hi = dstHi(view, at);
    const lo = dstLo(view, at);
    const refusal = topology.guards === null ? 0 : host.guards.refusal(row, topology);
    if (refusal !== 0) {
      refuse(row, topology, refusal);
      return true;
    }
    const isReserved = isReservedGroup(hi, lo);
    if (isReserved && (lo & 15) === PAUSE) {
      giveUp(rows, row, DEST_DROP | DROP.reserved_group);
      return true;
    }
    let trap = host.trapOf(row, topology, isReserved ? lo & 15 : -1);
    if (trap < 0 && topology.guards !== null) trap = host.guards.trapOfPassed();
    if (trap < 0) return false;
    if (trap === TRAP.arp || trap === TRAP.dhcp_client) {
      host.puntCopy(row, topology, trap);
      return false;
    }
    if (trap === TRAP.claim || trap === TRAP.rogue) {
      host.puntCopy(row, topology, trap);
      giveUp(rows, row, DEST_DROP | (trap === TRAP.claim ? DROP.address_taken : DROP.rogue_server));
      return true;
    }
    handOver(row, topology, trap);
    return true;
  }

  /** The frame is the host's. */
  function handOver(row: number, topology: Topology, trap: number): void {
    giveUp(rows, row, 0);
    rows[row + COLUMN.dest] = host.punt(row, topology, trap) ? DEST_CONSUMED : DEST_DROP | DROP.punt_limit;
  }

  /** What a guard lets in not yet, or not at all. */
  function refuse(row: number, topology: Topology, refusal: number): void {
    if (host.guards.isNewcomer(refusal)) {
      handOver(row, topology, TRAP.newcomer);
      return;
    }
    host.puntCopy(row, topology, TRAP.guard, refusal);
    giveUp(rows, row, DEST_DROP | refusal);
  }

  /** Where the kernel has a VLAN device for a tag, the frame is that device's: so it is with a kernel bridge, too. */
  function isForVlanDevice(row: number, topology: Topology): boolean {
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    if (topology.vlanDevices[port] === 0 || rows[row + COLUMN.length] < HEADER_LEN + TAG_LEN) return false;
    const at = rows[row + COLUMN.start];
    return isTpid(etherType(view, at)) && isOfVlanDevice(topology, port, view.getInt32(at + MACS_LEN));
  }

  return isForHost;
}
