// Routers: what is refused, with which words, and what remains of a change.

import { describe, expect, test } from 'vitest';
import { diff } from '../../src/config/diff.ts';
import { formatConfig } from '../../src/config/format_config.ts';
import { inForce } from '../../src/config/in_force.ts';
import { refuseDependents } from '../../src/config/refuse.ts';
import { parseConfig, type SwitchConfigInput, validate } from '../../src/config/schema.ts';

const BRIDGES = {
  br0: { vlan_filtering: true, vlans: { 100: { private: { isolated: 101 } } } },
  lan: {
    ports: { vm1: { type: 'memory' as const }, 'r1.taken': { type: 'memory' as const } },
    static: [{ mac: '02:00:00:00:00:77', port: 'vm1' }],
  },
  net: {
    network: {
      mode: 'host-only' as const,
      subnet: '10.9.0.0/24',
      dhcp: { hosts: { db: { mac: '02:00:00:00:00:09', address: '10.9.0.9' } } },
    },
  },
};

type Interface = NonNullable<NonNullable<SwitchConfigInput['routers']>[string]['interfaces']>[string];
const WEB: Interface = { bridge: 'br0', vlan: 10, address: ['10.0.1.1/24', 'fd00:1::1/64'] };
const LAN: Interface = { bridge: 'lan', address: ['10.0.2.1/24'] };

function problemsOf(routers: unknown): string[] {
  return validate({ version: 1, bridges: BRIDGES, routers }).problems.map(
    ({ path, message }) => `${path.slice(1).join('.')}: ${message}`,
  );
}

/** Of an interface `x` beside `web`. */
const ofInterface = (x: unknown) => problemsOf({ r1: { interfaces: { web: WEB, x } } });
/** Of a route of a router with `web` and `lan`. */
const ofRoute = (...routes: unknown[]) => problemsOf({ r1: { interfaces: { web: WEB, lan: LAN }, routes } });

test('a router in full is fine', () => {
  const routes = [
    { to: '0.0.0.0/0', via: '10.0.2.254' },
    { to: '::/0', via: ['fd00:1::fe', 'fd00:1::ff'] },
    { to: '10.5.0.0/16', via: 'fe80::1', interface: 'web' },
    { to: '10.6.0.0/16', type: 'blackhole' },
    { to: '10.7.0.0/16', interface: 'lan' },
    { to: '0.0.0.0/0', via: '10.0.1.254', table: 7 },
  ];
  const neighbours = { '10.0.2.9': '02:00:00:00:00:09' };
  const lan = {
    ...LAN,
    table: 7,
    reverse_path: 'strict',
    proxy_arp: true,
    mtu: 1400,
    anycast: true,
    neighbours,
  };
  expect(problemsOf({ r1: { interfaces: { web: WEB, lan }, routes } })).toEqual([]);
});

test('two tenants have equal addresses, also in one VLAN with a third', () => {
  const other = { ...WEB, vlan: 20 };
  const third = { bridge: 'br0', vlan: 10, address: ['10.0.1.2/24'] };
  expect(
    problemsOf({
      r1: { interfaces: { web: WEB } },
      r2: { interfaces: { web: other } },
      r3: { interfaces: { web: third } },
    }),
  ).toEqual([]);
});

describe('an interface', () => {
  test.each([
    [{ ...LAN, address: '10.0.2.1/24' }, /address: .* is not a list of addresses/],
    [{ ...LAN, address: ['10.0.2.1'] }, /address.0: .*: 10.0.2.1\/24\?/],
    [{ ...LAN, address: ['10.0.2.0/24'] }, /is the subnet itself/],
    [{ ...LAN, address: ['10.0.2.255/24'] }, /is the broadcast address/],
    [{ ...LAN, address: ['fd00::/64'] }, /of any router of its subnet/],
    [{ ...LAN, address: ['224.0.0.5/24'] }, /multicast group/],
    [{ ...LAN, address: ['127.0.0.1/8'] }, /no host's address/],
    [{ ...LAN, address: ['::1/128'] }, /no host's address/],
    [{ ...LAN, address: ['10.0.2.1/24', '10.0.2.1/24'] }, /address.1: 10.0.2.1\/24 is listed twice/],
    [{ ...LAN, address: ['fe80::1/64', 'fe80::2/64'] }, /one link-local address/],
    [{ ...LAN, bridge: 'lna' }, /there is no bridge lna/],
    [{ ...LAN, vlan: 10 }, /does not filter VLANs/],
    [{ bridge: 'br0' }, /missing: bridge br0 filters VLANs/],
    [{ bridge: 'br0', vlan: 101 }, /a router stands in its primary VLAN, 100/],
    [{ bridge: 'br0', vlan: 10 }, /interface web of this router is in VLAN 10 of bridge br0 already/],
    [{ ...LAN, address: ['10.0.1.9/25'] }, /10.0.1.0\/25 is behind interface web already, as 10.0.1.0\/24/],
    [{ ...LAN, address: ['10.0.0.9/16'] }, /10.0.1.0\/24 is behind interface x already/],
    [{ ...LAN, mac: '02:00:00:00:00:01', anycast: true }, /anycast: true/],
    [{ ...LAN, slaac: true, anycast: true }, /slaac: with anycast: true every host would make the same/],
    [{ ...LAN, mac: '02:00:00:00:00:77' }, /static entry for 02:00:00:00:00:77, at port vm1/],
    [{ ...LAN, mac: '01:00:5e:00:00:01' }, /MAC address of a single station/],
    [{ ...LAN, address: ['fd00:2::1/64'], mtu: 1000 }, /mtu: IPv6 needs 1280 bytes/],
    [{ ...LAN, neighbours: { '10.0.2.1': '02:00:00:00:00:01' } }, /the interface's own address/],
    [{ ...LAN, neighbours: { '10.0.3.1': '02:00:00:00:00:01' } }, /in no subnet of this interface/],
    [{ ...LAN, reverse_path: 'yes' }, /"yes" is not strict, loose, off/],
    [{ bridge: 'net', address: ['10.9.0.1/24'] }, /is the host's, as the gateway/],
    [{ bridge: 'net', address: ['10.9.0.9/24'] }, /belongs to host db/],
    [{ bridge: 'net', address: ['10.9.0.3/25'] }, /the network of bridge net is 10.9.0.0\/24/],
    [{ ...LAN, adress: [] }, /adress: unknown key, did you mean address\?/],
  ])('%j', (x, message) => {
    const problems = ofInterface(x);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
  });

  test('its port has a name among those of all ports', () => {
    expect(problemsOf({ r1: { interfaces: { taken: WEB } } })).toEqual([
      'r1.interfaces.taken: r1.taken is the name of a port of bridge lan',
    ]);
  });

  test('two routers do not have one address or MAC address in a VLAN', () => {
    const r1 = { interfaces: { web: { ...WEB, mac: '02:00:00:00:00:01' } } };
    const r2 = { interfaces: { x: { ...WEB, address: ['10.0.1.1/24'], mac: '02:00:00:00:00:01' } } };
    expect(problemsOf({ r1, r2 })).toEqual([
      'r2.interfaces.x.address.0: 10.0.1.1/24 belongs to r1.web, which is in VLAN 10 of bridge br0, too',
      'r2.interfaces.x.mac: 02:00:00:00:00:01 is the address of r1.web',
    ]);
  });

  test('of a bridge that is wrong itself nothing is said', () => {
    const { problems } = validate({
      version: 1,
      bridges: { br9: { ports: 5 }, br8: { vlanFiltering: true } },
      routers: { r1: { interfaces: { a: { bridge: 'br9' }, b: { bridge: 'br8', vlan: 3 } } } },
    });
    expect(problems.map(({ path }) => path[0])).toEqual(['bridges', 'bridges']);
  });
});

describe('a route', () => {
  test.each([
    [{ to: 'default', via: '10.0.1.9' }, /write 0.0.0.0\/0, or ::\/0/],
    [{ to: '10.5.0.0', via: '10.0.1.9' }, /write 10.5.0.0\/32/],
    [
      { to: '10.5.0.1/16', via: '10.0.1.9' },
      /to: 10.5.0.1\/16 has bits behind its prefix: write 10.5.0.0\/16/,
    ],
    [{ to: '224.0.0.0/4', via: '10.0.1.9' }, /multicast groups/],
    [{ to: '10.5.0.0/16' }, /via: missing/],
    [{ to: '10.5.0.0/16', via: [] }, /via: an empty list/],
    [{ to: '10.5.0.0/16', via: '1.2.3.4' }, /no interface of this router reaches 1.2.3.4/],
    [{ to: '10.5.0.0/16', via: '10.0.1.1' }, /the router's own address, of interface web/],
    [{ to: '10.5.0.0/16', via: 'fe80::1' }, /say behind which interface/],
    [{ to: 'fd09::/64', via: '10.0.1.9' }, /10.0.1.9 is IPv4/],
    [{ to: '10.5.0.0/16', via: ['10.0.1.9', '10.0.1.9'] }, /via.1: 10.0.1.9 is listed twice/],
    [{ to: '10.5.0.0/16', via: '10.0.1.9', type: 'blackhole' }, /leads nowhere/],
    [{ to: '10.5.0.0/16', type: 'black' }, /not blackhole, unreachable, prohibit/],
    [{ to: '10.5.0.0/16', interface: 'wbe' }, /no interface wbe/],
    [{ to: '10.5.0.0/16', via: '10.0.1.9', table: 9 }, /no interface asks table 9/],
    [{ to: '10.0.1.0/24', via: '10.0.1.9' }, /is the subnet of interface web/],
  ])('%j', (route, message) => {
    const problems = ofRoute(route);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
  });

  test('leads to a place once in a table', () => {
    const one = { to: '10.5.0.0/16', via: '10.0.1.9' };
    expect(ofRoute(one, { ...one, via: '10.0.1.8' })).toEqual([
      'r1.routes.1.to: routes[0] leads to 10.5.0.0/16, too: list several next hops in one via',
    ]);
  });
});

describe('a change', () => {
  const config = (router: object, bridges: object = BRIDGES) =>
    parseConfig({ version: 1, bridges, routers: { r1: router } } as SwitchConfigInput);

  test('an interface is a thing of its own, and routes are of the router', () => {
    const old = config({ interfaces: { web: WEB } });
    const next = config({
      interfaces: { web: { ...WEB, mtu: 1400 }, lan: LAN },
      routes: [{ to: '0.0.0.0/0', via: '10.0.1.9' }],
    });
    const plan = diff(old, next);
    expect(plan.map(({ op, path }) => `${op} ${path}`)).toEqual([
      'add routers.r1.interfaces.lan',
      'set routers.r1',
      'set routers.r1.interfaces.web',
    ]);
    expect(inForce(old, next, plan)).toEqual(next);
    expect(inForce(old, next, [])).toEqual(old);
    expect(diff(next, old).at(0)).toMatchObject({ op: 'delete', path: 'routers.r1.interfaces.lan' });
  });

  test('a router whose bridge could not be made is not made', () => {
    const next = config({ interfaces: { lan: LAN } });
    const results = diff(parseConfig({ version: 1 }), next).map((action) => ({
      ...action,
      ok: true,
      error: '',
    }));
    const local = results.find(({ path }) => path === 'bridges.lan.local');
    Object.assign(local as object, { ok: false, error: 'busy' });
    refuseDependents(results, next, false);
    const refused = results.filter(({ kind, ok }) => kind === 'router' && !ok);
    expect(refused.map(({ path, error }) => `${path}: ${error}`)).toEqual([
      'routers.r1: busy',
      'routers.r1.interfaces.lan: busy',
    ]);
  });

  test('is written as it was read', () => {
    const text = formatConfig(
      config({ interfaces: { web: WEB }, routes: [{ to: '::/0', via: 'fd00:1::9' }] }),
    );
    expect(text).toContain('web: { bridge: br0, vlan: 10, address: [ 10.0.1.1/24, fd00:1::1/64 ] }');
    expect(text).toContain('- { to: ::/0, via: fd00:1::9 }');
  });
});
