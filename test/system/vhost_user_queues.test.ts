// A virtual machine with two processors and two pairs of queues on a vhost-user port: TCP goes through both, and after the
// guest has given one up through the other.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { BUSYBOX, missingForGuests, vhostUserCard } from '../support/guest.ts';
import { GuestShell, shellMachine } from '../support/guest_shell.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ping', 'curl', 'ethtool', 'nstat');
beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

const GUEST = '10.0.0.9';
const ETHTOOL = '/usr/sbin/ethtool';
const SCRIPT = `
ip addr add ${GUEST}/24 dev eth0
ip link set eth0 up
$b mkdir /www; $b cp $b /www/large; echo hello > /www/small
$b httpd -p 80 -h /www
`;
/** Connections each way, each with a port of its own: that all to the guest are in one of two queues is as good as impossible. */
const FLOWS = 24;
const ENOUGH = expect.toSatisfy((frames: number) => frames > 20, 'more than 20 frames');

test('both pairs of queues of a guest carry TCP, and one alone when the guest wants it so', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const path = join(lab.dir, 'vm1.sock');
  const vm1 = { type: 'vhost_user', path, queues: 2 };
  const ports = { h1: { type: 'tap', netns: h1.name }, vm1 };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  await h1.withoutIpv6();
  await h1.up('h1', '10.0.0.1/24');
  const machine = [...shellMachine(lab.dir, [], [ETHTOOL]), '-m', '192', '-smp', '2'];
  const guest = await GuestShell.of(sw.spawn([...machine, ...vhostUserCard(path, 2)]));
  await guest.run(SCRIPT);
  expect(await reaches(h1, GUEST)).toBe(true);
  // Nobody asks for an address while frames are counted.
  const { address } = await h1.link('h1');
  await guest.run(`ip neigh replace 10.0.0.1 lladdr ${address} dev eth0 nud permanent`);
  await writeFile(join(lab.dir, 'small'), 'hello\n');
  h1.spawn([BUSYBOX, 'httpd', '-f', '-p', '80', '-h', lab.dir]);
  const mac = (await guest.run('$b cat /sys/class/net/eth0/address')).trim();
  await h1.ip(`neigh replace ${GUEST} lladdr ${mac} dev h1 nud permanent`);

  /** Frames by queue, in the guest's words: of those that it uses. */
  const counts = async () => {
    const text = await guest.run(`${ETHTOOL} -S eth0`);
    const of = (what: string) =>
      [...text.matchAll(new RegExp(`${what}_queue_\\d_packets: (\\d+)`, 'g'))].map((match) =>
        Number(match[1]),
      );
    return { received: of('rx'), sent: of('tx') };
  };
  const hash = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');
  const file = hash(readFileSync(BUSYBOX));
  const fetchAll = async () => {
    const urls = Array.from({ length: FLOWS }, () => `http://${GUEST}/small`);
    // No connection twice.
    const answers = await h1.check(['curl', '-sS', '-m', '20', '-H', 'Connection: close', ...urls]);
    expect(answers).toBe('hello\n'.repeat(FLOWS));
    const copy = join(lab.dir, 'copy');
    await h1.check(['curl', '-sS', '-m', '20', '-o', copy, `http://${GUEST}/large`]);
    expect(hash(readFileSync(copy))).toBe(file);
    // Linux sends by the queue of the processor that it runs on: a connection's first frame by that of who opens it, later
    // ones perhaps by that of the interrupt for an answer.
    for (const processor of [0, 1]) {
      const fetch = `$b taskset ${1 << processor} $b wget -q -O - http://10.0.0.1/small`;
      const answers = await guest.run(`for i in $($b seq ${FLOWS}); do ${fetch}; done`);
      expect(answers.trim().split(/\s+/)).toEqual(Array(FLOWS).fill('hello'));
      const port = `${9000 + processor}`;
      const receiver = h1.spawn(['sh', '-c', `${BUSYBOX} nc -l -p ${port} | sha256sum`]);
      const send = `$b taskset ${1 << processor} $b nc 10.0.0.1 ${port} < $b`;
      await guest.run(`until ${send}; do $b sleep 0.1; done`);
      await receiver.waitFor(new RegExp(file));
    }
  };

  /** Once the last connection has ended: what the switch has counted went through these queues, and what others had before. */
  const settled = async (before = { received: 0, sent: 0 }) => {
    let now = await counts();
    await daemon.until('the guest has counted what the switch has', async () => {
      const { counters } = await daemon.port('vm1');
      now = await counts();
      const sum = (all: number[], first: number) => all.reduce((total, one) => total + one, first);
      return (
        sum(now.received, before.received) === counters.transmittedFrames &&
        sum(now.sent, before.sent) === counters.receivedFrames
      );
    });
    return now;
  };

  expect((await daemon.port('vm1')).guest).toMatchObject({ queues: 2 });
  await fetchAll();
  const both = await settled();
  expect(both).toMatchObject({ received: [ENOUGH, ENOUGH], sent: [ENOUGH, ENOUGH] });

  await guest.run(`${ETHTOOL} -L eth0 combined 1`);
  expect((await daemon.port('vm1')).guest).toMatchObject({ queues: 1 });
  await fetchAll();
  const one = await settled({ received: both.received[1], sent: both.sent[1] });
  expect([one.received.length, one.sent.length]).toEqual([1, 1]);

  await guest.run(`${ETHTOOL} -L eth0 combined 2`);
  await fetchAll();
  const again = await settled();
  for (const n of [0, 1]) {
    const before = [one, both][n];
    expect(again.received[n] - before.received[n]).toEqual(ENOUGH);
    expect(again.sent[n] - before.sent[n]).toEqual(ENOUGH);
  }
  expect(await h1.checksumErrors()).toBe(0);
  await expectLaws(daemon);
});
