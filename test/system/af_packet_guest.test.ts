// A virtual machine whose QEMU holds its TAP, as everywhere: the switch attaches the TAP without opening it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { BUSYBOX, bootGuest, missingForGuests } from '../support/guest.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches } from '../support/traffic.ts';

needs('ping', 'curl', 'nstat');
beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

const GUEST = '10.0.0.9';

test('a guest whose QEMU holds the TAP talks to another port, and leaves a port that is gone', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const [guest, daemon] = await Promise.all([
    bootGuest(lab, sw, 'tap0', `${GUEST}/24`),
    Taploomd.start(lab, sw, {
      version: 1,
      bridges: { br0: { ports: { h1: { type: 'tap', netns: h1.name } } } },
    }),
  ]);
  await h1.up('h1', '10.0.0.1/24');
  // As a TAP it is busy; brctl knows what to do.
  const busy = await daemon.request('PUT', '/v1/bridges/br0/ports/tap0', { type: 'tap' }).catch(String);
  expect(JSON.stringify(busy)).toMatch(/another process has the TAP open.*af_packet/);
  expect(await daemon.brctl('addif', 'br0', 'tap0')).toMatchObject({ code: 0, stderr: '' });
  expect(await reaches(h1, GUEST)).toBe(true);
  expect(await ping(h1, GUEST)).toMatchObject({ received: 5 });

  // TCP both ways, every byte.
  const file = readFileSync(BUSYBOX);
  const hash = createHash('sha256').update(file).digest('hex');
  await h1.check(['curl', '-sS', '-m', '20', '-o', `${lab.dir}/copy`, `http://${GUEST}/busybox`]);
  expect(
    createHash('sha256')
      .update(readFileSync(`${lab.dir}/copy`))
      .digest('hex'),
  ).toBe(hash);
  await h1.check(['bash', '-c', `cat ${BUSYBOX} > /dev/tcp/${GUEST}/9`]);
  await guest.waitFor(new RegExp(`received ${hash}`));
  expect(await h1.checksumErrors()).toBe(0);
  await expectLaws(daemon);

  await guest.stop('SIGKILL');
  // As on Linux: what brctl added is forgotten with its interface.
  await daemon.until('port forgotten', async () =>
    (await daemon.ports()).every(({ name }) => name !== 'tap0'),
  );
});
