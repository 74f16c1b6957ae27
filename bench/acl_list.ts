// What access_lists.ts compares: switches with and without access lists, and the frames that both get.

import type { SwitchConfigInput } from '../src/config/schema.ts';
import type { Feature } from './feature_list.ts';
import { FIRST_SERVICE, SUBNETS } from './flows.ts';

type Rule = NonNullable<SwitchConfigInput['acls']>[string][number];

/** For each service one from each subnet, and one for what answers there: any of them may be the one that a frame fits. */
function rulesFor(count: number): Rule[] {
  return Array.from({ length: count }, (_, n) => ({
    permit: {
      protocol: 'tcp',
      from: `10.${n % SUBNETS}.0.0/16`,
      [Math.floor(n / SUBNETS) % 2 === 0 ? 'ports' : 'source_ports']:
        FIRST_SERVICE + Math.floor(n / (2 * SUBNETS)),
    },
  }));
}

const COUNTS = [1, 10, 1000, 10_000];

/** What none of the others is for fits the last. */
function listOf(count: number): Rule[] {
  if (count === 1) return [{ permit: { protocol: 'tcp' } }];
  return [...rulesFor(count - 1), { permit: { protocol: 'tcp' } }];
}

function familyOf(count: number): Feature[] {
  const services = Math.max(1, Math.floor(count / (2 * SUBNETS)));
  const flowTraffic = { flows: 1000, services };
  const text = `${count.toLocaleString('en')} ${count === 1 ? 'rule' : 'rules'}`;
  const plain = `no list, as with ${text}`;
  const of = (side: string, acls: object): Feature => ({
    name: `${text} ${side}`,
    plain,
    flowTraffic,
    acls: { list: listOf(count) },
    port: () => ({ acls }),
  });
  return [{ name: plain, flowTraffic }, of('in', { in: ['list'] }), of('out', { out: ['list'] })];
}

/** Each family's first is what its others are compared with. */
export const ACL_FAMILIES: readonly (readonly Feature[])[] = [
  ...COUNTS.map(familyOf),
  [
    { name: 'no list', flowTraffic: { flows: 1000, services: 1 } },
    {
      name: 'a list that no port has',
      plain: 'no list',
      flowTraffic: { flows: 1000, services: 1 },
      acls: { list: listOf(10) },
    },
  ],
];

export const ACL_FEATURES: readonly Feature[] = ACL_FAMILIES.flat();
