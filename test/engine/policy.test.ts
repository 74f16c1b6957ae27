// Security groups: who may begin what with whom, and what follows a connection.

import { expect, test } from 'vitest';
import { be16, icmpMessage } from '../support/engine/packets.ts';
import { ACK, FIN, type Fields, ICMP, icmpError, packet, RST, SYN, TCP } from '../support/nat/packets.ts';
import { openPolicy } from '../support/policy/rig.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';
const OUTSIDE = '198.51.100.7';
const tcp = (src: string, dst: string, sport: number, dport: number, flags: number): Fields => ({
  protocol: TCP,
  src,
  dst,
  sport,
  dport,
  flags,
});
const web = { in: [{ protocol: 'tcp' as const, ports: [80, '8000-8009'], from: 'any' }] };

/** a is behind p1, b behind p2, c behind the uplink, which is in no group. */
function ports(p1: string[], p2: string[]) {
  return { br0: { ports: { p1: { groups: p1 }, p2: { groups: p2 }, up: {} } } };
}

async function known(rig: Awaited<ReturnType<typeof openPolicy>>): Promise<void> {
  // Everybody is known, so that nothing is flooded.
  for (const [port, station] of [
    ['p1', 'a'],
    ['p2', 'b'],
    ['up', 'c'],
  ])
    rig.say(port, `${station} > *`);
}

test('what no rule lets in is dropped at the port that it would leave by, and what answers it follows', async () => {
  const rig = await openPolicy(ports([], ['web']), { groups: { web } });
  await known(rig);
  expect(rig.send('up', 'c > b', tcp(OUTSIDE, B, 5000, 22, SYN))).toEqual(['p2 drops: policy_in']);
  expect(rig.send('up', 'c > b', { src: OUTSIDE, dst: B, sport: 5000, dport: 80 })).toEqual([
    'p2 drops: policy_in',
  ]);
  const asked = tcp(OUTSIDE, B, 5000, 80, SYN);
  expect(rig.send('up', 'c > b', asked)).toEqual([`p2: tcp ${OUTSIDE}:5000 > ${B}:80`]);
  expect(rig.send('p2', 'b > c', tcp(B, OUTSIDE, 80, 5000, SYN | ACK))).toEqual([
    `up: tcp ${B}:80 > ${OUTSIDE}:5000`,
  ]);
  expect(rig.send('up', 'c > b', tcp(OUTSIDE, B, 5000, 80, ACK))).toEqual([
    `p2: tcp ${OUTSIDE}:5000 > ${B}:80`,
  ]);
  expect(rig.send('up', 'c > b', tcp(OUTSIDE, B, 5001, 8009, SYN))).toHaveLength(1);
  // What is no IP is guards' business.
  expect(rig.say('up', 'c > b')).toEqual([expect.stringMatching(/^p2: c > b/)]);
});

test('what the port sends is let out, its answers in, and nothing else', async () => {
  const rig = await openPolicy(ports([], ['web']), { groups: { web } });
  await known(rig);
  const query = { src: B, dst: OUTSIDE, sport: 4000, dport: 53 };
  expect(rig.send('up', 'c > b', { src: OUTSIDE, dst: B, sport: 53, dport: 4000 })).toEqual([
    'p2 drops: policy_in',
  ]);
  expect(rig.send('p2', 'b > c', query)).toEqual([`up: udp ${B}:4000 > ${OUTSIDE}:53`]);
  expect(rig.send('up', 'c > b', { src: OUTSIDE, dst: B, sport: 53, dport: 4000 })).toHaveLength(1);
  expect(rig.send('up', 'c > b', { src: OUTSIDE, dst: B, sport: 54, dport: 4000 })).toEqual([
    'p2 drops: policy_in',
  ]);
  rig.wait(301);
  await known(rig);
  expect(rig.send('up', 'c > b', { src: OUTSIDE, dst: B, sport: 53, dport: 4000 })).toEqual([
    'p2 drops: policy_in',
  ]);
});

test('out rules are asked where frames come in, also before anybody knows where they go', async () => {
  const rig = await openPolicy(ports([], ['closed']), {
    groups: { closed: { in: 'any', out: [{ protocol: 'udp', ports: 53, to: '198.51.100.0/24' }] } },
  });
  await known(rig);
  expect(rig.send('p2', 'b > c', { src: B, dst: '8.8.8.8', sport: 1, dport: 53 })).toEqual([
    'p2 drops: policy_out',
  ]);
  expect(rig.send('p2', 'b > z', tcp(B, OUTSIDE, 1, 53, SYN))).toEqual(['p2 drops: policy_out']);
  expect(rig.send('p2', 'b > c', { src: B, dst: OUTSIDE, sport: 1, dport: 53 })).toHaveLength(1);
  // Who was asked from outside may answer.
  rig.send('up', 'c > b', tcp('8.8.8.8', B, 9, 9, SYN));
  expect(rig.send('p2', 'b > c', tcp(B, '8.8.8.8', 9, 9, SYN | ACK))).toHaveLength(1);
});

test('a group as a peer is its ports here, and the addresses that it lists', async () => {
  const rig = await openPolicy(
    {
      br0: {
        ports: { p1: { groups: ['admins'] }, p2: { groups: ['web'] }, p3: { groups: ['other'] }, up: {} },
      },
    },
    {
      groups: {
        admins: { members: ['203.0.113.0/24'], out: [{ protocol: 'tcp', to: 'web' }] },
        web: { in: [{ protocol: 'tcp', ports: 22, from: 'admins' }] },
        other: {},
      },
    },
  );
  for (const [port, station] of [
    ['p1', 'a'],
    ['p2', 'b'],
    ['p3', 'd'],
    ['up', 'c'],
  ])
    rig.say(port, `${station} > *`);
  expect(rig.send('p1', 'a > b', tcp(A, B, 1, 22, SYN))).toEqual([`p2: tcp ${A}:1 > ${B}:22`]);
  expect(rig.send('p3', 'd > b', tcp('10.0.0.3', B, 1, 22, SYN))).toEqual(['p2 drops: policy_in']);
  expect(rig.send('up', 'c > b', tcp('203.0.113.9', B, 1, 22, SYN))).toHaveLength(1);
  expect(rig.send('up', 'c > b', tcp('203.0.114.9', B, 1, 22, SYN))).toEqual(['p2 drops: policy_in']);
  // Out rules of admins name a group: where a frame goes is known when it leaves.
  expect(rig.send('p1', 'a > c', tcp(A, OUTSIDE, 1, 22, SYN))).toEqual(['up drops: policy_group']);
  expect(rig.send('p1', 'a > c', { src: A, dst: OUTSIDE, sport: 1, dport: 22 })).toEqual([
    'p1 drops: policy_out',
  ]);
});

test('a flood reaches those ports that let it in', async () => {
  const rig = await openPolicy(
    {
      br0: {
        ports: { up: {}, p1: { groups: ['web'] }, p2: { groups: ['none'] }, p3: { groups: ['web'] }, p4: {} },
      },
    },
    { groups: { web, none: {} } },
  );
  const line = `tcp ${OUTSIDE}:1 > ${B}:80`;
  expect(rig.send('up', 'c > b', tcp(OUTSIDE, B, 1, 80, SYN))).toEqual([
    `p1: ${line}`,
    `p3: ${line}`,
    `p4: ${line}`,
    'p2 drops: policy_in',
  ]);
});

test('what begins no connection goes nowhere: segments and errors of unknown ones, headers that are not whole', async () => {
  const rig = await openPolicy(ports(['open'], ['open']), { groups: { open: { in: 'any' } } });
  await known(rig);
  for (const flags of [RST, SYN | ACK, FIN | ACK, 0]) {
    expect(rig.send('p1', 'a > b', tcp(A, B, 1, 2, flags))).toEqual(['p1 drops: policy_invalid']);
    expect(rig.send('up', 'c > b', tcp(OUTSIDE, B, 1, 2, flags))).toEqual(['p2 drops: policy_unknown']);
  }
  const error = icmpError(OUTSIDE, packet({ src: B, dst: OUTSIDE, sport: 1, dport: 2 }));
  expect(rig.sendBytes('up', 'c > b', error)).toEqual(['p2 drops: policy_unknown']);
  expect(rig.sendBytes('p1', 'a > b', packet(tcp(A, B, 1, 2, SYN)).subarray(0, 38))).toEqual([
    'p1 drops: policy_invalid',
  ]);
  expect(rig.send('p1', 'a > b', { protocol: ICMP, type: 0, src: A, dst: B, sport: 1 })).toEqual([
    'p1 drops: policy_invalid',
  ]);
  // Nobody asks between two ports that are in no group.
  expect(rig.send('up', 'c > z', tcp(OUTSIDE, '10.9.9.9', 1, 2, RST))).toEqual([
    'p1 drops: policy_unknown',
    'p2 drops: policy_unknown',
  ]);
});

test('what has no key is not taken for the packet before it, nor for one without ports', async () => {
  const rig = await openPolicy(ports([], ['web']), { groups: { web: { in: [{ protocol: 'udp' }] } } });
  await known(rig);
  for (const port of [0, 80]) {
    const asked = { src: OUTSIDE, dst: B, sport: port, dport: port, id: 7, payload: new Uint8Array(24) };
    expect(rig.send('up', 'c > b', asked)).toHaveLength(1);
    expect(rig.send('up', 'c > b', asked)).toHaveLength(1);
    expect(rig.sendBytes('up', 'c > b', packet(asked).subarray(0, 24))).toEqual(['p2 drops: policy_unknown']);
    expect(rig.sendBytes('up', 'c > b', Uint8Array.of(0x55))).toEqual(['p2 drops: policy_unknown']);
    expect(rig.send('up', 'c > b', { ...asked, fragment: 4 })).toEqual(['p2 drops: policy_unknown']);
  }
});

test('an ICMP error follows the connection that it is about, if it goes to who sent what it quotes', async () => {
  const rig = await openPolicy(ports([], ['web']), { groups: { web } });
  await known(rig);
  const sent = { src: B, dst: OUTSIDE, sport: 1000, dport: 2000 };
  rig.send('p2', 'b > c', sent);
  const ROUTER = '192.0.2.254';
  expect(rig.sendBytes('up', 'c > b', icmpError(ROUTER, packet(sent)))[0]).toMatch(/^p2: icmp 3\/1/);
  expect(rig.sendBytes('up', 'c > b', icmpError(ROUTER, packet({ ...sent, dport: 2001 })))).toEqual([
    'p2 drops: policy_unknown',
  ]);
  const astray = icmpError(ROUTER, packet(sent), { dst: '10.0.0.9' });
  expect(rig.sendBytes('up', 'c > b', astray)).toEqual(['p2 drops: policy_unknown']);
});

test('fragments follow their first, and one that would write over its TCP header is refused', async () => {
  const rig = await openPolicy(ports([], ['web']), {
    groups: { web: { in: [{ protocol: 'udp', ports: 80 }, { protocol: 'tcp' }] } },
  });
  await known(rig);
  const one = { src: OUTSIDE, dst: B, sport: 1, dport: 80, id: 7, payload: new Uint8Array(24) };
  expect(rig.send('up', 'c > b', { ...one, fragment: 4 })).toEqual(['p2 drops: policy_unknown']);
  expect(rig.send('up', 'c > b', { ...one, fragment: 0x2000 })).toHaveLength(1);
  expect(rig.send('up', 'c > b', { ...one, fragment: 4 })).toEqual([`p2: fragment ${OUTSIDE} > ${B}`]);
  expect(rig.send('up', 'c > b', { ...one, id: 8, fragment: 0x2000, dport: 81 })).toEqual([
    'p2 drops: policy_in',
  ]);
  expect(rig.send('up', 'c > b', { ...one, id: 8, fragment: 4 })).toEqual(['p2 drops: policy_unknown']);
  const first = { ...tcp(OUTSIDE, B, 1, 2, SYN), id: 9, fragment: 0x2000 };
  expect(rig.send('up', 'c > b', first)).toHaveLength(1);
  expect(rig.send('up', 'c > b', { ...first, fragment: 1 })).toEqual(['p2 drops: policy_unknown']);
});

test('the first fragment and the others of one poll are let in together', async () => {
  const rig = await openPolicy(ports([], ['web']), {
    groups: { web: { in: [{ protocol: 'udp', ports: 80 }] } },
  });
  await known(rig);
  const one = { src: OUTSIDE, dst: B, sport: 1, dport: 80, id: 7, payload: new Uint8Array(24) };
  const frame = (fragment: number) => {
    const bytes = packet({ ...one, fragment });
    return Uint8Array.from([2, 0, 0, 0, 0, 0x62, 2, 0, 0, 0, 0, 0x63, 8, 0, ...bytes]);
  };
  expect(rig.sendFrame('up', frame(0x2000), frame(4))).toHaveLength(2);
});

test('a change of rules counts for connections that are there, or only for new ones', async () => {
  for (const keep of [false, true]) {
    const rig = await openPolicy(ports([], ['web']), {
      groups: { web },
      connections: { keep_established: keep },
    });
    await known(rig);
    rig.send('up', 'c > b', tcp(OUTSIDE, B, 1, 80, SYN));
    rig.send('p2', 'b > c', tcp(B, OUTSIDE, 80, 1, SYN | ACK));
    await rig.change((config) => {
      config.groups = { web: { in: [], out: 'any', members: [] } };
    });
    const next = rig.send('up', 'c > b', tcp(OUTSIDE, B, 1, 80, ACK));
    expect(next).toEqual(keep ? [`p2: tcp ${OUTSIDE}:1 > ${B}:80`] : ['p2 drops: policy_in']);
    // Its answers do not begin another.
    expect(rig.send('p2', 'b > c', tcp(B, OUTSIDE, 80, 1, ACK))).toEqual(
      keep ? [`up: tcp ${B}:80 > ${OUTSIDE}:1`] : ['p2 drops: policy_out'],
    );
    expect(rig.send('up', 'c > b', tcp(OUTSIDE, B, 2, 80, SYN))).toEqual(['p2 drops: policy_in']);
    await rig.change((config) => {
      config.groups = { web: { in: 'any', out: 'any', members: [] } };
    });
    expect(rig.send('up', 'c > b', tcp(OUTSIDE, B, 1, 80, ACK))).toHaveLength(1);
  }
});

test('a port that leaves its groups is asked nothing any more, and one that joins is', async () => {
  const rig = await openPolicy(ports([], ['none']), { groups: { none: {} } });
  await known(rig);
  const asked = tcp(OUTSIDE, B, 1, 80, SYN);
  expect(rig.send('up', 'c > b', asked)).toEqual(['p2 drops: policy_in']);
  await rig.change(({ bridges }) => {
    bridges.br0.ports.p2.groups = undefined;
  });
  expect(rig.send('up', 'c > b', asked)).toHaveLength(1);
  await rig.change(({ bridges }) => {
    bridges.br0.ports.p2.groups = ['none'];
  });
  expect(rig.send('up', 'c > b', asked)).toEqual(['p2 drops: policy_in']);
});

test('IPv6: connections by whole addresses, fragments, and neighbours are always heard', async () => {
  const rig = await openPolicy(ports([], ['web']), {
    groups: {
      web: {
        in: [
          { protocol: 'udp', ports: 80, from: '2001:db8::/32' },
          { protocol: 'icmpv6', type: 128 },
        ],
      },
    },
  });
  await known(rig);
  const udp = (sport: number, dport: number, body: number[] = []) => [
    ...be16(sport),
    ...be16(dport),
    ...be16(8 + body.length),
    0,
    0,
    ...body,
  ];
  const one = { from: 'c', to: 'b', src: '2001:db8::7', dst: 'fd00::2' };
  expect(rig.sendWide('up', { ...one, payload: udp(1, 80) })).toHaveLength(1);
  expect(rig.sendWide('up', { ...one, payload: udp(1, 80) })).toEqual([expect.stringMatching(/^p2: /)]);
  expect(rig.sendWide('up', { ...one, src: '2001:db9::7', payload: udp(1, 80) })).toEqual([
    'p2 drops: policy_in',
  ]);
  expect(
    rig.sendWide('p2', { ...one, from: 'b', to: 'c', src: one.dst, dst: one.src, payload: udp(80, 1) }),
  ).toEqual([expect.stringMatching(/^up: /)]);
  const ping = icmpMessage(one.src, one.dst, 128, [0, 1, 0, 1]);
  expect(rig.sendWide('up', { ...one, protocol: 58, payload: ping })).toEqual([
    expect.stringMatching(/^p2: /),
  ]);
  const solicitation = icmpMessage(one.src, one.dst, 135, new Array(20).fill(0));
  expect(rig.sendWide('up', { ...one, protocol: 58, ttl: 255, payload: solicitation })).toEqual([
    expect.stringMatching(/^p2: /),
  ]);
  expect(rig.sendWide('up', { ...one, protocol: 58, ttl: 64, payload: solicitation })).toEqual([
    'p2 drops: policy_unknown',
  ]);
  const fragment = (offset: number, rest: number[]) => [17, 0, ...be16(offset), 0, 0, 0, 9, ...rest];
  expect(rig.sendWide('up', { ...one, protocol: 44, payload: fragment(16, new Array(8).fill(1)) })).toEqual([
    'p2 drops: policy_unknown',
  ]);
  expect(rig.sendWide('up', { ...one, protocol: 44, payload: fragment(1, udp(2, 80)) })).toEqual([
    expect.stringMatching(/^p2: /),
  ]);
  expect(rig.sendWide('up', { ...one, protocol: 44, payload: fragment(16, new Array(8).fill(1)) })).toEqual([
    expect.stringMatching(/^p2: /),
  ]);
});

test('tags in a frame hide no packet', async () => {
  const rig = await openPolicy(ports([], ['none']), { groups: { none: {} } });
  await known(rig);
  const asked = tcp(OUTSIDE, B, 1, 80, SYN);
  expect(rig.send('up', 'c > b', asked, [0x81, 0, 0, 5])).toEqual(['p2 drops: policy_in']);
  expect(rig.send('up', 'c > b', asked, [0x88, 0xa8, 0, 5, 0x81, 0, 0, 5])).toEqual(['p2 drops: policy_in']);
  expect(rig.send('up', 'c > b', asked, [0x81, 0, 0, 5, 0x81, 0, 0, 5, 0x81, 0, 0, 5])).toEqual([
    'p2 drops: policy_unknown',
  ]);
});

test('equal addresses in two domains never meet', async () => {
  const rig = await openPolicy(
    {
      br0: { ports: { p1: { groups: ['none'] }, u1: {} } },
      br1: { ports: { p2: { groups: ['none'] }, u2: {} } },
    },
    { groups: { none: {} } },
  );
  expect(rig.send('p1', 'a > c', { src: A, dst: B, sport: 1, dport: 2 })).toHaveLength(1);
  expect(rig.send('u2', 'c > a', { src: B, dst: A, sport: 2, dport: 1 })).toEqual(['p2 drops: policy_in']);
  expect(rig.send('u1', 'c > a', { src: B, dst: A, sport: 2, dport: 1 })).toHaveLength(1);
});

test('a guest that scans fills its own share', async () => {
  const rig = await openPolicy(ports(['out'], ['out']), {
    groups: { out: {} },
    connections: { limit: 1024, port_limit: 100 },
  });
  await known(rig);
  let dropped = 0;
  for (let port = 1; port <= 150; port++)
    dropped += rig.send('p1', 'a > c', tcp(A, OUTSIDE, 9, port, SYN))[0].includes('connection_limit') ? 1 : 0;
  expect(dropped).toBe(50);
  expect(rig.send('p2', 'b > c', tcp(B, OUTSIDE, 9, 1, SYN))).toHaveLength(1);
  // What is refused leaves no trace.
  for (let port = 1; port <= 300; port++) rig.send('up', 'c > b', tcp(OUTSIDE, B, 9, port, SYN));
  expect(rig.send('p2', 'b > c', tcp(B, OUTSIDE, 9, 2, SYN))).toHaveLength(1);
  rig.wait(241);
  expect(rig.send('p1', 'a > c', tcp(A, OUTSIDE, 9, 500, SYN))).toHaveLength(1);
});

test('the ports of a group have a limit together, and what has ended makes room within a second', async () => {
  const rig = await openPolicy(ports(['few', 'many'], ['few']), {
    groups: { few: { connections: 10 }, many: {} },
    connections: { limit: 1024, udp_timeout: 10 },
  });
  await known(rig);
  const opens = (port: 'p1' | 'p2', sport: number) => {
    const [name, src] = port === 'p1' ? ['a', A] : ['b', B];
    return !rig
      .send(port, `${name} > c`, { src, dst: OUTSIDE, sport, dport: 53 })[0]
      .includes('connection_limit');
  };
  const count = (port: 'p1' | 'p2', from: number) =>
    Array.from({ length: 8 }, (_, n) => opens(port, from + n)).filter(Boolean).length;
  expect([count('p1', 1), count('p2', 1)]).toEqual([8, 2]);
  // Known connections go on.
  expect(opens('p1', 3)).toBe(true);
  expect(rig.taploom.policy.groups()).toMatchObject([
    { name: 'few', connections: 10, limit: 10 },
    { name: 'many' },
  ]);
  rig.wait(5);
  expect([count('p2', 1), opens('p1', 4), opens('p1', 100)]).toEqual([2, true, false]);
  rig.wait(12);
  expect([count('p1', 200), count('p2', 200)]).toEqual([8, 2]);
  await rig.change((config) => {
    (config.groups as Record<string, object>).few = { connections: 12 };
  });
  expect([opens('p2', 300), opens('p1', 300), opens('p2', 301)]).toEqual([true, true, false]);
});

test('connections outlive a change of their limit', async () => {
  const rig = await openPolicy(ports([], ['web']), { groups: { web }, connections: { limit: 1024 } });
  await known(rig);
  rig.send('up', 'c > b', tcp(OUTSIDE, B, 1, 80, SYN));
  const udp = (sport: number, dport: number) => [...be16(sport), ...be16(dport), 0, 8, 0, 0];
  const wide = { from: 'b', to: 'c', src: 'fd00::2', dst: '2001:db8::1', payload: udp(5, 6) };
  rig.sendWide('p2', wide);
  await rig.change((config) => {
    config.connections = { ...config.connections, limit: 100_000 } as never;
  });
  expect(rig.send('p2', 'b > c', tcp(B, OUTSIDE, 80, 1, SYN | ACK))).toHaveLength(1);
  expect(
    rig.sendWide('up', { ...wide, from: 'c', to: 'b', src: wide.dst, dst: wide.src, payload: udp(6, 5) }),
  ).toEqual([expect.stringMatching(/^p2: /)]);
});
