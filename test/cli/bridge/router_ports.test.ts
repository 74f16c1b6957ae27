import { expect, test } from 'vitest';
import { RouterPorts } from '../../../src/cli/bridge/router_ports.ts';

test('a port leads to routers as long as one is known there, in any VLAN, by IGMP or MLD', () => {
  const igmp = { bridge: 'br0', vlan: 1, protocol: 'igmp' as const };
  const routers = new RouterPorts([
    { ...igmp, isActive: true, groups: 0, routers: [{ port: 'p1', type: 'permanent' }] },
  ]);
  const change = (what: 'router_added' | 'router_removed', more: object = {}) =>
    routers.change({ ...igmp, port: 'p1', change: what, ...more });
  expect(change('router_added', { protocol: 'mld' })).toBe(false);
  expect(change('router_added', { vlan: 2 })).toBe(false);
  expect(change('router_removed')).toBe(false);
  expect(change('router_removed', { protocol: 'mld' })).toBe(false);
  expect(change('router_removed', { vlan: 2 })).toBe(true);
  expect(change('router_removed', { vlan: 2 })).toBe(false);
  expect(change('router_added')).toBe(true);
  expect(change('router_added', { port: 'p2' })).toBe(true);
});
