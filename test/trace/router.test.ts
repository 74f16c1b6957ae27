// What a trace says of routers.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { packet } from '../support/engine/packets.ts';
import { configOf } from '../support/engine/rig.ts';

const BRIDGES = { lan: { ports: { p1: {} } }, out: { ports: { o1: {} } } };
const LAN = { bridge: 'lan', address: ['10.0.1.1/24', 'fd00:1::1/64'], mac: '02:00:00:00:00:41' };
const OUT = { bridge: 'out', address: ['10.0.2.1/24'], mac: '02:00:00:00:00:42' };

async function open() {
  const routes = [
    { to: '0.0.0.0/0', via: '10.0.2.2' },
    { to: '10.9.0.0/16', type: 'prohibit' as const },
  ];
  const neighbours = { '10.0.2.2': '02:00:00:00:00:62' };
  const interfaces = {
    lan: { ...LAN, reverse_path: 'strict' as const, neighbours: { '10.0.1.2': '02:00:00:00:00:61' } },
    out: { ...OUT, neighbours },
  };
  const taploom = await Switch.open(
    { ...configOf(BRIDGES), routers: { r1: { interfaces, routes } } },
    { threaded: false },
  );
  onTestFinished(() => taploom.close());
  // Static neighbours are the control plane's to put into the table; here nobody waits for it.
  const part = (of: object, name: string) => Reflect.get(of, name);
  const { neighbours: table } = part(taploom, 'plane');
  const find = (port: string) => part(taploom, 'compiler').ports.find(port) as number;
  table.set4(find('r1.out'), 0x0a000202, 0x0200, 0x62);
  table.set4(find('r1.lan'), 0x0a000102, 0x0200, 0x61);
  return async (spec: Partial<Parameters<typeof packet>[0]>) => {
    const frame = packet({ from: 'a', to: 'A', src: '10.0.1.2', dst: '192.0.2.1', ...spec });
    const { steps, outcome } = await taploom.trace({ bridge: 'lan', port: 'p1', frame });
    const told = steps.filter(({ stage }) => stage === 'route' || stage === 'egress');
    return { told: told.map(({ message }) => message), outcome, steps };
  };
}

test('the way through a router is told: route, next hop, its MAC, hops left', async () => {
  const trace = await open();
  const { told, outcome, steps } = await trace({});
  expect(told).toEqual([
    '192.0.2.1 matches 0.0.0.0/0 (routers.r1.routes[0]): it leaves by r1.out to the next hop 10.0.2.2, 02:00:00:00:00:62; 63 hops are left',
    'o1: as it came, 42 bytes',
  ]);
  expect(outcome).toMatchObject({ verdict: 'forwarded', copies: [{ port: 'o1' }] });
  const decided = steps.filter(({ stage }) => stage === 'decide').map(({ message }) => message);
  expect(decided).toEqual([
    '02:00:00:00:00:41 is r1.lan, an interface of a router in lan',
    '02:00:00:00:00:62 is not known: it floods out',
  ]);
});

test('a destination that is connected is its own next hop, and who is not known is asked for', async () => {
  const trace = await open();
  expect((await trace({ dst: '10.0.2.2' })).told[0]).toContain(
    '10.0.2.2 matches 10.0.2.0/24 (routers.r1.interfaces.out.address: 10.0.2.1/24): it leaves by r1.out to 10.0.2.2 itself, 02:00:00:00:00:62',
  );
  const unknown = await trace({ dst: '10.0.2.9' });
  expect(unknown.told[0]).toContain(
    'who is 10.0.2.9 itself behind r1.out is not known. The control plane asks',
  );
  expect(unknown.outcome.verdict).toBe('consumed');
});

test.each<[string, Partial<Parameters<typeof packet>[0]>, string, RegExp]>([
  ['ttl_exceeded', { ttl: 1 }, 'ttl_exceeded', /one hop left.*dropped, ttl_exceeded. Its sender is told/],
  ['prohibited', { dst: '10.9.1.1' }, 'prohibited', /matches 10.9.0.0\/16 \(routers.r1.routes\[1\]\)/],
  [
    'no_route',
    { src: 'fd00:1::2', dst: '2001:db8::1' },
    'no_route',
    /No route of r1 matches 2001:db8::1; one to ::\/0 would/,
  ],
  [
    'reverse_path',
    { src: '10.0.7.7' },
    'reverse_path',
    /10.0.7.7 is not routed back by r1.lan \(routers.r1.interfaces.lan.reverse_path: strict\)/,
  ],
  ['martian', { dst: '127.0.0.1' }, 'martian', /No router forwards from 10.0.1.2 to 127.0.0.1/],
  [
    'too long',
    { payload: new Array(1481).fill(1) },
    'mtu_exceeded',
    /1501 bytes are more than the way out takes/,
  ],
  ['a service', { dst: '10.0.1.1', protocol: 6 }, 'no_service', /answers nothing there but ping/],
])('why a packet goes nowhere is told: %s', async (_, spec, reason, words) => {
  const trace = await open();
  const { told, outcome } = await trace(spec);
  expect(outcome).toMatchObject({ verdict: 'dropped', reason });
  expect(told[0]).toMatch(words);
});

test('an answer is told as one', async () => {
  const trace = await open();
  const { outcome, told, steps } = await trace({ ttl: 1 });
  expect(steps.map(({ message }) => message)).toContain('r1.lan of lan says something of its own');
  expect(told.at(-1)).toMatch(/The router's answer, by p1/);
  expect(outcome.copies).toMatchObject([{ port: 'p1', isAnswer: true }]);
});
