// A guest whose kernel bonds two of its network cards (802.3ad) and has a VLAN device on the third:
//
//   h20 --- VLAN 20 --- bond0 === eth0, eth1 in lag0       h10 --- VLAN 10 --- tap2 --- eth2, eth2.10

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { BUSYBOX, missingForGuests } from '../support/guest.ts';
import { GuestShell } from '../support/guest_shell.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ping', 'curl', 'bridge', 'tc');
beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

const MODULES = [
  'net/llc/llc',
  'net/802/stp',
  'net/802/garp',
  'net/802/mrp',
  'net/8021q/8021q',
  'net/tls/tls',
  'drivers/net/bonding/bonding',
];
const TAPS = ['tap0', 'tap1', 'tap2'];
/** Bonding takes no card into an aggregate of which it does not know the speed. */
const CARDS = TAPS.flatMap((tap, n) => [
  '-netdev',
  `tap,id=n${n},ifname=${tap},script=no,downscript=no`,
  '-device',
  `virtio-net-pci,netdev=n${n},romfile=,speed=1000,duplex=full`,
]);

/** The module makes a bond0 of its own. */
const SCRIPT = `
set -e
ip link add lag0 type bond mode 802.3ad miimon 100 lacp_rate fast
for n in eth0 eth1; do ip link set $n master lag0; done
ip addr add 10.0.20.2/24 dev lag0
ip link set lag0 up
ip link set eth2 up
ip link add link eth2 name eth2.10 type vlan id 10
ip addr add 10.0.10.2/24 dev eth2.10
ip link set eth2.10 up
$b httpd -p 80 -h /bin
`;

const port = { type: 'af_packet' };

test('a guest talks by a VLAN device to an access port, and by a bond that outlives a member', async () => {
  const lab = await openLab();
  const [sw, h10, h20] = await lab.netnsList(['sw', 'h10', 'h20']);
  const guest = await GuestShell.boot((command) => sw.spawn(command), lab.dir, MODULES, CARDS);
  await sw.ip(...TAPS.map((tap) => `link set dev ${tap} up`));
  const bond0 = {
    type: 'aggregate',
    rate: 'fast',
    members: { tap0: port, tap1: port },
    vlan: { access: 20 },
  };
  const ports = {
    bond0,
    tap2: { ...port, vlan: { trunk: [10] } },
    h10: { type: 'tap', netns: h10.name, vlan: { access: 10 } },
    h20: { type: 'tap', netns: h20.name, vlan: { access: 20 } },
  };
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: { br0: { local: false, vlan_filtering: true, ports } },
  });
  await h10.up('h10', '10.0.10.1/24');
  await h20.up('h20', '10.0.20.1/24');
  await guest.run(SCRIPT);

  expect(await reaches(h10, '10.0.10.2')).toBe(true);
  const copy = `${lab.dir}/copy`;
  await h10.check(['curl', '-sS', '-m', '20', '-o', copy, 'http://10.0.10.2/busybox']);
  const hash = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  expect(hash(copy)).toBe(hash(BUSYBOX));

  const carriers = async () =>
    ((await daemon.port('bond0')).aggregate?.members ?? [])
      .filter(({ state }) => state === 'carries')
      .map(({ port }) => port)
      .join();
  await daemon.until('both members carry', async () => (await carriers()) === 'tap0,tap1', 20_000);
  expect(await reaches(h20, '10.0.20.2')).toBe(true);
  const { aggregate } = await daemon.port('bond0');
  const bond = await guest.run('$b cat /proc/net/bonding/lag0');
  expect(bond).toMatch(/Number of ports: 2/);
  expect(bond).toContain(aggregate?.partner?.system);

  await sw.ip('link set dev tap0 down');
  await daemon.until('one member carries', async () => (await carriers()) === 'tap1');
  // The guest's card keeps its carrier: its bond waits for three LACPDUs.
  expect(await reaches(h20, '10.0.20.2', 15_000)).toBe(true);
  await expectLaws(daemon);
});
