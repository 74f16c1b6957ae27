// A switch with memory ports and a clock that the test turns. What a frame leads to comes back as lines:
//
//   say('p1', 'a > *')   ->   ['p2: a > *', 'p3: a > * vlan 10']   or   ['p1 drops: vlan_untagged']
//
// After every frame both conservation laws are checked on every port.

import { expect, onTestFinished } from 'vitest';
import type { PortCounters } from '../../../src/api.ts';
import type { SwitchConfig, SwitchConfigInput } from '../../../src/config/schema.ts';
import type { Offload, ReceivedFrame } from '../../../src/port/memory.ts';
import { Switch } from '../../../src/switch/switch.ts';
import { MACHINE } from '../../../src/switch/world.ts';
import { parse, show } from './frame_text.ts';

type Bridge = Record<string, unknown> & { ports?: Record<string, Record<string, unknown>> };

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, n) => total + n, 0);

/** ms */
const START = 1_000_000;

export class Rig {
  /** ms */
  now = START;
  readonly taploom: Switch;

  constructor(taploom: Switch) {
    this.taploom = taploom;
  }

  /** Sends one frame and returns what came of it. */
  say(port: string, line: string, offload?: Offload): string[] {
    return this.run(() => {
      if (!this.taploom.memoryPort(port).send(parse(line), offload)) throw new Error('the ring is full');
    });
  }

  /** What the switch did since before `act`: deliveries by port, then drops. */
  run(act: () => void = () => {}, polls = 1): string[] {
    const before = this.drops();
    act();
    for (let n = 0; n < polls; n++) this.taploom.poll(0, this.now);
    this.expectLaws();
    const lines = [...this.received()].flatMap(([port, frames]) =>
      frames.map((frame) => `${port}: ${this.show(frame.bytes)}`),
    );
    for (const [key, count] of this.drops()) {
      const more = count - (before.get(key) ?? 0);
      if (more > 0) lines.push(more === 1 ? key : `${key} x${more}`);
    }
    return lines;
  }

  protected show(bytes: Uint8Array): string {
    return show(bytes);
  }

  /** All that was received and not yet taken, by port. */
  received(): Map<string, ReceivedFrame[]> {
    const all = new Map<string, ReceivedFrame[]>();
    for (const { name, type } of this.taploom.ports()) {
      if (type !== 'memory') continue;
      const frames: ReceivedFrame[] = [];
      const port = this.taploom.memoryPort(name);
      for (let frame = port.receive(); frame !== undefined; frame = port.receive()) frames.push(frame);
      all.set(name, frames);
    }
    return all;
  }

  /** Brings a changed copy of the configuration into force. */
  async change(edit: (config: SwitchConfig) => void): Promise<void> {
    const config = structuredClone(this.taploom.config);
    edit(config);
    const failed = (await this.taploom.apply(config)).filter(({ ok }) => !ok);
    expect(failed).toEqual([]);
  }

  counters(port: string): PortCounters {
    const found = this.taploom.ports().find(({ name }) => name === port);
    if (found === undefined) throw new Error(`no port ${port}`);
    return found.counters;
  }

  /** One line for each entry, sorted: `br0 vlan 10 02:00:00:00:00:61 p1`. */
  async fdb(): Promise<string[]> {
    const lines: string[] = [];
    for await (const page of this.taploom.fdb()) {
      for (const { bridge, vlan, mac, port, type } of page) {
        const suffix = type === 'learned' ? '' : ` ${type}`;
        lines.push(`${bridge} vlan ${vlan} ${mac} ${port}${suffix}`);
      }
    }
    return lines.sort();
  }

  expectLaws(): void {
    for (const { name, counters } of this.taploom.ports()) {
      const came = counters.receivedFrames + counters.injected + counters.generated + counters.recirculated;
      const frames = came - counters.forwarded - counters.consumed - sum(counters.receiveDropped);
      const copies =
        counters.copies - counters.held - counters.transmittedFrames - sum(counters.transmitDropped);
      expect({ name, frames, copies }).toEqual({ name, frames: 0, copies: 0 });
    }
  }

  private drops(): Map<string, number> {
    const drops = new Map<string, number>();
    for (const { name, counters } of this.taploom.ports()) {
      for (const [reason, n] of Object.entries({ ...counters.receiveDropped, ...counters.transmitDropped })) {
        drops.set(`${name} drops: ${reason}`, n);
      }
    }
    return drops;
  }
}

const bytesOf = (byte: number) => (length: number) => new Uint8Array(length).fill(byte);

/**
 * An inline switch with these bridges; ports without a type are memory ports, and no bridge has a local interface.
 * @param randomByte what all of its random numbers are made of; the machine's, unless given
 */
export async function openRig(
  bridges: Record<string, Bridge>,
  more: Partial<SwitchConfigInput> = {},
  randomByte?: number,
): Promise<Rig> {
  const chance = randomByte !== undefined && { now: () => START, randomBytes: bytesOf(randomByte) };
  const world = chance ? { world: { ...MACHINE, ...chance } } : {};
  const taploom = await Switch.open({ ...configOf(bridges), ...more }, { threaded: false, ...world });
  onTestFinished(() => taploom.close());
  return new Rig(taploom);
}

export function configOf(bridges: Record<string, Bridge>): SwitchConfigInput {
  const complete = Object.entries(bridges).map(([name, bridge]) => {
    const ports = Object.entries(bridge.ports ?? {}).map(([port, keys]) => [
      port,
      { type: 'memory', ...keys },
    ]);
    return [name, { local: false, ...bridge, ports: Object.fromEntries(ports) }];
  });
  return { version: 1, bridges: Object.fromEntries(complete) };
}

/** `count` ports p1, p2, ... with the same keys. */
export function ports(count: number, keys: Record<string, unknown> = {}): Record<string, typeof keys> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n + 1}`, { ...keys }]));
}
