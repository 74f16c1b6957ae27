import { expect, test } from 'vitest';
import { formatConfig } from '../../src/config/format_config.ts';
import { formatPath } from '../../src/config/path.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';
import { loadConfig } from '../../src/config/yaml.ts';

const config = (vpn: object) => ({
  version: 1,
  bridges: { br0: { vlan_filtering: 'vlan' in vpn, ports: { vpn: { type: 'tun', ...vpn } } } },
});
const problems = (vpn: object) =>
  validate(config(vpn)).problems.map(
    ({ path, message }) => `${formatPath(path).split('.').slice(4).join('.')}: ${message}`,
  );

test('addresses come out in canonical form, and what is written reads the same', () => {
  const parsed = parseConfig(
    config({
      address: ['10.0.0.1/24', 'FD00:0::1/64'],
      gateway: ['10.0.0.2', 'fd00::2'],
      vlan: { access: 7 },
    }),
  );
  expect(parsed.bridges.br0.ports.vpn).toMatchObject({ address: ['10.0.0.1/24', 'fd00::1/64'] });
  expect(loadConfig(formatConfig(parsed), 'test')).toEqual(parsed);
  expect(parseConfig(config({})).bridges.br0.ports.vpn).toMatchObject({ address: [], gateway: [] });
});

test('what cannot be is refused, with what helps', () => {
  expect(problems({ address: ['10.0.0.1'] })[0]).toContain(
    '"10.0.0.1" is not an address with the length of its prefix',
  );
  expect(problems({ address: ['224.0.0.1/24'] })).toHaveLength(1);
  expect(problems({ address: ['10.0.0.1/0'] })).toHaveLength(1);
  expect(problems({ vlan: { trunk: [1, 2], native: 1 } })).toEqual([
    'vlan.trunk: a TUN carries packets, which have no tags: give it access: VLAN',
    'vlan.native: a TUN carries packets, which have no tags: give it access: VLAN',
  ]);
  expect(problems({ address: ['10.0.0.1/24'], gateway: ['10.0.0.1', '10.0.0.2'] })).toEqual([
    'gateway[0]: 10.0.0.1 is the address of the TUN itself: the gateway is a station of this bridge',
    'gateway[1]: one gateway for IPv4 and one for IPv6 are possible',
  ]);
  expect(problems({ address: ['10.0.0.1/24'], gateway: ['10.0.1.1'] })).toEqual([
    'gateway[0]: 10.0.1.1 is in the subnet of none of the addresses of the TUN',
  ]);
});
