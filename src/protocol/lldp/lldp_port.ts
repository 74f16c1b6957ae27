// LLDP of one port: its two machines, what it says of itself, and its counters.

import type { LldpCounters } from '../../api.ts';
import type { LldpMode } from '../../config/lldp_mode.ts';
import { HEADER_LEN } from '../../wire/ethernet.ts';
import { type BuiltFrame, buildLldpFrame } from '../../wire/lldp/build.ts';
import { CAPABLE_BRIDGE } from '../../wire/lldp/tlv.ts';
import { type Mac, parseMac } from '../../wire/mac.ts';
import { TAG_LEN } from '../../wire/vlan.ts';
import { Neighbors, type Population } from './neighbors.ts';
import { LldpTransmitter, TX_TTL } from './transmitter.ts';

const FCS_LEN = 4;

/** What the agent has to know of a port. */
export interface LldpPortSpec {
  readonly bridge: string;
  readonly name: string;
  readonly mode: Exclude<LldpMode, 'off'>;
  /** Address of the bridge: the chassis ID. */
  readonly chassis: string;
  /** Source of frames. Not that of the interface at the other side of a TAP: it would take them for its own. */
  readonly mac: string;
  readonly mtu: number;
  /** VLAN of untagged frames, 0 = none; undefined: the bridge does not filter VLANs. */
  readonly pvid?: number;
  readonly managementAddresses?: readonly string[];
  readonly isUp: boolean;
}

/** What all ports say alike. */
export interface LldpSystem {
  readonly name: string;
  readonly description: string;
}

const NO_MAC: Mac = { hi: 0, lo: 0 };

export class LldpPort {
  spec: LldpPortSpec;
  readonly neighbors: Neighbors;
  readonly transmitter = new LldpTransmitter();
  readonly counters: LldpCounters = {
    framesIn: 0,
    framesOut: 0,
    framesDiscarded: 0,
    framesInErrors: 0,
    framesNotSent: 0,
    tlvsDiscarded: 0,
    tlvsUnrecognized: 0,
    tlvsOmitted: 0,
    ageouts: 0,
    neighborsRefused: 0,
  };

  constructor(spec: LldpPortSpec, population: Population) {
    this.spec = spec;
    this.neighbors = new Neighbors(population);
  }

  /** Another MSAP: to neighbours, another port. */
  isOther({ chassis, bridge }: LldpPortSpec): boolean {
    return chassis !== this.spec.chassis || bridge !== this.spec.bridge;
  }

  /** Whether neighbours would read something else. */
  says({ mac, mtu, pvid, managementAddresses }: LldpPortSpec): boolean {
    const { spec } = this;
    return (
      mac === spec.mac &&
      mtu === spec.mtu &&
      pvid === spec.pvid &&
      managementAddresses?.join() === spec.managementAddresses?.join()
    );
  }

  deadline(): number {
    return Math.min(this.transmitter.deadline(), this.neighbors.deadline());
  }

  frame(system: LldpSystem): BuiltFrame {
    const { bridge, name, mtu, pvid, managementAddresses } = this.spec;
    const own = {
      ...this.identity(),
      ttl: TX_TTL,
      portDescription: `port ${name} of bridge ${bridge}`,
      systemName: system.name,
      systemDescription: system.description,
      capabilities: CAPABLE_BRIDGE,
      managementAddresses,
      pvid,
      // IEEE 802.3 clause 79.3.4: with header, one tag and FCS.
      maxFrameSize: mtu + HEADER_LEN + TAG_LEN + FCS_LEN,
    };
    return buildLldpFrame(this.source(), own, mtu + HEADER_LEN);
  }

  shutdownFrame(): BuiltFrame {
    return buildLldpFrame(this.source(), { ...this.identity(), ttl: 0 });
  }

  private identity(): { chassis: Mac; portName: string } {
    return { chassis: parseMac(this.spec.chassis) ?? NO_MAC, portName: this.spec.name };
  }

  private source(): Mac {
    return parseMac(this.spec.mac) ?? NO_MAC;
  }
}
