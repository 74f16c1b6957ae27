// Real guests behind ports of type stream and dgram: one with a card for each way that QEMU has, and another that meets it
// at a socket for many. The switch runs without rights.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { BUSYBOX, missingForGuests } from '../support/guest.ts';
import { GuestShell } from '../support/guest_shell.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('curl');
beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

interface Way {
  /** Of the port. */
  port: (dir: string) => Record<string, unknown>;
  netdev: (dir: string) => string;
}
const unix = (dir: string, name: string) => `type=unix,addr.path=${join(dir, name)}`;
const inet = (port: number) => `type=inet,addr.host=127.0.0.1,addr.port=${port}`;

/** The ways of QEMU 7.2. */
const WAYS: Record<string, Way> = {
  streamClient: {
    port: (dir) => ({ type: 'stream', path: join(dir, 'a') }),
    netdev: (dir) => `stream,server=off,addr.${unix(dir, 'a')}`,
  },
  streamServer: {
    port: (dir) => ({ type: 'stream', path: join(dir, 'b'), mode: 'client' }),
    netdev: (dir) => `stream,server=on,addr.${unix(dir, 'b')}`,
  },
  tcpClient: {
    port: () => ({ type: 'stream', address: '127.0.0.1:5001' }),
    netdev: () => `stream,server=off,addr.${inet(5001)}`,
  },
  dgram: {
    port: (dir) => ({ type: 'dgram', path: join(dir, 'c'), remote: join(dir, 'd') }),
    netdev: (dir) =>
      `dgram,local.type=unix,local.path=${join(dir, 'd')},remote.type=unix,remote.path=${join(dir, 'c')}`,
  },
  udp: {
    port: () => ({ type: 'dgram', address: '127.0.0.1:5002', remote: '127.0.0.1:5003' }),
    netdev: () =>
      'dgram,local.type=inet,local.host=127.0.0.1,local.port=5003,remote.type=inet,remote.host=127.0.0.1,remote.port=5002',
  },
  socketConnect: {
    port: () => ({ type: 'stream', address: '127.0.0.1:5004' }),
    netdev: () => 'socket,connect=127.0.0.1:5004',
  },
  socketListen: {
    port: () => ({ type: 'stream', address: '127.0.0.1:5005', mode: 'client' }),
    netdev: () => 'socket,listen=127.0.0.1:5005',
  },
};

const card = (netdev: string, n: number) => {
  const [type, ...rest] = netdev.split(',');
  return [
    '-netdev',
    [type, `id=n${n}`, ...rest].join(','),
    '-device',
    `virtio-net-pci,id=c${n},netdev=n${n},romfile=`,
  ];
};

test('a guest talks through each way of QEMU, and with others at a socket for many', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const names = Object.keys(WAYS);
  const guests = { type: 'stream', path: join(lab.dir, 'guests'), template: {} };
  // The host has an address in each bridge; the last one has only guests.
  const bridges = Object.fromEntries(
    names.map((name, n) => [`br${n}`, { ports: { [name]: WAYS[name].port(lab.dir) } }]),
  );
  const config = { version: 1, bridges: { ...bridges, many: { local: false, ports: { guests } } } };
  const daemon = await Taploomd.start(lab, sw, config);
  await Promise.all(names.map((_, n) => sw.up(`br${n}`, `10.0.${n}.1/24`)));

  const monitor = join(lab.dir, 'monitor');
  const cards = names.flatMap((name, n) => card(WAYS[name].netdev(lab.dir), n));
  const many = (n: number) => card(`stream,server=off,addr.${unix(lab.dir, 'guests')}`, n);
  const spawn = (command: readonly string[]) => sw.spawn(command);
  const own = ['-monitor', `unix:${monitor},server=on,wait=off`];
  const one = await GuestShell.boot(
    spawn,
    join(lab.dir, 'one'),
    [],
    [...cards, ...many(names.length), ...own],
  );
  const two = await GuestShell.boot(spawn, join(lab.dir, 'two'), [], many(0));
  const up = names.map((_, n) => `ip addr add 10.0.${n}.2/24 dev eth${n}; ip link set eth${n} up`);
  await one.run(
    [
      ...up,
      `ip addr add 10.1.0.1/24 dev eth${names.length}; ip link set eth${names.length} up`,
      '$b httpd -p 80 -h /bin',
    ].join('\n'),
  );
  await two.run('ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 up');

  const wanted = createHash('sha256').update(readFileSync(BUSYBOX)).digest('hex');
  for (const [n, name] of names.entries()) {
    const fetch = () => sw.check(['sh', '-c', `curl -s -m 20 http://10.0.${n}.2/busybox | sha256sum`]);
    expect(`${name} ${(await fetch()).slice(0, 64)}`).toBe(`${name} ${wanted}`);
  }
  expect(await two.run('$b wget -qO- http://10.1.0.1/busybox | $b sha256sum')).toContain(wanted);
  const ports = await daemon.ports();
  expect(ports.filter(({ name }) => name.startsWith('guests.')).map(({ state }) => state)).toEqual([
    'up',
    'up',
  ]);
  await expectLaws(daemon);

  // Where QEMU is the server, a switch that was started again comes back by itself.
  await daemon.process.stop('SIGTERM');
  const again = await Taploomd.start(lab, sw, config, { socket: daemon.socket });
  await Promise.all(names.map((_, n) => sw.up(`br${n}`, `10.0.${n}.1/24`)));
  for (const name of ['streamServer', 'socketListen', 'dgram', 'udp']) {
    const n = names.indexOf(name);
    await expect
      .poll(async () => (await again.ports()).find((port) => port.name === name)?.state, { timeout: 5000 })
      .toBe('up');
    const { code } = await sw.run(['ping', '-c', '1', '-W', '5', `10.0.${n}.2`]);
    expect(`${name} ${code}`).toBe(`${name} 0`);
  }

  // Hot unplug: the connection ends with the card.
  const told = connect(monitor);
  const n = names.indexOf('streamServer');
  told.write(`device_del c${n}\nnetdev_del n${n}\n`);
  await expect
    .poll(async () => (await again.ports()).find(({ name }) => name === 'streamServer')?.state, {
      timeout: 5000,
    })
    .toBe('down');
  told.destroy();
});
