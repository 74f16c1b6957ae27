// Taploom beside other switches: the same frames into both, and the same must come of them. docs/oracle.md.
//
//   ORACLE_FRAMES  how many for each (default: what takes 5 s, in CI 20 s)       ORACLE_SEED  of the first scene

import { expect, test } from 'vitest';
import { missingForGuests } from '../support/guest.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { KERNEL_ROWS, OVS_ROWS, SNOOPING_ROWS, TUNNEL_ROWS } from '../support/oracle/differences.ts';
import { GuestPeer } from '../support/oracle/guest_peer.ts';
import { KernelPeer } from '../support/oracle/kernel_peer.ts';
import { consult, type Findings, type OracleOptions } from '../support/oracle/oracle.ts';
import { OvsPeer } from '../support/oracle/ovs_peer.ts';
import type { Peer } from '../support/oracle/peer.ts';
import type { Abilities } from '../support/oracle/scene.ts';
import { TaploomPeer } from '../support/oracle/taploom_peer.ts';
import { seedOf } from '../support/seed.ts';

needs('ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl', 'bridge', 'python3');

const FRAMES = Number(process.env.ORACLE_FRAMES ?? Number.POSITIVE_INFINITY);
const SEED = seedOf(process.env.ORACLE_SEED);
const SECONDS = process.env.ORACLE_FRAMES !== undefined ? 7200 : process.env.CI ? 20 : 5;

const OVS: Abilities = {
  vlans: true,
  tunnels: 0.4,
  clock: true,
  mirrors: true,
  limits: true,
  portFlags: false,
  multicast: 0.3,
  vlanChanges: false,
  steps: 150,
  burst: 6,
  pauses: 0.05,
};
const KERNEL: Abilities = {
  ...OVS,
  multicast: 0,
  vlans: false,
  tunnels: 0,
  clock: false,
  mirrors: false,
  limits: false,
  portFlags: true,
};
/** What is not a frame takes it long. */
const GUEST: Abilities = {
  ...KERNEL,
  vlans: true,
  clock: 'far',
  vlanChanges: true,
  steps: 250,
  burst: 24,
  pauses: 0.01,
};

const TIMEOUT = { timeout: (SECONDS + 120) * 1000 };

/** The other switch is the lab's, and ends with it. */
async function judge(
  start: (lab: Lab) => Promise<Peer>,
  options: Pick<OracleOptions, 'rows' | 'can'> & Partial<OracleOptions>,
): Promise<Findings> {
  const theirs = await start(await openLab());
  const ours = await TaploomPeer.open();
  try {
    return await consult(ours, theirs, { seed: SEED, frames: FRAMES, ms: SECONDS * 1000, ...options });
  } finally {
    await theirs.close();
    await ours.close();
  }
}

function expectAgreement({ frames, scenes, seed, explained, failure }: Findings): void {
  const rows = [...explained].sort(([a], [b]) => a - b).map(([row, count]) => `${row}: ${count}`);
  console.log(
    `${frames} frames in ${scenes} scenes, seeds ${SEED} to ${seed};`,
    `frames that rows of docs/differences.md explain: ${rows.join(', ') || 'none'}`,
  );
  expect(failure ?? '').toBe('');
  expect(frames).toBeGreaterThan(0);
}

test('Open vSwitch does the same', TIMEOUT, async () => {
  expectAgreement(await judge((lab) => OvsPeer.start(lab), { rows: new Set(OVS_ROWS), can: OVS }));
});

test('the kernel’s bridge does the same', TIMEOUT, async () => {
  expectAgreement(await judge((lab) => KernelPeer.start(lab), { rows: new Set(KERNEL_ROWS), can: KERNEL }));
});

test('the bridge of a guest’s kernel, with VLANs, does the same', TIMEOUT, async ({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
  expectAgreement(await judge((lab) => GuestPeer.start(lab), { rows: new Set(KERNEL_ROWS), can: GUEST }));
});

function without(rows: readonly number[], number: number): Set<number> {
  return new Set(rows.filter((row) => row !== number));
}

const ONCE = { seed: 1, frames: 20_000, ms: 120_000, shrinks: false };

/** Scenes in which the row counts, and no others. */
const canOf = (number: number) => ({
  ...OVS,
  multicast: SNOOPING_ROWS.includes(number) ? 1 : 0,
  tunnels: TUNNEL_ROWS.includes(number) ? 1 : OVS.tunnels,
});

test.each(OVS_ROWS)('row %i of docs/differences.md is a difference from Open vSwitch', async (number) => {
  const options = { rows: without(OVS_ROWS, number), can: canOf(number), ...ONCE };
  expect((await judge((lab) => OvsPeer.start(lab), options)).failure).toBeDefined();
});

test.each(KERNEL_ROWS)('row %i of docs/differences.md is a difference from the kernel', async (number) => {
  const options = { rows: without(KERNEL_ROWS, number), can: KERNEL, ...ONCE };
  expect((await judge((lab) => KernelPeer.start(lab), options)).failure).toBeDefined();
});
