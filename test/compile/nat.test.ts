// NAT rules in a topology: what stays with what, and which addresses a router answers for.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig, type SwitchConfigInput } from '../../src/config/schema.ts';
import { find4 } from '../../src/table/lpm.ts';
import { NAT_FLAG, NAT_RULE, type NatTable } from '../../src/table/nat_table.ts';
import { ROUTE, type RouterTable } from '../../src/table/router_table.ts';
import { number } from '../support/nat/packets.ts';

type Routers = NonNullable<SwitchConfigInput['routers']>;
type Nat = NonNullable<Routers[string]['nat']>;

const MASQUERADE = { source: '10.0.1.0/24', to: 'interface' };

function router(bridges: [string, string], nat: Nat, more: object = {}): Routers[string] {
  const [lan, up] = bridges;
  return {
    interfaces: {
      lan: { bridge: lan, address: ['10.0.1.1/24'] },
      up: { bridge: up, address: ['192.0.2.1/24'] },
    },
    nat,
    ...more,
  };
}

function compile(routers: Routers, compiler = new Compiler()) {
  const names = ['a', 'b', 'c', 'd'];
  const bridges = Object.fromEntries(names.map((name) => [name, { local: false as const }]));
  const { topology } = compiler.compile(parseConfig({ version: 1, bridges, routers }));
  const table = topology.routers as RouterTable;
  return { table, nat: table.nat as NatTable, compiler };
}

test('no rule, no table', () => {
  expect(compile({ r1: router(['a', 'b'], []) }).table.nat).toBeNull();
});

test('routers keep their zones and rules their numbers while others come and go', () => {
  const r1 = router(['a', 'b'], [MASQUERADE]);
  const pool = { source: '10.0.9.0/24', to: '192.0.2.9' };
  const r2 = router(['c', 'd'], [MASQUERADE, pool]);
  const first = compile({ r1, r2 });
  const zones = (nat: NatTable) => [...new Set(nat.zone)].filter((zone) => zone !== 0);
  expect(zones(first.nat)).toEqual([1, 2]);
  const [, , ofPool] = first.nat.id;
  const second = compile({ r2 }, first.compiler);
  expect(zones(second.nat)).toEqual([2]);
  expect([...second.nat.first]).toEqual([0, 0, 0, 2]);
  expect(second.nat.id[1]).toBe(ofPool);
  const third = compile({ r2: router(['c', 'd'], [pool]) }, first.compiler);
  expect([...third.nat.id]).toEqual([ofPool]);
});

test('what takes the place of another has a number of its own: its connections are not those of the other', () => {
  const first = compile({ r1: router(['a', 'b'], [MASQUERADE]) });
  const pool = { source: '10.0.1.0/24', to: '192.0.2.9' };
  const second = compile({ r1: router(['a', 'b'], [pool]) }, first.compiler);
  expect([...second.nat.id]).not.toEqual([...first.nat.id]);
  const third = compile({ r2: router(['a', 'b'], [pool]) }, first.compiler);
  expect([...new Set(third.nat.zone)]).toEqual([0, 2]);
});

test('what rules are about is inside, the rest outside', () => {
  const { nat } = compile({ r1: router(['a', 'b'], [MASQUERADE]) });
  expect([...nat.inside]).toEqual([0, 1, 0]);
  const all = compile({ r1: router(['a', 'b'], [{ source: '0.0.0.0/0', to: 'interface', via: 'up' }]) });
  expect([...all.nat.inside]).toEqual([0, 0, 0]);
  expect([...all.nat.via]).toEqual([2]);
});

test('a router answers for addresses that only NAT has, and they are exclusive', () => {
  const { table, nat } = compile({
    r1: router(
      ['a', 'b'],
      [
        { source: '10.0.1.0/25', to: '192.0.2.9-192.0.2.12' },
        { source: '10.0.1.0/24', to: '192.0.2.1' },
        { destination: 'tcp/192.0.2.20:80', to: '10.0.1.5' },
        { destination: 'tcp/192.0.2.1:81', to: '10.0.1.5' },
        { destination: 'udp/82', to: '10.0.1.5:90' },
        { one_to_one: '10.0.1.16/28', to: '192.0.2.32/28' },
      ],
    ),
  });
  const kindOf = (address: string) => table.kind[find4(table.lpm, table.table[1], number(address))];
  const own = ['9', '12', '1', '20', '32', '47'];
  for (const last of own) expect(kindOf(`192.0.2.${last}`)).toBe(ROUTE.local);
  for (const last of ['8', '13', '21', '48']) expect(kindOf(`192.0.2.${last}`)).toBe(ROUTE.forward);
  const { exclusive, ownAddress } = NAT_FLAG;
  expect([...nat.flags].map((flags) => flags & (exclusive | ownAddress))).toEqual([
    exclusive,
    0,
    exclusive,
    0,
    ownAddress,
    0,
  ]);
  expect([...nat.kind]).toEqual([
    ...[NAT_RULE.source, NAT_RULE.source, NAT_RULE.destination, NAT_RULE.destination],
    ...[NAT_RULE.destination, NAT_RULE.one_to_one],
  ]);
  expect([...nat.toCount]).toEqual([4, 1, 1, 1, 1, 16]);
  expect(nat.toPort[4]).toBe(90);
});

test('limits and times are of the router', () => {
  const connections = { limit: 2000, udp_timeout: 120 };
  const first = compile({
    r1: router(['a', 'b'], [MASQUERADE], { connections }),
    r2: router(['c', 'd'], [MASQUERADE]),
  });
  const { nat } = first;
  expect([...nat.limit]).toEqual([0, 2000, 262_144]);

  const another = compile({ r1: router(['a', 'b'], [MASQUERADE]) }, first.compiler);
  expect(another.nat.memory).toBe(nat.memory);
  const more = { limit: 1_000_000 };
  const { memory } = compile(
    { r1: router(['a', 'b'], [MASQUERADE], { connections: more }) },
    first.compiler,
  ).nat;
  expect(memory).not.toBe(nat.memory);
  expect(nat.timeouts[11 + 1]).toBe(120);
  expect(nat.timeouts[22 + 1]).toBe(300);
});
