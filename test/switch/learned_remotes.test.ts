// A tunnel that learns remotes and has all that it may: the oldest make room, and nobody is misled by what named them.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import type { SwitchConfigInput } from '../../src/config/schema.ts';
import type { SwitchEvent } from '../../src/event.ts';
import { Switch } from '../../src/switch/switch.ts';
import { BROADCAST, frame } from '../support/frames.ts';

const PORT = 14_841;
const VNI_7 = [8, 0, 0, 0, 0, 0, 7, 0];

/** A frame from station n, out of 127.0.0.(100 + n). */
async function speak(n: number): Promise<void> {
  const socket = createSocket('udp4').bind(0, `127.0.0.${100 + n}`);
  await once(socket, 'listening');
  const bytes = Buffer.concat([
    Buffer.from(VNI_7),
    Buffer.from(frame({ to: BROADCAST, from: station(n) }), 'hex'),
  ]);
  await new Promise((done) => socket.send(bytes, PORT, '127.0.0.90', done));
  socket.close();
}
const station = (n: number) => `02:00:00:00:00:${(16 + n).toString(16)}`;

test('when a tunnel has its max_remotes the oldest are given up, told once, and forgotten by the FDB', async () => {
  const vx = {
    type: 'vxlan',
    vni: 7,
    local: '127.0.0.90',
    dst_port: PORT,
    remote_learning: true,
    max_remotes: 2,
  } as const;
  const config: SwitchConfigInput = {
    version: 1,
    bridges: { br0: { local: false, ports: { vx, m: { type: 'memory' } } } },
  };
  const sw = await Switch.open(config, { threaded: false });
  onTestFinished(() => sw.close());
  const events: SwitchEvent[] = [];
  sw.events.listen((event) => events.push(event));
  let now = 1_000_000;
  const poll = async (ms: number) => {
    now += ms;
    sw.poll(0, now);
    await new Promise(setImmediate);
  };
  const remotes = async () => {
    const found = new Map<string, string | undefined>();
    for await (const page of sw.fdb()) for (const { mac, remote } of page) found.set(mac, remote);
    return found;
  };
  for (const n of [1, 2, 3]) {
    await speak(n);
    await poll(2000);
  }
  await poll(2000);
  // The third one has no row of its own.
  expect(sw.ports().find(({ name }) => name === 'vx')).toMatchObject({ learnedRemotes: expect.any(Number) });
  expect(events.filter(({ type }) => type === 'limit')).toMatchObject([
    { limit: 'max_remotes', bridge: 'br0', port: 'vx', value: 2 },
  ]);
  expect((await remotes()).has(station(1))).toBe(false);
  expect((await remotes()).get(station(2))).toBe('127.0.0.102');

  await speak(3);
  await poll(2000);
  expect((await remotes()).get(station(3))).toBe('127.0.0.103');
  await poll(2000);
  expect(sw.ports().find(({ name }) => name === 'vx')).toMatchObject({ learnedRemotes: 2 });
});
