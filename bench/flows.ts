// Flows of TCP between stations behind ports of one bridge, both ways at random: frames of 60 bytes that belong to connections.
//
//   station n is behind port n mod ports, at 10.(n mod SUBNETS).(n >> 8).(n & 255)       flow n: from station n, to one behind the next port

import type { Source } from '../src/engine/port.ts';
import type { FrameBatch } from '../src/frame/frame_batch.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import * as tcp from '../src/wire/tcp.ts';
import { Draw } from './draw.ts';
import { MAC_HI, STATIONS } from './feature_frames.ts';
import { macLo } from './stations.ts';

/** Stations of each are anywhere. */
export const SUBNETS = 10;
/** Of services. */
export const FIRST_SERVICE = 1000;
const FIRST_PORT = 10_000;
const SOURCE_PORTS = 50_000;
const FRAME_LEN = 60;

export interface FlowTraffic {
  /** 0: every frame begins another. */
  flows: number;
  /** Destination ports from FIRST_SERVICE on. */
  services: number;
}

export class Flows implements Source {
  private readonly ports: readonly number[];
  private readonly flows: number;
  private readonly services: number;
  private learned = 0;
  private begun = 0;
  private readonly draw = new Draw();

  /** @param ports numbers of those that receive, by their places */
  constructor(ports: readonly number[], { flows, services }: FlowTraffic) {
    this.ports = ports;
    this.flows = flows;
    this.services = services;
  }

  /** Each station says something to itself first, and then each flow has its first packet. */
  get isLearning(): boolean {
    return this.learned < STATIONS + this.flows;
  }

  receive(batch: FrameBatch, limit: number): void {
    while (limit-- > 0) {
      if (this.learned < STATIONS) this.write(batch, this.learned, this.learned++, 0, 0);
      else if (this.isLearning) this.send(batch, this.learned++ - STATIONS, false);
      else if (this.flows === 0) this.send(batch, this.begun++, false);
      else this.send(batch, this.draw.below(this.flows), this.draw.below(2) === 1);
    }
  }

  private send(batch: FrameBatch, flow: number, isAnswer: boolean): void {
    const from = flow % STATIONS;
    const next = this.ports.length * (Math.imul(flow, 7) & 255) + 1;
    const to = (from + next) % STATIONS;
    const round = Math.floor(flow / STATIONS);
    const port = FIRST_PORT + (round % SOURCE_PORTS);
    const service = FIRST_SERVICE + ((flow * 31) % this.services);
    if (isAnswer) this.write(batch, to, from, service, port);
    else this.write(batch, from, to, port, service);
  }

  private write(batch: FrameBatch, from: number, to: number, sport: number, dport: number): void {
    const { view } = batch;
    const at = batch.frameAt(batch.append(this.ports[from % this.ports.length], FRAME_LEN));
    ethernet.setDst(view, at, MAC_HI, macLo(to));
    ethernet.setSrc(view, at, MAC_HI, macLo(from));
    ethernet.setEtherType(view, at, ethernet.TYPE_IPV4);
    const ip = at + ethernet.HEADER_LEN;
    view.setInt32(ip, 0x4500_0000 | (FRAME_LEN - ethernet.HEADER_LEN));
    view.setInt32(ip + 4, 0x4000);
    view.setInt32(ip + 8, 0x4006_0000);
    view.setInt32(ip + 12, addressOf(from));
    view.setInt32(ip + 16, addressOf(to));
    view.setInt32(ip + 20, (sport << 16) | dport);
    view.setInt32(ip + 32, 0x5000_0400 | (tcp.ACK << 16));
  }
}

function addressOf(station: number): number {
  return 0x0a00_0000 | ((station % SUBNETS) << 16) | station;
}
