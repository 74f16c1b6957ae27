// What routers say and hear on their links: ARP, neighbour discovery, echo.

import { expect, test } from 'vitest';
import { PORT } from '../../src/table/counters.ts';
import { TRAP } from '../../src/table/traps.ts';
import { parseIp } from '../../src/wire/ip_address.ts';
import { mac } from '../support/engine/frame_text.ts';
import { icmpMessage, packet, sumOf } from '../support/engine/packets.ts';
import { openRouted, type Routers } from '../support/engine/routed.ts';
import { say } from '../support/engine/say.ts';

const BRIDGES = { lan: { ports: { p1: {}, p2: {} } }, out: { ports: { o1: {} } } };
const LAN = { bridge: 'lan', address: ['10.0.1.1/24', 'fd00:1::1/64'] };
const OUT = { bridge: 'out', address: ['10.0.2.1/24', 'fd00:2::1/64'] };

function open(lan: object = {}, more: Routers = {}) {
  const bench = openRouted(BRIDGES, { r1: { interfaces: { lan: { ...LAN, ...lan }, out: OUT } }, ...more });
  bench.know('r1.lan', '10.0.1.2', 'a');
  bench.know('r1.lan', 'fd00:1::2', 'a');
  return bench;
}

const ip = (text: string) => [...(parseIp(text) as Uint8Array)];
const hex = (bytes: ArrayLike<number>) => Buffer.from(Array.from(bytes)).toString('hex');

interface Arp {
  operation?: number;
  from?: string;
  sender?: string;
  to?: string;
  target: string;
}

function arp({ operation = 1, from = 'a', sender = '10.0.1.2', to = '*', target }: Arp): Uint8Array {
  const body = [0, 1, 8, 0, 6, 4, 0, operation, ...mac(from), ...ip(sender), 0, 0, 0, 0, 0, 0, ...ip(target)];
  return Uint8Array.from([...mac(to), ...mac(from), 8, 6, ...body]);
}

/** How an interface answers. */
const reply = (station: string, address: string, sender = '10.0.1.2') =>
  `${hex([0, 1, 8, 0, 6, 4, 0, 2, ...mac(station), ...ip(address), ...mac('a'), ...ip(sender)])}`;

test('who asks for an address of the router is answered, and beside him the switch hears it', () => {
  const bench = open();
  expect(say(bench, 'p1', arp({ target: '10.0.1.1' }))).toEqual([
    expect.stringContaining('p2: a > ffffffffffff 806'),
    `p1: A > a 806 ${reply('A', '10.0.1.1')}`,
  ]);
  // Any of its addresses, as Linux does; also for who only asks whether it is free (RFC 5227).
  expect(say(bench, 'p1', arp({ target: '10.0.2.1' }))[1]).toBe(`p1: A > a 806 ${reply('A', '10.0.2.1')}`);
  expect(say(bench, 'p1', arp({ target: '10.0.1.1', sender: '0.0.0.0' }))[1]).toBe(
    `p1: A > a 806 ${reply('A', '10.0.1.1', '0.0.0.0')}`,
  );
  expect(say(bench, 'p1', arp({ target: '10.0.1.1', to: 'A' }))).toEqual([
    `p1: A > a 806 ${reply('A', '10.0.1.1')}`,
  ]);
  const { counters, port } = bench;
  expect(counters.values[counters.port(port('r1.lan')) + PORT.generated]).toBe(4);
});

test('the only guest of a link gets its answer, and nothing is counted as lost', () => {
  const bench = openRouted({ lan: { ports: { p1: {} } } }, { r1: { interfaces: { lan: LAN } } });
  expect(say(bench, 'p1', arp({ target: '10.0.1.1' }))).toEqual([`p1: A > a 806 ${reply('A', '10.0.1.1')}`]);
});

test('nobody is answered for other addresses, for claims, or with a group address', () => {
  const bench = open();
  const isAnswered = (frame: Uint8Array) => say(bench, 'p1', frame).some((line) => line.startsWith('p1'));
  expect(isAnswered(arp({ target: '10.0.1.9' }))).toBe(false);
  expect(isAnswered(arp({ target: '10.0.1.2' }))).toBe(false); // announced
  expect(isAnswered(arp({ target: '10.0.1.1', sender: '10.0.1.1' }))).toBe(false); // the router's own
  expect(isAnswered(arp({ target: '10.0.1.1', operation: 2 }))).toBe(false);
  const forged = arp({ target: '10.0.1.1' });
  forged[22] = 0xff;
  expect(isAnswered(forged)).toBe(false);
  expect(isAnswered(arp({ target: '10.0.1.1' }).subarray(0, 41))).toBe(false);
  const other = arp({ target: '10.0.1.1' });
  other[18] = 7; // not Ethernet
  expect(isAnswered(other)).toBe(false);
});

test('a proxy answers for what it routes elsewhere, and for nothing else', () => {
  const bench = open({ proxy_arp: true });
  const answers = (target: string, sender?: string) =>
    say(bench, 'p1', arp({ target, ...(sender && { sender }) })).filter((line) => line.startsWith('p1'));
  expect(answers('10.0.2.9')).toEqual([`p1: A > a 806 ${reply('A', '10.0.2.9')}`]);
  expect(answers('10.0.1.9')).toEqual([]);
  expect(answers('192.0.2.1')).toEqual([]);
  expect(answers('10.0.2.9', '0.0.0.0')).toEqual([]);
});

test('the control plane hears what tells of neighbours, once', () => {
  const bench = open();
  const heard = (frame: Uint8Array) => {
    say(bench, 'p1', frame);
    return bench.punts().map(({ port, reason }) => `${port} ${reason}`);
  };
  const expected = [`r1.lan ${TRAP.router}`];
  expect(heard(arp({ target: '10.0.1.1' }))).toEqual(expected);
  expect(heard(arp({ target: '10.0.1.1', to: 'A', operation: 2 }))).toEqual(expected);
  expect(heard(arp({ target: '10.0.1.2' }))).toEqual(expected); // announced
  expect(heard(arp({ target: '10.0.1.9', sender: '10.0.1.1' }))).toEqual(expected); // a conflict
  expect(heard(arp({ target: '10.0.1.9' }))).toEqual([]);
});

test('several routers on a link hear each other, and each answers for itself', () => {
  const bench = open({}, { r2: { interfaces: { lan: { bridge: 'lan', address: ['10.0.1.254/24'] } } } });
  expect(say(bench, 'p1', arp({ target: '10.0.1.254' })).at(-1)).toBe(
    `p1: C > a 806 ${reply('C', '10.0.1.254')}`,
  );
  say(bench, 'p1', arp({ target: '10.0.1.2' }));
  expect(
    bench
      .punts()
      .map(({ port }) => port)
      .sort(),
  ).toEqual(['r1.lan', 'r2.lan', 'r2.lan']);
});

/** A neighbour solicitation with its sender's MAC as an option. */
function solicitation(target: string, src = 'fd00:1::2', hopLimit = 255, to = '3333ff000001'): Uint8Array {
  const dst = to.length === 1 ? target : 'ff02::1:ff00:1';
  const option = src === '::' ? [] : [1, 1, ...mac('a')];
  const message = icmpMessage(src, dst, 135, [0, 0, 0, 0, ...ip(target), ...option]);
  const frame = packet({ from: 'a', to: 'x', src, dst, protocol: 58, ttl: hopLimit, payload: message });
  frame.set(to.length === 1 ? mac(to) : Buffer.from(to, 'hex'));
  return frame;
}

/** The advertisement among frames, checked. */
function advertised(lines: string[]) {
  const line = lines.find((one) => / ttl 255 58 88/.test(one));
  if (line === undefined) return undefined;
  const [, station, to, src, dst, payload] = /(\S+) > (\S+) (\S+) > (\S+) ttl 255 58 (\w+)$/.exec(line) ?? [];
  const message = Buffer.from(payload, 'hex');
  const pseudo = [...ip(src), ...ip(dst), 0, 0, 0, message.length, 0, 0, 0, 58];
  expect(sumOf([...pseudo, ...message])).toBe(0xffff);
  return `${station} > ${to} ${src} > ${dst} flags ${hex(message.subarray(4, 5))} ${hex(message.subarray(24))}`;
}

test('neighbour solicitations for addresses of the router are answered', () => {
  const bench = open();
  const option = `0201${hex(mac('A'))}`;
  expect(advertised(say(bench, 'p1', solicitation('fd00:1::1')))).toBe(
    `A > a fd00:1::1 > fd00:1::2 flags e0 ${option}`,
  );
  expect(advertised(say(bench, 'p1', solicitation('fd00:1::1', 'fd00:1::2', 255, 'A')))).toBe(
    `A > a fd00:1::1 > fd00:1::2 flags e0 ${option}`,
  );
  const own = 'fe80::ff:fe00:41';
  expect(advertised(say(bench, 'p1', solicitation(own, 'fe80::9')))).toBe(
    `A > a ${own} > fe80::9 flags e0 ${option}`,
  );
  // Who only asks whether an address is free hears it with all (RFC 4862 section 5.4.3).
  expect(advertised(say(bench, 'p1', solicitation('fd00:1::1', '::')))).toBe(
    `A > 333300000001 fd00:1::1 > ff02::1 flags a0 ${option}`,
  );
  expect(bench.punts()).toHaveLength(4);
});

test('solicitations that a router forwarded, that are wrong or for others are not answered', () => {
  const bench = open();
  expect(advertised(say(bench, 'p1', solicitation('fd00:1::1', 'fd00:1::2', 254)))).toBeUndefined();
  expect(advertised(say(bench, 'p1', solicitation('fd00:1::9')))).toBeUndefined();
  const wrong = solicitation('fd00:1::1');
  wrong[57]++;
  expect(advertised(say(bench, 'p1', wrong))).toBeUndefined();
  expect(advertised(say(bench, 'p1', solicitation('fd00:1::1').subarray(0, 77)))).toBeUndefined();
  expect(bench.punts()).toEqual([]);
});

test.each<[string, string, string, number, number]>([
  ['IPv4', '10.0.1.2', '10.0.1.1', 1, 8],
  ['IPv4 at another interface', '10.0.1.2', '10.0.2.1', 1, 8],
  ['IPv6', 'fd00:1::2', 'fd00:1::1', 58, 128],
  ['IPv6 at another interface', 'fd00:1::2', 'fd00:2::1', 58, 128],
])('ping of the gateway, %s', (_, src, dst, protocol, type) => {
  const bench = open();
  for (const size of [0, 1, 56, 1000, 1452]) {
    const rest = [1, 2, 0, 1, ...new Array(size).fill(0x61)];
    const request = icmpMessage(src, dst, type, rest);
    const answer = icmpMessage(dst, src, protocol === 1 ? 0 : 129, rest);
    const lines = say(bench, 'p1', { from: 'a', to: 'A', src, dst, ttl: 9, protocol, payload: request });
    expect(lines).toEqual([`p1: A > a ${dst} > ${src} ttl 64 ${protocol} ${hex(answer)}`]);
  }
});

test('ping of a link-local address is answered on the link where it came from', () => {
  const bench = open();
  bench.know('r1.lan', 'fe80::9', 'a');
  const own = 'fe80::ff:fe00:41';
  const payload = icmpMessage('fe80::9', own, 128, [1, 2, 0, 1]);
  const lines = say(bench, 'p1', { from: 'a', to: 'A', src: 'fe80::9', dst: own, protocol: 58, payload });
  expect(lines).toEqual([expect.stringContaining(`p1: A > a ${own} > fe80::9 ttl 64 58 81`)]);
});

test('a reply whose neighbour is not known waits for it', () => {
  const bench = open();
  const payload = icmpMessage('10.0.1.7', '10.0.1.1', 8, [1, 2, 0, 1]);
  expect(
    say(bench, 'p1', { from: 'g', to: 'A', src: '10.0.1.7', dst: '10.0.1.1', protocol: 1, payload }),
  ).toEqual([]);
  expect(bench.punts()).toMatchObject([{ port: 'r1.lan', reason: TRAP.neighbour }]);
});

test('fragments of a ping, and other messages to the router, are not answered', () => {
  const bench = open();
  const payload = icmpMessage('10.0.1.2', '10.0.1.1', 8, [1, 2, 0, 1]);
  const request = { from: 'a', to: 'A', src: '10.0.1.2', dst: '10.0.1.1', protocol: 1, payload };
  expect(say(bench, 'p1', { ...request, fragment: 0x2000 })).toEqual(['p1 drops: no_service']);
  const other = icmpMessage('10.0.1.2', '10.0.1.1', 13, [1, 2, 0, 1]);
  expect(say(bench, 'p1', { ...request, payload: other })).toEqual(['p1 drops: no_service']);
  expect(say(bench, 'p1', { ...request, payload: [8, 0, 1] })).toEqual(['p1 drops: no_service']);
});

test('one batch has room for so many answers, and none is lost in a later poll', () => {
  const bench = open();
  const frames = Array.from({ length: 64 }, (_, n) =>
    arp({ target: '10.0.1.1', from: 'a', sender: `10.0.1.${n + 2}` }),
  );
  const lines = say(bench, 'p1', ...frames).filter((line) => line.startsWith('p1: A > a 806'));
  expect(new Set(lines).size).toBe(64);
});

test('an anycast gateway answers its own guests alone, and hosts share what guests answer', () => {
  const remotes = { type: 'vxlan', vni: 7, local: '192.0.2.1', remotes: ['192.0.2.2'], learning: true };
  const bench = openRouted(
    { lan: { ports: { p1: {}, vx: remotes } } },
    { r1: { interfaces: { lan: { ...LAN, anycast: true } } } },
  );
  const { table, port } = bench;
  const [hi, lo] = [table.macHi[1], table.macLo[1]];
  const own = [hi >>> 8, hi & 255, lo >>> 24, lo >>> 16, lo >>> 8, lo].map((byte) => byte & 255);
  const to = (frame: Uint8Array) => {
    frame.set(own);
    return frame;
  };
  // A question that is answered goes no further.
  const answers = say(bench, 'p1', arp({ target: '10.0.1.1' }));
  expect(answers).toEqual([expect.stringMatching(/^p1: .* 806 .*0002/)]);
  expect(say(bench, 'p1', solicitation('fd00:1::1'))).toEqual([expect.stringMatching(/^p1: .* 58 88/)]);
  // What is asked elsewhere is answered there.
  expect(say(bench, 'vx', arp({ target: '10.0.1.1' })).map((line) => line.slice(0, 5))).toEqual(['p1: a']);
  expect(say(bench, 'vx', solicitation('fd00:1::1')).map((line) => line.slice(0, 5))).toEqual(['p1: a']);
  bench.punts();
  // Whoever asked hears the answer, here and there.
  const reply = to(arp({ target: '10.0.1.1', operation: 2 }));
  expect(say(bench, 'p1', reply).map((line) => line.slice(0, 5))).toEqual(['vx: a']);
  expect(say(bench, 'vx', reply)).toEqual([]);
  expect(bench.punts()).toHaveLength(2);
  // The gateway's MAC stays where it is, whoever sends with it.
  const forged = packet({ from: 'a', to: 'a', src: '10.0.2.2', dst: '10.0.1.2' });
  forged.set(own, 6);
  say(bench, 'vx', forged);
  expect(bench.engine.inspect(Int32Array.of(table.inDomain.indexOf(1), hi, lo)).entries[2]).toBe(
    port('r1.lan'),
  );
});

test('an interface does not answer itself: its own probes flood the link, too', () => {
  const bench = open();
  const probe = arp({ from: 'A', target: '10.0.1.1', sender: '0.0.0.0' });
  const answers = (frame: Uint8Array) =>
    say(bench, 'p2', frame).filter((line) => !line.startsWith('p1: A > f'));
  expect(answers(probe)).toEqual([]);
  const ns = solicitation('fd00:1::1', '::');
  ns.set(mac('A'), 6);
  expect(answers(ns).filter((line) => / 58 88/.test(line))).toEqual([]);
  expect(bench.punts()).toEqual([]);
});
