// What a hostile guest on port evil does, with a guard and rates on its port: nobody hears it, what the neighbours say to each
// other arrives, at nobody else, and they stay where they are. The same with real hosts: test/system/attacks.test.ts.

import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { A_TO_B, ATTACKS, B_TO_A, MAC, PORTS } from '../support/engine/attacks.ts';
import { openRig } from '../support/engine/rig.ts';

describe('a hostile guest', () => {
  for (const [name, { frames, stopped, heard = 0 }] of Object.entries(ATTACKS)) {
    test(`${name}: neighbours hear nothing of it, and each other`, async () => {
      const rig = await openRig({ br0: { vlan_filtering: true, stp: { protocol: 'rstp' }, ports: PORTS } });
      for (let n = 0; n < 20; n++) {
        rig.now += 200;
        rig.run();
        await turn();
      }
      for (const [port, frame] of [
        ['a', A_TO_B],
        ['b', B_TO_A],
      ] as const)
        rig.run(() => void rig.taploom.memoryPort(port).send(frame));
      rig.received();
      let evil = 0;
      for (const frame of frames) {
        rig.taploom.memoryPort('evil').send(frame);
        rig.taploom.poll(0, rig.now);
        for (const port of ['a', 'b', 'trunk'])
          for (
            let one = rig.taploom.memoryPort(port).receive();
            one;
            one = rig.taploom.memoryPort(port).receive()
          )
            if (one.bytes[0] !== 1 || one.bytes[1] !== 0x80) evil += 1;
        for (const [port, other, said] of [
          ['a', 'b', A_TO_B],
          ['b', 'a', B_TO_A],
        ] as const) {
          rig.taploom.memoryPort(port).send(said);
          rig.taploom.poll(0, rig.now);
          const got = rig.taploom.memoryPort(other).receive();
          expect(Buffer.from(got?.bytes ?? []).equals(said)).toBe(true);
          expect(rig.taploom.memoryPort('evil').receive()).toBeUndefined();
        }
        await turn();
      }
      rig.expectLaws();
      expect(evil).toBeLessThanOrEqual(heard);
      const drops = Object.keys(rig.counters('evil').receiveDropped);
      expect(drops.sort()).toEqual([...stopped].sort());
      expect((await rig.fdb()).filter((line) => / [ab]$/.test(line))).toEqual([
        `br0 vlan 10 ${MAC('a')} a`,
        `br0 vlan 10 ${MAC('b')} b`,
      ]);
      if (name === 'BPDUs')
        expect(rig.taploom.ports().find((one) => one.name === 'evil')?.stp?.state).not.toBe('forwarding');
    });
  }
});
