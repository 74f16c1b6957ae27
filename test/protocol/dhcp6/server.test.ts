import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textOf } from '../../../src/protocol/dhcp6/lease.ts';
import type { Dhcp6Outcome, Dhcp6Settings } from '../../../src/protocol/dhcp6/outcome.ts';
import { Pool6 } from '../../../src/protocol/dhcp6/pool.ts';
import { Dhcp6Server } from '../../../src/protocol/dhcp6/server.ts';
import { MESSAGE_TYPES, OPTION6, STATUS } from '../../../src/wire/dhcp6/codes.ts';
import { parsePrefix } from '../../../src/wire/ip_prefix.ts';
import { guestMac } from '../../wire/dhcp4/messages.ts';
import { answerIn, type ClientFields, clientFrame6, ip, statusOf } from '../../wire/dhcp6/messages.ts';

const SETTINGS: Dhcp6Settings = {
  mac: { hi: 0x0200, lo: 0xff },
  source: ip('fe80::1'),
  subnet: parsePrefix('fd00::/64') as Dhcp6Settings['subnet'],
  addresses: Pool6.ofRange(ip('fd00::1'), ip('fd00::4')),
  prefixes: Pool6.ofPrefix(parsePrefix('fd00:8::/48') as Dhcp6Settings['subnet'], 56),
  gateway: ip('fd00::1'),
  hosts: [],
  relayPorts: [],
  relayed: [],
  leaseTime: 600,
  quarantine: 60,
  leasesPerPort: 2,
  resolvers: [ip('fd00::1')],
  search: ['lab.example'],
};
const SERVER = Uint8Array.of(0, 3, 0, 1, 2, 0, 0, 0, 0, 0xff);

function open(more: Partial<Dhcp6Settings> = {}) {
  return new Dhcp6Server({ ...SETTINGS, ...more }, [], 0);
}

interface Said {
  out: Dhcp6Outcome;
  type?: string;
  status?: number;
  addresses: string[];
  options: ReadonlyMap<number, Uint8Array>;
}

function say(server: Dhcp6Server, n: number, fields: Omit<ClientFields, 'mac'>, port = 'vm1', at = 0): Said {
  const out = server.received({ bytes: clientFrame6({ mac: guestMac(n), ...fields }), port, at });
  const answer = out.frames.length === 0 ? undefined : answerIn(out.frames[0].frame);
  return {
    out,
    type: answer?.type,
    status: answer && statusOf(answer),
    addresses: answer?.associations.flatMap(({ items }) => items.map((item) => textOf(item))) ?? [],
    options: answer?.options ?? new Map(),
  };
}

const bound = (server: Dhcp6Server) =>
  server
    .leases()
    .map((lease) => textOf(lease))
    .sort();
const item = (address: string, bits = 128) => [{ address: ip(address), bits }];

test('an offer is no promise; what is asked for is stored before it is said', () => {
  const server = open();
  const offer = say(server, 1, { items: [] });
  expect(offer).toMatchObject({ type: 'advertise', out: { leases: [] } });
  expect(offer.options.get(OPTION6.serverId)).toEqual(SERVER);
  const reply = say(server, 1, { type: 'request', server: SERVER, items: [] });
  expect(reply).toMatchObject({ type: 'reply', addresses: offer.addresses });
  expect(reply.out.leases).toMatchObject([
    [{ mac: '02:00:00:00:00:01', port: 'vm1', until: 600_000 }, false],
  ]);
  expect(reply.out.events.map(({ kind }) => kind)).toEqual(['bound']);
});

test('in a hurry one message is enough', () => {
  const rapid: [number, Uint8Array][] = [[OPTION6.rapidCommit, new Uint8Array()]];
  const server = open();
  expect(say(server, 1, { items: [], more: rapid })).toMatchObject({ type: 'reply' });
  expect(bound(server)).toHaveLength(1);
  const empty = open({ addresses: undefined });
  expect(say(empty, 1, { items: [], more: rapid })).toMatchObject({ type: 'advertise' });
});

test('the gateway is given to nobody, a wish is granted, and nobody gets what another one has', () => {
  const server = open({ leasesPerPort: 9 });
  const request = { type: 'request', server: SERVER } as const;
  expect(say(server, 1, { ...request, items: item('fd00::3') }).addresses).toEqual(['fd00::3']);
  expect(say(server, 2, { ...request, items: item('fd00::1') }).addresses).not.toContain('fd00::1');
  expect(say(server, 3, { ...request, items: item('fd00::3') }).addresses).not.toContain('fd00::3');
  expect(bound(server)).toEqual(['fd00::2', 'fd00::3', 'fd00::4']);
  const late = say(server, 4, { ...request, items: [] });
  expect(late.addresses).toEqual([]);
  expect(late.out.events.map(({ kind }) => kind)).toEqual(['exhausted']);
  expect(say(server, 5, { ...request, items: [] }).out.events).toEqual([]);
});

test('a port has as many as it may, and a client that is known gets its own again', () => {
  const server = open();
  const request = { type: 'request', server: SERVER, items: [] } as const;
  const [first] = [say(server, 1, { ...request, items: [] })];
  say(server, 2, { ...request, items: [] });
  expect(say(server, 3, { ...request, items: [] }).out.events.map(({ kind }) => kind)).toEqual(['port_full']);
  expect(say(server, 1, { ...request, items: [] }).addresses).toEqual(first.addresses);
  expect(say(server, 3, { ...request, items: [] }, 'vm2').addresses).toHaveLength(1);
});

test('a lease ends when its time is over, and its client gets the same again', () => {
  const server = open();
  const request = { type: 'request', server: SERVER } as const;
  const { addresses } = say(server, 1, { ...request, items: [] });
  say(server, 1, { type: 'renew', server: SERVER, items: [] }, 'vm1', 300_000);
  expect(server.tick(600_000).events).toEqual([]);
  const over = server.tick(900_000);
  expect(over.events.map(({ kind }) => kind)).toEqual(['expired']);
  expect(over.leases).toMatchObject([[{}, true]]);
  expect(say(server, 1, { ...request, items: [] }, 'vm1', 1_000_000).addresses).toEqual(addresses);
});

test('what a client has no more has no time left', () => {
  const server = open();
  const reply = say(server, 1, { type: 'rebind', items: item('fd00:9::7') });
  expect(reply.addresses).toHaveLength(2);
  expect(reply.addresses).toContain('fd00:9::7');
});

test('addresses of another link are told to be so', () => {
  const server = open();
  expect(say(server, 1, { type: 'confirm', items: item('fd00::99') }).status).toBe(STATUS.success);
  expect(say(server, 1, { type: 'confirm', items: item('fd00:9::99') }).status).toBe(STATUS.notOnLink);
  expect(say(server, 1, { type: 'confirm', items: [] }).type).toBeUndefined();
});

test('an address that somebody uses is not given for a while', () => {
  const server = open();
  const { addresses } = say(server, 1, { type: 'request', server: SERVER, items: [] });
  const decline = { type: 'decline', server: SERVER, items: item(addresses[0]) } as const;
  expect(say(server, 2, { ...decline, items: item(addresses[0]) }).out.events).toEqual([]);
  expect(say(server, 1, { ...decline, items: item(addresses[0]) }).out.events).toMatchObject([
    { kind: 'declined' },
  ]);
  expect(say(server, 1, { items: [] }).addresses).not.toEqual(addresses);
  server.tick(61_000);
  expect(bound(server)).toEqual([]);
});

test('prefixes are delegated', () => {
  const server = open();
  const request = { type: 'request', server: SERVER, kind: 'prefix' } as const;
  expect(say(server, 1, { ...request, items: item('fd00:8:0:700::', 56) }).addresses).toEqual([
    'fd00:8:0:700::/56',
  ]);
  const other = say(server, 2, { ...request, items: item('::', 56) });
  expect(other.addresses).toHaveLength(1);
  expect(other.addresses[0]).toMatch(/^fd00:8:0:[0-9a-f]+00::\/56$/);
});

test('settings are told to those who ask for them', () => {
  const server = open();
  const more: [number, Uint8Array][] = [[OPTION6.optionRequest, Uint8Array.of(0, 23, 0, 24)]];
  const { options, type } = say(server, 1, { type: 'information_request', more });
  expect(type).toBe('reply');
  expect(options.get(OPTION6.dnsServers)).toEqual(ip('fd00::1'));
  expect(Buffer.from(options.get(OPTION6.domainList) ?? []).toString('latin1')).toBe('\x03lab\x07example\0');
  expect(say(server, 1, { type: 'information_request' }).options.has(OPTION6.dnsServers)).toBe(false);
});

test.each([
  ['a solicitation that names a server', { server: SERVER, items: [] }, 'nonsense'],
  ['a request that names none', { type: 'request', items: [] }, 'nonsense'],
  ['a request to another server', { type: 'request', server: Uint8Array.of(1), items: [] }, 'not_ours'],
  ['what is sent to the server alone', { items: [], dst: ip('fe80::1') }, 'not_ours'],
  ['what servers say', { type: 'reply', items: [] }, 'nonsense'],
  ['an information request with addresses', { type: 'information_request', items: [] }, 'nonsense'],
] as [string, Omit<ClientFields, 'mac'>, 'nonsense' | 'not_ours'][])(
  '%s has no answer',
  (_, fields, reason) => {
    const server = open();
    expect(say(server, 1, fields).type).toBeUndefined();
    expect(server.counters.ignored).toEqual({ [reason]: 1 });
  },
);

test('whatever guests say, no address has two of them, no port too many, and each lease can be stored', () => {
  const type = fc.constantFrom(...MESSAGE_TYPES.filter((name) => name !== undefined));
  const step = fc.record({
    type,
    n: fc.integer({ min: 1, max: 6 }),
    port: fc.constantFrom('vm1', 'vm2', 'vm3'),
    kind: fc.constantFrom('address' as const, 'prefix' as const),
    wish: fc.integer({ min: 0, max: 6 }),
    after: fc.integer({ min: 0, max: 400_000 }),
    named: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const server = open();
      const stored = new Map<string, string>();
      const note = ({ leases }: Dhcp6Outcome) => {
        for (const [lease, isOver] of leases) {
          if (isOver) stored.delete(textOf(lease));
          else stored.set(textOf(lease), lease.client);
        }
      };
      let now = 0;
      for (const { after, n, port, wish, named, kind, ...rest } of steps) {
        now += after;
        note(server.tick(now));
        const items = kind === 'address' ? item(`fd00::${wish}`) : item(`fd00:8:0:${wish}00::`, 56);
        note(say(server, n, { ...rest, kind, items, server: named ? SERVER : undefined }, port, now).out);
        const all = server.leases();
        expect(new Map(all.map((lease) => [textOf(lease), lease.client]))).toEqual(stored);
        const clients = all
          .filter(({ client }) => client !== '')
          .map(({ client, bits }) => `${client} ${bits}`);
        expect(new Set(clients).size).toBe(clients.length);
        expect(all.some((lease) => textOf(lease) === 'fd00::1')).toBe(false);
      }
    }),
  );
});
