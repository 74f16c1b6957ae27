// Quotas of tenants while frames flow, and what is told of tenants.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { Metrics } from '../../src/control/metrics.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

/** A broadcast of 1,000 bytes. */
function frame(station: number): Uint8Array {
  const bytes = new Uint8Array(1000);
  bytes.set([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, station, 0x88, 0xb5]);
  return bytes;
}

function flood(rig: Rig, from: string, count: number, station = 1): void {
  for (let n = 0; n < count; n++) {
    rig.taploom.memoryPort(from).send(frame(station));
    if (n % 32 === 31) rig.run();
  }
  rig.run();
}

const own = { tenant: 'acme' };

test('ports of a tenant share its bandwidth, each way by itself', async () => {
  const rig = await openRig(
    { br0: { ports: { p1: own, p2: own, p3: {} } } },
    { tenants: { acme: { bandwidth: '6mbit' } } },
  );
  // A burst of 150,000 bytes; what p1 sends leaves through p2 as well.
  flood(rig, 'p1', 100);
  flood(rig, 'p3', 100, 3);
  expect(rig.counters('p1').receiveDropped).toEqual({});
  flood(rig, 'p2', 100, 2);
  expect(rig.counters('p2').receiveDropped).toEqual({ tenant_bandwidth_receive: 50 });
  const lost = ['p1', 'p2'].map((port) => rig.counters(port).transmitDropped.tenant_bandwidth ?? 0);
  // 100 to p2, 100 to each, 50 to p1, and 150 of these fit.
  expect(lost[0] + lost[1]).toBe(200);
  rig.now += 200;
  flood(rig, 'p1', 151);
  expect(rig.counters('p1').receiveDropped).toEqual({ tenant_bandwidth_receive: 1 });
  expect(rig.taploom.tenants()).toMatchObject([
    { name: 'acme', ports: ['p1', 'p2'], quotas: { bandwidth: '6mbit' }, dropped: { in: 51 } },
  ]);
});

test('a meter goes on where it was when another tenant comes', async () => {
  const rig = await openRig(
    { br0: { ports: { p1: own, p2: {} } } },
    { tenants: { acme: { bandwidth: '6mbit' } } },
  );
  flood(rig, 'p1', 150);
  await rig.change((config) => {
    config.tenants = { aaa: { bandwidth: '6mbit' }, ...config.tenants };
    config.bridges.br0.ports.p2.tenant = 'aaa';
  });
  flood(rig, 'p1', 10);
  expect(rig.counters('p1').receiveDropped).toEqual({ tenant_bandwidth_receive: 10 });
});

test('addresses and connections are shared out among the ports that have no limit of their own', () => {
  const groups = { groups: ['web'] };
  const port = (keys: object) => ({ type: 'memory', tenant: 'acme', ...keys });
  const config = parseConfig({
    version: 1,
    bridges: {
      br0: { local: false, ports: { p1: port({ fdb_limit: 4 }), p2: port(groups), p3: port(groups) } },
    },
    groups: { web: {} },
    tenants: { acme: { addresses: 10, connections: 101 } },
  });
  const compiler = new Compiler();
  const { topology } = compiler.compile(config);
  const numbers = ['p1', 'p2', 'p3'].map((name) => compiler.ports.find(name) as number);
  expect(numbers.map((number) => topology.fdbLimit[number])).toEqual([4, 3, 3]);
  expect(numbers.map((number) => topology.policy?.portLimits[number])).toEqual([65_536, 50, 50]);
});

test('ports, groups, networks, metrics and events carry the tenant', async () => {
  const rig = await openRig(
    { br0: { ports: { p1: { ...own, qos: { shape: '1mbit' } }, p2: {} } } },
    { tenants: { acme: { ports: 3, rules: 5 } }, groups: { web: { tenant: 'acme', in: 'any' } } },
  );
  flood(rig, 'p1', 1);
  expect(rig.taploom.tenants()).toEqual([
    {
      name: 'acme',
      ports: ['p1'],
      groups: ['web'],
      networks: [],
      used: { ports: 1, addresses: 1, rules: 2, connections: 0 },
      quotas: { ports: 3, rules: 5 },
      dropped: { in: 0, out: 0 },
    },
  ]);
  expect(rig.taploom.ports().map(({ name, tenant }) => [name, tenant])).toEqual([
    ['p1', 'acme'],
    ['p2', undefined],
  ]);
  expect(rig.taploom.policy.groups()).toMatchObject([{ name: 'web', tenant: 'acme' }]);
  const text = await new Metrics(rig.taploom, { process: false }).text();
  expect(text).toContain('taploom_port_receive_packets_total{bridge="br0",port="p1",tenant="acme"} 1');
  expect(text).toContain('taploom_port_receive_packets_total{bridge="br0",port="p2"} 0');
  expect(text).toContain(
    'taploom_queue_held_packets{bridge="br0",port="p1",class="default",tenant="acme"} 0',
  );
  expect(text).toContain('taploom_group_ports{group="web",tenant="acme"} 0');
  expect(text).toContain('taploom_tenant_quota{tenant="acme",quota="rules"} 5');
  expect(text).toContain('taploom_tenant_used{tenant="acme",quota="addresses"} 1');
  const told = ['p1', 'p2'].map((port) =>
    rig.taploom.events.add({ type: 'port', change: 'up', bridge: 'br0', port }),
  );
  expect(told.map(({ tenant }) => tenant)).toEqual(['acme', undefined]);
});
