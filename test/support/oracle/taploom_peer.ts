// Taploom inline: memory ports, and a clock that the test turns.

import { setImmediate } from 'node:timers/promises';
import type { SwitchConfigInput, VlanConfig } from '../../../src/config/schema.ts';
import { Switch } from '../../../src/switch/switch.ts';
import type { Egress, Peer } from './peer.ts';
import type { Scene } from './scene.ts';

/** What 802.1Q lets a bridge of customers forward: all but STP, which passes anyway, PAUSE and LACP. */
const GROUP_FWD_MASK = 0xfff8;
const BRIDGE = 'br0';

export class TaploomPeer implements Peer {
  readonly tableEvery = 1;
  private readonly taploom: Switch;
  private names: string[] = [];
  private scene: Scene | undefined;
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
    this.scene = scene;
    this.names = scene.ports.map(({ name }) => name);
  }

  /** One frame a poll: within a batch all sources are learned before the first frame is decided. */
  async send(port: string, frames: readonly Buffer[]): Promise<Egress> {
    for (const frame of frames) {
      if (!this.taploom.memoryPort(port).send(frame)) throw new Error('the ring is full');
      await this.poll();
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
    await this.poll();
  }

  /** What snooping has heard is told to the engine in the next turns of the loop, and is in force a poll later. */
  private async poll(): Promise<void> {
    this.taploom.poll(0, this.now);
    for (let turns = this.scene?.snooping === undefined ? 0 : 3; turns > 0; turns--) {
      await setImmediate();
      this.taploom.poll(0, this.now);
    }
  }

  async change(name: string, vlan: VlanConfig): Promise<void> {
    if (this.scene === undefined) throw new Error('no scene');
    const ports = this.scene.ports.map((port) => (port.name === name ? { ...port, vlan } : port));
    this.scene = { ...this.scene, ports };
    await this.taploom.apply(configOf(this.scene));
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

function configOf(scene: Scene): SwitchConfigInput {
  const { isAware, provider, ageing, limit, ports, statics, mirror, snooping } = scene;
  // Open vSwitch takes everybody who leaves at his word.
  const mcast = snooping !== undefined ? { mcast_fast_leave: true } : {};
  return {
    version: 1,
    bridges: {
      [BRIDGE]: {
        local: false,
        ...(snooping === undefined
          ? {}
          : {
              multicast: {
                membership_interval: ageing - 0.5,
                unknown: snooping.floodsUnknown ? 'flood' : 'routers',
              },
            }),
        vlan_filtering: isAware,
        ...(provider === undefined ? {} : { vlan_protocol: provider }),
        // The others forget at a whole second, Taploom behind it.
        ageing_time: ageing - 0.5,
        group_fwd_mask: GROUP_FWD_MASK,
        ...(limit === undefined ? {} : { fdb_limit: limit }),
        static: statics.map(({ mac, vlan, port }) => ({ mac, port, ...(isAware ? { vlan } : {}) })),
        mirrors: mirror === undefined ? {} : { m1: mirror },
        ports: Object.fromEntries(
          ports.map(({ name, ...keys }) => [name, { type: 'memory', capacity: 256, ...keys, ...mcast }]),
        ),
      },
    },
  };
}
