// A switch with security groups and memory ports: packets go in, and what comes out is told as text.

import { onTestFinished } from 'vitest';
import type { SwitchConfigInput } from '../../../src/config/schema.ts';
import { Switch } from '../../../src/switch/switch.ts';
import { mac } from '../engine/frame_text.ts';
import { packet, showPacket, type Packet as Wide } from '../engine/packets.ts';
import { configOf, Rig } from '../engine/rig.ts';
import { type Fields, packet as narrow, tell } from '../nat/packets.ts';

type Bridges = Parameters<typeof configOf>[0];

export class PolicyRig extends Rig {
  /** An IPv4 packet from station to station, into a port. */
  send(port: string, line: string, fields: Fields, tags: readonly number[] = []): string[] {
    return this.sendBytes(port, line, narrow(fields), tags);
  }

  sendBytes(port: string, line: string, bytes: Uint8Array, tags: readonly number[] = []): string[] {
    const [from, to] = line.split(' > ');
    return this.sendFrame(port, Uint8Array.from([...mac(to), ...mac(from), ...tags, 0x08, 0x00, ...bytes]));
  }

  /** An IPv6 packet, of which `payload` is the rest. */
  sendWide(port: string, spec: Wide): string[] {
    return this.sendFrame(port, packet(spec));
  }

  sendFrame(port: string, ...frames: Uint8Array[]): string[] {
    return this.run(() => {
      for (const bytes of frames)
        if (!this.taploom.memoryPort(port).send(bytes)) throw new Error('the ring is full');
    });
  }

  /** Seconds later; what is over is swept. */
  wait(seconds: number): void {
    this.now += seconds * 1000;
    for (let n = 0; n < 40; n++) {
      this.now += 100;
      this.taploom.poll(0, this.now);
    }
  }

  protected override show(bytes: Uint8Array): string {
    const type = bytes[12] * 256 + bytes[13];
    return type === 0x0800 ? tell(bytes.subarray(14)) : showPacket(bytes);
  }
}

/** @param open of the package, where a thread is needed */
export async function openPolicy(
  bridges: Bridges,
  rest: Pick<SwitchConfigInput, 'groups' | 'acls' | 'connections' | 'routers'>,
  open: typeof Switch.open = (config, options) => Switch.open(config, options),
): Promise<PolicyRig> {
  const taploom = await open({ ...configOf(bridges), ...rest }, { threaded: false });
  // A comparison opens and closes hundreds: of a closed one nothing is kept.
  const held = new WeakRef(taploom);
  onTestFinished(() => held.deref()?.close());
  return new PolicyRig(taploom);
}
