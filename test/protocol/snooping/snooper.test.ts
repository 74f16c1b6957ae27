import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Snooper } from '../../../src/protocol/snooping/snooper.ts';
import { Room, type SnoopingPort, type SnoopingSpec } from '../../../src/protocol/snooping/spec.ts';
import type { MembershipQuery } from '../../../src/wire/membership.ts';
import { parseMembership, queryFrame } from '../../../src/wire/membership_frame.ts';
import { hello, join, leave, report } from '../../support/membership_frames.ts';

const G = '239.1.1.1';
const [A, B, C] = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
const TIMES = {
  membership: 260_000,
  lastMember: 2000,
  queryInterval: 125_000,
  queryResponse: 10_000,
  startupInterval: 31_250,
  startupCount: 2,
  lastMemberInterval: 1000,
  lastMemberCount: 2,
  querier: 255_000,
};
const port = (more: Partial<SnoopingPort> = {}): SnoopingPort => ({
  router: 'auto',
  fastLeave: false,
  maxGroups: Number.POSITIVE_INFINITY,
  statics: new Map(),
  ...more,
});
const spec = (more: Partial<SnoopingSpec> = {}): SnoopingSpec => ({
  bridge: 'br0',
  vlan: 0,
  family: 4,
  isQuerier: true,
  address: '192.0.2.100',
  version: 3,
  times: TIMES,
  maxGroups: 100,
  ports: new Map([
    ['p1', port()],
    ['p2', port()],
  ]),
  ...more,
});

let now = 0;
let said: string[] = [];
let room: Room;

function ask({ group = 'all', sources, suppress }: MembershipQuery): void {
  said.push(['ask', group, ...sources, ...(suppress ? ['answered'] : [])].join(' '));
}

function open(more: Partial<SnoopingSpec> = {}): Snooper {
  const says = {
    ask,
    refused: (name: string, group: string, limit: string) => said.push(`refused ${name} ${group} ${limit}`),
    router: (name: string, change: string) => said.push(`router ${name} ${change}`),
    querier: (change: string, address: string) => said.push(`querier ${address} ${change}`),
  };
  return new Snooper(spec(more), room, says, now);
}

function hear(snooper: Snooper, name: string, frame: Uint8Array): void {
  const heard = parseMembership(frame);
  if (heard === undefined) throw new Error('no frame');
  expect(heard.message).toBeTypeOf('object');
  snooper.hear(name, heard, now);
}

/** Lets time go by as whoever has a timer does. */
function wait(snooper: Snooper, ms: number): void {
  const end = now + ms;
  while (snooper.deadline <= end) {
    now = Math.max(now, snooper.deadline);
    snooper.tick(now);
  }
  now = end;
}

/** `exclude A -B` of a member: sources that are wanted, and those that are blocked. */
function state(snooper: Snooper, name = 'p1', group = G): string {
  const member = snooper.groups.get(group)?.get(name);
  if (member === undefined) return 'none';
  const sources = [...member.sources].map(([source, until]) => (until > 0 ? source : `-${source}`));
  return [member.isExclude ? 'exclude' : 'include', ...sources.sort()].join(' ');
}

const take = () => said.splice(0);
const query = (from: string, group?: string, sources: string[] = []): Uint8Array =>
  queryFrame(Uint8Array.of(2, 0, 0, 0, 0, 0xbb), from, {
    kind: 'query',
    version: 3,
    group,
    sources,
    maxResponse: group === undefined ? 10_000 : 1000,
    suppress: false,
    robustness: 2,
    interval: 125,
  });

beforeEach(() => {
  now = 1000;
  said = [];
  room = new Room();
});

describe('reports of version 3 change the state of a port as RFC 3376 section 6.4 says', () => {
  // before, record, after, and what is asked
  const INCLUDE: [string, ...string[]] = ['is_in', A, B];
  const EXCLUDE: [string, ...string[]][] = [
    ['to_ex', A],
    ['allow', B],
  ];
  test.each<[[string, ...string[]][], [string, ...string[]], string, string[]]>([
    [[INCLUDE], ['is_in', C], `include ${A} ${B} ${C}`, []],
    [[INCLUDE], ['is_ex', B, C], `exclude -${C} ${B}`, []],
    [[INCLUDE], ['allow', C], `include ${A} ${B} ${C}`, []],
    [[INCLUDE], ['block', B, C], `include ${A} ${B}`, [`ask ${G} ${B}`]],
    [[INCLUDE], ['to_ex', B, C], `exclude -${C} ${B}`, [`ask ${G} ${B}`]],
    [[INCLUDE], ['to_in', B, C], `include ${A} ${B} ${C}`, [`ask ${G} ${A}`]],
    [EXCLUDE, ['is_in', A, C], `exclude ${A} ${B} ${C}`, []],
    [EXCLUDE, ['is_ex', A, B, C], `exclude -${A} ${B} ${C}`, []],
    [EXCLUDE, ['allow', A], `exclude ${A} ${B}`, []],
    [EXCLUDE, ['block', A, C], `exclude -${A} ${B} ${C}`, [`ask ${G} ${C}`]],
    [EXCLUDE, ['to_ex', A, C], `exclude -${A} ${C}`, [`ask ${G} ${C}`]],
    [EXCLUDE, ['to_in', A], `exclude ${A} ${B}`, [`ask ${G}`, `ask ${G} ${B}`]],
  ])('%j, then %j', (before, [type, ...sources], after, asked) => {
    const snooper = open();
    for (const [first, ...rest] of before) hear(snooper, 'p1', report([[first, G, ...rest]]));
    take();
    hear(snooper, 'p1', report([[type, G, ...sources]]));
    expect(state(snooper).split(' ').sort()).toEqual(after.split(' ').sort());
    expect(take()).toEqual(asked);
  });

  test('time turns exclude into include, and wanted sources of an exclude member into blocked ones', () => {
    const snooper = open();
    hear(snooper, 'p1', report([['to_ex', G, A]]));
    now += 100_000;
    hear(snooper, 'p1', report([['allow', G, B]]));
    wait(snooper, 159_999);
    expect(state(snooper)).toBe(`exclude -${A} ${B}`);
    wait(snooper, 1);
    expect(state(snooper)).toBe(`include ${B}`);
    wait(snooper, 100_000);
    expect(state(snooper)).toBe('none');
    expect(room.groups).toBe(0);
  });
});

test('whoever leaves is asked for twice, and nobody else is heard of', () => {
  const snooper = open();
  hear(snooper, 'p1', join(G));
  hear(snooper, 'p2', join(G, 2));
  take();
  hear(snooper, 'p1', leave(G));
  expect(take()).toEqual([`ask ${G}`]);
  wait(snooper, 1000);
  expect(take()).toEqual([`ask ${G}`]);
  expect(state(snooper)).toBe('exclude');
  wait(snooper, 1000);
  expect([state(snooper), state(snooper, 'p2')]).toEqual(['none', 'exclude']);
});

test('another host on the port that answers keeps the group', () => {
  const snooper = open();
  hear(snooper, 'p1', join(G));
  hear(snooper, 'p1', leave(G));
  take();
  now += 500;
  hear(snooper, 'p1', join(G, 2));
  wait(snooper, 10_000);
  expect(take()).toEqual([`ask ${G} answered`]);
  expect(state(snooper)).toBe('exclude');
});

test('a host of version 1 never leaves, and its presence makes leaves of others void', () => {
  const snooper = open();
  const heard = parseMembership(join(G));
  if (heard === undefined || typeof heard.message === 'string' || heard.message.kind !== 'report')
    throw new Error();
  snooper.hear('p1', { ...heard, message: { ...heard.message, version: 1 } }, now);
  hear(snooper, 'p1', leave(G, 2));
  wait(snooper, 10_000);
  expect(state(snooper)).toBe('exclude');
});

describe('fast leave', () => {
  const fast = { ports: new Map([['p1', port({ fastLeave: true })]]) };

  test('takes a host of version 2 at its word', () => {
    const snooper = open(fast);
    hear(snooper, 'p1', join(G));
    take();
    hear(snooper, 'p1', leave(G));
    expect([state(snooper), take()]).toEqual(['none', []]);
  });

  test('counts hosts of version 3, and asks while another one wants it', () => {
    const snooper = open(fast);
    hear(snooper, 'p1', report([['to_ex', G]], 1));
    hear(snooper, 'p1', report([['to_ex', G]], 2));
    expect(snooper.groups.get(G)?.get('p1')?.hostNames(now)).toEqual(['192.0.2.1', '192.0.2.2']);
    take();
    hear(snooper, 'p1', report([['to_in', G]], 1));
    expect([state(snooper), take()]).toEqual(['exclude', [`ask ${G}`]]);
    hear(snooper, 'p1', report([['to_in', G]], 2));
    expect(state(snooper)).toBe('none');
  });

  test('knows sources, too', () => {
    const snooper = open(fast);
    hear(snooper, 'p1', report([['allow', G, A, B]], 1));
    hear(snooper, 'p1', report([['allow', G, B]], 2));
    hear(snooper, 'p1', report([['block', G, A, B]], 1));
    expect(state(snooper)).toBe(`include ${B}`);
    hear(snooper, 'p1', report([['block', G, B]], 2));
    expect(state(snooper)).toBe('none');
  });
});

describe('the querier', () => {
  test('asks at once, once more soon, then at its interval, and restricts nothing before hosts could answer', () => {
    const snooper = open();
    expect([take(), snooper.isActive]).toEqual([['ask all'], false]);
    wait(snooper, 9_999);
    expect(snooper.isActive).toBe(false);
    wait(snooper, 1);
    expect(snooper.isActive).toBe(true);
    wait(snooper, 21_250);
    expect(take()).toEqual(['ask all']);
    wait(snooper, 125_000);
    expect(take()).toEqual(['ask all']);
  });

  test('with a lower address takes over, one with a higher does not, and its silence ends it', () => {
    const snooper = open();
    take();
    hear(snooper, 'p2', query('192.0.2.101'));
    expect(take()).toEqual(['router p2 added']);
    hear(snooper, 'p2', query('192.0.2.99'));
    expect(take()).toEqual(['querier 192.0.2.99 elected']);
    wait(snooper, 254_999);
    expect(take()).toEqual([]);
    wait(snooper, 1);
    expect(take().sort()).toEqual(['ask all', 'querier 192.0.2.99 lost', 'router p2 removed']);
  });

  test('that takes over while a leaving host is asked for lets the questions be finished (RFC 2236 section 3)', () => {
    const snooper = open();
    hear(snooper, 'p1', join(G));
    take();
    hear(snooper, 'p1', leave(G));
    expect(take()).toEqual([`ask ${G}`]);
    hear(snooper, 'p2', query('192.0.2.99'));
    take();
    wait(snooper, 1_000);
    expect(take()).toEqual([`ask ${G}`]);
    hear(snooper, 'p1', join(G));
    wait(snooper, 5_000);
    expect([take(), state(snooper)]).toEqual([[], 'exclude']);
  });

  test('without an address gives way to anybody; one with an address never to one without', () => {
    const snooper = open({ address: '0.0.0.0' });
    hear(snooper, 'p2', query('203.0.113.1'));
    expect(snooper.querier.other?.address).toBe('203.0.113.1');
    const other = open();
    hear(other, 'p2', query('0.0.0.0'));
    expect(other.querier.other).toBeUndefined();
  });

  test('that is another switch is awaited: without one nothing is restricted, and with its silence no more', () => {
    const snooper = open({ isQuerier: false });
    hear(snooper, 'p1', join(G));
    expect(snooper.isActive).toBe(false);
    hear(snooper, 'p2', query('192.0.2.1'));
    wait(snooper, 10_000);
    expect(snooper.isActive).toBe(true);
    wait(snooper, 245_000);
    expect(snooper.isActive).toBe(false);
    expect(take()).toEqual([
      'querier 192.0.2.1 elected',
      'router p2 added',
      'router p2 removed',
      'querier 192.0.2.1 lost',
    ]);
  });

  test('that asks for a group lowers its time on every port', () => {
    const snooper = open({ isQuerier: false });
    hear(snooper, 'p2', query('192.0.2.1'));
    hear(snooper, 'p1', join(G));
    hear(snooper, 'p2', query('192.0.2.1', G));
    wait(snooper, 1999);
    expect(state(snooper)).toBe('exclude');
    wait(snooper, 1);
    expect(state(snooper)).toBe('none');
  });
});

test('routers are heard by PIM and by queries, or said by the configuration', () => {
  const ports = new Map([
    ['p1', port()],
    ['p2', port({ router: 'off' })],
    ['p3', port({ router: 'permanent' })],
  ]);
  const snooper = open({ ports });
  hear(snooper, 'p1', hello(105));
  hear(snooper, 'p2', hello(105));
  expect([...snooper.routers.keys()]).toEqual(['p3', 'p1']);
  wait(snooper, 105_000);
  expect([...snooper.routers.keys()]).toEqual(['p3']);
});

test('frames go to who wants their source, and to routers', () => {
  const ports = new Map(['p1', 'p2', 'p3', 'p4'].map((name) => [name, port()]));
  ports.set('p4', port({ router: 'permanent' }));
  const snooper = open({ ports });
  hear(snooper, 'p1', report([['allow', G, A]]));
  hear(snooper, 'p2', report([['to_ex', G, A]]));
  hear(snooper, 'p3', join(G));
  const group = snooper.groups.get(G);
  if (group === undefined) throw new Error('no group');
  expect([...snooper.portsOf(group, A)].sort()).toEqual(['p1', 'p3', 'p4']);
  expect([...snooper.portsOf(group, B)].sort()).toEqual(['p2', 'p3', 'p4']);
  expect([...snooper.portsOf(group, undefined)].sort()).toEqual(['p2', 'p3', 'p4']);
});

test('static groups are there for ever, whatever hosts say', () => {
  const statics = new Map([
    [G, new Set([''])],
    ['232.1.1.1', new Set([A])],
  ]);
  const snooper = open({ ports: new Map([['p1', port({ statics })]]) });
  hear(snooper, 'p1', leave(G));
  hear(snooper, 'p1', report([['block', '232.1.1.1', A]]));
  wait(snooper, 1_000_000);
  expect([state(snooper), state(snooper, 'p1', '232.1.1.1')]).toEqual(['exclude', `include ${A}`]);
  snooper.forget('p1', now);
  expect(state(snooper)).toBe('exclude');
  snooper.configure(spec({ ports: new Map([['p1', port()]]) }), now);
  expect(snooper.groups.size).toBe(0);
});

test('limits of port and bridge refuse newcomers, and those who are there stay', () => {
  const ports = new Map([
    ['p1', port({ maxGroups: 1 })],
    ['p2', port()],
  ]);
  const snooper = open({ ports, maxGroups: 2 });
  take();
  for (const group of ['239.0.0.1', '239.0.0.2']) hear(snooper, 'p1', join(group));
  expect(take()).toEqual(['refused p1 239.0.0.2 port']);
  for (const group of ['239.0.0.2', '239.0.0.3', '239.0.0.1']) hear(snooper, 'p2', join(group));
  expect(take()).toEqual(['refused p2 239.0.0.3 bridge']);
  expect([...snooper.groups.keys()]).toEqual(['239.0.0.1', '239.0.0.2']);
});

test("link-local groups are nobody's business: they are flooded", () => {
  const snooper = open();
  hear(snooper, 'p1', join('224.0.0.251'));
  hear(snooper, 'p1', report([['is_ex', 'ff02::fb']]));
  expect(snooper.groups.size).toBe(0);
});

test('a host that names too many sources gets them all', () => {
  const snooper = open();
  const sources = Array.from({ length: 40 }, (_, n) => `198.51.100.${n + 1}`);
  hear(snooper, 'p1', report([['allow', G, ...sources]]));
  expect(state(snooper)).toBe('exclude');
});

test('a port that goes takes its memberships, router and querier along', () => {
  const snooper = open({ isQuerier: false });
  hear(snooper, 'p2', query('192.0.2.1'));
  hear(snooper, 'p2', join(G));
  hear(snooper, 'p1', join(G));
  snooper.configure(spec({ isQuerier: false, ports: new Map([['p1', port()]]) }), now);
  expect([state(snooper, 'p2'), state(snooper), snooper.routers.size]).toEqual(['none', 'exclude', 0]);
  expect(snooper.querier.other).toBeUndefined();
});

test('a link that is down takes along what hosts said, not what the configuration says, and is asked when it is up', () => {
  const statics = new Map([[G, new Set([A])]]);
  const snooper = open({
    ports: new Map([
      ['p1', port({ statics })],
      ['p2', port()],
    ]),
  });
  hear(snooper, 'p1', report([['allow', G, B]]));
  hear(snooper, 'p1', join('239.9.9.9'));
  hear(snooper, 'p2', join(G));
  take();
  snooper.forget('p1', now);
  expect([state(snooper), state(snooper, 'p1', '239.9.9.9'), state(snooper, 'p2')]).toEqual([
    `include ${A}`,
    'none',
    'exclude',
  ]);
  expect(take()).toEqual([]);
  snooper.linkUp(now);
  snooper.tick(now);
  expect(take()).toEqual(['ask all']);
});

test('groups are joined and flushed by hand, by port, group and source', () => {
  const statics = new Map([[G, new Set([''])]]);
  const snooper = open({
    ports: new Map([
      ['p1', port({ maxGroups: 2 })],
      ['p2', port({ statics })],
    ]),
  });
  expect(snooper.join('p1', { type: 'is_in', group: G, sources: [A, B] }, now)).toBe(true);
  expect(snooper.join('p1', { type: 'is_ex', group: '239.9.9.9', sources: [C] }, now)).toBe(true);
  expect(snooper.join('p1', { type: 'is_ex', group: '239.9.9.8', sources: [] }, now)).toBe(false);
  expect(state(snooper, 'p1', '239.9.9.9')).toBe(`exclude -${C}`);
  expect(snooper.flush({ group: G, source: A })).toBe(1);
  expect(snooper.flush({ group: G, source: C })).toBe(0);
  expect(state(snooper)).toBe(`include ${B}`);
  expect(snooper.flush({ port: 'p2' })).toBe(0);
  expect(snooper.flush({})).toBe(2);
  expect([...snooper.groups.keys()]).toEqual([G]);
  expect(state(snooper, 'p2')).toBe('exclude');
  expect([room.groups, room.ofPort.get('p1'), room.ofPort.get('p2')]).toEqual([1, 0, 1]);
});

test('whatever hosts say, groups and room agree, memory is bounded, and silence empties it', () => {
  const type = fc.constantFrom('is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block');
  const source = fc.constantFrom(A, B, C);
  const group = fc.constantFrom('239.0.0.1', '239.0.0.2', '239.0.0.3', '224.0.0.9');
  const act = fc.oneof(
    fc.tuple(type, group, fc.array(source, { maxLength: 3 })).map(
      ([one, where, sources]) =>
        () =>
          report([[one, where, ...sources]]),
    ),
    group.map((where) => () => join(where)),
    group.map((where) => () => leave(where)),
    fc.constant(() => query('192.0.2.1')),
    group.map((where) => () => query('192.0.2.1', where)),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(act, fc.constantFrom('p1', 'p2'), fc.nat(200_000)), { maxLength: 60 }),
      fc.boolean(),
      (acts, fastLeave) => {
        room = new Room();
        const ports = new Map(['p1', 'p2'].map((name) => [name, port({ fastLeave })]));
        const snooper = open({ ports, maxGroups: 2 });
        for (const [make, name, ms] of acts) {
          hear(snooper, name, make());
          const count = [...snooper.groups.values()].reduce((sum, { size }) => sum + size, 0);
          expect(room.groups).toBe(snooper.groups.size);
          expect([...room.ofPort.values()].reduce((sum, n) => sum + n, 0)).toBe(count);
          expect(snooper.groups.size).toBeLessThanOrEqual(2);
          wait(snooper, ms);
        }
        wait(snooper, 600_000);
        expect(snooper.groups.size).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});
