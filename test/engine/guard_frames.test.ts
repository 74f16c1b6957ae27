// Whatever a frame is: a guard reads nothing behind it, and says the same of it each time.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Seen } from '../../src/engine/guard_frame.ts';
import { packetRefusal } from '../../src/engine/guards.ts';
import { Bindings } from '../../src/table/bindings.ts';
import { DROPS } from '../../src/table/drops.ts';
import { Neighbours } from '../../src/table/neighbours.ts';
import { arp, dhcp, linkLocal, nd, udp } from '../support/engine/attacker.ts';
import { packet } from '../support/engine/packets.ts';

const bindings = new Bindings(new Neighbours(Neighbours.allocate(7)).bound);
bindings.addMac(1, 0, { hi: 0x0200, lo: 0x61 });
bindings.add(1, 0, Uint8Array.of(10, 0, 0, 7), { hi: 0x0200, lo: 0x61 });

const own = linkLocal('a');
const SEEDS = [
  arp({ from: 'a', ip: '10.0.0.7', target: '10.0.0.1' }),
  dhcp('a'),
  packet({ from: 'a', to: 'b', src: '10.0.0.7', dst: '10.0.0.1', fragment: 0x2000, options: [1, 1, 1, 1] }),
  packet({ from: 'a', to: 'b', src: own, dst: own, payload: udp(547, 546) }),
  nd({ from: 'a', src: own, type: 136, target: own, option: 'a' }),
  nd({ from: 'a', src: '::', type: 135, target: own }),
  nd({ from: 'a', src: own, type: 134, extensions: { next: 60, bytes: [58, 0, 1, 4, 0, 0, 0, 0] } }),
  nd({ from: 'a', src: own, type: 134, extensions: { next: 44, bytes: [58, 0, 0, 1, 0, 0, 0, 0] } }),
  Uint8Array.from([2, 0, 0, 0, 0, 98, 2, 0, 0, 0, 0, 97, 0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45, 0]),
];

test('a guard reads nothing behind a frame, and gives reasons of its own', () => {
  const change = fc.tuple(fc.nat(200), fc.nat(255));
  const frames = fc.tuple(fc.constantFrom(...SEEDS), fc.array(change, { maxLength: 6 }), fc.nat(160));
  const run = fc.property(frames, fc.nat(1023), ([seed, changes, cut], flags) => {
    const frame = Uint8Array.from(seed.subarray(0, Math.max(14, seed.length - cut)));
    // In front of the addresses nobody changes anything: those are classify's.
    for (const [at, byte] of changes) if (at >= 12 && at < frame.length) frame[at] = byte;
    const view = new DataView(frame.buffer);
    const ask = () => {
      const seen = new Seen();
      Object.assign(seen, { flags, port: 1, hi: view.getUint16(6), lo: view.getInt32(8) });
      Object.assign(seen, { ip: 14, end: frame.length, bindings });
      return packetRefusal(view, seen, 0);
    };
    const refusal = ask();
    expect(ask()).toBe(refusal);
    if (flags === 0) expect(refusal).toBe(0);
    expect(DROPS[refusal].side).toBe('receive');
  });
  fc.assert(run, { numRuns: 20_000 });
});
