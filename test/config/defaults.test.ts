import { expect, test } from 'vitest';
import { effectiveMtu, effectiveMtus, stableMac } from '../../src/config/defaults.ts';
import { parseConfig } from '../../src/config/schema.ts';

function mtus(bridge: object): Record<string, number> {
  return Object.fromEntries(effectiveMtus(parseConfig({ version: 1, bridges: { br0: bridge } }), 'br0'));
}
const tap = (vlan?: object, mtu?: number) => ({ type: 'tap', vlan, mtu });
const vxlan = (more: object = {}) => ({
  type: 'vxlan',
  vni: 1,
  local: '192.0.2.1',
  remote_learning: true,
  ...more,
});

test('without tunnels everything is 1500', () => {
  expect(mtus({ ports: { a: tap() } })).toEqual({ a: 1500, br0: 1500 });
  expect(mtus({})).toEqual({ br0: 1500 });
});

test('a tunnel lowers the whole of a bridge that does not filter VLANs', () => {
  expect(mtus({ ports: { a: tap(), x: vxlan() } })).toEqual({ a: 1450, x: 1450, br0: 1450 });
  expect(mtus({ ports: { a: tap(), x: vxlan({ local: '2001:db8::1' }) } })).toEqual({
    a: 1430,
    x: 1430,
    br0: 1430,
  });
});

test('a tunnel in a private VLAN lowers all ports of the group', () => {
  const vlans = { 10: { private: { isolated: 11, communities: [12] } } };
  const ports = { i: tap({ access: 11 }), c: tap({ access: 12 }), x: vxlan({ vlan: { access: 10 } }) };
  expect(mtus({ vlan_filtering: true, vlans, local: false, ports })).toEqual({ i: 1450, c: 1450, x: 1450 });
});

test('in a bridge that filters, it lowers the ports that share a VLAN with it, and the local interface', () => {
  const ports = {
    in: tap({ access: 10 }),
    out: tap({ access: 20 }),
    trunk: tap({ trunk: ['5-15'] }),
    x: vxlan({ vlan: { access: 10 } }),
  };
  expect(mtus({ vlan_filtering: true, ports })).toEqual({
    in: 1450,
    out: 1500,
    trunk: 1450,
    x: 1450,
    br0: 1450,
  });
});

test('a tag that travels inside a tunnel takes its 4 bytes', () => {
  const ports = {
    a: tap({ access: 10 }),
    other: tap({ access: 30 }),
    x: vxlan({ vlan: { trunk: [10], native: 20 } }),
    y: vxlan({ vni: 2, local: '2001:db8::1', vlan: { trunk: [40] } }),
    b: tap({ access: 20 }),
    c: tap({ access: 40 }),
  };
  expect(mtus({ vlan_filtering: true, local: false, ports })).toEqual({
    a: 1446,
    other: 1500,
    x: 1446,
    y: 1426,
    b: 1446,
    c: 1426,
  });
});

test('a customer’s tag behind ours needs room in a tunnel, too', () => {
  const ports = { a: tap({ tunnel: 10 }), x: vxlan({ vlan: { trunk: [10] } }), y: vxlan({ vni: 2 }) };
  expect(mtus({ local: false, vlan_filtering: true, ports })).toEqual({ a: 1442, x: 1442, y: 1446 });
});

test('what the configuration says goes before', () => {
  expect(mtus({ local: { mtu: 9000 }, ports: { a: tap(undefined, 1400), b: tap(), x: vxlan() } })).toEqual({
    a: 1400,
    b: 1450,
    x: 1450,
    br0: 9000,
  });
});

test('the MTU told to a tunnel is the limit of its domain, up to 1500', () => {
  expect(mtus({ ports: { a: tap(), x: vxlan({ mtu: 1300 }) } })).toEqual({ a: 1300, x: 1300, br0: 1300 });
  expect(mtus({ ports: { a: tap(), x: vxlan({ mtu: 8950 }) } })).toEqual({ a: 1500, x: 8950, br0: 1500 });
});

test('of several tunnels the narrowest counts, whichever comes first', () => {
  const v4 = vxlan();
  const v6 = vxlan({ vni: 2, local: '2001:db8::1' });
  const expected = { a: 1430, v4: 1450, v6: 1430, br0: 1430 };
  expect(mtus({ ports: { a: tap(), v4, v6 } })).toEqual(expected);
  expect(mtus({ ports: { v6, v4, a: tap() } })).toEqual(expected);
});

test('the local interface takes the least of its ports', () => {
  expect(mtus({ ports: { a: tap(undefined, 9000), b: tap(undefined, 1280) } }).br0).toBe(1280);
  expect(mtus({ ports: { a: tap(undefined, 9000) } }).br0).toBe(9000);
});

test('one MTU can be asked for', () => {
  const config = parseConfig({ version: 1, bridges: { br0: { local: false, ports: { a: tap() } } } });
  expect(effectiveMtu(config, 'br0', 'a')).toBe(1500);
  expect(() => effectiveMtu(config, 'br0', 'br0')).toThrow(RangeError);
});

test('the MAC address of a bridge depends on the machine and the name only', () => {
  expect(stableMac('br0', 'm1')).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  expect(stableMac('br0', 'm1')).toBe(stableMac('br0', 'm1'));
  expect(stableMac('br0', 'm1')).not.toBe(stableMac('br1', 'm1'));
  expect(stableMac('br0', 'm1')).not.toBe(stableMac('br0', 'm2'));
  expect(stableMac('br0')).toBe(stableMac('br0'));
});

test('a VXLAN port has what the network under it lets through, and its neighbours keep theirs', () => {
  const tunnel = (local: string, more: object = {}) => ({
    type: 'vxlan',
    vni: 1,
    local,
    remotes: [],
    remote_learning: true,
    ...more,
  });
  const config = parseConfig({
    version: 1,
    bridges: {
      br0: {
        ports: { a: { type: 'memory' }, v: tunnel('192.0.2.1'), w: { ...tunnel('2001:db8::1'), mtu: 1300 } },
      },
    },
  });
  const under = (v: number, w: number) =>
    Object.fromEntries(effectiveMtus(config, 'br0', new Map(), new Map(Object.entries({ v, w }))));
  expect(under(1420, 1500)).toEqual({ br0: 1300, a: 1300, v: 1370, w: 1300 });
  expect(under(9000, 1300)).toEqual({ br0: 1300, a: 1300, v: 8950, w: 1230 });
  expect(under(100, 68)).toMatchObject({ v: 68, w: 68 });
});
