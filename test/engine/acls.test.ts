// Access lists: where they are asked, in which order, and what rules do beside deciding. Which rule fits: acls_property.test.ts.

import { expect, test } from 'vitest';
import { openAcls } from '../support/acls/rig.ts';
import { packet as wide } from '../support/engine/packets.ts';
import { ACK, packet, SYN, TCP } from '../support/nat/packets.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';
const udp = (dport: number) => ({ src: A, dst: B, sport: 5000, dport });
const tcp = (dport: number, flags = SYN) => ({ ...udp(dport), protocol: TCP, flags });
const WEB = [{ permit: { protocol: 'tcp', ports: 80 } }, { deny: { protocol: 'tcp' } }, { permit: 'any' }];

test('what comes in is denied before anything is learned, and what leaves for that port only', async () => {
  const rig = await openAcls(
    { br0: { ports: { p1: { acls: { in: ['web'] } }, p2: {}, p3: { acls: { out: ['web'] } } } } },
    { web: WEB },
  );
  expect(rig.send('p1', 'a > *', tcp(22))).toEqual(['p1 drops: acl_in']);
  expect(await rig.fdb()).toEqual([]);
  expect(rig.send('p1', 'a > *', tcp(80))).toEqual(['p2: it', 'p3: it']);
  expect(rig.send('p2', 'b > *', tcp(22))).toEqual(['p1: it', 'p3 drops: acl_out']);
  expect(rig.hits('web')).toEqual({ 1: 2, 2: 2 });
});

test('a list ends with denying everything but ARP and neighbour discovery', async () => {
  const rig = await openAcls({ br0: { ports: { p1: { acls: { in: ['none'] } }, p2: {} } } }, { none: [] });
  expect(rig.send('p1', 'a > *', udp(53))).toEqual(['p1 drops: acl_in']);
  expect(rig.say('p1', 'a > * "x"')).toEqual(['p1 drops: acl_in']);
  const arp = [2, 0, 0, 0, 0, 0x62, 2, 0, 0, 0, 0, 0x61, 8, 6, ...new Array(46).fill(0)];
  expect(rig.sendFrame('p1', Uint8Array.from(arp))).toEqual(['p2: it']);
  const icmp = (type: number, ttl: number) =>
    wide({
      from: 'a',
      to: 'b',
      src: 'fe80::1',
      dst: 'fe80::2',
      protocol: 58,
      ttl,
      payload: [type, 0, 0, 0, 0, 0, 0, 0],
    });
  expect(rig.sendFrame('p1', icmp(135, 255))).toEqual(['p2: it']);
  expect(rig.sendFrame('p1', icmp(135, 64))).toEqual(['p1 drops: acl_in']);
  expect(rig.sendFrame('p1', icmp(128, 255))).toEqual(['p1 drops: acl_in']);
  expect(rig.hits('none')).toEqual({ link: 2, rest: 4 });
});

test('lists of a place are read as one, and port, VLAN and bridge must all let it pass', async () => {
  const vlan = { access: 10 };
  const rig = await openAcls(
    {
      br0: {
        vlan_filtering: true,
        acls: { in: ['no53'], out: ['no53'] },
        vlans: { 10: { acls: { in: ['no54'] } } },
        ports: {
          p1: { vlan, acls: { in: ['first', 'second'] } },
          p2: { vlan },
          p3: { vlan: { access: 20 } },
          p4: { vlan: { access: 20 } },
        },
      },
    },
    {
      first: [{ permit: { protocol: 'udp', ports: 1 } }],
      second: [{ permit: { protocol: 'udp', ports: '50-60' } }],
      no53: [{ deny: { protocol: 'udp', ports: 53 } }, { permit: 'any' }],
      no54: [{ deny: { protocol: 'udp', ports: 54 } }, { permit: 'any' }],
    },
  );
  expect(rig.send('p1', 'a > *', udp(1))).toEqual(['p2: it']);
  expect(rig.send('p1', 'a > *', udp(55))).toEqual(['p2: it']);
  for (const denied of [2, 53, 54])
    expect(rig.send('p1', 'a > *', udp(denied))).toEqual(['p1 drops: acl_in']);
  expect(rig.hits('second')).toEqual({ 1: 3, rest: 1 });
  expect(rig.send('p2', 'b > *', udp(54))).toEqual(['p2 drops: acl_in']);
  expect(rig.send('p3', 'c > *', udp(54))).toEqual(['p4: it']);
  expect(rig.send('p3', 'c > *', udp(53))).toEqual(['p3 drops: acl_in']);
});

test('a change counts at once, and counters stay with rules that stay', async () => {
  const rig = await openAcls({ br0: { ports: { p1: { acls: { in: ['web'] } }, p2: {} } } }, { web: WEB });
  rig.send('p1', 'a > *', tcp(80));
  rig.send('p1', 'a > *', tcp(22));
  await rig.change(({ acls = {} }) => {
    acls.web.splice(1, 0, { permit: { protocol: 'tcp', ports: 22 } });
  });
  expect(rig.hits('web')).toEqual({ 1: 1, 3: 1 });
  expect(rig.send('p1', 'a > *', tcp(22))).toEqual(['p2: it']);
  expect(rig.send('p1', 'a > *', tcp(23))).toEqual(['p1 drops: acl_in']);
  expect(rig.hits('web')).toEqual({ 1: 1, 2: 1, 3: 2 });
  expect(rig.taploom.acls.lists()).toMatchObject([{ name: 'web', rules: 4, permitted: 2, denied: 2 }]);
  expect(rig.taploom.acls.reset('web')).toBe(1);
  expect(rig.hits('web')).toEqual({});
  await rig.change((config) => {
    config.bridges.br0.ports.p1.acls = { in: [], out: [] };
  });
  expect(rig.send('p1', 'a > *', tcp(23))).toEqual(['p2: it']);
});

test('what its policer has no tokens for is dropped, and a rule that only counts goes on', async () => {
  const rig = await openAcls(
    { br0: { ports: { p1: { acls: { in: ['slow'] } }, p2: { acls: { out: ['slower'] } } } } },
    {
      slow: [{ count: { protocol: 'udp' }, police: { rate: '10pps', burst: 4 } }, { permit: 'any' }],
      slower: [{ permit: 'any', police: { rate: '10pps', burst: 2 } }],
    },
  );
  const lines = Array.from({ length: 6 }, () => rig.send('p1', 'a > *', udp(53))).flat();
  expect(lines.sort()).toEqual([
    ...new Array(2).fill('p1 drops: acl_policed_in'),
    ...new Array(2).fill('p2 drops: acl_policed_out'),
    ...new Array(2).fill('p2: it'),
  ]);
  expect(rig.hits('slow')).toEqual({ 1: 6, 2: 4 });
  expect(rig.taploom.acls.list('slow').list[0]).toMatchObject({ exceeded: 2 });
  rig.now += 1000;
  expect(rig.send('p1', 'a > *', udp(53))).toEqual(['p2: it']);
});

test('a rule copies to a mirror what it lets pass and what it denies, as it came in and as it leaves', async () => {
  const rig = await openAcls(
    {
      br0: {
        mirrors: { watch: { from: [], to: 'w' } },
        ports: { p1: { acls: { in: ['seen'] } }, p2: {}, p3: { acls: { out: ['seen'] } }, w: {} },
      },
    },
    {
      seen: [
        { deny: { protocol: 'udp', ports: 1 }, mirror: 'watch' },
        { permit: { protocol: 'udp', ports: 2 }, mirror: 'watch' },
        { permit: 'any' },
      ],
    },
  );
  expect(rig.send('p1', 'a > *', udp(3)).sort()).toEqual(['p2: it', 'p3: it']);
  // Once by the same mirror, though two places want it.
  expect(rig.send('p1', 'a > *', udp(2)).sort()).toEqual(['p2: it', 'p3: it', 'w: it']);
  expect(rig.send('p1', 'a > *', udp(1)).sort()).toEqual(['p1 drops: acl_in', 'w: it']);
  expect(rig.send('p2', 'b > *', udp(1)).sort()).toEqual(['p1: it', 'p3 drops: acl_out', 'w: it']);
  expect(rig.send('p2', 'b > *', udp(2)).sort()).toEqual(['p1: it', 'p3: it', 'w: it']);
});

test('a frame denied on its way out opens no connection', async () => {
  const rig = await openAcls(
    { br0: { ports: { p1: { groups: ['all'] }, p2: { acls: { out: ['no53'] } } } } },
    { no53: [{ deny: { protocol: 'udp', ports: 53 } }, { permit: 'any' }] },
    { groups: { all: { in: 'any' } } },
  );
  expect(rig.send('p1', 'a > *', udp(53))).toEqual(['p2 drops: acl_out']);
  expect(rig.taploom.policy.status().connections).toBe(0);
  expect(rig.send('p1', 'a > *', udp(54))).toEqual(['p2: it']);
  expect(rig.taploom.policy.status().connections).toBe(1);
});

test('a frame that fits a rule with log is told in one sentence, and few of many', async () => {
  const rig = await openAcls(
    { br0: { ports: { p1: { acls: { in: ['web'] } }, p2: {} } } },
    { web: [{ permit: { protocol: 'tcp', ports: 80 } }, { deny: { protocol: 'tcp' }, log: true }] },
  );
  for (let n = 0; n < 100; n++) rig.send('p1', 'a > *', tcp(22));
  rig.run();
  await new Promise(setImmediate);
  const told = rig.taploom.events.stored().filter((event) => event.type === 'acl');
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThanOrEqual(16);
  expect(told[0]).toMatchObject({
    list: 'web',
    rule: 2,
    path: 'acls.web[1]',
    verdict: 'deny',
    side: 'in',
    port: 'p1',
  });
  expect(told[0].message).toBe(
    'access list web rule 2 (acls.web[1]) denied 02:00:00:00:00:61 > ff:ff:ff:ff:ff:ff tcp 10.0.0.1:5000 > 10.0.0.2:22 in on port p1',
  );
});

test('an interface of a router is as any port to lists of a VLAN and a bridge', async () => {
  const rig = await openAcls(
    {
      br0: { ports: { p1: {} } },
      br1: { acls: { in: ['no53'] }, ports: { p2: {} } },
    },
    { no53: [{ deny: { protocol: 'udp', ports: 53 } }, { permit: 'any' }] },
    {
      routers: {
        r1: {
          interfaces: {
            a: { bridge: 'br0', address: ['10.0.0.254/24'], mac: '02:00:00:00:00:fe' },
            b: {
              bridge: 'br1',
              address: ['10.0.1.254/24'],
              mac: '02:00:00:00:00:fd',
              neighbours: { '10.0.1.2': '02:00:00:00:00:62' },
            },
          },
        },
      },
    } as never,
  );
  const frame = (dport: number) =>
    Uint8Array.from([
      2,
      0,
      0,
      0,
      0,
      0xfe,
      2,
      0,
      0,
      0,
      0,
      0x61,
      8,
      0,
      ...packet({ ...udp(dport), dst: '10.0.1.2' }),
    ]);
  rig.sendFrame('p1', frame(54));
  expect(rig.sendFrame('p1', frame(54))).toEqual(['p2: it']);
  // It is dropped at the interface, which is none of the ports.
  expect(rig.sendFrame('p1', frame(53))).toEqual([]);
  expect(rig.hits('no53')).toMatchObject({ 1: 1 });
});

test('flags of TCP, later fragments and super-frames', async () => {
  const rig = await openAcls(
    { br0: { ports: { p1: { acls: { in: ['strict'] } }, p2: {} } } },
    {
      strict: [
        { permit: { protocol: 'tcp', tcp_flags: 'ack', source_ports: 5000 } },
        { permit: { protocol: 'udp', ports: 53 } },
        { permit: { fragment: 'later', protocol: 'udp' } },
      ],
    },
  );
  expect(rig.send('p1', 'a > *', tcp(80, SYN))).toEqual(['p1 drops: acl_in']);
  expect(rig.send('p1', 'a > *', tcp(80, SYN | ACK))).toEqual(['p2: it']);
  expect(rig.send('p1', 'a > *', { ...udp(53), fragment: 0x2000 })).toEqual(['p2: it']);
  expect(rig.send('p1', 'a > *', { ...udp(9), fragment: 3 })).toEqual(['p2: it']);
  expect(rig.hits('strict')).toEqual({ 1: 1, 2: 1, 3: 1, rest: 1 });
  const { build, payloadOf } = await import('../../src/testing/offload_frame.ts');
  const frame = build({ version: 4, protocol: 'tcp', payload: payloadOf(6000), gsoSize: 1000 } as never);
  const { gsoType, csumStart, csumOffset } = frame;
  const offload = { gsoType, gsoSize: 1000, csumStart, csumOffset };
  await rig.change(({ acls = {} }) =>
    acls.strict.push({ permit: { protocol: 'tcp' }, police: { rate: '100pps', burst: 10 } } as never),
  );
  expect(rig.run(() => rig.taploom.memoryPort('p1').send(frame.bytes, offload))).toEqual(['p2: it']);
  // Six segments each.
  expect(rig.run(() => rig.taploom.memoryPort('p1').send(frame.bytes, offload))).toEqual([
    'p1 drops: acl_policed_in',
  ]);
});

test('priority tags, which hosts do not see, hide nothing: a deny finds what lies behind eight of them', async () => {
  const rig = await openAcls(
    { br0: { ports: { p1: { acls: { in: ['list'] } }, p2: {} } } },
    { list: [{ deny: { protocol: 'udp' } }, { deny: { ethertype: 0x8100 } }, { permit: 'any' }] },
  );
  const datagram = wide({ from: 'a', to: 'b', src: 'fd00::1', dst: 'fd00::2', protocol: 17 });
  const behind = (tags: number) =>
    Buffer.concat([
      datagram.subarray(0, 12),
      Buffer.from('8100a000'.repeat(tags), 'hex'),
      datagram.subarray(12),
    ]);
  for (const tags of [0, 1, 3, 8, 9]) expect(rig.sendFrame('p1', behind(tags))).toEqual(['p1 drops: acl_in']);
  // Behind more nobody looks, but that they are there is to be seen.
  expect(rig.hits('list')).toEqual({ 1: 4, 2: 1 });
});
