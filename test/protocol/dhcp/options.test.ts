// What clients are told, and what they say of themselves.

import { expect, test } from 'vitest';
import type { DhcpClass, DhcpOptions } from '../../../src/protocol/dhcp/settings.ts';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { text, uint16 } from '../../../src/wire/dhcp4/values.ts';
import { clientFrame, clientMessage, parameters } from '../../wire/dhcp4/messages.ts';
import { type Asking, bytes, ip, SERVER, SUBNET, World } from './world.ts';

const ALL: DhcpOptions = {
  routers: [SERVER],
  dns: [SERVER, ip('9.9.9.9')],
  ntp: [ip('192.168.122.5')],
  domain: 'lan.example',
  search: ['lan.example', 'example'],
  mtu: 1400,
  routes: [{ to: ip('10.0.0.0'), prefix: 8, via: ip('192.168.122.9') }],
  hostName: 'guest',
  nextServer: ip('192.168.122.7'),
  serverName: 'boot',
  bootFile: 'a.efi',
  vendor: Uint8Array.of(6, 1, 8),
  others: [
    { code: 150, value: Uint8Array.of(1, 2, 3, 4) },
    { code: 252, value: text('http://wpad'), always: true },
  ],
};

const worldWith = (options: DhcpOptions, classes: DhcpClass[] = []) =>
  new World({ subnets: [{ ...SUBNET, options }], classes });
const told = (world: World, asking: Asking = {}) => world.offer(1, asking)?.message;

test('a client is told what it asks for, in its order, and what is told to all', () => {
  const world = worldWith(ALL);
  const offer = world.offer(1, { options: [parameters(15, 3, 28, 150, 42, 26, 6, 12, 99)] });
  expect([...(offer?.message.options.keys() ?? [])]).toEqual([
    53, 54, 51, 58, 59, 1, 15, 3, 28, 150, 42, 26, 6, 12, 252,
  ]);
  expect(bytes(offer, OPTION.subnetMask)).toEqual([255, 255, 255, 0]);
  expect(bytes(offer, OPTION.broadcast)).toEqual([192, 168, 122, 255]);
  expect(bytes(offer, OPTION.dns)).toEqual([192, 168, 122, 1, 9, 9, 9, 9]);
  expect(bytes(offer, OPTION.mtu)).toEqual([5, 120]);
  expect(Buffer.from(bytes(offer, OPTION.domain) ?? []).toString()).toBe('lan.example');
  expect(Buffer.from(bytes(offer, OPTION.hostName) ?? []).toString()).toBe('guest');
});

test('a client that asks for nothing is told everything', () => {
  const world = worldWith(ALL);
  const message = clientMessage({}, [[OPTION.maxSize, uint16(1500)]]);
  world.hear(clientFrame(message), 'p1');
  const [offer] = world.pass(1000);
  const codes = [1, 3, 6, 12, 15, 26, 28, 42, 43, 66, 67, 119, 121, 150, 252];
  for (const code of codes) expect(offer.message.options.has(code), String(code)).toBe(true);
  expect(offer.message).toMatchObject({ siaddr: ip('192.168.122.7'), serverName: 'boot', bootFile: 'a.efi' });
});

test('classless routes have the default route with them, under either number', () => {
  const routes = [8, 10, 192, 168, 122, 9, 0, 192, 168, 122, 1];
  const world = worldWith(ALL);
  const offer = (...codes: number[]) => world.offer(1, { options: [parameters(...codes)] });
  expect(bytes(offer(121, 249), 121)).toEqual(routes);
  expect(bytes(offer(121, 249), 249)).toBeUndefined();
  expect(bytes(offer(249), 249)).toEqual(routes);
});

test('the MTU is that of the port, unless the configuration says one', () => {
  const frame = clientFrame(clientMessage({}, [parameters(OPTION.mtu)]));
  const mtuOf = (world: World) => {
    world.hear(frame, 'p1', 8950);
    return bytes(world.pass(1000)[0], OPTION.mtu);
  };
  expect(mtuOf(worldWith({}))).toEqual([8950 >> 8, 8950 & 0xff]);
  expect(mtuOf(worldWith({ mtu: 1400 }))).toEqual([5, 120]);
});

test('a client that boots from the network gets the file of its architecture, and iPXE its script', () => {
  const next = ip('192.168.122.7');
  const world = worldWith({ nextServer: next }, [
    { vendorClass: 'PXEClient', architectures: [0], options: { bootFile: 'pxelinux.0' } },
    { vendorClass: 'PXEClient', architectures: [7, 9], options: { bootFile: 'x64.efi' } },
    { vendorClass: 'HTTPClient', architectures: [16], options: { bootFile: 'http://boot/x64.efi' } },
    { userClass: 'iPXE', options: { bootFile: 'http://boot/script' } },
  ]);
  const boot = (kind: string, architecture: number, ...more: (readonly [number, Uint8Array])[]) =>
    told(world, {
      options: [
        [OPTION.vendorClass, text(`${kind}:Arch:00007`)],
        [OPTION.architecture, uint16(architecture)],
        parameters(60, 66, 67),
        ...more,
      ],
    });
  expect(boot('PXEClient', 0)).toMatchObject({ siaddr: next, bootFile: 'pxelinux.0' });
  expect(boot('PXEClient', 7)).toMatchObject({ siaddr: next, bootFile: 'x64.efi' });
  expect(boot('PXEClient', 11)?.bootFile).toBe('');
  expect(boot('PXEClient', 7, [OPTION.userClass, text('iPXE')])?.bootFile).toBe('http://boot/script');
  const http = boot('HTTPClient', 16);
  expect(http?.bootFile).toBe('http://boot/x64.efi');
  expect(Buffer.from(http?.options.get(OPTION.vendorClass) ?? []).toString()).toBe('HTTPClient');
  expect(told(world)?.bootFile).toBe('');
});

test('what a host is told goes before what its class is told, and that before what its subnet is told', () => {
  const classes = [{ vendorClass: 'x', options: { domain: 'class', mtu: 1300 } }];
  const hosts = [{ mac: '02:00:00:00:00:01', options: { mtu: 1200 } }];
  const world = new World({ subnets: [{ ...SUBNET, options: ALL }], classes, hosts });
  const options = [[OPTION.vendorClass, text('xyz')] as const];
  expect(bytes(world.offer(1, { options }), OPTION.mtu)).toEqual([4, 176]);
  expect(bytes(world.offer(2, { options }), OPTION.mtu)).toEqual([5, 20]);
  expect(bytes(world.offer(3), OPTION.mtu)).toEqual([5, 120]);
});

test('an answer is no longer than the client says that it takes', () => {
  const dns = Array.from({ length: 120 }, (_, n) => n + 1);
  const lengthOf = (size?: number, count = 120) => {
    const world = worldWith({ ...ALL, dns: dns.slice(0, count) });
    const options = [parameters(6, 3, 15), ...(size ? [[OPTION.maxSize, uint16(size)] as const] : [])];
    world.hear(clientFrame(clientMessage({}, options)), 'p1');
    const [offer] = world.pass(1000);
    // What has room is there, though the longest was asked for first.
    expect(offer.message.options.has(OPTION.routers)).toBe(true);
    return offer.message.options.get(OPTION.dns)?.length;
  };
  expect(lengthOf()).toBeUndefined();
  expect(lengthOf(100)).toBeUndefined();
  // RFC 2131 section 2: every client takes 576 bytes.
  expect(lengthOf(100, 50)).toBe(200);
  expect(lengthOf(1400)).toBe(480);
});

test('the name that a client says it has is one label, or none', () => {
  const named = (code: number, name: string) => {
    const world = new World();
    world.join(1, { options: [[code, text(name)]] });
    return world.server.leases()[0].hostName;
  };
  expect(named(OPTION.hostName, 'VM-1')).toBe('vm-1');
  expect(named(OPTION.hostName, 'vm1.lan.example')).toBe('vm1');
  expect(named(OPTION.clientFqdn, '\0\0\0vm2.lan')).toBe('vm2');
  for (const bad of ['-a', 'a b', '\x1b[31m', '', 'ä', 'a'.repeat(64)])
    expect(named(OPTION.hostName, bad)).toBe('');
});
