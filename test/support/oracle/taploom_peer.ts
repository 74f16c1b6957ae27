// Taploom inline: memory ports, and a clock that the test turns.

import type { SwitchConfigInput } from '../../../src/config/schema.ts';
import { Switch } from '../../../src/switch/switch.ts';
import type { Egress, Peer } from './peer.ts';
import type { Scene } from './scene.ts';

/** What 802.1Q lets a bridge of customers forward: all but STP, which passes anyway, PAUSE and LACP. */
const GROUP_FWD_MASK = 0xfff8;
const BRIDGE = 'br0';

export class TaploomPeer implements Peer {
  private readonly taploom: Switch;
  private names: string[] = [];
  private now = 1_000_000;

  private constructor(taploom: Switch) {
    this.taploom = taploom;
  }

  static async open(): Promise<TaploomPeer> {
    return new TaploomPeer(await Switch.open({ version: 1 }, { threaded: false }));
  }

  close(): Promise<void> {
    return this.taploom.close();
  }

  async begin(scene: Scene): Promise<void> {
    await this.taploom.apply({ version: 1 });
    await this.taploom.apply(configOf(scene));
    this.names = scene.ports.map(({ name }) => name);
  }

  /** One frame a poll: within a batch all sources are learned before the first frame is decided. */
  async send(port: string, frames: readonly Buffer[]): Promise<Egress> {
    for (const frame of frames) {
      if (!this.taploom.memoryPort(port).send(frame)) throw new Error('the ring is full');
      this.taploom.poll(0, this.now);
    }
    const egress: Egress = new Map();
    for (const name of this.names) {
      const port = this.taploom.memoryPort(name);
      const list: string[] = [];
      for (let frame = port.receive(); frame !== undefined; frame = port.receive())
        list.push(Buffer.from(frame.bytes).toString('hex'));
      egress.set(name, list);
    }
    return egress;
  }

  async wait(seconds: number): Promise<void> {
    this.now += seconds * 1000;
    this.taploom.poll(0, this.now);
  }

  async table(): Promise<string[]> {
    const lines: string[] = [];
    for await (const page of this.taploom.fdb()) {
      for (const { vlan, mac, port, type } of page)
        lines.push(`${vlan ?? 0} ${mac} ${port}${type === 'static' ? ' static' : ''}`);
    }
    return lines.sort();
  }
}

function configOf({ isAware, provider, ageing, limit, ports, statics, mirror }: Scene): SwitchConfigInput {
  return {
    version: 1,
    bridges: {
      [BRIDGE]: {
        local: false,
        vlan_filtering: isAware,
        ...(provider === undefined ? {} : { vlan_protocol: provider }),
        // The others forget at a whole second, Taploom behind it.
        ageing_time: ageing - 0.5,
        group_fwd_mask: GROUP_FWD_MASK,
        ...(limit === undefined ? {} : { fdb_limit: limit }),
        static: statics.map(({ mac, vlan, port }) => ({ mac, port, ...(isAware ? { vlan } : {}) })),
        mirrors: mirror === undefined ? {} : { m1: mirror },
        ports: Object.fromEntries(
          ports.map(({ name, ...keys }) => [name, { type: 'memory', capacity: 256, ...keys }]),
        ),
      },
    },
  };
}
