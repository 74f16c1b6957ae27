// Private VLANs: every pair of roles, across a trunk, and random bridges beside a model made of RFC 5517's table.

import { expect, test } from 'vitest';
import { Random } from '../support/engine/random.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const access = (vid: number) => ({ vlan: { access: vid } });
const GROUP = { private: { isolated: 101, communities: [102, 103] } };

/** Two ports of each kind, and a trunk to the next switch. Stations are called as their ports. */
const PORTS = {
  p: access(100),
  q: access(100),
  i: access(101),
  j: access(101),
  c: access(102),
  d: access(102),
  e: access(103),
  t: { vlan: { trunk: ['100-103'] } },
};
const ACCESS = ['p', 'q', 'i', 'j', 'c', 'd', 'e'] as const;
type Station = (typeof ACCESS)[number];

/** RFC 5517, section 3: promiscuous with everyone, a community within itself, isolated with promiscuous only. */
const HEARD_BY: Record<Station, string> = {
  p: 'qijcde',
  q: 'pijcde',
  i: 'pq',
  j: 'pq',
  c: 'pqd',
  d: 'pqc',
  e: 'pq',
};
const VID: Record<Station, number> = { p: 100, q: 100, i: 101, j: 101, c: 102, d: 102, e: 103 };

function openOffice(more: object = {}, ports: object = {}): Promise<Rig> {
  return openRig({
    br0: { vlan_filtering: true, vlans: { 100: GROUP }, ...more, ports: { ...PORTS, ...ports } },
  });
}

test('a broadcast and unknown unicast reach those whom RFC 5517 names, untagged, and trunks with their own tag', async () => {
  const rig = await openOffice();
  for (const from of ACCESS) {
    for (const to of ['*', 'z']) {
      const heard = [...HEARD_BY[from]].map((port) => `${port}: ${from} > ${to}`);
      const line = rig.say(from, `${from} > ${to}`);
      expect(line.sort()).toEqual([...heard, `t: ${from} > ${to} vlan ${VID[from]}`].sort());
    }
  }
});

test('from the next switch a frame reaches the same ports by its tag', async () => {
  const rig = await openOffice();
  const heard: Record<number, string> = { 100: 'pqijcde', 101: 'pq', 102: 'pqcd', 103: 'pqe' };
  for (const [vid, ports] of Object.entries(heard)) {
    const lines = [...ports].map((port) => `${port}: z > *`);
    expect(rig.say('t', `z > * vlan ${vid}`).sort()).toEqual(lines.sort());
  }
});

test.each([
  ['with a tag', { trunk: [100, 7] }, ' vlan 100'],
  ['as its native VLAN', { trunk: [7], native: 100 }, ''],
  ['with another number', { trunk: [100, 7], translate: { 900: 100 } }, ' vlan 900'],
])(
  'a promiscuous trunk hears everybody in the primary VLAN, %s, and is heard by all',
  async (_, vlan, tag) => {
    const rig = await openOffice({}, { r: { vlan: { ...vlan, promiscuous: true } }, s: access(7) });
    for (const from of ACCESS) {
      const lines = rig.say(from, `${from} > *`);
      expect(lines.filter((line) => line.startsWith('r'))).toEqual([`r: ${from} > *${tag}`]);
    }
    expect(rig.say('t', 'z > * vlan 102')).toContain(`r: z > *${tag}`);
    const heard = [...ACCESS].map((port) => `${port}: r > *`);
    expect(rig.say('r', `r > *${tag}`).sort()).toEqual([...heard, 't: r > * vlan 100'].sort());
    for (const to of ACCESS) {
      expect(rig.say('r', `r > ${to}${tag}`)).toEqual([`${to}: r > ${to}`]);
      expect(rig.say(to, `${to} > r`)).toEqual([`r: ${to} > r${tag}`]);
    }
    for (const vid of [101, 102])
      expect(rig.say('r', `r > * vlan ${vid}`)).toEqual(['r drops: vlan_not_allowed']);
    expect(rig.say('s', 's > *')).toEqual(['r: s > * vlan 7']);
    expect(rig.say('i', 'i > j')).toEqual(['i drops: private_vlan']);
  },
);

test('once everybody has spoken nothing floods, and what may not pass is told as private_vlan', async () => {
  const rig = await openOffice();
  for (const from of ACCESS) rig.say(from, `${from} > *`);
  for (const from of ACCESS) {
    for (const to of ACCESS) {
      if (from === to) continue;
      const isHeard = HEARD_BY[from].includes(to);
      expect(rig.say(from, `${from} > ${to}`)).toEqual([
        isHeard ? `${to}: ${from} > ${to}` : `${from} drops: private_vlan`,
      ]);
    }
  }
});

test('addresses are those of the primary VLAN, wherever they were learned', async () => {
  const rig = await openOffice();
  rig.say('i', 'i > *');
  rig.say('t', 'z > * vlan 101');
  expect(await rig.fdb()).toEqual(['br0 vlan 100 02:00:00:00:00:69 i', 'br0 vlan 100 02:00:00:00:00:7a t']);
  expect(rig.say('p', 'p > z')).toEqual(['t: p > z vlan 100']);
  expect(rig.say('t', 'y > i vlan 100')).toEqual(['i: y > i']);
  expect(rig.say('t', 'x > i vlan 101')).toEqual(['t drops: private_vlan']);
  expect(rig.say('t', 'x > i vlan 102')).toEqual(['t drops: private_vlan']);
});

test('whoever asks for a secondary VLAN, or flushes one, means the addresses of the group', async () => {
  const rig = await openOffice();
  rig.say('i', 'i > *');
  const found: string[] = [];
  for await (const page of rig.taploom.fdb({ vlan: 102 }))
    for (const { vlan, port } of page) found.push(`${vlan} ${port}`);
  expect(found).toEqual(['100 i']);
  expect(await rig.taploom.flush({ bridge: 'br0', vlan: 102 })).toBe(1);
  expect(await rig.fdb()).toEqual([]);
});

test('no host gets into another VLAN of the group by a tag', async () => {
  const rig = await openOffice();
  expect(rig.say('i', 'i > * vlan 101')).toEqual(['p: i > *', 'q: i > *', 't: i > * vlan 101']);
  for (const vid of [100, 102, 103]) {
    expect(rig.say('i', `i > * vlan ${vid}`)).toEqual(['i drops: vlan_not_allowed']);
    if (vid !== 100) expect(rig.say('p', `p > * vlan ${vid}`)).toEqual(['p drops: vlan_not_allowed']);
  }
});

test('an isolated port with hairpin does not hear itself', async () => {
  const rig = await openOffice(
    {},
    { i: { ...access(101), hairpin: true }, d: { ...access(102), hairpin: true } },
  );
  expect(rig.say('i', 'i > *').some((line) => line.startsWith('i:'))).toBe(false);
  expect(rig.say('d', 'd > *').some((line) => line.startsWith('d:'))).toBe(true);
});

test('a static address in the primary VLAN is found from the secondary ones', async () => {
  const rig = await openOffice({
    static: [
      { mac: '02:00:00:00:00:70', vlan: 100, port: 'p' },
      { mac: '02:00:00:00:00:69', vlan: 100, port: 'i' },
    ],
  });
  expect(rig.say('e', 'e > p')).toEqual(['p: e > p']);
  expect(rig.say('j', 'j > i')).toEqual(['j drops: private_vlan']);
});

test('a port in another state passes nothing, whichever VLAN it would leave in', async () => {
  const rig = await openOffice();
  await rig.taploom.setPortState('p', undefined, 'blocking');
  await rig.taploom.setPortState('i', undefined, 'blocking');
  expect(rig.say('j', 'j > *')).toEqual(['q: j > *', 't: j > * vlan 101']);
  expect(rig.say('q', 'q > *').some((line) => line.startsWith('i:'))).toBe(false);
  expect(rig.say('i', 'i > *')).toEqual(['i drops: port_blocked']);
  await rig.taploom.setPortState('p', undefined, 'learning');
  rig.say('p', 'x > * vlan 101');
  rig.say('p', 'p > *');
  expect(await rig.fdb()).toContain('br0 vlan 100 02:00:00:00:00:70 p');
  expect((await rig.fdb()).some((line) => line.includes(':78 '))).toBe(false);
});

test('stations stay known when their port changes its role, and are forgotten when it leaves the group', async () => {
  const rig = await openOffice();
  rig.say('i', 'i > *');
  await rig.change(({ bridges }) => {
    bridges.br0.ports.i.vlan = { access: 102 };
  });
  expect(rig.say('p', 'p > i')).toEqual(['i: p > i']);
  expect(rig.say('i', 'i > *').sort()).toEqual(
    ['c: i > *', 'd: i > *', 'p: i > *', 'q: i > *', 't: i > * vlan 102'].sort(),
  );
  await rig.change(({ bridges }) => {
    bridges.br0.vlans = {};
  });
  expect(await rig.fdb()).not.toContain('br0 vlan 100 02:00:00:00:00:69 i');
  expect(rig.say('i', 'i > *').sort()).toEqual(['c: i > *', 'd: i > *', 't: i > * vlan 102']);
  expect(await rig.fdb()).toContain('br0 vlan 102 02:00:00:00:00:69 i');
});

test('a VLAN without learning forgets what it knew and floods; one without flood drops what it does not know', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      vlans: { 2: { flood: false } },
      ports: { a: access(1), b: access(1), c: access(2), d: access(2) },
    },
  });
  rig.say('a', 'a > *');
  expect(rig.say('c', 'c > d')).toEqual(['c drops: no_destination']);
  expect(rig.say('d', 'd > *')).toEqual(['c: d > *']);
  expect(rig.say('c', 'c > d')).toEqual(['d: c > d']);
  await rig.change(({ bridges }) => {
    bridges.br0.vlans[1] = { learning: false, flood: true };
  });
  expect((await rig.fdb()).filter((line) => line.includes('vlan 1 '))).toEqual([]);
  expect(rig.say('a', 'a > *')).toEqual(['b: a > *']);
  expect(rig.say('b', 'b > a')).toEqual(['a: b > a']);
  expect((await rig.fdb()).filter((line) => line.includes('vlan 1 '))).toEqual([]);
  expect((await rig.fdb()).filter((line) => line.includes('vlan 2 '))).toHaveLength(2);
});

/** What a port does in the model: its role, and of which secondary VLAN. */
type Role = 'promiscuous' | 'isolated' | 'community' | 'trunk';
interface Host {
  switchOf: 0 | 1;
  role: Role;
  vid: number;
}

/** Figure 1 of RFC 5517 in a sentence for each role; where the hosts are does not matter. */
function hears(from: Host, to: Host): boolean {
  if (from.role === 'promiscuous' || to.role === 'promiscuous') return true;
  return from.role === 'community' && to.role === 'community' && from.vid === to.vid;
}

test('random hosts on two switches hear each other as RFC 5517 says, whoever is known already', async () => {
  const random = new Random(5517);
  for (let round = 0; round < 5; round++) {
    const names = 'abcdefghij'.split('');
    const hosts = new Map<string, Host>(
      names.map((name): [string, Host] => {
        const vid = random.between(100, 103);
        const role = vid === 100 ? 'promiscuous' : vid === 101 ? 'isolated' : 'community';
        return [name, { switchOf: random.between(0, 1) as 0 | 1, role, vid }];
      }),
    );
    const of = (n: 0 | 1) =>
      Object.fromEntries(
        [...hosts].flatMap(([name, { switchOf, vid }]) => (switchOf === n ? [[name, access(vid)]] : [])),
      );
    const bridge = { vlan_filtering: true, vlans: { 100: GROUP } };
    const rig = await openRig({
      br0: { ...bridge, ports: { ...of(0), t0: PORTS.t } },
      br1: { ...bridge, ports: { ...of(1), t1: PORTS.t } },
    });
    const known = new Set<string>();
    for (let n = 0; n < 40; n++) {
      const from = names[random.between(0, names.length - 1)];
      const to = random.between(0, 3) === 0 ? '*' : names[random.between(0, names.length - 1)];
      if (from === to) continue;
      if (to === '*') known.add(from);
      const got = hearBoth(rig, from, `${from} > ${to}`);
      const may = names.filter(
        (name) => name !== from && hears(hosts.get(from) as Host, hosts.get(name) as Host),
      );
      if (to === '*') expect(got).toEqual(may);
      else if (known.has(to)) expect(got).toEqual(may.includes(to) ? [to] : []);
      else {
        // One switch may know it, the other not.
        expect(may).toEqual(expect.arrayContaining(got));
        expect(got.includes(to)).toBe(may.includes(to));
      }
    }
  }
});

/** Which access ports got a frame, with a cable between the trunks. */
function hearBoth(rig: Rig, from: string, line: string): string[] {
  const first = rig.say(from, line);
  const [carried] = first.filter((one) => /^t\d: /.test(one));
  const second =
    carried === undefined
      ? []
      : rig.say(carried.startsWith('t0') ? 't1' : 't0', carried.slice('t0: '.length));
  return [...first, ...second]
    .filter((one) => /^\w: /.test(one))
    .map((one) => {
      expect(one).not.toContain('vlan');
      return one[0];
    })
    .sort();
}
