// NAT and packets that nobody would send: whatever comes, nothing throws, checksums that were right stay right, what is translated
// comes back as it was, and what is over leaves nothing behind.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstOf } from '../../src/table/line_table.ts';
import { NAT_FLAG } from '../../src/table/nat_table.ts';
import { answerTo } from '../support/nat/answers.ts';
import { ICMP, icmpError, packet, TCP, tell, UDP } from '../support/nat/packets.ts';
import { NatRig, OUTSIDE, type Rule } from '../support/nat/rig.ts';

const RULES: Rule[] = [
  { kind: 'destination', match: '', protocol: TCP, ports: [80, 90], to: '10.0.1.2', toPort: 8000 },
  { kind: 'one_to_one', match: '10.0.1.3/32', to: '192.0.2.3' },
  {
    kind: 'source',
    match: '10.0.1.0/24',
    ports: [4000, 4063],
    flags: NAT_FLAG.sameForAll | NAT_FLAG.openToAll,
  },
];
const address = fc.constantFrom(
  '10.0.1.2',
  '10.0.1.3',
  '10.0.1.4',
  OUTSIDE,
  '192.0.2.3',
  '8.8.8.8',
  '9.9.9.9',
);
const port = fc.constantFrom(1, 80, 85, 4000, 4001, 8000, 65535);
const fields = fc.record({
  src: address,
  dst: address,
  protocol: fc.constantFrom(TCP, UDP, ICMP, 47),
  sport: port,
  dport: port,
  flags: fc.nat(63),
  type: fc.constantFrom(0, 3, 5, 8, 11, 13, 14, 40),
  id: fc.nat(3),
  fragment: fc.constantFrom(0, 0, 0, 0x2000, 0x2001, 1, 0x1fff),
  unsummed: fc.boolean(),
});
const step = fc.record({
  fields,
  isOut: fc.boolean(),
  quoted: fc.option(fields),
  cut: fc.nat(60),
  wait: fc.constantFrom(0, 0, 0, 1, 100),
  noise: fc.array(fc.tuple(fc.integer({ min: 9, max: 80 }), fc.nat(255)), { maxLength: 2 }),
});

test('nothing throws, and nothing is left over', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rig = new NatRig(RULES, 40);
      for (const { fields, isOut, quoted, cut, wait, noise } of steps) {
        rig.wait(wait);
        const plain = packet({ ...fields, payload: new Uint8Array(fields.fragment === 0 ? 5 : 8) });
        const made = quoted === null ? plain : icmpError(fields.src, packet(quoted), {}, cut);
        for (const [at, value] of noise) if (at > 19 && at < made.length) made[at] = value;
        rig.passBytes(isOut ? 1 : 2, [made]);
        expect(rig.connections.used).toBeLessThanOrEqual(40);
      }
      rig.wait(8000);
      expect(rig.connections.used).toBe(0);
      const { table } = rig.connections.mappings;
      for (let pair = 1; pair < table.high; pair++) expect(table.lines[firstOf(pair)]).toBe(0);
    }),
    { numRuns: 100 },
  );
});

test('checksums stay right, and an answer takes the same way back', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ fields, isOut: fc.boolean() }), { maxLength: 40 }), (steps) => {
      const rig = new NatRig(RULES, 200);
      for (const { fields, isOut } of steps) {
        const made = packet({ ...fields, fragment: 0, flags: 2, payload: Uint8Array.of(1, 2, 3) });
        // What a router takes for a martian does not come here.
        const { src, dst, protocol, type } = fields;
        if (src === dst || src === OUTSIDE || (protocol === ICMP && [3, 5, 11].includes(type))) continue;
        const [{ where, bytes }] = rig.passBytes(isOut ? 1 : 2, [made]);
        if (where.startsWith('drop') || where === 'local') continue;
        expect(tell(bytes)).not.toContain('bad');
        const back = answerTo(bytes);
        if (back === undefined) continue;
        const [returned] = rig.passBytes(where === 'in' ? 1 : 2, [back]);
        if (returned.where === 'local') continue; // the packet was to the router's side of itself
        expect(tell(returned.bytes)).toBe(tell(answerTo(made) as Uint8Array));
      }
    }),
    { numRuns: 100 },
  );
});
