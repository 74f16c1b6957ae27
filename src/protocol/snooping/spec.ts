// What snooping is told of the world: a bridge's VLAN, its ports, and how it should behave. Times in ms.

import type { Family } from '../../wire/membership.ts';
import type { Timing } from './member.ts';

export interface SnoopingPort {
  /** `auto`: it leads to a router while a router is heard there. */
  router: 'auto' | 'permanent' | 'off';
  fastLeave: boolean;
  /** Most groups that hosts may join; Infinity = as many as the bridge has. */
  maxGroups: number;
  /** By group, the sources that the configuration wants; '' = all. */
  statics: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface SnoopingTimes extends Timing {
  queryInterval: number;
  queryResponse: number;
  startupInterval: number;
  startupCount: number;
  lastMemberInterval: number;
  lastMemberCount: number;
  /** So long another querier may be silent before it is gone. */
  querier: number;
}

export interface SnoopingSpec {
  bridge: string;
  /** 0 in a VLAN-unaware bridge. */
  vlan: number;
  family: Family;
  /** Whether this switch asks, if nobody better does. */
  isQuerier: boolean;
  /** Where its queries come from; 0.0.0.0 = anybody else is better. */
  address: string;
  /** By IGMP's count: 2 or 3. */
  version: 2 | 3;
  times: SnoopingTimes;
  /** Most groups of the bridge. */
  maxGroups: number;
  ports: ReadonlyMap<string, SnoopingPort>;
}

/** Groups of a bridge and of its ports, over all its VLANs. */
export class Room {
  groups = 0;
  readonly ofPort = new Map<string, number>();

  add(port: string, by: number): void {
    this.ofPort.set(port, (this.ofPort.get(port) ?? 0) + by);
  }
}
