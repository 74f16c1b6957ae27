import { expect, test } from 'vitest';
import { type ConfigError, parseConfig } from '../../src/config/schema.ts';
import { shares } from '../../src/config/shared_interfaces.ts';

const on = (vlan: object, more: object = {}) => ({ type: 'af_packet', interface: 'eth0', vlan, ...more });
const two = (a: object, b: object, ofB: object = {}) => ({
  version: 1,
  bridges: {
    br10: { vlan_filtering: true, ports: { a } },
    br20: { vlan_filtering: true, ports: { b }, ...ofB },
  },
});

function problems(input: unknown): string[] {
  try {
    parseConfig(input);
  } catch (error) {
    return (error as ConfigError).message.split('\n');
  }
  return [];
}

test('ports share an interface by VLANs', () => {
  const config = parseConfig(two(on({ trunk: [10, '30-39'] }), on({ trunk: [20], native: 1 })));
  expect([...shares(config)]).toEqual([
    [
      'a',
      {
        tagged: [
          { from: 10, to: 10 },
          { from: 30, to: 39 },
        ],
        untagged: false,
        others: new Set(['b']),
      },
    ],
    [
      'b',
      {
        tagged: [
          { from: 20, to: 20 },
          { from: 1, to: 1 },
        ],
        untagged: true,
        others: new Set(['a']),
      },
    ],
  ]);
  expect(shares(parseConfig(two(on({ trunk: [10] }), { type: 'af_packet' }))).size).toBe(0);
});

test('an interface of the same name in another namespace is another one', () => {
  const config = parseConfig(two(on({ trunk: [10] }), on({ trunk: [10] }, { netns: 'blue' })));
  expect(shares(config).size).toBe(0);
});

const AT = 'bridges.br20.ports.b';

test.each([
  [on({ trunk: [10] }), [`${AT}.vlan: port a has VLAN 10 of eth0`]],
  [on({ trunk: ['5-12'] }), [`${AT}.vlan: port a has VLAN 10 of eth0`]],
  [
    on({ trunk: [20] }, { host_stack: true }),
    [`${AT}.host_stack: must be as at port a, which attaches eth0, too`],
  ],
  ...[
    { trunk: [20], translate: { 120: 20 } },
    { trunk: [20], protocol: '802.1ad' },
    { tunnel: { 20: [30] } },
  ].map((vlan): [object, string[]] => [
    on(vlan),
    [`${AT}.vlan: eth0 is shared by tags of 802.1Q: a tunnel, service tags or translate need it alone`],
  ]),
  [
    on({ trunk: [20] }, { loop_detection: true }),
    [`${AT}.loop_detection: frames of eth0 without a tag are not this port's`],
  ],
])('%j beside a trunk of VLAN 10 is refused', (b, expected) => {
  expect(problems(two(on({ trunk: [10] }), b))).toEqual(expected);
});

test('a filter has room for so many ranges', () => {
  const odd = Array.from({ length: 1363 }, (_, n) => 1001 + 2 * n);
  expect(problems(two(on({ trunk: [10] }), on({ trunk: odd })))).toEqual([
    `${AT}.vlan: 1363 ranges of VLANs; a port that shares eth0 can have 1362`,
  ]);
  expect(problems(two(on({ trunk: [10] }), on({ trunk: odd.slice(1) })))).toEqual([]);
});

test('frames without a tag are one port’s', () => {
  expect(problems(two(on({ access: 10 }), on({ trunk: [20], native: 30 })))).toEqual([
    `${AT}.vlan: port a has the frames without a tag of eth0`,
  ]);
});

test('spanning tree needs them', () => {
  const a = on({ access: 10 });
  expect(problems(two(a, on({ trunk: [20] }), { stp: true }))).toEqual([
    `${AT}.stp: frames of eth0 without a tag are not this port's, so it takes no part in spanning tree: set its guard to filter`,
  ]);
  expect(problems(two(a, on({ trunk: [20] }, { stp: { guard: 'filter' } }), { stp: true }))).toEqual([]);
});
