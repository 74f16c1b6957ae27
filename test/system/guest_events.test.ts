// What happens to guests while others talk to them, each in turn to one guest with a card for each way in: its switch goes and
// comes, its driver is loaded anew, it stands still, its cards are pulled and plugged, it boots again, it is killed.

import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { missingForGuests } from '../support/guest.ts';
import {
  addressOf,
  bridgesOf,
  CARDS_UP,
  cardOf,
  cardsOf,
  ECHO,
  macOf,
  netdevOf,
  socketsOf,
  WAY_NAMES,
} from '../support/guest_cards.ts';
import { GuestShell, shellMachine } from '../support/guest_shell.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import { type Heard, Probe, silence } from '../support/probe.ts';
import { Qmp } from '../support/qmp.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('python3');
beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

const ADDRESSES = WAY_NAMES.map((_, n) => addressOf(n));
/** A machine with much else to do may need so long for what takes a moment. */
const BUSY_MS = 30_000;
/** The driver, and all that depends on it. */
const RELOAD = '$b rmmod virtio_net; $b insmod /lib/virtio_net.ko';

function tell(what: string, heard: Record<string, Heard>): void {
  const told = WAY_NAMES.map((way, n) => {
    const { ping, tcp } = heard[addressOf(n)];
    return `${way} ${silence(ping)} ms, TCP ${silence(tcp)} ms`;
  });
  console.log(`${what}: silent were ${told.join('; ')}`);
}

test('a guest outlives its switch, and its switch what happens to the guest, by each way in', async () => {
  const lab = await openLab();
  const [sw, peer] = await lab.netnsList(['sw', 'peer']);
  await sw.ip('tuntap add dev af_packet mode tap', 'link set af_packet up');
  for (const n of WAY_NAMES.keys()) {
    await lab.veth(sw, `p${n}`, peer, `peer${n}`);
    await peer.up(`peer${n}`, `10.0.${n}.1/24`);
  }
  const config = { version: 1, bridges: bridgesOf(lab.dir, (n) => ({ [`p${n}`]: { type: 'af_packet' } })) };
  let daemon = await Taploomd.start(lab, sw, config);
  const states = async () => {
    const ports = await daemon.ports();
    return WAY_NAMES.map((way) => ports.find(({ name }) => name === way)?.state).join();
  };
  const allUp = WAY_NAMES.map(() => 'up').join();

  const machine = shellMachine(lab.dir, []);
  const start = async (name: string) => {
    const path = join(lab.dir, name);
    const env = { TAPLOOM_SOCKET: daemon.socket };
    const guest = sw.spawn([...machine, ...cardsOf(lab.dir), ...Qmp.options(path)], { env });
    return { guest, qmp: await Qmp.connect(path) };
  };
  const first = await start('qmp1');
  const { qmp } = first;
  const shell = await GuestShell.of(first.guest);
  await shell.run(`${CARDS_UP}${ECHO}`);
  let probe = await Probe.start(peer, ADDRESSES);
  /** What was silent while this happened, until all talk again. */
  const during = async (what: string, happen: () => Promise<unknown>) => {
    await probe.report();
    await happen();
    const heard = await probe.untilAllAnswer(Date.now());
    tell(what, heard);
    for (const [n, way] of WAY_NAMES.entries()) {
      const { ping, tcp } = heard[addressOf(n)];
      expect(`${what}, ${way}: ${tcp.error}`).toBe(`${what}, ${way}: null`);
      expect(Math.max(silence(ping), silence(tcp)), `${what}, ${way}`).toBeLessThan(BUSY_MS);
    }
    expect(await states()).toBe(allUp);
  };

  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    await during(`the switch ends by ${signal} and starts`, async () => {
      await daemon.process.stop(signal);
      daemon = await Taploomd.start(lab, sw, config, { socket: daemon.socket });
    });
  await during('the guest stands still for 200 ms', async () => {
    await qmp.execute('stop');
    await new Promise((resolve) => setTimeout(resolve, 200));
    await qmp.execute('cont');
  });
  await during('its links are taken down for 200 ms', async () => {
    for (const n of WAY_NAMES.keys()) await qmp.execute('set_link', { name: `c${n}`, up: false });
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const n of WAY_NAMES.keys()) await qmp.execute('set_link', { name: `c${n}`, up: true });
  });
  await during('its driver is loaded anew', () => shell.run(`${RELOAD}\n${CARDS_UP}`));

  await during('its cards are pulled and plugged', async () => {
    for (const n of WAY_NAMES.keys()) {
      await qmp.execute('device_del', { id: `c${n}` });
      await qmp.event('DEVICE_DELETED', ({ device }) => device === `c${n}`);
      await qmp.execute('netdev_del', { id: `n${n}` });
    }
    await daemon.until('all are down', async () => !(await states()).includes('up'));
    for (const socket of socketsOf(lab.dir)) await qmp.execute('chardev-add', socket);
    for (const n of WAY_NAMES.keys()) {
      await qmp.execute('netdev_add', netdevOf(n, lab.dir));
      await qmp.execute('device_add', cardOf(n));
    }
    await shell.run(CARDS_UP);
  });

  /** What ends its connections, until it has booted and all talk anew. */
  const booting = async (what: string, happen: () => Promise<GuestShell>) => {
    probe.end();
    const begun = Date.now();
    const shell = await happen();
    await shell.run(`${CARDS_UP}${ECHO}`);
    probe = await Probe.start(peer, ADDRESSES);
    console.log(`${what}: all talk again after ${Date.now() - begun} ms`);
    expect(await states()).toBe(allUp);
  };
  await booting('the guest is reset', async () => {
    await qmp.execute('set-action', { reboot: 'reset' });
    await qmp.execute('system_reset');
    await shell.booted();
    return shell;
  });
  await booting('its QEMU is killed and started', async () => {
    await first.guest.stop('SIGKILL');
    await daemon.until('all are down', async () => !(await states()).includes('up'));
    return GuestShell.of((await start('qmp2')).guest);
  });
  const stations = (await daemon.fdb()).filter(({ mac }) => WAY_NAMES.some((_, n) => mac === macOf(n)));
  expect(stations.map(({ port }) => port).sort()).toEqual([...WAY_NAMES].sort());
  await expectLaws(daemon);
}, 240_000);
