// What a trace says of NAT, of connections that are there and of new ones; and that it opens none.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { configOf } from '../support/engine/rig.ts';
import { number, packet, SYN, TCP } from '../support/nat/packets.ts';

const BRIDGES = { lan: { ports: { g1: {} } }, wan: { ports: { u1: {} } } };
const GUEST = '10.0.1.5';
const SERVER = '198.51.100.7';
const GUEST_MAC = [2, 0, 0, 0, 1, 5];
const NEXT_MAC = [2, 0, 0, 0, 2, 9];
const LAN_MAC = [2, 0, 0, 0, 0, 1];
const UP_MAC = [2, 0, 0, 0, 0, 2];
const text = (mac: number[]) => mac.map((byte) => byte.toString(16).padStart(2, '0')).join(':');

async function open() {
  const interfaces = {
    lan: { bridge: 'lan', address: ['10.0.1.1/24'], mac: text(LAN_MAC) },
    up: { bridge: 'wan', address: ['192.0.2.1/24'], mac: text(UP_MAC) },
  };
  const nat = [
    { destination: 'tcp/8080', to: `${GUEST}:80` },
    { source: '10.0.1.0/24', to: 'interface', ports: '20000-20010' },
  ];
  const routes = [{ to: '0.0.0.0/0', via: '192.0.2.254' }];
  const taploom = await Switch.open(
    { ...configOf(BRIDGES), routers: { r1: { interfaces, routes, nat } } },
    { threaded: false },
  );
  onTestFinished(() => taploom.close());
  const part = (of: object, name: string) => Reflect.get(of, name);
  const { neighbours } = part(taploom, 'plane');
  const find = (port: string) => part(taploom, 'compiler').ports.find(port) as number;
  neighbours.set4(find('r1.lan'), number(GUEST), 0x0200, 0x0105);
  neighbours.set4(find('r1.up'), number('192.0.2.254'), 0x0200, 0x0209);
  return taploom;
}

const out = (bytes: Uint8Array) => Uint8Array.from([...LAN_MAC, ...GUEST_MAC, 8, 0, ...bytes]);
const back = (bytes: Uint8Array) => Uint8Array.from([...UP_MAC, ...NEXT_MAC, 8, 0, ...bytes]);
const sent = out(packet({ src: GUEST, dst: SERVER, sport: 5000, dport: 53 }));

async function translation(taploom: Switch, bridge: string, port: string, frame: Uint8Array) {
  const { steps } = await taploom.trace({ bridge, port, frame });
  return steps.filter(({ stage }) => stage === 'route').map(({ message }) => message);
}

test('a connection that is there, both ways, and what one would be', async () => {
  const taploom = await open();
  const first = await translation(taploom, 'lan', 'g1', sent);
  expect(first[0]).toMatch(/^NAT: 10\.0\.1\.5:5000 > 198\.51\.100\.7:53 becomes 192\.0\.2\.1:200\d\d > 198/);
  expect(taploom.routing.nat()[0].connections).toBe(0);

  taploom.memoryPort('g1').send(sent);
  taploom.poll(0, 1000);
  const [page] = [...taploom.routing.connections()];
  const port = page[0].newSource?.split(':')[1];
  expect((await translation(taploom, 'lan', 'g1', sent))[0]).toBe(
    `NAT: ${GUEST}:5000 > ${SERVER}:53 becomes 192.0.2.1:${port} > ${SERVER}:53`,
  );
  // Another destination: the mapping is there.
  const other = out(packet({ src: GUEST, dst: '203.0.113.9', sport: 5000, dport: 53 }));
  expect((await translation(taploom, 'lan', 'g1', other))[0]).toContain(`192.0.2.1:${port} > 203.0.113.9:53`);
  const answer = back(packet({ src: SERVER, dst: '192.0.2.1', sport: 53, dport: Number(port) }));
  const told = await translation(taploom, 'wan', 'u1', answer);
  expect(told[0]).toBe(`NAT: ${SERVER}:53 > 192.0.2.1:${port} becomes ${SERVER}:53 > ${GUEST}:5000`);
  expect(told[1]).toContain(`${GUEST} matches 10.0.1.0/24`);
  expect(taploom.routing.nat()[0].connections).toBe(1);
});

test('a published port, and who nobody waits for', async () => {
  const taploom = await open();
  const to = (dport: number) =>
    back(packet({ protocol: TCP, src: SERVER, dst: '192.0.2.1', sport: 9, dport, flags: SYN }));
  expect((await translation(taploom, 'wan', 'u1', to(8080)))[0]).toBe(
    `NAT: ${SERVER}:9 > 192.0.2.1:8080 becomes ${SERVER}:9 > ${GUEST}:80`,
  );
  expect((await translation(taploom, 'wan', 'u1', to(8081)))[0]).toContain('no_service');
  const stray = out(packet({ protocol: TCP, src: GUEST, dst: SERVER, sport: 9, dport: 9, flags: 4 }));
  expect((await translation(taploom, 'lan', 'g1', stray))[0]).toContain('nat_invalid');
});
