// `taploom fake-guest` at a switch in this process, with another fake guest to talk to.

import { afterEach, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import type { FakeGuest } from '../../src/tester/guest/fake_guest.ts';
import { IpHost } from '../../src/tester/guest/ip_host.ts';
import { VhostWorld } from '../support/vhost_world.ts';

let world: VhostWorld | undefined;

afterEach(() => world?.close());

async function taploom(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const said = { out: '', error: '' };
  const code = await run(args, {
    out: (text) => {
      said.out += text;
    },
    error: (text) => {
      said.error += text;
    },
    columns: 80,
    isTerminal: false,
  });
  return { code, ...said };
}

/** 10.0.0.1, until the test ends. */
async function answering(guest: FakeGuest): Promise<IpHost> {
  const host = new IpHost({ hi: 0x0200, lo: 0xa }, 0x0a00_0001, 1, (frame) => void guest.send(frame));
  const listen = async (): Promise<void> => {
    while (guest.isConnected) {
      const frame = await guest.next(50);
      if (frame !== undefined) host.take(frame.bytes);
    }
  };
  void listen();
  return host;
}

test('it pings, and says how long that took', async () => {
  world = await VhostWorld.open(['a', 'b']);
  await answering(await world.guest('a'));
  const common = ['fake-guest', '--path', world.path('b'), '--address', '10.0.0.9', '--interval', '0.2'];
  const { code, out } = await taploom(...common, '--ping', '10.0.0.1', '--count', '3', '--packed');
  expect(out).toMatch(/^connected to .*b\.sock: 1 pair of queues, packed rings of 256\nanswer 1: /);
  expect(out).toMatch(/3 of 3 own pings were answered, [\d.]+ \/ [\d.]+ \/ [\d.]+ ms\n$/);
  expect(code).toBe(0);
});

test('with --json it says what it counted, once, and a ping without an answer is an error', async () => {
  world = await VhostWorld.open(['a', 'b']);
  const other = await world.guest('a');
  const common = ['fake-guest', '--path', world.path('b'), '--json'];
  const sent = await taploom(...common, '--send', '20', '--size', '200', '--rate', '10000');
  expect(JSON.parse(sent.out)).toMatchObject({ connections: 1, sent: 20, received: 0 });
  for (let n = 0; n < 20; n++) expect((await other.next())?.bytes.length).toBe(200);
  const ping = ['--address', '10.0.0.9', '--ping', '10.0.0.1', '--count', '1', '--interval', '0.01'];
  const lost = await taploom(...common, ...ping);
  expect(JSON.parse(lost.error)).toEqual({ error: { code: 'no_answer', message: 'nobody answered' } });
  expect(lost.code).toBe(1);
});

test('what cannot be is said', async () => {
  const path = ['fake-guest', '--path', '/nowhere/at/all.sock'];
  expect(await taploom(...path, '--timeout', '0.05')).toMatchObject({
    code: 1,
    error: expect.stringMatching(
      /^taploom: Cannot reach a vhost-user back end at \/nowhere\/at\/all\.sock: .*ENOENT/,
    ),
  });
  expect(await taploom(...path, '--ping', '10.0.0.1')).toMatchObject({
    code: 2,
    error: expect.stringContaining('--address'),
  });
  expect((await taploom(...path, '--ring-size', '100')).error).toMatch(/power of two/);
  expect((await taploom(...path, '--mac', 'x')).error).toMatch(/--mac: x is not a MAC address/);
});
