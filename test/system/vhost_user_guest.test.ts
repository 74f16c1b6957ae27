// A virtual machine whose network device is a vhost-user port: QEMU is the front end, and Linux the driver.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { BUSYBOX, bootGuestOn, missingForGuests, vhostUserCard } from '../support/guest.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ping', 'curl', 'nstat');
beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

const GUEST = '10.0.0.9';

test('a guest on a vhost-user port talks to a TAP, and its port waits for the next one when it dies', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const path = `${lab.dir}/vm1.sock`;
  const ports = { h1: { type: 'tap', netns: h1.name }, vm1: { type: 'vhost_user', path, mode: 'server' } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  expect(await stateOf(daemon)).toMatch(/^down: no front end has connected/);
  await h1.up('h1', '10.0.0.1/24');

  const first = await bootGuestOn(lab, sw, `${GUEST}/24`, vhostUserCard(path));
  await daemon.until('guest up', async () => (await stateOf(daemon)) === 'up: ');
  expect(await reaches(h1, GUEST)).toBe(true);
  await exchange(lab, h1, first);
  await expectLaws(daemon);

  await first.stop('SIGKILL');
  await daemon.until('guest gone', async () =>
    (await stateOf(daemon)).startsWith('down: the front end has gone'),
  );
});

async function stateOf(daemon: Taploomd): Promise<string> {
  const port = (await daemon.ports()).find(({ name }) => name === 'vm1');
  return `${port?.state}: ${port?.reason ?? ''}`;
}

/** TCP both ways, every byte; with the offloads that both ends have. */
async function exchange(lab: Lab, h1: Netns, guest: Awaited<ReturnType<typeof bootGuestOn>>): Promise<void> {
  const hash = sha256(BUSYBOX);
  await h1.check(['curl', '-sS', '-m', '20', '-o', `${lab.dir}/copy`, `http://${GUEST}/busybox`]);
  expect(sha256(`${lab.dir}/copy`)).toBe(hash);
  await h1.check(['bash', '-c', `cat ${BUSYBOX} > /dev/tcp/${GUEST}/9`]);
  await guest.waitFor(new RegExp(`received ${hash}`));
  expect(await h1.checksumErrors()).toBe(0);
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
