// The data plane's end of a TUN, which has packets and no frames: what comes from it gets an Ethernet header, what goes to
// it loses that. What the other end would say of its addresses is TunStation's business.
//
//   from the TUN:  | virtio-net header, 12 | packet |     a MAC header is written over the end of the first, when that is read
//   to the TUN:    | virtio-net header, 12 |              packet, straight from the frame, behind its EtherType
//
// Offsets of the virtio-net header count from the packet there, from the MAC header here: they move by 14.

import { COPY, COPY_WORDS, type EgressQueue, type Sink, type Source } from '../engine/port.ts';
import { COLUMN, FRAME_ROOM, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import { type Burst, KIND, LOST, RX, TRUNCATED, TX } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { MAPPED } from '../table/tun_stations.ts';
import {
  dstHi,
  dstLo,
  HEADER_LEN,
  isGroup,
  MACS_LEN,
  setDst,
  setEtherType,
  setSrc,
  TYPE_IPV4,
  TYPE_IPV6,
} from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as virtioNet from '../wire/virtio_net.ts';
import { Emission } from './emission.ts';
import type { PacketTaker } from './fd_source.ts';
import { OK, Settlement } from './settlement.ts';
import { writeRequest } from './tap_sink.ts';
import type { TransmitList } from './transmit_list.ts';
import type { TunDeviceSpec } from './tun_spec.ts';
import { ADDRESS_WORDS, isMapped, isWithin, TunStation } from './tun_station.ts';

/** `admit`: the other end's station has taken note of it. */
const HEARD = -2;
const TYPE_LEN = 2;

export class TunDevice implements Source, Sink, PacketTaker {
  private readonly spec: TunDeviceSpec;
  /** The queue that it sends to: the kernel sends a flow's answers back through the queue that it came by. */
  private readonly fd: number;
  private readonly burst: Burst;
  private readonly list: TransmitList;
  private readonly station: TunStation;
  private readonly emission: Emission;
  private readonly settlement: Settlement;

  /** @param worker its number */
  constructor(spec: TunDeviceSpec, worker: number, burst: Burst, list: TransmitList, counters: Counters) {
    this.spec = spec;
    this.fd = spec.fds[worker % spec.fds.length];
    this.burst = burst;
    this.list = list;
    this.station = new TunStation(spec);
    this.emission = new Emission(list);
    this.settlement = new Settlement(counters);
  }

  /** Appends the packet of `length` bytes that native code has put into the next slot. `from`: of the slot's row in `burst.rx`. */
  take(batch: FrameBatch, length: number, from: number): void {
    const { view, rows } = batch;
    const at = batch.takeSlot();
    const header = at - virtioNet.HEADER_LEN;
    const flags = this.burst.rx[from + RX.flags];
    const row = batch.appendAt(at - HEADER_LEN, this.spec.port, length + HEADER_LEN);
    if ((flags & LOST) === 0) {
      rows[row + COLUMN.gsoType] = virtioNet.gsoType(view, header);
      rows[row + COLUMN.gsoSize] = virtioNet.gsoSize(view, header);
      if ((virtioNet.flags(view, header) & virtioNet.NEEDS_CSUM) !== 0) {
        rows[row + COLUMN.csumStart] = virtioNet.csumStart(view, header) + HEADER_LEN;
        rows[row + COLUMN.csumOffset] = virtioNet.csumOffset(view, header);
      }
    }
    setDst(view, at - HEADER_LEN, 0, 0);
    setSrc(view, at - HEADER_LEN, this.spec.hi, this.spec.lo);
    if ((flags & (TRUNCATED | LOST)) !== 0 || length + HEADER_LEN > FRAME_ROOM) {
      rows[row + COLUMN.dest] = DEST_DROP | ((flags & LOST) !== 0 ? DROP.receive_error : DROP.truncated);
      return;
    }
    const drop = this.address(view, at, length);
    if (drop !== OK) rows[row + COLUMN.dest] = DEST_DROP | drop;
  }

  isReady(): boolean {
    return !this.station.isEmpty;
  }

  receive(batch: FrameBatch, limit: number): void {
    for (let n = 0; n < limit && !this.station.isEmpty; n++) {
      const row = batch.append(this.spec.port, 0);
      batch.rows[row + COLUMN.length] = this.station.take(batch.view, batch.frameAt(row));
    }
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { emission, list, settlement, spec } = this;
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS) {
      const row = copies[at + COPY.row];
      const hop = copies[at + COPY.hop];
      const port = hop & PORT_MASK;
      const drop = copies[at + COPY.tag] === 0 ? this.admit(batch, row) : DROP.tun_not_ip;
      if (drop === HEARD) {
        settlement.settle(row, port, OK, true, batch.rows[row + COLUMN.length], 0);
      } else if (drop !== OK) {
        list.settlement.refuse(row, port, drop);
      } else {
        if (!emission.begin(batch, row, hop, 0, spec.offloads))
          list.settlement.refuse(row, port, DROP.bad_packet);
        while (emission.next(batch)) this.put(batch);
      }
    }
    queue.count = 0;
  }

  flush(batch: FrameBatch): void {
    this.list.flush(batch);
  }

  /** OK, HEARD, or why what is behind the TUN does not get the frame of `row`. */
  private admit(batch: FrameBatch, row: number): number {
    const { rows, view } = batch;
    const start = rows[row + COLUMN.start];
    const rest = rows[row + COLUMN.rest];
    const end = rest + batch.headLength(row) - MACS_LEN;
    const hi = dstHi(view, start);
    if (!isGroup(hi) && (hi !== this.spec.hi || dstLo(view, start) !== this.spec.lo))
      return DROP.tun_other_station;
    if (this.station.hear(batch, row, end, this.burst.second)) return HEARD;
    const type = view.getUint16(rest);
    const ip = rest + TYPE_LEN;
    const isIp =
      (type === TYPE_IPV4 && ip + ipv4.HEADER_LEN <= end && ipv4.version(view, ip) === 4) ||
      (type === TYPE_IPV6 && ip + ipv6.HEADER_LEN <= end && ipv6.version(view, ip) === 6);
    return isIp ? OK : DROP.tun_not_ip;
  }

  private put(batch: FrameBatch): void {
    const { emission, list } = this;
    const at = list.header(batch, virtioNet.HEADER_LEN);
    writeRequest(batch, at, emission.row, -HEADER_LEN);
    const entry = list.add(emission, KIND.tap, this.fd, at, virtioNet.HEADER_LEN);
    list.tx[entry + TX.piece + 2] += TYPE_LEN;
    list.tx[entry + TX.piece + 3] -= TYPE_LEN;
  }

  /** Writes where the packet at `at` goes, and what it is, before it. OK, or the drop. */
  private address(view: DataView, at: number, length: number): number {
    const version = length === 0 ? 0 : ipv4.version(view, at);
    const mac = at - HEADER_LEN;
    if (version === 4 && length >= ipv4.HEADER_LEN) {
      setEtherType(view, mac, TYPE_IPV4);
      return this.addressTo(view, mac, 0, 0, MAPPED, ipv4.dst(view, at));
    }
    if (version !== 6 || length < ipv6.HEADER_LEN) return DROP.tun_packet;
    setEtherType(view, mac, TYPE_IPV6);
    const to = at + ipv6.DST;
    return this.addressTo(
      view,
      mac,
      view.getInt32(to),
      view.getInt32(to + 4),
      view.getInt32(to + 8),
      view.getInt32(to + 12),
    );
  }

  private addressTo(view: DataView, mac: number, a: number, b: number, c: number, d: number): number {
    const { gateways } = this.spec;
    const isIpv4 = isMapped(a, b, c);
    if (isIpv4 && d >>> 28 === 0xe) setDst(view, mac, 0x0100, 0x5e00_0000 | (d & 0x7f_ffff));
    else if (!isIpv4 && a >>> 24 === 0xff) setDst(view, mac, 0x3333, d);
    else if (isIpv4 && this.isBroadcast(d)) setDst(view, mac, 0xffff, -1);
    else {
      const gateway = isIpv4 ? 0 : 4;
      const hasGateway = gateways[gateway + 3] !== 0;
      const isVia = hasGateway && !this.isOnLink(a, b, c, d);
      const isKnown = isVia
        ? this.resolve(gateways[gateway], gateways[gateway + 1], gateways[gateway + 2], gateways[gateway + 3])
        : this.resolve(a, b, c, d);
      if (!isKnown) return DROP.tun_unknown_station;
      setDst(view, mac, this.station.hi, this.station.lo);
    }
    return OK;
  }

  private resolve(a: number, b: number, c: number, d: number): boolean {
    return this.station.resolve(a, b, c, d, this.burst.second);
  }

  private isOnLink(a: number, b: number, c: number, d: number): boolean {
    const { addresses } = this.spec;
    for (let n = 0; n < addresses.length; n += ADDRESS_WORDS)
      if (isWithin(addresses, n, a, b, c, d)) return true;
    return a >>> 22 === 0x3fa; // fe80::/10
  }

  /** The limited broadcast, or that of a subnet (RFC 919). */
  private isBroadcast(address: number): boolean {
    const { addresses } = this.spec;
    if (address === -1) return true;
    for (let n = 0; n < addresses.length; n += ADDRESS_WORDS) {
      const hosts = addresses[n + 4] <= 96 || addresses[n + 4] >= 127 ? 0 : -1 >>> (addresses[n + 4] - 96);
      if (hosts !== 0 && isMapped(addresses[n], addresses[n + 1], addresses[n + 2]))
        if ((addresses[n + 3] | hosts) === address) return true;
    }
    return false;
  }
}
