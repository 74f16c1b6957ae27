import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPath, parsePath } from '../../src/config/path.ts';
import { suggest } from '../../src/config/suggest.ts';

test('plain words stand between dots, the rest in brackets', () => {
  expect(formatPath(['bridges', 'br0', 'ports', 'eth0.10', 'vlan', 'trunk', 2])).toBe(
    'bridges.br0.ports["eth0.10"].vlan.trunk[2]',
  );
  expect(formatPath([])).toBe('');
});

test('every path is read back', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.nat(), fc.constantFrom('br0', 'eth0.10', '7'))), (path) => {
      expect(parsePath(formatPath(path))).toEqual(path);
    }),
  );
});

test('text that is no path is refused', () => {
  for (const text of ['a..b', 'a[', 'a[b]', 'a.', '["a]'])
    expect(() => parsePath(text), text).toThrow(RangeError);
});

test('a suggestion is near, or none', () => {
  const keys = ['vlan_filtering', 'ageing_time', 'ports', 'mtu'];
  expect(suggest('vlan-filtering', keys)).toBe('vlan_filtering');
  expect(suggest('agingtime', keys)).toBe('ageing_time');
  expect(suggest('prots', keys)).toBe('ports');
  expect(suggest('ageing', keys)).toBe('ageing_time');
  expect(suggest('owner', keys)).toBeUndefined();
  expect(suggest('x', keys)).toBeUndefined();
});
