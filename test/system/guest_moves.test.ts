// A guest that moves from one host to another while others talk to it. It has a card for each way in, so one migration shows
// them all:
//
//   peer --- br0 ... br3 of switch A === VXLAN, one VNI each === br0 ... br3 of switch B
//                    |  eth0 ... eth3                                    |
//              guest in QEMU  --------------- migrate --------------->  QEMU that waits

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { missingForGuests } from '../support/guest.ts';
import { addressOf, bridgesOf, CARDS_UP, cardsOf, ECHO, macOf, WAY_NAMES } from '../support/guest_cards.ts';
import { GuestShell, shellMachine } from '../support/guest_shell.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { type Heard, Probe, silence, silenceAt } from '../support/probe.ts';
import type { Background } from '../support/process.ts';
import { Qmp } from '../support/qmp.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('python3');
beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

/** In the guest: port 10 is read once there is a file /go. */
const LATE_READER = `
$b nc -l -p 10 < /dev/null | { until [ -e /go ]; do $b sleep 0.1; done; $b sha256sum > /hash; } 2> /dev/null &
`;
const READ_LATE = '$b touch /go; for n in $($b seq 50); do [ -s /hash ] || $b sleep 0.1; done; $b cat /hash';
/** A machine with much else to do may be slow for so long, and a retransmission late. */
const BUSY_MS = 10_000;

/** A host for guests: a namespace with a switch, whose tunnels end at the other one. */
class Host {
  readonly where: Netns;
  readonly daemon: Taploomd;
  private readonly dir: string;
  private starts = 0;

  private constructor(where: Netns, daemon: Taploomd, dir: string) {
    this.where = where;
    this.daemon = daemon;
    this.dir = dir;
  }

  static async start(lab: Lab, where: Netns, here: number, ports: (n: number) => object): Promise<Host> {
    const dir = join(lab.dir, `host${here}`);
    mkdirSync(dir);
    await where.ip('tuntap add dev af_packet mode tap', 'link set af_packet up');
    const tunnel = (n: number) => ({
      type: 'vxlan',
      vni: 100 + n,
      local: `192.0.2.${here}`,
      remotes: [`192.0.2.${3 - here}`],
    });
    const bridges = bridgesOf(dir, (n) => ({ [`vx${n}`]: tunnel(n), ...ports(n) }));
    return new Host(where, await Taploomd.start(lab, where, { version: 1, bridges }), dir);
  }

  /** A QEMU with these cards. */
  async qemu(command: readonly string[], ...options: string[]): Promise<{ guest: Background; qmp: Qmp }> {
    const path = join(this.dir, `qmp${++this.starts}`);
    const env = { TAPLOOM_SOCKET: this.daemon.socket };
    const words = [...command, ...cardsOf(this.dir), ...Qmp.options(path), ...options];
    const guest = this.where.spawn(words, { env });
    return { guest, qmp: await Qmp.connect(path) };
  }

  /** How often a card has come to each tunnel from elsewhere. */
  async moves(): Promise<number[]> {
    const ports = await this.daemon.ports();
    return WAY_NAMES.map((_, n) => ports.find(({ name }) => name === `vx${n}`)?.counters.stationMoves ?? 0);
  }

  /** Behind which port each card is. */
  async places(): Promise<(string | undefined)[]> {
    const entries = await this.daemon.fdb();
    return WAY_NAMES.map((_, n) => entries.find(({ mac }) => mac === macOf(n))?.port);
  }
}

/**
 * Prints how long each way was silent beside how long the guest itself stood still: by ping also what of it came before
 * (memory is copied) and after. Nothing came as something else.
 */
function expectGaps(what: string, heard: Record<string, Heard>, stopped: number, resumed: number): void {
  const still = resumed - stopped;
  const told: string[] = [];
  for (const [n, way] of WAY_NAMES.entries()) {
    const { ping, tcp } = heard[addressOf(n)];
    const [from, to] = silenceAt(ping, stopped) ?? [stopped, resumed];
    const byTcp = silence(tcp, stopped);
    told.push(
      `${way} ${to - from} ms (${Math.round(stopped - from)} + ${Math.round(still)} + ${Math.round(to - resumed)}), TCP ${byTcp} ms`,
    );
    expect(`${way}: ${tcp.error}`).toBe(`${way}: null`);
    expect(silence(ping), way).toBeLessThan(BUSY_MS);
    expect(Math.max(to - from, byTcp) - still, way).toBeLessThan(BUSY_MS);
  }
  console.log(`${what}: silent were ${told.join('; ')}`);
}

test('a guest migrates and comes back while others talk to it, and goes on elsewhere from a snapshot', async () => {
  const lab = await openLab();
  const [a, b, peer] = await lab.netnsList(['a', 'b', 'peer']);
  await lab.veth(a, 'u', b, 'u');
  // The tunnels' headers fit, too.
  await Promise.all(
    [a, b].map((where, n) => where.ip('link set u mtu 1600', `addr add 192.0.2.${n + 1}/24 dev u`)),
  );
  const one = await Host.start(lab, a, 1, (n) => ({ [`peer${n}`]: { type: 'tap', netns: peer.name } }));
  const two = await Host.start(lab, b, 2, () => ({}));
  await Promise.all(WAY_NAMES.map((_, n) => peer.up(`peer${n}`, `10.0.${n}.1/24`)));
  const command = shellMachine(lab.dir, []);
  const source = await one.qemu(command);
  const shell = await GuestShell.of(source.guest);
  await shell.run(`${CARDS_UP}${ECHO}${LATE_READER}`);
  const addresses = WAY_NAMES.map((_, n) => addressOf(n));
  const probe = await Probe.start(peer, addresses);
  expect(await one.places()).toEqual(WAY_NAMES);

  // One that is called off changes nothing.
  await source.qmp.migrateInVain('exec:cat > /dev/null');
  await probe.untilAllAnswer(Date.now());
  const target = await two.qemu(command, '-incoming', 'defer');
  const uri = `unix:${join(lab.dir, 'migration')}`;
  await target.qmp.incoming(uri);
  // Of what the guest has not read before it moves, its memory is all that there is, and the switch has written it there.
  const unread = randomBytes(150_000);
  writeFileSync(join(lab.dir, 'unread'), unread);
  const place = `/dev/tcp/${addresses[WAY_NAMES.indexOf('vhost_user')]}/10`;
  await probe.report();
  const { downtime, totalMs } = await source.qmp.migrate(uri, async () => {
    peer.spawn(['bash', '-c', `cat ${join(lab.dir, 'unread')} > ${place}`]);
    await new Promise((resolve) => setTimeout(resolve, 500));
  });
  console.log(`the migration took ${totalMs} ms; by QEMU's word the guest was down for ${downtime} ms`);
  shell.follow(target.guest);
  const [stopped, resumed] = [await source.qmp.time('STOP'), await target.qmp.time('RESUME')];
  expectGaps('live migration', await probe.untilAllAnswer(resumed), stopped, resumed);
  // While the old place is still there.
  expect(await one.places()).toEqual(WAY_NAMES.map((_, n) => `vx${n}`));
  expect(await two.places()).toEqual(WAY_NAMES);
  expect(await one.moves()).toEqual(WAY_NAMES.map(() => 1));
  expect(await shell.run(READ_LATE)).toContain(createHash('sha256').update(unread).digest('hex'));

  // Back as it came, to a QEMU that has not booted anything.
  await source.guest.stop('SIGKILL');
  const home = await one.qemu(command, '-incoming', 'defer');
  const back = `unix:${join(lab.dir, 'back')}`;
  await home.qmp.incoming(back);
  await probe.report();
  const { downtime: backDowntime } = await target.qmp.migrate(back);
  console.log(`on its way back the guest was down for ${backDowntime} ms by QEMU's word`);
  shell.follow(home.guest);
  const [left, returned] = [await target.qmp.time('STOP'), await home.qmp.time('RESUME')];
  expectGaps('live migration back', await probe.untilAllAnswer(returned), left, returned);
  expect(await one.places()).toEqual(WAY_NAMES);
  expect(await two.places()).toEqual(WAY_NAMES.map((_, n) => `vx${n}`));
  expect(await two.moves()).toEqual(WAY_NAMES.map(() => 1));
  expect(await shell.run('$b cat /hash')).toContain(createHash('sha256').update(unread).digest('hex'));
  await target.guest.stop('SIGKILL');

  // There once more, by way of a file.
  const file = join(lab.dir, 'snapshot');
  await probe.report();
  await home.qmp.migrate(`exec:cat > ${file}`);
  await home.guest.stop('SIGKILL');
  const restored = await two.qemu(command, '-incoming', 'defer');
  await restored.qmp.incoming(`exec:cat ${file}`);
  shell.follow(restored.guest);
  const [saved, loaded] = [await home.qmp.time('STOP'), await restored.qmp.time('RESUME')];
  expectGaps('restored from a snapshot', await probe.untilAllAnswer(loaded), saved, loaded);
  expect(await one.places()).toEqual(WAY_NAMES.map((_, n) => `vx${n}`));
  expect(await two.places()).toEqual(WAY_NAMES);
  await Promise.all([one, two].map(({ daemon }) => expectLaws(daemon)));
}, 180_000);
