// The spanning trees of a switch, one for each bridge that has it. They have no clock and no timer: whoever has them calls
// `tick` at `deadline`.

import type { StpPortStatus, StpStatus } from '../../api.ts';
import type { Host, Punt } from '../host.ts';
import { type StpActions, type StpBridgeSpec, TreeOfBridge } from './tree_of_bridge.ts';

export class SpanningTrees {
  private readonly host: Host;
  private readonly actions: StpActions;
  private readonly clock: () => number;
  private readonly onChanged: () => void;
  private readonly bridges = new Map<string, TreeOfBridge>();
  /** By port. */
  private readonly bridgeOf = new Map<string, TreeOfBridge>();
  private readonly stopListening: () => void;

  /** `onChanged` comes when the deadline may have moved; `clock` tells when a state was carried out. */
  constructor(host: Host, actions: StpActions, clock: () => number, onChanged = () => {}) {
    this.host = host;
    this.actions = actions;
    this.clock = clock;
    this.onChanged = onChanged;
    const stops = [
      host.onPunt('bpdu', (punt) => this.receive(punt, false)),
      host.onPunt('provider_bpdu', (punt) => this.receive(punt, true)),
    ];
    this.stopListening = () => stops.forEach((stop) => void stop());
  }

  /** The bridges that there are from now on; call it again whenever anything of them changes. */
  setBridges(specs: readonly StpBridgeSpec[], now: number): void {
    const wanted = new Map(specs.map((spec) => [spec.name, spec]));
    for (const [name, bridge] of this.bridges) {
      if (wanted.get(name)?.protocol === bridge.spec.protocol) continue;
      if (!wanted.has(name)) bridge.open();
      this.bridges.delete(name);
    }
    this.bridgeOf.clear();
    for (const spec of specs) {
      const bridge =
        this.bridges.get(spec.name) ??
        new TreeOfBridge(spec, this.host, this.actions, this.clock, () => this.settled(spec.name));
      this.bridges.set(spec.name, bridge);
      for (const { name } of spec.ports) this.bridgeOf.set(name, bridge);
      bridge.update(spec, now);
      bridge.report(now);
    }
  }

  /** When `tick` has something to do. */
  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const bridge of this.bridges.values()) next = Math.min(next, bridge.deadline());
    return next;
  }

  tick(now: number): void {
    for (const bridge of this.bridges.values()) {
      if (bridge.deadline() > now) continue;
      bridge.tick(now);
      bridge.report(now);
    }
  }

  /** Of a bridge that has one. */
  status(bridge: string, now: number): StpStatus | undefined {
    return this.bridges.get(bridge)?.status(now);
  }

  /** Of a port that takes part. */
  portStatus(port: string, now: number): StpPortStatus | undefined {
    return this.bridgeOf.get(port)?.portStatus(port, now);
  }

  /** A port that BPDU guard closed takes part again; false if it was not closed. */
  release(port: string, now: number): boolean {
    const bridge = this.bridgeOf.get(port);
    if (bridge?.release(port, now) !== true) return false;
    bridge.tick(now);
    bridge.report(now);
    return true;
  }

  /** The port's device is another one, or gone: it begins anew with the next `setBridges`. */
  forget(port: string): void {
    this.bridgeOf.get(port)?.forget(port, this.clock());
  }

  close(): void {
    this.stopListening();
    this.bridges.clear();
    this.bridgeOf.clear();
  }

  /** `ofProvider`: to the group of provider bridges, of which it is then, or to the other one. */
  private receive(punt: Punt, ofProvider: boolean): void {
    const bridge = this.bridgeOf.get(punt.port);
    if (bridge?.spec.isProvider !== ofProvider) return;
    bridge.receive(punt, punt.at);
    bridge.report(punt.at);
    this.onChanged();
  }

  private settled(name: string): void {
    this.bridges.get(name)?.report(this.clock());
    this.onChanged();
  }
}
