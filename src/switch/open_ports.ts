// The devices that a switch has open, and what it knows of each: MTU, link, whether its interface is gone.

import type { Compiler } from '../compile/compiler.ts';
import type { Device } from '../device/device.ts';
import { LinkWatch } from '../device/link_watch.ts';
import { PortMtus } from '../device/mtus.ts';
import { Tunnels } from '../device/tunnels.ts';
import type { CounterView } from './counter_view.ts';
import type { PortGlance } from './event_watch.ts';

export class OpenPorts {
  /** By port name; a bridge's local interface has the bridge's. */
  readonly devices = new Map<string, Device>();
  readonly tunnels = new Tunnels();
  readonly mtus = new PortMtus(this.devices);
  readonly goneNames = new Set<string>();
  readonly linkWatch = new LinkWatch(this.devices);
  readonly counters: CounterView;
  private readonly compiler: Compiler;

  constructor(counters: CounterView, compiler: Compiler) {
    this.counters = counters;
    this.compiler = compiler;
  }

  forget(name: string): void {
    this.devices.delete(name);
    this.mtus.forget(name);
    this.goneNames.delete(name);
    this.linkWatch.forget(name);
  }

  /** Asks the kernel about those first of which the data plane says something else. */
  look(): void {
    this.linkWatch.look((name, up) => {
      const index = this.compiler.ports.find(name);
      return up !== false && index !== undefined && !this.counters.isUp(index);
    });
  }

  /** Changes whenever a port's state or drops do. */
  digest(): string {
    this.linkWatch.lookUp();
    this.linkWatch.lookAtOne();
    let states = '';
    const ports: number[] = [];
    for (const { number, state } of this.states()) {
      ports.push(number);
      states += state[0];
    }
    return `${states} ${this.counters.dropTotal(ports)}`;
  }

  /** As of the last look. */
  *states(): Generator<PortGlance> {
    for (const [port, { spec }] of this.devices) {
      const isUp = this.linkWatch.isUp(port) ?? this.counters.isUp(spec.port);
      yield { port, number: spec.port, state: this.goneNames.has(port) ? 'gone' : isUp ? 'up' : 'down' };
    }
  }
}
