import { expect, test } from 'vitest';
import type { NatConnection } from '../../src/api.ts';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({
  version: 1,
  bridges: { br0: {} },
  routers: {
    r1: {
      interfaces: { lan: { bridge: 'br0', address: ['10.0.1.1/24'] } },
      nat: [{ source: '10.0.1.0/24', to: 'interface' }],
    },
    plain: {},
  },
});
const taploom = cli.run;

const connection = (fields: Partial<NatConnection> = {}): NatConnection => ({
  router: 'r1',
  protocol: 'tcp',
  state: 'established',
  source: '10.0.1.5:5000',
  destination: '198.51.100.7:80',
  newSource: '192.0.2.1:5000',
  newDestination: '198.51.100.7:80',
  packets: { sent: 3, received: 2 },
  bytes: { sent: 1500, received: 99 },
  age: 7,
  idle: 1,
  expires: 7439,
  ...fields,
});

test('connections are a table, one router of them, or JSON', async () => {
  const udp = connection({ router: 'r2', protocol: 'udp', state: undefined, newSource: undefined });
  cli.api.routing.translated = [connection(), udp];
  const { code, out } = await taploom('nat', 'show');
  expect(code).toBe(0);
  expect(out.split('\n').map((line) => line.trimEnd())).toEqual([
    'ROUTER  PROTOCOL  STATE        SOURCE         DESTINATION      NEW SOURCE      NEW DESTINATION   SENT  RECEIVED  AGE  EXPIRES',
    'r1      tcp       established  10.0.1.5:5000  198.51.100.7:80  192.0.2.1:5000  198.51.100.7:80  1.50k        99    7     7439',
    'r2      udp                    10.0.1.5:5000  198.51.100.7:80                  198.51.100.7:80  1.50k        99    7     7439',
    '',
  ]);
  expect(JSON.parse((await taploom('nat', 'show', 'r1', '--json')).out)).toEqual([connection()]);
  expect((await taploom('nat', 'show', '--filter', 'state=fin')).out).toBe('no connections\n');
  const unknown = await taploom('nat', 'show', 'r9');
  expect(unknown.error).toContain('r9');
  expect(unknown.code).not.toBe(0);
});

test('how much of it there is, of routers that translate', async () => {
  cli.api.routing.translated = [connection()];
  expect((await taploom('nat', 'status')).out).toBe(
    'ROUTER  CONNECTIONS   LIMIT  PORTS\nr1                1  262144      1\n',
  );
});
