// A switch of a simulation: polled at its turn, its memory ports are the ends of links.

import { ConfigError, type Problem } from '../config/config_error.ts';
import { parseConfig, type SwitchConfig, type SwitchConfigInput } from '../config/schema.ts';
import type { MemoryPort } from '../port/memory.ts';
import { Switch } from '../switch/switch.ts';
import type { World } from '../switch/world.ts';

/** Takes a frame that leaves through a port. */
export type Outlet = (bytes: Uint8Array) => void;

export class Node {
  readonly taploom: Switch;
  private readonly outlets = new Map<string, Outlet>();
  private ports = new Map<string, MemoryPort>();

  private constructor(taploom: Switch) {
    this.taploom = taploom;
  }

  /** @throws ConfigError also for what a simulation has not */
  static async open(config: SwitchConfigInput, world: World): Promise<Node> {
    check(config);
    return new Node(await Switch.open(config, { threaded: false, world }));
  }

  async apply(config: SwitchConfigInput): Promise<ReturnType<Switch['apply']>> {
    check(config);
    const results = await this.taploom.apply(config);
    this.findPorts();
    return results;
  }

  /** @throws TaploomError `no_such_port` */
  connect(port: string, outlet: Outlet): void {
    this.taploom.memoryPort(port);
    this.outlets.set(port, outlet);
    this.findPorts();
  }

  isConnected(port: string): boolean {
    return this.outlets.has(port);
  }

  /** A frame arrives. Who is not there any more, or has no room, does not get it. */
  hear(port: string, bytes: Uint8Array): void {
    this.ports.get(port)?.send(bytes);
  }

  /** True: something came out. */
  poll(): boolean {
    this.taploom.poll(0);
    let isBusy = false;
    for (const [name, port] of this.ports) {
      const outlet = this.outlets.get(name) as Outlet;
      for (let frame = port.receive(); frame !== undefined; frame = port.receive()) {
        outlet(frame.bytes);
        isBusy = true;
      }
    }
    return isBusy;
  }

  private findPorts(): void {
    const { bridges } = this.taploom.config;
    this.ports = new Map(
      [...this.outlets.keys()]
        .filter((name) => isThere(bridges, name))
        .map((name) => [name, this.taploom.memoryPort(name)]),
    );
  }
}

function isThere(bridges: SwitchConfig['bridges'], name: string): boolean {
  return Object.values(bridges).some(({ ports }) =>
    Object.entries(ports).some(
      ([port, config]) =>
        port === name || (config.type === 'aggregate' && Object.hasOwn(config.members, name)),
    ),
  );
}

/** Nothing of the machine may play a part. */
function check(config: SwitchConfigInput): void {
  const problems: Problem[] = [];
  for (const [name, { local, ports }] of Object.entries(parseConfig(config).bridges)) {
    const bridge = ['bridges', name];
    if (local !== false)
      problems.push({ path: [...bridge, 'local'], message: 'a simulation has no kernel: set it to false' });
    for (const [port, own] of Object.entries(ports)) {
      const path = [...bridge, 'ports', port];
      if (own.type !== 'aggregate') mustBeMemory(own.type, path, problems);
      else
        for (const [member, { type }] of Object.entries(own.members))
          mustBeMemory(type, [...path, 'members', member], problems);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function mustBeMemory(type: string, path: string[], problems: Problem[]): void {
  if (type === 'memory') return;
  const message = `a simulation has no kernel, so no ${type}: make it memory, and link it`;
  problems.push({ path: [...path, 'type'], message });
}
