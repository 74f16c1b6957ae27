// What protocols find out about ports: states, traps, and which members of an aggregate are in use. It is stored in the
// topologies in force at once, and in one that is being compiled as soon as it is whole.

import { type Distribution, storeInForce } from '../compile/aggregates.ts';
import type { Compiled, Compiler } from '../compile/compiler.ts';
import { stateFlags } from '../compile/membership.ts';
import { type Overlay, type PortState, PortStates, PortTraps, STATES } from '../compile/overlay.ts';
import { type PortView, portViews } from '../compile/port_view.ts';
import { storeRate } from '../compile/qos.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { storeState, storeTraps, type Topology } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import type { PuntReason } from '../protocol/host.ts';
import type { PlaneClient } from '../worker/plane_client.ts';

export interface PortFactsParts {
  readonly compiler: Compiler;
  readonly plane: PlaneClient;
  /** Those that are in force, or will be in a moment: the last one is the newest. */
  readonly topologies: Topology[];
  /** The configuration with all that it makes necessary: see Services. */
  effective(config: SwitchConfig): SwitchConfig;
}

/** Changes a topology in force. */
type Store = (topology: Topology) => void;

export class PortFacts {
  private readonly parts: PortFactsParts;
  private readonly inForce: () => SwitchConfig;
  readonly states = new PortStates();
  readonly traps = new PortTraps();
  private readonly distributions = new Map<string, Distribution>();
  /** What was stored since the compilation under way began, which may have read what was before. */
  private missed: Store[] | undefined;

  constructor(parts: PortFactsParts, inForce: () => SwitchConfig) {
    this.parts = parts;
    this.inForce = inForce;
  }

  /** Resolves when no frame goes by the old state any more. @throws TaploomError `no_such_port` */
  async setPortState(port: string, vlan: number | undefined, state: PortState): Promise<void> {
    const number = this.numberOf(port);
    this.states.set(port, vlan, state);
    const flags = stateFlags(this.states.of(port, vlan ?? 0), this.viewOf(port)?.learning ?? true);
    await this.store((topology) => storeState(topology, number, vlan, flags));
  }

  /** A disabled port passes nothing, whatever its states are. @throws TaploomError `no_such_port` */
  async setDisabled(port: string, isDisabled: boolean): Promise<void> {
    const number = this.numberOf(port);
    const isLearning = this.viewOf(port)?.learning ?? true;
    this.states.disable(port, isDisabled);
    const states = this.states.byVid(port);
    await this.store((topology) => {
      if (states === undefined) storeState(topology, number, undefined, stateFlags('forwarding', isLearning));
      for (const [vid, state] of states?.entries() ?? [])
        storeState(topology, number, vid, stateFlags(STATES[state], isLearning));
    });
  }

  /** See `Host.trap`. */
  async trap(port: string, reason: PuntReason, isOn: boolean): Promise<void> {
    const number = this.numberOf(port);
    this.traps.set(port, this.traps.bitOf(reason), isOn);
    const mask = (this.viewOf(port)?.traps ?? 0) | this.traps.of(port);
    await this.store((topology) => storeTraps(topology, number, mask, this.traps.types));
  }

  /** Which members of an aggregate take frames in and send, at once. */
  distribute(aggregate: string, distribution: Distribution): void {
    const { ports } = this.parts.compiler;
    this.distributions.set(aggregate, distribution);
    this.put((topology) => storeInForce(topology, ports, aggregate, distribution));
  }

  /** The rate of a port with a shaper of one class, bit/s, at once. */
  setRate(port: string, bits: number): void {
    const number = this.parts.compiler.ports.find(port);
    if (number === undefined) return;
    this.put(({ qos }) => {
      if (qos !== null) storeRate(qos, number, bits);
    });
  }

  private put(store: Store): void {
    for (const topology of this.parts.topologies) store(topology);
    this.missed?.push(store);
  }

  private async store(store: Store): Promise<void> {
    this.put(store);
    await this.parts.plane.request({ kind: 'barrier' });
  }

  private numberOf(port: string): number {
    const number = this.parts.compiler.ports.find(port);
    if (number === undefined) throw new TaploomError('no_such_port', `There is no port ${port}`);
    return number;
  }

  private viewOf(port: string): PortView | undefined {
    return Object.entries(this.inForce().bridges)
      .flatMap(([bridge, config]) => portViews(bridge, config))
      .find(({ name }) => name === port);
  }

  forget(port: string): void {
    this.states.forget(port);
    this.traps.forget(port);
    this.distributions.delete(port);
  }

  /** Compiles a topology that stores reach from now on. */
  async compile(config: SwitchConfig, overlay: Overlay): Promise<Compiled> {
    const { distributions, states, traps } = this;
    const { compiler, topologies, effective } = this.parts;
    const missed: Store[] = [];
    this.missed = missed;
    try {
      const found = { ...overlay, distributions, states, traps };
      const compiled = await compiler.compileBreathing(effective(config), found);
      for (const store of missed) store(compiled.topology);
      topologies.push(compiled.topology);
      return compiled;
    } finally {
      this.missed = undefined;
    }
  }
}
