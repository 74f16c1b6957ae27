// What security_groups.ts compares: switches with and without security groups, and the flows that both get.

import type { SwitchConfigInput } from '../src/config/schema.ts';
import type { Feature } from './feature_list.ts';
import { FIRST_SERVICE, SUBNETS } from './flows.ts';

type Groups = NonNullable<SwitchConfigInput['groups']>;

export interface GroupFeature extends Feature {
  /** What is wanted of its difference to `plain`, ns a frame. */
  atMost?: number;
}

/** Of rules for anybody: the one service that there is. */
const ONE: Groups[string] = { in: [{ protocol: 'tcp', ports: FIRST_SERVICE, from: 'any' }] };

/** One for each prefix, port by port. */
function manyRules(count: number): Groups[string] {
  return {
    in: Array.from({ length: count }, (_, n) => ({
      protocol: 'tcp',
      ports: FIRST_SERVICE + Math.floor(n / SUBNETS),
      from: `10.${n % SUBNETS}.0.0/16`,
    })),
  };
}

const FEW = 10;
const MANY = 10_000;
const WANTED_NS = 30;
const inGroup = () => ({ groups: ['g'] });
const limits = { limit: 1_048_576, port_limit: 1_048_576 };

function family(flows: number): GroupFeature[] {
  const traffic = { flows, services: 1 };
  const plain = `no group, ${flows.toLocaleString('en')} ${flows === 1 ? 'flow' : 'flows'}`;
  return [
    { name: plain, flowTraffic: traffic },
    {
      name: `one group on each port, ${flows.toLocaleString('en')} ${flows === 1 ? 'flow' : 'flows'}`,
      plain,
      flowTraffic: traffic,
      groups: { g: ONE },
      connections: limits,
      port: inGroup,
      atMost: WANTED_NS,
    },
  ];
}

const THOUSAND = { flows: 1000, services: 1 };
const PLAIN = 'no group, 1,000 flows';

function ruled(rules: number): Omit<GroupFeature, 'name'> {
  return { groups: { g: manyRules(rules) }, connections: limits, port: inGroup };
}

/** Each family's first is what its others are compared with. */
export const ESTABLISHED: readonly (readonly GroupFeature[])[] = [
  family(1),
  [
    ...family(1000),
    {
      name: 'a group that no port is in',
      plain: PLAIN,
      flowTraffic: THOUSAND,
      groups: { g: ONE },
    },
    { name: `${FEW} rules`, plain: PLAIN, flowTraffic: THOUSAND, ...ruled(FEW), atMost: WANTED_NS },
    {
      name: `${MANY.toLocaleString('en')} rules`,
      plain: PLAIN,
      flowTraffic: { flows: 1000, services: MANY / SUBNETS },
      ...ruled(MANY),
      atMost: WANTED_NS,
    },
  ],
  family(100_000),
];

/** Every frame begins a connection. */
export const BEGINNING: readonly GroupFeature[] = [FEW, MANY].map((rules) => ({
  name: `new connections, ${rules.toLocaleString('en')} rules`,
  flowTraffic: { flows: 0, services: rules / SUBNETS },
  ...ruled(rules),
}));

export const GROUP_FEATURES: readonly GroupFeature[] = [...ESTABLISHED.flat(), ...BEGINNING];
