// What people write behind an option.

import { expect, test } from 'vitest';
import { nestedPairs, qosPairs } from '../../src/cli/setting_values.ts';

test('a dot leads into a mapping', () => {
  expect(nestedPairs('mode=nat,dhcp.lease_time=600,dhcp.boot.bios.file=a.0,dns=off')).toEqual({
    mode: 'nat',
    dhcp: { lease_time: 600, boot: { bios: { file: 'a.0' } } },
    dns: false,
  });
});

test('rates of a port, with what belongs to them', () => {
  expect(qosPairs('shape.rate=1000000,shape.overhead=24,limit=65536,fair=on')).toEqual({
    shape: { rate: '1000000', overhead: 24 },
    limit: '65536',
    fair: true,
  });
  expect(qosPairs('police.in.rate=15mbit,police.in.burst=400kb,police.out=500pps')).toEqual({
    police: { in: { rate: '15mbit', burst: '400kb' }, out: '500pps' },
  });
  expect(qosPairs('police.in.rate=500pps,police.in.burst=100').police).toEqual({
    in: { rate: '500pps', burst: 100 },
  });
  expect(() => qosPairs('police.in=15mbit,police.in.burst=400kb')).toThrow(/mapping/);
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
