// A machine that boots from a network as its user writes it: QEMU's boot ROM is iPXE, which gets its script by TFTP.
//
//   QEMU --- tap, kernel bridge [m] --- c0 --- br0, host-only [sw]
//                                       c1 --- dnsmasq as TFTP server alone [t], 192.168.122.7

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { LeaseStatus } from '../../src/api.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('qemu-system-x86_64', 'dnsmasq');

const ROM = '/usr/lib/ipxe/qemu/pxe-e1000.rom';
beforeEach(({ skip }) => skip(!existsSync(ROM), 'needs the package ipxe-qemu'));

const BOOT = { 'efi-x86_64': { file: 'other.efi' }, bios: { file: 'bios.ipxe', server: '192.168.122.7' } };
const DHCP = { range: '192.168.122.100-192.168.122.199', next_server: '192.168.122.8', boot: BOOT };
/** Tells what it was told, and asks again when somebody presses a key. */
const SCRIPT = `#!ipxe
echo booted \${net0/ip} \${filename} \${next-server}
prompt again?
dhcp
echo then \${filename} \${next-server}
`;

test('a boot ROM gets the file of its architecture, and what is loaded by it another one', async () => {
  const lab = await openLab();
  const [sw, machine, tftp] = await lab.netnsList(['sw', 'm', 't']);
  const ports = Object.fromEntries(
    [machine, tftp].map(({ name }, n) => [`c${n}`, { type: 'tap', netns: name }]),
  );
  const network = { mode: 'host-only', subnet: '192.168.122.0/24', dhcp: DHCP };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { network, ports } } });
  const root = join(lab.dir, 'tftp');
  mkdirSync(root);
  writeFileSync(join(root, 'bios.ipxe'), SCRIPT);
  await tftp.up('c1', '192.168.122.7/24');
  const words = `-d -p 0 -C /dev/null --enable-tftp --tftp-root=${root} --interface=c1 --user=root`;
  await tftp.spawn(['dnsmasq', ...words.split(' ')]).waitFor(/TFTP root/);
  await machine.ip(
    'link add b0 type bridge',
    'tuntap add t0 mode tap',
    'link set t0 master b0',
    'link set c0 master b0',
  );
  await machine.ip(...['b0', 't0', 'c0'].map((device) => `link set ${device} up`));
  const qemu = machine.spawn([
    ...'qemu-system-x86_64 -accel tcg -m 64 -nographic -boot n -monitor none -serial stdio'.split(' '),
    ...[
      '-netdev',
      'tap,id=n0,ifname=t0,script=no,downscript=no',
      '-device',
      'e1000,netdev=n0,mac=02:00:00:00:00:01',
    ],
  ]);
  await qemu.waitFor(/booted 192\.168\.122\.100 bios\.ipxe 192\.168\.122\.7/, 50_000);
  const { leases } = await daemon.get<{ leases: LeaseStatus[] }>('/v1/leases');
  expect(leases).toMatchObject([{ address: '192.168.122.100', mac: '02:00:00:00:00:01', port: 'c0' }]);

  // The ROM is iPXE all along.
  await qemu.waitFor(/again\?/);
  const ipxe = 'dhcp.boot.ipxe.file=http://192.168.122.9/menu.ipxe';
  await daemon.cli('bridge', 'set', 'br0', '--network', ipxe);
  qemu.child.stdin?.write(' ');
  await qemu.waitFor(/then http:\/\/192\.168\.122\.9\/menu\.ipxe 192\.168\.122\.8/, 20_000);
});
