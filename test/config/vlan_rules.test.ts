import { expect, test } from 'vitest';
import { validate } from '../../src/config/schema.ts';

/** What is wrong with a port's `vlan`, by path from there. */
function problems(vlan: unknown, bridge: object = {}): string[] {
  const ports = { p1: { type: 'memory', vlan } };
  const { problems } = validate({ version: 1, bridges: { br0: { vlan_filtering: true, ...bridge, ports } } });
  return problems.map(({ path, message }) => `${path.slice(5).join('.')}: ${message}`);
}

test('a port has one role', () => {
  expect(problems({ tunnel: 100 })).toEqual([]);
  expect(problems({ tunnel: { 100: ['10-20'], 200: [30] }, native: 100 })).toEqual([]);
  expect(problems({ trunk: [110], protocol: '802.1ad', translate: { 10: 110 } })).toEqual([]);
  expect(problems({})).toEqual([': expected access: VID, trunk: [VID, ...], or tunnel: VID']);
  expect(problems({ trunk: [1], tunnel: 2 })).toEqual([': trunk and tunnel exclude each other']);
  expect(problems({ access: 1, trunk: [1], tunnel: 2 })).toEqual([
    ': access, trunk and tunnel exclude each other',
  ]);
  expect(problems({ tunnel: 100, protocol: '802.1ad' })).toEqual(['protocol: only a trunk has this key']);
  expect(problems({ access: 1, translate: { 1: 2 } })).toEqual(['translate: only a trunk has this key']);
  expect(problems({ tunnel: 100, native: 1 })).toEqual([
    'native: untagged frames go to VLAN 100, too: list the VLANs of the customer, or remove this key',
  ]);
});

test('keys are VIDs, and protocols have names', () => {
  expect(problems({ tunnel: 0 })).toEqual(['tunnel: 0 is not a VLAN id (1-4094)']);
  expect(problems({ tunnel: { 5000: [1] } })[0]).toMatch(/5000.* is not a VLAN id/);
  expect(problems({ trunk: [1], translate: { x: 1 } })[0]).toMatch(/x.* is not a VLAN id/);
  expect(problems({ trunk: [1], protocol: 0x9100 })).toEqual([
    'protocol: 0x9100 is a number here: put it in quotes',
  ]);
  expect(problems({ trunk: [1], protocol: 'ad' })).toEqual([
    'protocol: "ad" is not 802.1Q, 802.1ad or "0x9100"',
  ]);
});

test('a VID on the wire means one VLAN, and a VLAN has one VID on the wire', () => {
  const trunk = (translate: Record<number, number>, native?: number) =>
    problems({ trunk: [10, 20, 110], ...(native !== undefined && { native }), translate });
  expect(trunk({ 10: 20, 20: 10 })).toEqual([]);
  expect(trunk({ 30: 110 })).toEqual([]);
  expect(trunk({ 10: 111 })).toContain('translate.10: the trunk does not carry VLAN 111');
  expect(trunk({ 5: 110, 6: 110 })).toEqual(['translate.6: VLAN 110 is 5 on the wire already']);
  expect(trunk({ 5: 110 }, 110)).toEqual([
    'translate.5: VLAN 110 leaves untagged here, it is the native VLAN',
  ]);
  expect(trunk({ 10: 110 })).toEqual([
    'translate.10: 10 on the wire would be VLAN 10 of the trunk, too: translate that as well, or take it from the trunk',
  ]);
  expect(trunk({ 7: 110 }, 7)).toEqual([
    'translate.7: 7 on the wire would be VLAN 7 of the trunk, too: translate that as well, or take it from the trunk',
  ]);
});

test('a customer’s VLAN goes into one VLAN', () => {
  expect(problems({ tunnel: { 100: ['10-20'], 200: [5, '15-30'] } })).toEqual([
    'tunnel.200.1: 15 goes into VLAN 100 already',
  ]);
  expect(problems({ tunnel: {} })).toEqual(['tunnel: expected VLAN: [VID, ...]']);
});

test('service tags are of a bridge that filters VLANs', () => {
  expect(problems({ tunnel: 1 }, { vlan_protocol: '802.1ad' })).toEqual([]);
  const bridge = { vlan_protocol: '802.1ad', ports: {} };
  expect(validate({ version: 1, bridges: { br0: bridge } }).problems).toEqual([
    {
      path: ['bridges', 'br0', 'vlan_protocol'],
      message: 'bridge br0 does not filter VLANs: set its vlan_filtering to true, or remove this key',
    },
  ]);
});
