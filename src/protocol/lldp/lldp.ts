// The LLDP agent of a switch, IEEE 802.1AB-2016: on each of its ports it learns of neighbours, and where it is asked to, says
// who it is. It has no clock and no timer: whoever has it calls `tick` at `deadline`.

import type { LldpChange, LldpNeighbor, LldpPortStatus } from '../../api.ts';
import { lldpduStart, parseLldpdu } from '../../wire/lldp/lldpdu.ts';
import { formatMac, macAt } from '../../wire/mac.ts';
import type { Host, Punt } from '../host.ts';
import { LldpPort, type LldpPortSpec, type LldpSystem } from './lldp_port.ts';
import type { Neighbor, Population } from './neighbors.ts';

export type { LldpPortSpec, LldpSystem } from './lldp_port.ts';

export class Lldp {
  private readonly host: Host;
  private readonly system: LldpSystem;
  private readonly tell: (change: LldpChange) => void;
  /** By name, which is unique in a switch. */
  private readonly byName = new Map<string, LldpPort>();
  private readonly population: Population = { count: 0 };
  private readonly stopListening: () => void;

  /** `onReceived` comes after each frame: the deadline may have moved. */
  constructor(host: Host, system: LldpSystem, tell: (change: LldpChange) => void, onReceived = () => {}) {
    this.host = host;
    this.system = system;
    this.tell = tell;
    this.stopListening = host.onPunt('lldp', (punt) => {
      this.receive(punt);
      onReceived();
    });
  }

  /** The ports that there are from now on; call it again whenever anything of them changes. */
  setPorts(specs: readonly LldpPortSpec[], now: number): void {
    const wanted = new Map(specs.map((spec) => [spec.name, spec]));
    for (const [name, port] of this.byName) {
      const spec = wanted.get(name);
      if (spec === undefined || port.isOther(spec)) this.drop(port, now);
    }
    for (const spec of wanted.values()) {
      const known = this.byName.get(spec.name);
      const port = known ?? new LldpPort(spec, this.population);
      if (known === undefined) this.byName.set(spec.name, port);
      else this.change(port, spec, now);
      // Neighbours of a port that is down stay until their time is over, clause 9.2.7.
      if (spec.isUp && spec.mode === 'both') port.transmitter.start(now);
      else port.transmitter.stop();
    }
  }

  /** When `tick` has something to do. */
  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const port of this.byName.values()) next = Math.min(next, port.deadline());
    return next;
  }

  /** Forgets neighbours whose time is over, and sends what is due. */
  tick(now: number): void {
    for (const port of this.byName.values()) {
      this.age(port, now);
      if (port.transmitter.take(now)) this.send(port, now);
    }
  }

  neighbors(now: number): LldpNeighbor[] {
    return [...this.byName.values()].flatMap((port) =>
      [...port.neighbors.values()]
        .filter(({ expiresAt }) => expiresAt > now)
        .map((neighbor) => describe(port, neighbor, now)),
    );
  }

  ports(): LldpPortStatus[] {
    return [...this.byName.values()].map(({ spec, neighbors, counters }) => ({
      bridge: spec.bridge,
      port: spec.name,
      mode: spec.mode,
      neighbors: neighbors.size,
      counters: { ...counters },
    }));
  }

  /** Tells neighbours that the ports shut down. */
  close(now: number): void {
    this.stopListening();
    for (const port of this.byName.values()) this.shutDown(port, now);
    this.byName.clear();
    this.population.count = 0;
  }

  private receive({ port: name, bytes, vlan, at: now }: Punt): void {
    const port = this.byName.get(name);
    const start = port === undefined ? -1 : lldpduStart(bytes);
    if (port === undefined || start < 0) return;
    const { counters, neighbors, transmitter } = port;
    counters.framesIn++;
    const { lldpdu, badTlvs, unrecognizedTlvs } = parseLldpdu(bytes, start);
    counters.tlvsDiscarded += badTlvs;
    counters.tlvsUnrecognized += unrecognizedTlvs;
    if (lldpdu === undefined || badTlvs > 0) counters.framesInErrors++;
    if (lldpdu === undefined) {
      counters.framesDiscarded++;
      return;
    }
    // Who is over makes room first, whenever the next tick is.
    this.age(port, now);
    const source = macAt(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 6);
    const { outcome, neighbor } = neighbors.learn(lldpdu, formatMac(source.hi, source.lo), vlan, now);
    if (outcome === 'refused') {
      counters.framesDiscarded++;
      counters.neighborsRefused++;
    }
    if (outcome === 'added') transmitter.neighborAppeared(now);
    if (neighbor !== undefined && outcome !== 'refreshed') {
      this.report(port, outcome as LldpChange['kind'], neighbor, now);
    }
  }

  private age(port: LldpPort, now: number): void {
    for (const neighbor of port.neighbors.age(now)) {
      port.counters.ageouts++;
      this.report(port, 'removed', neighbor, now);
    }
  }

  private change(port: LldpPort, spec: LldpPortSpec, now: number): void {
    if (spec.mode === 'receive') this.shutDown(port, now);
    else if (!port.says(spec)) port.transmitter.localChanged(now);
    port.spec = spec;
  }

  private drop(port: LldpPort, now: number): void {
    this.shutDown(port, now);
    for (const neighbor of port.neighbors.clear()) this.report(port, 'removed', neighbor, now);
    this.byName.delete(port.spec.name);
  }

  /** A port that sent until now says goodbye, under the name that it had. */
  private shutDown(port: LldpPort, now: number): void {
    if (!port.transmitter.isRunning) return;
    if (this.host.send(port.spec.name, port.shutdownFrame().frame)) port.counters.framesOut++;
    port.transmitter.shutDown(now);
  }

  private send(port: LldpPort, now: number): void {
    const { frame, omitted } = port.frame(this.system);
    if (this.host.send(port.spec.name, frame)) {
      port.counters.framesOut++;
      port.counters.tlvsOmitted += omitted;
    } else {
      port.counters.framesNotSent++;
      port.transmitter.failed(now);
    }
  }

  private report(port: LldpPort, kind: LldpChange['kind'], neighbor: Neighbor, now: number): void {
    this.tell({ kind, neighbor: describe(port, neighbor, now) });
  }
}

function describe({ spec }: LldpPort, neighbor: Neighbor, now: number): LldpNeighbor {
  const { lldpdu, mac, vlan, firstSeen, expiresAt } = neighbor;
  const { chassisId, portId, ttl, others, ...said } = lldpdu;
  return {
    bridge: spec.bridge,
    port: spec.name,
    mac,
    vlan,
    chassisId: chassisId.text,
    chassisIdType: chassisId.type,
    portId: portId.text,
    portIdType: portId.type,
    ttl,
    expiresIn: seconds(expiresAt - now),
    age: seconds(now - firstSeen),
    ...said,
    otherTlvs: others,
  };
}

function seconds(ms: number): number {
  return Math.max(0, Math.round(ms / 100) / 10);
}
