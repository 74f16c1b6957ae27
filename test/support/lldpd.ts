// lldpd in a namespace of a test: the peer that LLDP is checked against.

import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';
import { type Background, check } from './process.ts';

/** What lldpd has learned of a neighbour; each ID as `type value`. */
export interface LldpdNeighbor {
  chassis: string;
  port: string;
  name: string;
  portDescription: string;
  addresses: string[];
  ttl: string;
  maxFrameSize: string;
  pvid: string;
  capabilities: string[];
}

// In `json0` everything is a list, whether there is one or more.
interface Typed {
  type: string;
  value: string;
}
interface Neighbor {
  chassis: {
    id: Typed[];
    name?: Typed[];
    'mgmt-ip'?: Typed[];
    capability?: { type: string; enabled: boolean }[];
  }[];
  port: { id: Typed[]; descr?: Typed[]; ttl?: Typed[]; mfs?: Typed[] }[];
  vlan?: { 'vlan-id': string; pvid: boolean }[];
}

let sockets = 0;

export class Lldpd {
  readonly process: Background;
  private readonly socket: string;

  private constructor(process: Background, socket: string) {
    this.process = process;
    this.socket = socket;
  }

  /** On one interface, sending every second. */
  static async start(lab: Lab, where: Netns, device: string): Promise<Lldpd> {
    mkdirSync('/run/lldpd', { recursive: true }); // where its unprivileged part locks itself in
    chmodSync(lab.dir, 0o711); // lldpcli is no longer root when it opens the socket
    const socket = join(lab.dir, `lldpd${++sockets}.sock`);
    const process = where.spawn(['lldpd', '-d', '-u', socket, '-I', device]);
    // Until then it is paused, and a client that sets something else meanwhile pauses it for good.
    await process.waitFor(/should resume operations/);
    const lldpd = new Lldpd(process, socket);
    await lldpd.cli('configure', 'lldp', 'tx-interval', '1');
    return lldpd;
  }

  cli(...words: string[]): Promise<string> {
    return check(['lldpcli', '-u', this.socket, ...words]);
  }

  /** Waits until what it has learned is as it should be. */
  async until(isRight: (neighbors: LldpdNeighbor[]) => boolean, timeoutMs = 10_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const neighbors = await this.neighbors();
      if (isRight(neighbors)) return;
      if (Date.now() > end) throw new Error(`lldpd still has ${JSON.stringify(neighbors)}`);
      // Each look is a process of its own, which takes time from lldpd.
      await new Promise((done) => setTimeout(done, 200));
    }
  }

  async neighbors(): Promise<LldpdNeighbor[]> {
    const text = await this.cli('-f', 'json0', 'show', 'neighbors', 'details');
    const { lldp } = JSON.parse(text) as { lldp: { interface?: Neighbor[] }[] };
    return (lldp[0]?.interface ?? []).map(({ chassis: [chassis], port: [port], vlan = [] }) => ({
      chassis: idText(chassis.id),
      port: idText(port.id),
      name: chassis.name?.[0].value ?? '',
      portDescription: port.descr?.[0].value ?? '',
      addresses: chassis['mgmt-ip']?.map(({ value }) => value) ?? [],
      ttl: port.ttl?.[0].value ?? '',
      maxFrameSize: port.mfs?.[0].value ?? '',
      pvid: vlan.find(({ pvid }) => pvid)?.['vlan-id'] ?? '',
      capabilities: chassis.capability?.filter(({ enabled }) => enabled).map(({ type }) => type) ?? [],
    }));
  }
}

function idText([{ type, value }]: Typed[]): string {
  return `${type} ${value}`;
}
