// Security groups beside connection tracking of others: random rules and datagrams, with changes of rules and members in the middle,
// through both. Who gets what, and whether that is new, established or related, must agree, or be a difference with a number.
//
//   GROUPS_SETS   how many sets of rules with 336 datagrams each (default: what takes 10 s)       GROUPS_SEED   of the first (20000)

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Comparison, type Differences, type Judge } from '../support/policy/comparison.ts';
import { ICMP, ICMPV6, SCTP, TCP, UDP } from '../support/policy/datagrams.ts';
import { fromKernel, fromOpenVSwitch } from '../support/policy/differences.ts';
import { KernelJudge } from '../support/policy/kernel_judge.ts';
import { OvsJudge } from '../support/policy/ovs_judge.ts';

needs('nft', 'python3', 'bridge', 'sysctl', 'ovs-vswitchd', 'ovs-ofctl');

const SETS = Number(process.env.GROUPS_SETS ?? Number.POSITIVE_INFINITY);
const MILLISECONDS = process.env.GROUPS_SETS === undefined ? 10_000 : 7_200_000;
const SEED = Number(process.env.GROUPS_SEED ?? 20_000);
/** However slow the machine is: fewer have not all there is to see. */
const LEAST_SETS = 2;
/** Most are TCP's: it has most to be wrong about. */
const PROTOCOLS = [TCP, TCP, TCP, TCP, UDP, UDP, ICMP, ICMPV6];

async function agree(judge: Judge, differences: Differences, protocols: number[]): Promise<void> {
  const comparison = new Comparison(judge, differences, protocols);
  const { counts } = comparison;
  const end = Date.now() + MILLISECONDS;
  for (let n = 0; n < SETS && (n < LEAST_SETS || Date.now() < end); n++) await comparison.set(SEED + n);
  console.log(`groups: seed ${SEED}, ${JSON.stringify(counts)}`);
  expect(counts.sets).toBeGreaterThan(0);
  const { states } = counts;
  for (const state of ['new', 'established', 'related', 'invalid', 'refused'])
    expect(states[state]).toBeGreaterThan(0);
  // Differences are few, and say little about what was not compared.
  expect(counts.unsaid / counts.datagrams).toBeLessThan(0.15);
}

test("what the kernel's connection tracking lets through a bridge is what security groups let through", {
  timeout: MILLISECONDS + 60_000,
}, async () => {
  await agree(await KernelJudge.open(await openLab()), fromKernel, [...PROTOCOLS, SCTP, 99]);
});

// It tells neither SCTP's nor other protocols' connections.
test("so is what Open vSwitch's in userspace lets through", { timeout: MILLISECONDS + 60_000 }, async () => {
  await agree(await OvsJudge.open(await openLab()), fromOpenVSwitch, PROTOCOLS);
});
