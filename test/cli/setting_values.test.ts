// What people write behind an option.

import { expect, test } from 'vitest';
import { nestedPairs } from '../../src/cli/setting_values.ts';

test('a dot leads into a mapping', () => {
  expect(nestedPairs('mode=nat,dhcp.lease_time=600,dhcp.boot.bios.file=a.0,dns=off')).toEqual({
    mode: 'nat',
    dhcp: { lease_time: 600, boot: { bios: { file: 'a.0' } } },
    dns: false,
  });
});

test.each(['dhcp=on,dhcp.lease_time=600', 'dhcp.lease_time=600,dhcp=on'])(
  '%s is a value and a mapping at once',
  (text) => {
    expect(() => nestedPairs(text)).toThrow(/mapping/);
  },
);

test('no key reaches what is not its own', () => {
  nestedPairs('__proto__.polluted=on,constructor.prototype.polluted=on');
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});
