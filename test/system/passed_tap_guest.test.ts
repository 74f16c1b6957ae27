// A guest that runs is given a network card on a TAP that came to its QEMU as a descriptor (SCM_RIGHTS over QMP): it is
// plugged, pulled and plugged again. QEMU has neither rights for TAPs nor an interface where it is.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BUSYBOX, missingForGuests } from '../support/guest.ts';
import { GuestShell } from '../support/guest_shell.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Qmp } from '../support/qmp.ts';
import { ping, reaches } from '../support/traffic.ts';

needs('ping', 'curl');

const PROGRAM = fileURLToPath(new URL('../support/replug_tap.mjs', import.meta.url));
const MAC = '02:00:00:00:00:09';
const GUEST = '10.0.0.9';
/** It has the same name each time. */
const CARD_UP = `
until [ -e /sys/class/net/eth0 ]; do $b sleep 0.05; done
$b cat /sys/class/net/eth0/address
ip addr add ${GUEST}/24 dev eth0
ip link set eth0 up
`;

test('a guest gets its card from a passed TAP, loses it, and gets it again', async ({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
  const lab = await openLab();
  const [sw, vmm] = await lab.netnsList(['sw', 'vmm']);
  const path = join(lab.dir, 'qmp.sock');
  const guest = await GuestShell.boot((command) => vmm.spawn(command), lab.dir, [], Qmp.options(path));
  await guest.run('$b httpd -p 80 -h /bin');
  const embedding = sw.spawn([process.execPath, PROGRAM, path, MAC]);
  await embedding.waitFor(/ready/);
  await sw.up('br0', '10.0.0.254/24');
  const say = (line: string) => embedding.child.stdin?.write(`${line}\n`);
  const hash = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

  for (const time of [1, 2]) {
    say('plug');
    await embedding.waitFor(new RegExp(`^ready\n(plugged\nvm1 is gone\n){${time - 1}}plugged\n$`));
    expect(await guest.run(CARD_UP)).toBe(`${MAC}\n`);
    expect(await reaches(sw, GUEST)).toBe(true);
    expect(await ping(sw, GUEST)).toMatchObject({ received: 5 });
    const copy = join(lab.dir, `copy${time}`);
    await sw.check(['curl', '-sS', '-m', '20', '-o', copy, `http://${GUEST}/busybox`]);
    expect(hash(copy)).toBe(hash(BUSYBOX));

    say('pull');
    await embedding.waitFor(new RegExp(`^ready\n(plugged\nvm1 is gone\n){${time}}$`));
    expect((await ping(sw, GUEST, { count: 1 })).received).toBe(0);
    expect(await guest.run('$b ls /sys/class/net')).toBe('lo\n');
  }
  expect(embedding.running).toBe(true);
});
