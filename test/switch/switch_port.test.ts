// Ports as objects: what they are, and changes of one alone.

import { setTimeout as sleep } from 'node:timers/promises';
import { Switch as Built } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from '../support/engine/frame_text.ts';
import { configOf, openRig, ports } from '../support/engine/rig.ts';

test('a port tells what it is, in numbers', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const port = rig.taploom.port('p1');
  rig.say('p1', 'a > *');
  expect(port).toMatchObject({ name: 'p1', bridge: 'br0', exists: true });
  expect(port.config).toMatchObject({ type: 'memory', isolated: false });
  expect(port.counters).toMatchObject({ receivedFrames: 1, receivedBytes: 60, forwarded: 1 });
  expect(port.status()).toMatchObject({ name: 'p1', state: 'up', learnedAddresses: 1 });
  port.memory.send(parse('a > *'));
  rig.run();
  expect(port.counters.receivedFrames).toBe(2);
});

test('neither an interface of a bridge nor a stranger is one', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  for (const name of ['br0', 'p2', 'constructor']) {
    expect(() => rig.taploom.port(name)).toThrow(`There is no port ${name}`);
  }
});

test('set changes some keys and takes out others, or nothing at all', async () => {
  const rig = await openRig({ br0: { ports: { p1: { fdb_limit: 3 }, p2: {} } } });
  const port = rig.taploom.port('p1');
  await port.set({ isolated: true, mtu: 900 });
  expect(port.config).toMatchObject({ isolated: true, mtu: 900, fdb_limit: 3 });
  await port.set({ mtu: undefined, fdb_limit: undefined });
  expect(port.config).not.toHaveProperty('fdb_limit');
  expect(port.config).toMatchObject({ isolated: true });
  await expect(port.set({ mtu: 1 })).rejects.toMatchObject({
    problems: [{ path: 'bridges.br0.ports.p1.mtu', message: '1 is not an MTU (68-65535 bytes)' }],
  });
  expect(port.config).toMatchObject({ isolated: true });
});

test('changes of several ports at once lose none of them', async () => {
  const rig = await openRig({ br0: { ports: ports(5) } });
  await Promise.all([1, 2, 3, 4, 5].map((n) => rig.taploom.port(`p${n}`).set({ mtu: 1000 + n })));
  const mtus = Object.values(rig.taploom.config.bridges.br0.ports).map((port) => port.mtu);
  expect(mtus).toEqual([1001, 1002, 1003, 1004, 1005]);
});

test('an attached port is there until its scope ends, with what depends on it', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  const { taploom } = rig;
  {
    await using guest = await taploom.attach('br0', 'guest', { type: 'memory' });
    expect(rig.say('guest', 'g > *')).toEqual(['p1: g > *']);
    await rig.change(({ bridges }) => {
      bridges.br0.static = [{ mac: '02:00:00:00:00:67', port: 'guest' }];
    });
    expect(guest.exists).toBe(true);
  }
  expect(Object.keys(taploom.config.bridges.br0.ports)).toEqual(['p1']);
  expect(taploom.config.bridges.br0.static).toEqual([]);
});

test('one that is gone says so, is taken out once, and may outlive its switch', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const port = rig.taploom.port('p1');
  const other = rig.taploom.port('p2');
  await port.detach();
  await port.detach();
  expect(port.exists).toBe(false);
  expect(() => port.config).toThrow('There is no port p1');
  expect(() => port.status()).toThrow('There is no port p1');
  await expect(port.set({ mtu: 900 })).rejects.toMatchObject({ code: 'no_such_port' });
  await rig.taploom.close();
  await other[Symbol.asyncDispose]();
  await expect(other.detach()).rejects.toMatchObject({ code: 'closed' });
});

test.each([
  ['br9', 'x', 'no_such_bridge', 'There is no bridge br9'],
  ['br0', 'p1', 'port_exists', 'There is a port p1 already, in bridge br0'],
  ['br0', 'a/b', 'invalid_config', 'is not an interface name'],
])('attach to %s as %s is refused: %s', async (bridge, name, code, message) => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  const error = await rig.taploom.attach(bridge, name, { type: 'memory' }).catch((error) => error);
  expect(error).toMatchObject({ code });
  expect(error.message).toContain(message);
});

test('its events are its own', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const events = rig.taploom.port('p2').events();
  await rig.taploom.port('p1').detach();
  await rig.taploom.port('p2').detach();
  expect((await events.next()).value).toMatchObject({ actions: [{ path: 'bridges.br0.ports.p2' }] });
  expect((await events.next()).value).toMatchObject({ change: 'removed', port: 'p2' });
  events.close();
});

test('ports come and go under traffic, and no frame of the others is lost', { timeout: 30_000 }, async () => {
  const taploom = await Built.open(configOf({ br0: { ports: ports(2) } }));
  onTestFinished(() => taploom.close());
  const [p1, p2] = [taploom.memoryPort('p1'), taploom.memoryPort('p2')];
  let sent = 0;
  let received = 0;
  let isOver = false;
  const traffic = (async () => {
    while (!isOver) {
      for (let n = 0; n < 20; n++) if (p1.send(parse('a > b'))) sent += 1;
      await sleep(1);
      while (p2.receive() !== undefined) received += 1;
    }
  })();
  p2.send(parse('b > *'));
  for (let n = 0; n < 30; n++) {
    await using guest = await taploom.attach('br0', `g${n % 3}`, { type: 'memory' });
    guest.memory.send(parse('g > *'));
    await guest.set({ isolated: true });
  }
  isOver = true;
  await traffic;
  await expect
    .poll(() => {
      for (; p2.receive() !== undefined; ) received += 1;
      const { forwarded, receivedFrames } = taploom.port('p1').counters;
      return receivedFrames === sent && forwarded === sent && received >= sent;
    })
    .toBe(true);
  expect(taploom.port('p2').counters.transmitDropped).toEqual({});
});
