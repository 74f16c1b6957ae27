// Access lists beside nftables' bridge family: random rules and packets through both, and the same must arrive. Neither remembers anything.
// One difference is written into the kernel's rules: nft_payload_fast_eval takes the payload of later fragments for ports.
//
//   ACLS_PACKETS  how many (default: 600, or what takes 40 s)       ACLS_SEED

import { expect, test } from 'vitest';
import { NftJudge } from '../support/acls/nft_judge.ts';
import { END, nftLines } from '../support/acls/nft_words.ts';
import { randomFrame, randomRule } from '../support/acls/random.ts';
import { openAcls } from '../support/acls/rig.ts';
import { Random } from '../support/engine/random.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { colons, HOSTS, macOf, NUMBERS } from '../support/policy/judge_ports.ts';
import { seedOf } from '../support/seed.ts';

needs('nft', 'python3', 'bridge', 'sysctl');

const PACKETS = Number(process.env.ACLS_PACKETS ?? 600);
const MILLISECONDS = process.env.ACLS_PACKETS === undefined ? 40_000 : 3_600_000;
const SEED = seedOf(process.env.ACLS_SEED);
const OF_A_SET = 150;

test('what nftables lets through a bridge of the kernel is what the same access list lets through', {
  timeout: MILLISECONDS + 60_000,
}, async () => {
  const judge = await NftJudge.open(await openLab());
  const end = Date.now() + MILLISECONDS;
  let count = 0;
  let through = 0;
  for (let round = 0; count < PACKETS && Date.now() < end; round++) {
    const random = new Random(SEED + round);
    const rules = Array.from({ length: random.between(1, 40) }, () =>
      randomRule(random, { mac: false, vlan: false }),
    );
    await judge.load([...rules.flatMap(nftLines), ...END]);
    const ports = Object.fromEntries(
      NUMBERS.map((n) => [`p${n}`, n === 1 ? { acls: { in: ['list'] } } : {}]),
    );
    const fdb = NUMBERS.map((n) => ({ mac: colons(macOf(n)), port: `p${n}` }));
    const rig = await openAcls({ br0: { static: fdb, ports } }, { list: rules });
    for (let n = 0; n < OF_A_SET && count < PACKETS && Date.now() < end; n++, count++) {
      const frame = randomFrame(random, false);
      frame.set(Buffer.from(`${macOf(random.between(2, HOSTS))}${macOf(1)}`, 'hex'));
      const theirs = await judge.send(1, frame);
      const told = rig.sendFrame('p1', frame);
      const ours = told.flatMap((line) => (line.includes('drops') ? [] : [Number(line[1])])).sort();
      const where = { seed: SEED + round, n };
      expect({ ...where, told, got: ours, hex: Buffer.from(frame).toString('hex') }).toEqual({
        ...where,
        told,
        got: theirs,
        hex: Buffer.from(frame).toString('hex'),
      });
      through += ours.length;
    }
    await rig.taploom.close();
  }
  console.log(`access lists: seed ${SEED}, ${count} packets, ${through} let through`);
  expect(count).toBeGreaterThan(100);
  expect(through).toBeGreaterThan(0);
  expect(through).toBeLessThan(count);
});
