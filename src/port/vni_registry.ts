// The VXLAN ports of a worker. One socket receives for all VNIs of its (local address, UDP port), so a port is found by
// VTEP and VNI; on the way out, by the next hop that names it and a remote of it.

import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import type { Remotes } from '../table/remotes.ts';
import type { VxlanPort } from './vxlan_port.ts';

export class VniRegistry {
  private readonly counters: Counters;
  private readonly remotes: Remotes;
  /** By port index. */
  private readonly ports: (VxlanPort | undefined)[] = [];
  /** By VTEP, then by VNI. */
  private readonly byVni: (Map<number, VxlanPort> | undefined)[] = [];

  constructor(counters: Counters, remotes: Remotes) {
    this.counters = counters;
    this.remotes = remotes;
  }

  add(port: VxlanPort): void {
    this.ports[port.port] = port;
    const ports = this.byVni[port.vtep] ?? new Map<number, VxlanPort>();
    this.byVni[port.vtep] = ports.set(port.vni, port);
    this.counters.setUp(port.port, 1);
  }

  remove(port: number): void {
    const old = this.ports[port];
    if (old === undefined) return;
    this.ports[port] = undefined;
    const ports = this.byVni[old.vtep];
    ports?.delete(old.vni);
    if (ports?.size === 0) this.byVni[old.vtep] = undefined;
    this.counters.setUp(port, 0);
  }

  find(vtep: number, vni: number): VxlanPort | undefined {
    return this.byVni[vtep]?.get(vni);
  }

  /** The port of a next hop, if there are such a port and such a remote. */
  portOf(hop: number): VxlanPort | undefined {
    const index = hop & PORT_MASK;
    return this.remotes.portOf(hop >>> PORT_BITS) === index ? this.ports[index] : undefined;
  }

  /** Numbers of the ports that send to this UDP port with this VNI. */
  portsWith(family: 4 | 6, dstPort: number, vni: number): number[] {
    const found: number[] = [];
    for (const port of this.ports) {
      if (port?.family === family && port.dstPort === dstPort && port.vni === vni) found.push(port.port);
    }
    return found;
  }

  /** Ports that receive from this VTEP. */
  portsOf(vtep: number): number[] {
    return [...(this.byVni[vtep]?.values() ?? [])].map(({ port }) => port);
  }

  /** The kernel does not segment what this port sends. True if that is news. */
  refuseSegments(port: number): boolean {
    const found = this.ports[port];
    if (found === undefined || !found.udpSegment) return false;
    found.udpSegment = false;
    return true;
  }
}
