// What the engines of features.ts forward: frames of 60 bytes, and 4 more for each tag, between known stations, or to many.

import type { Source } from '../src/engine/port.ts';
import { type FrameBatch, ROW } from '../src/frame/frame_batch.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import * as ipv4 from '../src/wire/ipv4.ts';
import { TAG_LEN } from '../src/wire/vlan.ts';
import { Draw } from './draw.ts';
import { GROUP_MAC_HI, groupIp, groupMacLo } from './groups.ts';
import { macLo } from './stations.ts';

export interface Traffic {
  /** Default station: one behind another port, known. */
  to?: 'station' | 'stranger' | 'broadcast' | 'group' | 'routed';
  /** Places of ports, default all to all; what goes to many always comes from the first sender. */
  from?: readonly number[];
  behind?: readonly number[];
  /** By place of the port that sends: TPID << 16 | TCI, outer first. */
  tags?: (port: number) => readonly number[];
  /** Of so many, one after another; default 1. */
  groups?: number;
  /** Routed: only so many flows, from the first half to the other; default: any two stations of both. */
  flows?: number;
}

/** Two subnets of a router, the first half of the ports and the second: their gateways, by MAC. */
const SUBNETS = [0x0a00_0000, 0x0a01_0000];
export const GATEWAYS = ['02:00:00:01:00:00', '02:00:00:01:00:01'] as const;
const GATEWAY_MAC_LO = 0x0001_0000;

/** The address of a station in its subnet, which is not the subnet's own. */
export function routedIp(half: number, station: number): number {
  return SUBNETS[half] + station + 16;
}

/** Behind all ports together. */
export const STATIONS = 4096;
export const MAC_HI = 0x0200;
const FRAME_LEN = 60;
const FIRST_PORT = 10_000;
const IP_SOMEBODY = 0x0a00_ffff;

export class Frames implements Source {
  private readonly ports: readonly number[];
  private readonly tags: readonly (readonly number[])[];
  private readonly to: NonNullable<Traffic['to']>;
  private readonly from: readonly number[];
  private readonly behind: readonly number[];
  private readonly groups: number;
  private readonly flows: number;
  private readonly stationsOfPort: number;
  private learned = 0;
  private readonly draw = new Draw();

  /** @param ports numbers of those that receive, by their places */
  constructor(ports: readonly number[], traffic: Traffic = {}) {
    const places = [...ports.keys()];
    const {
      to = 'station',
      from = places,
      behind = places,
      tags = () => [],
      groups = 1,
      flows = 0,
    } = traffic;
    this.ports = ports;
    this.tags = places.map(tags);
    this.to = to;
    this.from = from;
    this.behind = behind;
    this.groups = groups;
    this.flows = flows;
    this.stationsOfPort = STATIONS / ports.length;
  }

  /** Each station says something to itself first, and then each flow has its first packet. */
  get isLearning(): boolean {
    return (this.to === 'station' || this.to === 'routed') && this.learned < STATIONS + this.flows;
  }

  receive(batch: FrameBatch, limit: number): void {
    while (limit-- > 0) {
      if (this.isLearning && this.learned >= STATIONS) this.toFlow(batch, this.learned++ - STATIONS);
      else if (this.isLearning) this.speak(batch, this.learned++);
      else if (this.to === 'station') this.toStation(batch);
      else if (this.flows > 0) this.toFlow(batch, this.draw.below(this.flows));
      else if (this.to === 'routed') this.toRouted(batch);
      else this.toMany(batch);
    }
  }

  private speak(batch: FrameBatch, station: number): void {
    this.write(batch, station % this.ports.length, station, MAC_HI, macLo(station), IP_SOMEBODY);
  }

  private toStation(batch: FrameBatch): void {
    const from = this.from[this.draw.below(this.from.length)];
    let behind = from;
    while (behind === from) behind = this.behind[this.draw.below(this.behind.length)];
    this.write(batch, from, this.stationOf(from), MAC_HI, macLo(this.stationOf(behind)), IP_SOMEBODY);
  }

  /** From a station of one half to one of the other. */
  private toRouted(batch: FrameBatch): void {
    const half = this.draw.below(2);
    const places = this.ports.length / 2;
    const from = half * places + this.draw.below(places);
    const to = this.stationOf((1 - half) * places + this.draw.below(places));
    const station = this.stationOf(from);
    this.write(batch, from, station, MAC_HI, GATEWAY_MAC_LO + half, routedIp(1 - half, to));
    const ip = batch.frameAt((batch.count - 1) * ROW) + ethernet.HEADER_LEN;
    batch.view.setInt32(ip + 12, routedIp(half, station));
    ipv4.completeChecksum(batch.view, ip);
  }

  /** Its guest, and by how many the guest has, its port. */
  private toFlow(batch: FrameBatch, flow: number): void {
    const guest = this.ofHalf(0, flow);
    const port = Math.floor((2 * flow) / STATIONS);
    const to = routedIp(1, this.ofHalf(1, Math.imul(flow, 7) >>> 0));
    this.write(batch, guest % this.ports.length, guest, MAC_HI, GATEWAY_MAC_LO, to);
    const ip = batch.frameAt((batch.count - 1) * ROW) + ethernet.HEADER_LEN;
    batch.view.setInt32(ip + 12, routedIp(0, guest));
    batch.view.setUint16(ip + 20, FIRST_PORT + port);
    ipv4.completeChecksum(batch.view, ip);
  }

  /** A station behind a port of this half. */
  private ofHalf(half: number, n: number): number {
    const places = this.ports.length / 2;
    const of = n % (STATIONS / 2);
    return Math.floor(of / places) * this.ports.length + half * places + (of % places);
  }

  private toMany(batch: FrameBatch): void {
    const port = this.from[0];
    if (this.to === 'broadcast') this.write(batch, port, port, 0xffff, -1, -1);
    else if (this.to === 'stranger') this.write(batch, port, port, MAC_HI, macLo(STATIONS), IP_SOMEBODY);
    else {
      const group = this.draw.below(this.groups);
      this.write(batch, port, port, GROUP_MAC_HI, groupMacLo(group), groupIp(group));
    }
  }

  private stationOf(port: number): number {
    return port + this.ports.length * this.draw.below(this.stationsOfPort);
  }

  private write(
    batch: FrameBatch,
    port: number,
    from: number,
    toHi: number,
    toLo: number,
    toIp: number,
  ): void {
    const { view } = batch;
    const tags = this.tags[port];
    let at = batch.frameAt(batch.append(this.ports[port], FRAME_LEN + tags.length * TAG_LEN));
    ethernet.setDst(view, at, toHi, toLo);
    ethernet.setSrc(view, at, MAC_HI, macLo(from));
    for (const tag of tags) {
      view.setInt32(at + ethernet.MACS_LEN, tag);
      at += TAG_LEN;
    }
    ethernet.setEtherType(view, at, ethernet.TYPE_IPV4);
    // UDP: 20 bytes of IPv4, 18 of what is in it.
    const ip = at + ethernet.HEADER_LEN;
    view.setInt32(ip, 0x4500_0026);
    view.setInt32(ip + 4, 0);
    view.setInt32(ip + 8, 0x4011_0000);
    view.setInt32(ip + 12, 0x0a00_0000 | from);
    view.setInt32(ip + 16, toIp);
    view.setInt32(ip + 20, 0x1000_2000);
  }
}
