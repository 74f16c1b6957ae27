// A tenant's rate over its shaped ports: the sum, the shares, and who borrows what others leave.

import { expect, test } from 'vitest';
import { openRig, type Rig } from '../support/engine/rig.ts';

const MBIT = 125; // bytes a ms
const STATIONS = { p2: 'b', p3: 'c', p4: 'd' };
type Port = keyof typeof STATIONS;

/** p1 sends; p2 and p3 are of a tenant with 8 Mb/s, p4 of nobody. */
async function open(own: Partial<Record<Port, Record<string, unknown>>> = {}): Promise<Rig> {
  const shaped = (port: Port, tenant = {}) => ({
    ...tenant,
    qos: { shape: { rate: '100mbit', burst: '1ms' }, ...own[port] },
  });
  const acme = { tenant: 'acme' };
  const rig = await openRig(
    { br0: { ports: { p1: {}, p2: shaped('p2', acme), p3: shaped('p3', acme), p4: shaped('p4') } } },
    { tenants: { acme: { shape: '8mbit' } } },
  );
  for (const [port, station] of Object.entries(STATIONS)) rig.say(port, `${station} > *`);
  rig.now += 100;
  rig.run(() => {});
  return rig;
}

/** Bytes a ms that each port gets, while so many bytes a ms come for it in frames of a size. */
function rates(rig: Rig, ms: number, sizes: Partial<Record<Port, number>>, offered = 3 * 8 * MBIT) {
  const got: Record<string, number> = {};
  for (let t = 0; t < ms; t++) {
    for (const [port, size] of Object.entries(sizes))
      for (let bytes = 0; bytes < offered; bytes += size) {
        const frame = new Uint8Array(size);
        frame.set([2, 0, 0, 0, 0, STATIONS[port as Port].charCodeAt(0), 2, 0, 0, 0, 0, 0x61, 0x88, 0xb5]);
        rig.taploom.memoryPort('p1').send(frame);
      }
    rig.now += 1;
    for (let n = 0; n < 4; n++) rig.taploom.poll(0, rig.now);
    for (const [port, frames] of rig.received())
      got[port] = (got[port] ?? 0) + frames.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
  rig.expectLaws();
  return Object.fromEntries(Object.entries(got).map(([port, bytes]) => [port, bytes / ms / MBIT]));
}

test('ports of a tenant share its rate by bytes, whatever the size of their frames, and nobody else pays', async () => {
  const rig = await open();
  const { p2, p3, p4 } = rates(rig, 400, { p2: 1500, p3: 200, p4: 1000 });
  expect(p2 + p3).toBeGreaterThan(8 * 0.98);
  expect(p2 + p3).toBeLessThan(8 * 1.02);
  expect(p2 / p3).toBeGreaterThan(0.95);
  expect(p2 / p3).toBeLessThan(1.05);
  expect(p4).toBeGreaterThan(20);
});

test('what one leaves another borrows: one that is alone, and one beside a port with less of its own', async () => {
  const alone = rates(await open(), 200, { p3: 1000 });
  expect(alone.p3).toBeGreaterThan(8 * 0.97);
  expect(alone.p3).toBeLessThan(8 * 1.03);
  const rig = await open({ p2: { shape: { rate: '2mbit', burst: '1ms' } } });
  const { p2, p3 } = rates(rig, 400, { p2: 500, p3: 1000 });
  expect(p2).toBeGreaterThan(2 * 0.96);
  expect(p2).toBeLessThan(2 * 1.03);
  expect(p3).toBeGreaterThan(6 * 0.96);
  expect(p3).toBeLessThan(6 * 1.04);
});

test('a port that leaves its tenant waits for it no longer, and one that goes takes nothing with it', async () => {
  const rig = await open();
  rates(rig, 50, { p2: 1000, p3: 1000 });
  await rig.change(({ bridges }) => {
    delete (bridges.br0.ports.p2 as { tenant?: string }).tenant;
  });
  const after = rates(rig, 100, { p2: 1000, p3: 1000 });
  expect(after.p2).toBeGreaterThan(20);
  expect(after.p3).toBeLessThan(8 * 1.1);
  await rig.change(({ bridges }) => {
    delete bridges.br0.ports.p3;
  });
  rig.now += 500;
  for (let n = 0; n < 50; n++) rig.run(() => {});
  expect(rig.counters('p2').held).toBe(0);
  rig.expectLaws();
});
