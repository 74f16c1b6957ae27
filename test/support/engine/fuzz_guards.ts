// Guards for the fuzzer: what a port asks for, and bindings that come and go while frames flow.

import { Bindings } from '../../../src/table/bindings.ts';
import type { Neighbours } from '../../../src/table/neighbours.ts';
import type { Random } from './random.ts';

const MAC = '02:00:00:00:00:01';

export function randomGuard(random: Random): object {
  const bindings = [{ mac: MAC, ip: ['10.0.0.1', 'fd00::1'] }];
  const flags = {
    ra: random.chance(0.5),
    dhcp_server: random.chance(0.5),
    double_tag: random.chance(0.5),
    tiny_fragments: random.chance(0.5),
  };
  return random.pick([
    flags,
    { ...flags, source: 'mac', bindings },
    { ...flags, source: 'strict', bindings },
    { ...flags, source: 'first', limit: random.between(1, 3) },
    { trusted: true },
  ]);
}

/** Random stations of `Random.macs`, with what offload_frames.ts sends from. */
export function bindSome(random: Random, ports: readonly { number: number }[], neighbours: Neighbours): void {
  const bindings = new Bindings(neighbours.bound);
  for (const { number } of ports) {
    const mac = { hi: 0x0200, lo: random.between(1, 12) };
    const vlan = random.pick([0, 1, 2, 10]);
    const address = Uint8Array.of(10, 0, 0, random.between(1, 3));
    const slot = random.chance(0.5)
      ? bindings.addMac(number, vlan, mac)
      : bindings.add(number, vlan, address, mac);
    if (random.chance(0.3)) bindings.remove(slot);
  }
}
