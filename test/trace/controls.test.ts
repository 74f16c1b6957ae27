// What a trace says of the controls of ports.

import { expect, test } from 'vitest';
import { openTraceRig, type TraceRig } from './trace_rig.ts';

const open = (ports: Record<string, Record<string, unknown>>): Promise<TraceRig> =>
  openTraceRig({ br0: { ports } });

test('who is not admitted to a locked port, and who is', async () => {
  const rig = await openTraceRig({
    br0: { static: [{ mac: '02:00:00:00:00:61', port: 'p1' }], ports: { p1: { locked: true }, p2: {} } },
  });
  expect(await rig.told('p1', 'a > *')).toContain(
    'learn: 02:00:00:00:00:61 has an entry on p1 (bridges.br0.ports.p1.locked: true)',
  );
  expect(await rig.told('p1', 'b > *')).toContain(
    'learn: 02:00:00:00:00:62 has no entry on p1 that admits it: dropped, locked (bridges.br0.ports.p1.locked: true)',
  );
});

test('who waited on a locked port until its entry aged is asked for again, and waits again', async () => {
  const rig = await openTraceRig({
    br0: { ageing_time: 1, ports: { p1: {}, p2: { locked: true, mab: true } } },
  });
  rig.say('p2', 'b > *');
  rig.now += 1500;
  rig.run();
  const asked = await rig.told('p2', 'b > *');
  expect(asked).toContain(
    'learn: 02:00:00:00:00:62 is new, and would wait on p2 to be admitted: dropped, locked (bridges.br0.ports.p2.locked: true)',
  );
  rig.say('p2', 'b > *');
  expect(await rig.told('p2', 'b > *')).toContain(
    'learn: 02:00:00:00:00:62 has no entry on p2 that admits it: dropped, locked (bridges.br0.ports.p2.locked: true)',
  );
});

test('who is one too many, and who stays on a sticky port', async () => {
  const rig = await open({ p1: { fdb_limit: 1, fdb_limit_action: 'drop' }, p2: { sticky: true }, p3: {} });
  rig.say('p1', 'a > *');
  rig.say('p2', 'b > *');
  rig.run();
  expect(await rig.told('p1', 'c > *')).toContain(
    'learn: 02:00:00:00:00:63 is one more than p1 may have: dropped, address_limit (bridges.br0.ports.p1.fdb_limit: 1)',
  );
  expect(await rig.told('p3', 'b > *')).toContain(
    'learn: 02:00:00:00:00:62 stays on p2 (bridges.br0.ports.p2.sticky: true)',
  );
});

test('which ports a broadcast and a multicast leave out', async () => {
  const rig = await open({ p1: {}, p2: { bcast_flood: false }, p3: { mcast_flood: false } });
  expect(await rig.told('p1', 'a > *')).toContain(
    'replicate: p2 is left out: no broadcasts (bridges.br0.ports.p2.bcast_flood: false)',
  );
  expect(await rig.told('p1', 'a > 01:00:5e:00:00:01')).toContain(
    'replicate: p3 is left out: no multicasts (bridges.br0.ports.p3.mcast_flood: false)',
  );
});

test('a disabled port', async () => {
  const rig = await open({ p1: { fdb_limit: 1, fdb_limit_action: 'shutdown' }, p2: {} });
  rig.say('p1', 'a > *');
  rig.say('p1', 'b > *');
  await new Promise((resolve) => setImmediate(resolve));
  rig.run();
  expect(await rig.told('p1', 'a > *')).toContain(
    'classify: p1 is disabled for an error: dropped, port_blocked',
  );
  expect(await rig.told('p2', 'c > *')).toContain('replicate: p1 is left out: it is disabled for an error');
});
