// Every event in all its words against the schema of the OpenAPI document. `Required` makes the compiler ask for fields that
// are new.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { switchEvent } from '../../src/control/event_resources.ts';
import {
  type AclFact,
  type AddressFact,
  type Author,
  type ConfigurationFact,
  type DropFact,
  EVENT_TYPES,
  type EventFact,
  type GuardFact,
  type HookFact,
  type LeaseFact,
  type LimitFact,
  type LostFact,
  type MemberFact,
  type MulticastFact,
  type NeighbourFact,
  type NetworkFact,
  type PortFact,
  type StationFact,
  type StpFact,
  type UplinkFact,
} from '../../src/event.ts';
import { eventMessage } from '../../src/switch/event_message.ts';

type All<Fact> = Fact extends EventFact ? Required<Fact> : never;
type Moved = Exclude<StationFact, { change: 'more' }>;
type Root = Extract<StpFact, { change: 'root' }>;
type Role = Exclude<StpFact, Root>;

/** All words of a type, or the compiler complains. */
const each = <Word extends string>(words: Record<Word, true>) => Object.keys(words) as Word[];

const where = { bridge: 'br0', port: 'vm1' };
const station = { bridge: 'br0', vlan: 10, mac: '02:00:00:00:00:01', from: 'vm1', to: 'vm2' };
const action: Required<ConfigurationFact['actions'][number]> = {
  op: 'set',
  kind: 'port',
  path: 'bridges.br0',
  ok: false,
  error: 'no',
  keys: ['mtu'],
};
const client = { kind: 'client', pid: 1, uid: 0, gid: 0, user: 'root', command: 'taploom' } as const;
const authors: Author[] = [
  client satisfies Required<Extract<Author, { kind: 'client' }>>,
  { kind: 'file', file: '/etc/taploom.yaml' },
  { kind: 'program' },
  { kind: 'unknown' },
];

const ports = each<PortFact['change']>({
  added: true,
  removed: true,
  up: true,
  down: true,
  disabled: true,
  enabled: true,
  gone: true,
  waiting: true,
  failed: true,
  broken: true,
}).map((change): All<PortFact> => ({ type: 'port', change, ...where, reason: 'because', guestOf: 'guests' }));

const stations = each<Moved['change']>({ moved: true, flapping: true, calm: true, locked: true }).map(
  (change): All<Moved> => ({
    type: 'station',
    change,
    ...station,
    fromRemote: '192.0.2.1',
    toRemote: '192.0.2.2',
    moves: 5,
    seconds: 1.5,
  }),
);

const limits = each<LimitFact['limit']>({
  port_fdb_limit: true,
  bridge_fdb_limit: true,
  max_remotes: true,
  mcast_max_groups: true,
  max_groups: true,
}).map(
  (limit): All<LimitFact> => ({
    type: 'limit',
    limit,
    ...where,
    vlan: 1,
    mac: '02:00:00:00:00:01',
    group: '239.1.1.1',
    value: 3,
  }),
);

const neighbours = each<NeighbourFact['change']>({ added: true, changed: true, removed: true }).map(
  (change): All<NeighbourFact> => ({
    type: 'neighbour',
    change,
    ...where,
    protocol: 'lldp',
    chassis: 'a',
    neighbourPort: 'b',
    name: 'c',
  }),
);

const trees = each<Role['change']>({ role: true, forwarding: true, blocked: true, guarded: true }).flatMap(
  (change) =>
    each<Role['role']>({ disabled: true, root: true, designated: true, alternate: true, backup: true }).map(
      (role): All<Role> => ({ type: 'stp', change, ...where, role, reason: 'because' }),
    ),
);
const root: All<Root> = { type: 'stp', change: 'root', ...where, root: '8000.020000000001' };

const multicast = each<MulticastFact['change']>({
  querier_elected: true,
  querier_lost: true,
  router_added: true,
  router_removed: true,
}).map(
  (change): All<MulticastFact> => ({
    type: 'multicast',
    change,
    ...where,
    vlan: 0,
    protocol: 'mld',
    address: 'fe80::1',
  }),
);

const members = each<MemberFact['change']>({ carries: true, waits: true, down: true }).map(
  (change): All<MemberFact> => ({ type: 'member', change, ...where, member: 'eth1', reason: 'because' }),
);

const uplinks = each<UplinkFact['change']>({ full: true, free: true }).map(
  (change): All<UplinkFact> => ({ type: 'uplink', change, ...where, rate: 38_000_000 }),
);

const leases = each<LeaseFact['change']>({
  bound: true,
  released: true,
  expired: true,
  declined: true,
  refused: true,
  rogue: true,
}).map(
  (change): All<LeaseFact> => ({
    type: 'lease',
    change,
    network: 'br0',
    ...where,
    mac: '02:00:00:00:00:01',
    address: '10.0.0.7',
    name: 'web',
    reason: 'because',
  }),
);
const networks = each<NetworkFact['change']>({
  ready: true,
  failed: true,
  address_taken: true,
  restored: true,
}).map(
  (change): All<NetworkFact> => ({
    type: 'network',
    change,
    network: 'br0',
    ...where,
    reason: 'because',
    address: '10.0.0.7',
    mac: '02:00:00:00:00:01',
  }),
);

const addresses = each<AddressFact['change']>({
  moved: true,
  lost: true,
  duplicate: true,
  leased: true,
  ended: true,
}).map(
  (change): All<AddressFact> => ({
    type: 'address',
    change,
    ...where,
    vlan: 10,
    address: '10.0.1.1',
    mac: '02:00:00:00:00:01',
    before: '02:00:00:00:00:02',
    reason: 'because',
  }),
);

const others: EventFact[] = [
  { type: 'station', change: 'more', moves: 7 },
  { type: 'drop', ...where, side: 'receive', reason: 'runt', frames: 1 } satisfies All<DropFact>,
  {
    type: 'guard',
    change: 'refused',
    ...where,
    vlan: 10,
    reason: 'spoofed_ip',
    mac: '02:00:00:00:00:01',
    address: '10.0.0.1',
  } satisfies All<GuardFact>,
  {
    type: 'acl',
    change: 'matched',
    ...where,
    vlan: 10,
    side: 'in',
    list: 'office',
    rule: 1,
    path: 'acls.office[0]',
    file: 'office.yaml',
    line: 9,
    verdict: 'deny',
    frame: 'a frame',
    more: 2,
  } satisfies All<AclFact>,
  { type: 'hook', change: 'reported', ...where, hook: './a.mjs', text: 'hi' },
  {
    type: 'hook',
    change: 'off',
    ...where,
    hook: './a.mjs',
    reason: 'no',
    onError: 'drop',
    text: '',
  } satisfies All<HookFact>,
  ...authors.map(
    (by): All<ConfigurationFact> => ({ type: 'configuration', by, actions: [action], total: 1, failed: 1 }),
  ),
  { type: 'lost', count: 0 } satisfies All<LostFact>,
];

const all: EventFact[] = [
  ...ports,
  ...stations,
  ...limits,
  ...neighbours,
  ...trees,
  root,
  ...multicast,
  ...members,
  ...uplinks,
  ...leases,
  ...networks,
  ...addresses,
  ...others,
];

describe('every event', () => {
  test.each(all.map((fact) => [`${fact.type} ${'change' in fact ? fact.change : ''}`, fact] as const))(
    '%s is what the schema says, and nothing of it is unknown there',
    (_, fact) => {
      const event = { ...fact, seq: 1, time: new Date(0).toISOString(), message: eventMessage(fact) };
      expect(event.message).not.toMatch(/undefined|\[object/);
      expect(switchEvent.parse(event)).toEqual(event);
    },
  );

  test('has its row in docs/events.md, with the words for what has changed', () => {
    const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
    expect(new Set(all.map(({ type }) => type))).toEqual(new Set(EVENT_TYPES));
    for (const type of EVENT_TYPES) {
      expect(page.split(`\n| \`${type}\` |`), type).toHaveLength(2);
    }
    for (const fact of all) if ('change' in fact) expect(page).toContain(`\`${fact.change}\``);
  });
});
