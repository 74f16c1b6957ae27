// A trace names the policers that a frame is charged to, and the tenant whose rate its queue is under.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { AclRig } from '../support/acls/rig.ts';
import { parse } from '../support/engine/frame_text.ts';
import { openTraceRig, type TraceRig } from './trace_rig.ts';

const vlan = { trunk: [10, 20] };

const about = async (rig: TraceRig, port: string, line: string) =>
  (await rig.told(port, line)).filter((text) => /charged|policers|shaped/.test(text));

test('the only policer of a port, in and out', async () => {
  const rig = await openTraceRig({
    br0: {
      ports: {
        p1: { qos: { police: { in: '50mbit' } } },
        p2: { qos: { police: { out: { rate: '500pps', burst: 100 } } } },
      },
    },
  });
  expect(await about(rig, 'p1', 'a > *')).toEqual([
    'police: It is charged to the policer of what comes in through p1 (bridges.br0.ports.p1.qos.police.in: 50mbit)',
    'egress: It is charged to the policer of what leaves through p2 (bridges.br0.ports.p2.qos.police.out: { rate: 500pps, burst: 100, exceed: pass })',
  ]);
  expect(await about(rig, 'p2', 'b > *')).toEqual([]);
});

test('the entry of a list of policers, or that none takes the frame', async () => {
  const list = [
    { rate: '20mbit', match: { pcp: 6 } },
    { rate: '100mbit', match: { vlan: 20 } },
  ];
  const rig = await openTraceRig({
    br0: {
      vlan_filtering: true,
      ports: { p1: { vlan, qos: { police: { in: list, out: list } } }, p2: { vlan } },
    },
  });
  const twice = async (line: string) => [
    ...(await about(rig, 'p1', line)),
    ...(await about(rig, 'p2', line)),
  ];
  const path = 'bridges.br0.ports.p1.qos.police';
  const entry = '{ rate: 100mbit, exceed: pass, match: { vlan: 20 } }';
  expect(await twice('a > * vlan 20')).toEqual([
    `police: It is charged to policer 2 of 2 of what comes in through p1 (${path}.in[1]: ${entry})`,
    `egress: It is charged to policer 2 of 2 of what leaves through p1 (${path}.out[1]: ${entry})`,
  ]);
  expect((await twice('a > * vlan 20 pcp 6'))[0]).toContain('policer 1 of 2');
  expect(await twice('a > * vlan 10')).toEqual([
    'police: None of the 2 policers of what comes in through p1 takes it: they let it pass',
    'egress: None of the 2 policers of what leaves through p1 takes it: they let it pass',
  ]);
});

test('a frame that is dropped before is charged to nobody', async () => {
  const rig = await openTraceRig({
    br0: { vlan_filtering: true, ports: { p1: { vlan, qos: { police: { in: '50mbit' } } }, p2: { vlan } } },
  });
  expect(await about(rig, 'p1', 'a > * vlan 30')).toEqual([]);
});

test('the bandwidth of a tenant, and its shape above that of the port', async () => {
  const taploom = await Switch.open(
    {
      version: 1,
      tenants: { acme: { bandwidth: '1gbit', shape: '200mbit' }, lab: {} },
      bridges: {
        br0: {
          ports: {
            p1: { type: 'memory', tenant: 'acme', qos: { shape: '1gbit' } },
            p2: { type: 'memory', tenant: 'acme', qos: { shape: '100mbit' } },
            p3: { type: 'memory', tenant: 'lab', qos: { shape: '50mbit' } },
          },
        },
      },
    },
    { threaded: false },
  );
  onTestFinished(() => taploom.close());
  const fields = { src: '02:00:00:00:00:61', dst: 'ff:ff:ff:ff:ff:ff' };
  const { steps } = await taploom.trace({ bridge: 'br0', port: 'p1', fields });
  expect(steps.filter(({ message }) => /charged|shape/.test(message))).toMatchObject([
    {
      stage: 'police',
      verdict: 'tenant_policer',
      message:
        'p1: charged to what tenant acme may have of all that its ports send (tenants.acme.bandwidth: 1gbit)',
      path: 'tenants.acme.bandwidth',
    },
    {
      stage: 'egress',
      verdict: 'tenant_policer',
      message:
        'p2: charged to what tenant acme may have of all that its ports get (tenants.acme.bandwidth: 1gbit)',
    },
    { verdict: 'queue', message: 'p2 is shaped to 100mbit: the queue of class default' },
    {
      verdict: 'tenant_queue',
      message: 'p2 shares the rate of tenant acme with its other shaped ports (tenants.acme.shape: 200mbit)',
    },
    { verdict: 'queue', message: 'p3 is shaped to 50mbit: the queue of class default' },
  ]);
});

test('a mark of an access list decides, and nothing is charged', async () => {
  const taploom = await Switch.open(
    {
      version: 1,
      acls: { marks: [{ permit: 'any', mark: 7 }] },
      bridges: {
        br0: {
          ports: {
            p1: {
              type: 'memory',
              acls: { in: ['marks'] },
              qos: { police: { in: [{ rate: '1pps', burst: 1, match: { mark: 7 } }, { rate: '1gbit' }] } },
            },
            p2: { type: 'memory' },
          },
        },
      },
    },
    { threaded: false },
  );
  onTestFinished(() => taploom.close());
  const rig = new AclRig(taploom as never);
  const fields = { src: '02:00:00:00:00:61', dst: 'ff:ff:ff:ff:ff:ff' };
  for (let n = 0; n < 3; n++) {
    const { steps } = await taploom.trace({ bridge: 'br0', port: 'p1', fields });
    expect(steps.find(({ verdict }) => verdict === 'policer')).toMatchObject({
      message: expect.stringContaining('policer 1 of 2 of what comes in through p1'),
      path: 'bridges.br0.ports.p1.qos.police.in[0]',
    });
  }
  const drops = () => rig.say('p1', 'a > *').filter((line) => line.includes('drops'));
  expect([drops(), drops()]).toEqual([[], ['p1 drops: policed_receive']]);
});

test('a real frame that was too much: the policer is named, and then that it was dropped', async () => {
  const police = { in: { rate: '1pps', burst: 1 } };
  const rig = await openTraceRig({ br0: { ports: { p1: { qos: { police } }, p2: {} } } });
  const live = rig.taploom.traceLive({ bridge: 'br0', port: 'p1', frames: 2, timeout: 5 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let n = 0; n < 2; n++) rig.taploom.memoryPort('p1').send(parse('a > *'));
  rig.taploom.poll(0, rig.now);
  const [passed, dropped] = await live;
  expect(passed.outcome.verdict).toBe('forwarded');
  const charged = { stage: 'police', verdict: 'policer', path: 'bridges.br0.ports.p1.qos.police.in' };
  expect(passed.steps).toContainEqual(expect.objectContaining(charged));
  expect(dropped.outcome).toMatchObject({ verdict: 'dropped', reason: 'policed_receive' });
  expect(dropped.steps.slice(-2)).toMatchObject([
    charged,
    { stage: 'police', message: 'It is more than may come: dropped, policed_receive' },
  ]);
});
