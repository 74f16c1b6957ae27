// `taploom router`, `taploom route`, `taploom neighbour`, through the server.

import { beforeEach, describe, expect, test } from 'vitest';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({
  version: 1,
  bridges: { br0: { vlan_filtering: true }, lan: {} },
  routers: { r1: { interfaces: { web: { bridge: 'br0', vlan: 10, address: ['10.0.1.1/24'] } } } },
});
const routers = () => cli.api.config.routers ?? {};

/** Runs it, and shows what the configuration has become. */
async function done(line: string): Promise<typeof routers extends () => infer R ? R : never> {
  const { code, error } = await cli.run(...line.split(' '));
  expect(error).toBe('');
  expect(code).toBe(0);
  return routers();
}

describe('router', () => {
  test('add makes an interface, and the router if there is none', async () => {
    const { r2 } = await done('router add r2 a --bridge lan --address 10.0.2.1/24,fd00:2::1/64 --mtu 1400');
    expect(r2.interfaces.a).toMatchObject({
      bridge: 'lan',
      address: ['10.0.2.1/24', 'fd00:2::1/64'],
      mtu: 1400,
    });
    const { r1 } = await done(
      'router add r1 a --bridge lan --anycast on --neighbours 10.0.2.9=02:00:00:00:00:09 --address 10.0.2.2/24',
    );
    expect(r1.interfaces.a).toMatchObject({ anycast: true, neighbours: { '10.0.2.9': '02:00:00:00:00:09' } });
    expect(Object.keys(await done('router add r3'))).toEqual(['r1', 'r2', 'r3']);
  });

  test('set changes keys, and takes them back', async () => {
    await done('router set r1 web --reverse-path strict --mtu 1300');
    const { r1 } = await done('router set r1 web --unset mtu --table 7');
    expect(r1.interfaces.web).toMatchObject({ reverse_path: 'strict', table: 7, address: ['10.0.1.1/24'] });
    expect(r1.interfaces.web.mtu).toBeUndefined();
  });

  test('del takes an interface, or all', async () => {
    await done('router add r1 lan --bridge lan');
    expect(Object.keys((await done('router del r1 web')).r1.interfaces)).toEqual(['lan']);
    expect(await done('router del r1')).toEqual({});
  });

  test('shows interfaces', async () => {
    const { out } = await cli.run(
      'router',
      'show',
      '--format',
      '{router} {interface} {bridge} {vlan} {mtu} {drops} {address}',
    );
    expect(out).toBe('r1 web br0 10 1500 2 10.0.1.1/24\n');
    const drops = await cli.run('drops', '--format', '{port} {reason} {frames}');
    expect(drops.out).toBe('r1.web no_route 2\n');
  });

  test.each([
    ['router show r9', /There is no router r9/],
    ['router del r1 x', /Router r1 has no interface x/],
    ['router add r1 web --bridge lan', /Router r1 has an interface web already/],
    ['router add r1', /Cannot create router r1: there is one already/],
    ['router add r1 x --bridge nal', /routers.r1.interfaces.x.bridge: there is no bridge nal/],
    ['router add r1 x', /routers.r1.interfaces.x.bridge: missing/],
    ['router add r1 x --bridge lan --address 10.0.1.0/25', /10.0.1.0\/25 is the subnet itself/],
    ['bridge del br0', /routers.r1.interfaces.web.bridge: there is no bridge br0/],
  ])('%s says why not', async (line, message) => {
    const { code, error } = await cli.run(...line.split(' '));
    expect(code).toBe(1);
    expect(error).toMatch(message);
  });
});

describe('route', () => {
  test('add makes or replaces one', async () => {
    await done('route add r1 0.0.0.0/0 --via 10.0.1.9');
    await done('route add r1 fd00:9::/64 --via fe80::9 --interface web');
    const { r1 } = await done('route add r1 0.0.0.0/0 --via 10.0.1.8,10.0.1.7');
    expect(r1.routes).toEqual([
      { to: '0.0.0.0/0', via: ['10.0.1.8', '10.0.1.7'] },
      { to: 'fd00:9::/64', via: ['fe80::9'], interface: 'web' },
    ]);
  });

  test('del takes it away', async () => {
    await done('route add r1 10.9.0.0/16 --type blackhole');
    expect((await done('route del r1 10.9.0.0/16')).r1.routes).toEqual([]);
  });

  test('shows them, and those of subnets', async () => {
    await done('route add r1 0.0.0.0/0 --via 10.0.1.9');
    const { out } = await cli.run('route', 'ls', '--format', '{table} {to} {type} {via}');
    expect(out.split('\n')).toEqual([
      'main 10.0.1.0/24 connected web',
      'main 10.0.1.1/32 local web',
      'main 10.0.1.255/32 broadcast web',
      'main 0.0.0.0/0 static 10.0.1.9 (web)',
      '',
    ]);
  });

  test('get tells a way in words', async () => {
    const hop = { interface: 'web', via: '10.0.1.9', mtu: 1500 };
    cli.api.routing.answer = {
      type: 'forward',
      to: '0.0.0.0/0',
      hops: [{ ...hop, mac: '02:00:00:00:00:09' }],
    };
    expect((await cli.run('route', 'get', '9.9.9.9')).out).toBe(
      '9.9.9.9 goes to 10.0.1.9 behind interface web (02:00:00:00:00:09), by the route to 0.0.0.0/0\n',
    );
    cli.api.routing.answer = { type: 'forward', to: '10.0.1.0/24', hops: [{ interface: 'web', mtu: 1500 }] };
    expect((await cli.run('route', 'get', '10.0.1.5', 'r1', '--interface', 'web')).out).toBe(
      '10.0.1.5 is behind interface web (not known yet, it would be asked for), by the route to 10.0.1.0/24\n',
    );
    cli.api.routing.answer = { type: 'none', hops: [] };
    expect((await cli.run('route', 'get', '8.8.8.8')).out).toBe(
      '8.8.8.8 has no route: the sender is told so\n',
    );
    expect(cli.api.routing.questions[1]).toEqual({ router: 'r1', address: '10.0.1.5', interface: 'web' });
  });

  test('of several routers one has to be named', async () => {
    await done('router add r2');
    const { code, error } = await cli.run('route', 'get', '9.9.9.9');
    expect(code).toBe(1);
    expect(error).toContain('Which router? There are r1, r2');
  });

  test.each([
    ['route add r9 0.0.0.0/0 --via 10.0.1.9', /There is no router r9/],
    ['route add r1 default --via 10.0.1.9', /routes\[0\].to: default is two routes here/],
    ['route add r1 10.9.0.0/16 --via 10.0.9.9', /no interface of this router reaches 10.0.9.9/],
    ['route del r1 10.9.0.0/16', /Router r1 has no route to 10.9.0.0\/16/],
  ])('%s says why not', async (line, message) => {
    const { code, error } = await cli.run(...line.split(' '));
    expect(code).toBe(1);
    expect(error).toMatch(message);
  });
});

describe('neighbour', () => {
  beforeEach(() => {
    const where = { router: 'r1', interface: 'web', bridge: 'br0', vlan: 10 };
    cli.api.routing.found = [
      { ...where, address: '10.0.1.9', mac: '02:00:00:00:00:09', state: 'reachable', age: 3.4 },
      { ...where, address: '10.0.1.8', state: 'failed' },
    ];
  });

  test('shows who is where', async () => {
    const { out } = await cli.run('neigh');
    expect(out.split('\n').map((line) => line.trimEnd())).toEqual([
      'ROUTER  INTERFACE  BRIDGE  VLAN  ADDRESS   MAC                STATE      AGE',
      'r1      web        br0       10  10.0.1.9  02:00:00:00:00:09  reachable    3',
      'r1      web        br0       10  10.0.1.8                     failed',
      '',
    ]);
  });

  test('flush forgets them', async () => {
    expect((await cli.run('neighbour', 'flush', 'r1', '--address', '10.0.1.9')).out).toBe(
      '1 neighbour forgotten\n',
    );
    expect(cli.api.routing.flushes).toEqual([{ router: 'r1', address: '10.0.1.9' }]);
  });
});
