// The compiler's second input: what forwarding depends on and the configuration does not say. It survives every
// reconfiguration; without it the next one would, for example, unblock a loop that a spanning tree had blocked.

import { TaploomError } from '../error.ts';
import { FIRST_TYPE, TRAP, TRAP_TYPES } from '../table/traps.ts';
import { TYPE_OUI_EXTENDED } from '../wire/loop_probe.ts';
import type { Distributions } from './aggregates.ts';

/** As in IEEE 802.1Q: `blocking` is also what Linux calls disabled and listening. */
export type PortState = 'blocking' | 'learning' | 'forwarding';

export interface Overlay {
  /** Address of each bridge's local interface, by bridge. */
  localMacs?: ReadonlyMap<string, string>;
  /** MTUs of interfaces that somebody else configures, by port: see effectiveMtus. */
  ownedMtus?: ReadonlyMap<string, number>;
  /** MTUs of the networks under tunnels, by port: see effectiveMtus. */
  underlayMtus?: ReadonlyMap<string, number>;
  /** Ports that tell who sends too much into them, as tunnels do. */
  tellers?: ReadonlySet<string>;
  /** Tags, TPID << 16 | VID, that belong to VLAN devices on the interfaces of ports. */
  vlanTags?: ReadonlyMap<string, ReadonlySet<number>>;
  /** Which members of aggregates take frames in and send. */
  distributions?: Distributions;
  states?: PortStates;
  traps?: PortTraps;
}

/** By number, see `PortStates.byVid`; 0 is that of a port that nobody knows. */
export const STATES = ['forwarding', 'learning', 'blocking'] as const satisfies PortState[];
const VIDS = 4096;
const ALL_BLOCKING = new Uint8Array(VIDS).fill(STATES.indexOf('blocking'));

/** What protocols have found out about ports. A port that none of them knows is forwarding. */
export class PortStates {
  /** Indices of STATES, by port and VID. */
  private readonly states = new Map<string, Uint8Array>();
  private readonly disabled = new Set<string>();

  /** @param vlan undefined = all, those that are set one by one included; 0 in a VLAN-unaware bridge */
  set(port: string, vlan: number | undefined, state: PortState): void {
    const states = this.states.get(port) ?? new Uint8Array(VIDS);
    this.states.set(port, states);
    const index = STATES.indexOf(state);
    if (vlan === undefined) states.fill(index);
    else states[vlan] = index;
  }

  of(port: string, vlan: number): PortState {
    return STATES[this.byVid(port)?.[vlan] ?? 0];
  }

  /** A disabled port blocks everywhere, whatever its states are. */
  disable(port: string, isDisabled: boolean): void {
    if (isDisabled) this.disabled.add(port);
    else this.disabled.delete(port);
  }

  /** By VID, the place of the state in STATES. */
  byVid(port: string): Uint8Array | undefined {
    return this.disabled.has(port) ? ALL_BLOCKING : this.states.get(port);
  }

  /** The port is gone; another one of its name begins anew. */
  forget(port: string): void {
    this.states.delete(port);
    this.disabled.delete(port);
  }
}

/** Frames that protocols want from ports, beside those that the configuration says. */
export class PortTraps {
  /** EtherTypes that have a bit, from FIRST_TYPE on; 0 = free. A type that was trapped once keeps its bit. */
  readonly types = Uint16Array.from({ length: TRAP_TYPES }, (_, n) => (n === 0 ? TYPE_OUI_EXTENDED : 0));
  private readonly masks = new Map<string, number>();

  /** The bit of Topology.traps. @throws TaploomError `too_many` */
  bitOf(reason: keyof typeof TRAP | number): number {
    if (typeof reason === 'string') return TRAP[reason];
    let n = this.types.indexOf(reason);
    if (n < 0) n = this.types.indexOf(0);
    if (n < 0) throw new TaploomError('too_many', `Cannot trap more than ${TRAP_TYPES - 1} EtherTypes`);
    this.types[n] = reason;
    return FIRST_TYPE + n;
  }

  set(port: string, bit: number, isOn: boolean): void {
    const mask = this.of(port);
    this.masks.set(port, isOn ? mask | (1 << bit) : mask & ~(1 << bit));
  }

  of(port: string): number {
    return this.masks.get(port) ?? 0;
  }

  forget(port: string): void {
    this.masks.delete(port);
  }
}
