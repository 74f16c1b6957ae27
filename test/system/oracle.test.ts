// Taploom beside other switches: the same frames into both, and the same must come of them. docs/oracle.md.
//
//   ORACLE_FRAMES  how many for each (default: what takes 5 s, in CI 30 s)       ORACLE_SEED  of the first scene

import { expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { OVS_DIFFERENCES } from '../support/oracle/differences.ts';
import { KernelPeer } from '../support/oracle/kernel_peer.ts';
import { consult, type Findings, type OracleOptions } from '../support/oracle/oracle.ts';
import { OvsPeer } from '../support/oracle/ovs_peer.ts';
import type { Peer } from '../support/oracle/peer.ts';
import { TaploomPeer } from '../support/oracle/taploom_peer.ts';

needs('ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl', 'bridge', 'python3');

const FRAMES = Number(process.env.ORACLE_FRAMES ?? Number.POSITIVE_INFINITY);
const SEED = Number(process.env.ORACLE_SEED ?? Date.now() % 2 ** 31);
const SECONDS = process.env.ORACLE_FRAMES !== undefined ? 7200 : process.env.CI ? 30 : 5;

const OVS = { vlans: true, tunnels: true, clock: true, mirrors: true, limits: true, portFlags: false };
const KERNEL = { vlans: false, tunnels: false, clock: false, mirrors: false, limits: false, portFlags: true };

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
  expectAgreement(await judge((lab) => OvsPeer.start(lab), { rows: OVS_DIFFERENCES, can: OVS }));
});

test('the kernel’s bridge does the same', TIMEOUT, async () => {
  expectAgreement(await judge((lab) => KernelPeer.start(lab), { rows: [], can: KERNEL }));
});

test.each(OVS_DIFFERENCES.map(({ number }) => number))(
  'row %i of docs/differences.md is a difference',
  async (number) => {
    const rows = OVS_DIFFERENCES.filter((row) => row.number !== number);
    const options = { rows, can: OVS, seed: 1, frames: 20_000, ms: 40_000, shrinks: false };
    expect((await judge((lab) => OvsPeer.start(lab), options)).failure).toBeDefined();
  },
);
