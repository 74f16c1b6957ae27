// A switch under the oracle's eyes: Taploom, or one that it is compared with.

import type { VlanConfig } from '../../../src/config/schema.ts';
import type { Scene } from './scene.ts';

/** Frames in hex that left, in order, by port. */
export type Egress = Map<string, string[]>;

export interface Peer {
  /** Steps to one look at its table. */
  readonly tableEvery: number;
  /** Makes the scene's bridge, in place of the one before. */
  begin(scene: Scene): Promise<void>;
  send(port: string, frames: readonly Buffer[]): Promise<Egress>;
  /** Turns the clock. */
  wait(seconds: number): Promise<void>;
  /** A port gets other VLANs. */
  change(port: string, vlan: VlanConfig): Promise<void>;
  /** Sorted lines `VLAN MAC PORT`, VLAN 0 on an unaware bridge; those of static entries end in ` static`. */
  table(): Promise<string[]>;
  close(): void | Promise<void>;
}
