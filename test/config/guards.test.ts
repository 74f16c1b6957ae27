import { expect, test } from 'vitest';
import type { ConfigError } from '../../src/config/config_error.ts';
import { parseConfig } from '../../src/config/schema.ts';

const MAC = '02:00:00:00:00:01';

function problems(guard: unknown, bridge: object = {}, port: object = {}): string[] {
  try {
    const ports = { p1: { type: 'memory', guard, ...port } };
    parseConfig({ version: 1, bridges: { br0: { ...bridge, ports } } } as never);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(
      ({ path, message }) => `${path.replace('bridges.br0.ports.p1.', '')}: ${message}`,
    );
  }
}

test('a guard without anything refuses servers and routers, and asks for no address', () => {
  expect(problems({})).toEqual([]);
});

test('source without anybody who could be let in is refused, and bindings that nobody asks for', () => {
  expect(problems({ source: 'strict' })).toEqual([
    'guard.source: strict lets in what is bound to the port, and nothing would be: list its guest as bindings: [{ mac, ip }], give the bridge a network with DHCP, or set trusted in the guard of the port that leads to a DHCP server',
  ]);
  expect(problems({ source: 'mac' })).toEqual([
    'guard.source: mac lets in stations that are bound to the port, and none is: list them as bindings: [{ mac }]',
  ]);
  expect(problems({ trusted: true, source: 'first' })).toEqual([
    'guard.trusted: leads to servers and routers of others, who have any address: remove source, or this',
  ]);
  expect(problems({ source: 'first', option_82: true })[0]).toContain('guard.option_82: it is put into');
  expect(problems({ bindings: [{ mac: MAC }] })).toEqual([
    'guard.bindings: nobody asks for them: set source to strict, or to mac',
  ]);
});

test('behind a port an address has one owner', () => {
  const bindings = [
    { mac: MAC, ip: '10.0.0.1' },
    { mac: '02:00:00:00:00:02', ip: ['10.0.0.2', '10.0.0.1'] },
  ];
  expect(problems({ source: 'strict', bindings })).toEqual([
    `guard.bindings[1].ip: 10.0.0.1 is bound to ${MAC} already: behind a port an address has one owner`,
  ]);
});

test('a binding is of one host', () => {
  const [text] = problems({ source: 'strict', bindings: [{ mac: MAC, ip: '224.0.0.1' }] });
  expect(text).toContain('is not the IPv4 or IPv6 address of a single host');
});

test('a binding is of a VLAN that the port carries, and has one owner there', () => {
  const filtering = { vlan_filtering: true };
  const trunk = { vlan: { trunk: ['10-20'], native: 30 } };
  const at = (...vlans: unknown[]) => ({
    source: 'strict',
    bindings: vlans.map((vlan, n) => ({ mac: `02:00:00:00:00:0${n + 1}`, ip: '10.0.0.1', vlan })),
  });
  expect(problems(at(10, 20, 30), filtering, trunk)).toEqual([]);
  expect(problems(at(10, 21), filtering, trunk)).toEqual([
    'guard.bindings[1].vlan: the port does not carry VLAN 21: add that to its vlan, or correct this',
  ]);
  expect(problems(at(10))).toEqual([
    'guard.bindings[0].vlan: bridge br0 does not filter VLANs: set its vlan_filtering to true, or remove this key',
  ]);
  expect(problems(at(10, 10), filtering, trunk)).toEqual([
    `guard.bindings[1].ip: 10.0.0.1 is bound to ${MAC} already: behind a port an address has one owner in a VLAN`,
  ]);
  expect(problems(at(10, undefined), filtering, trunk)).toEqual([
    `guard.bindings[1].ip: 10.0.0.1 is bound to ${MAC} already: behind a port an address has one owner`,
  ]);
  expect(problems(at(4095), filtering, trunk)[0]).toBe(
    'guard.bindings[0].vlan: 4095 is not a VLAN id (1-4094)',
  );
  const isolated = { ...filtering, vlans: { 100: { private: { isolated: 101 } } } };
  expect(problems(at(101), isolated, { vlan: { access: 101 } })).toEqual([
    'guard.bindings[0].vlan: VLAN 101 is a private one and shares the entries of its primary VLAN: say 100',
  ]);
});

test('what makes ports of guests is judged like a port', () => {
  const guard = { source: 'strict' };
  const [user, template] = problems(
    undefined,
    { bridge_helper: { template: { guard } } },
    {
      type: 'stream',
      path: '/run/guests',
      template: {},
      users: { 1000: { guard: { source: 'strict', bindings: [{ mac: MAC, vlan: 7 }] } } },
    },
  );
  expect(user).toBe(
    'users["1000"].guard.bindings[0].vlan: bridge br0 does not filter VLANs: set its vlan_filtering to true, or remove this key',
  );
  expect(template).toContain('bridges.br0.bridge_helper.template.guard.source: strict lets in what is bound');
});
