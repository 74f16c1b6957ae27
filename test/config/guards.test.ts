import { expect, test } from 'vitest';
import type { ConfigError } from '../../src/config/config_error.ts';
import { parseConfig } from '../../src/config/schema.ts';

const MAC = '02:00:00:00:00:01';

function problems(guard: unknown): string[] {
  try {
    parseConfig({ version: 1, bridges: { br0: { ports: { p1: { type: 'memory', guard } } } } } as never);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(
      ({ path, message }) => `${path.replace('bridges.br0.ports.p1.', '')}: ${message}`,
    );
  }
}

test('a guard without anything refuses servers and routers, and asks for no address', () => {
  expect(problems({})).toEqual([]);
});

test('source without anybody who could be let in is refused, and bindings that nobody asks for', () => {
  expect(problems({ source: 'strict' })).toEqual([
    'guard.source: strict lets in what is bound to the port, and nothing would be: list its guest as bindings: [{ mac, ip }], give the bridge a network with DHCP, or set trusted in the guard of the port that leads to a DHCP server',
  ]);
  expect(problems({ source: 'mac' })).toEqual([
    'guard.source: mac lets in stations that are bound to the port, and none is: list them as bindings: [{ mac }]',
  ]);
  expect(problems({ trusted: true, source: 'first' })).toEqual([
    'guard.trusted: leads to servers and routers of others, who have any address: remove source, or this',
  ]);
  expect(problems({ source: 'first', option_82: true })[0]).toContain('guard.option_82: it is put into');
  expect(problems({ bindings: [{ mac: MAC }] })).toEqual([
    'guard.bindings: nobody asks for them: set source to strict, or to mac',
  ]);
});

test('behind a port an address has one owner', () => {
  const bindings = [
    { mac: MAC, ip: '10.0.0.1' },
    { mac: '02:00:00:00:00:02', ip: ['10.0.0.2', '10.0.0.1'] },
  ];
  expect(problems({ source: 'strict', bindings })).toEqual([
    `guard.bindings[1].ip: 10.0.0.1 is bound to ${MAC} already: behind a port an address has one owner`,
  ]);
});

test('a binding is of one host', () => {
  const [text] = problems({ source: 'strict', bindings: [{ mac: MAC, ip: '224.0.0.1' }] });
  expect(text).toContain('is not the IPv4 or IPv6 address of a single host');
});
