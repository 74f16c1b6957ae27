// A machine that boots from the network: QEMU's boot ROM is iPXE, which gets its script by TFTP from where we say.
//
//   QEMU --- tap, kernel bridge, c0 --- br0 --- our DHCP server
//                                  c1 ---'      192.168.122.7: dnsmasq as TFTP server alone

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { DhcpSettings } from '../../src/protocol/dhcp/settings.ts';
import { ip, SETTINGS, SUBNET } from '../protocol/dhcp/world.ts';
import { DhcpLab } from '../support/dhcp_lab.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs('qemu-system-x86_64', 'dnsmasq');

const ROM = '/usr/lib/ipxe/qemu/pxe-e1000.rom';
beforeEach(({ skip }) => skip(!existsSync(ROM), 'needs the package ipxe-qemu'));

const settings: DhcpSettings = {
  ...SETTINGS,
  subnets: [{ ...SUBNET, options: { nextServer: ip('192.168.122.7') } }],
  classes: [
    { vendorClass: 'PXEClient', architectures: [7, 9], options: { bootFile: 'other.efi' } },
    { vendorClass: 'PXEClient', architectures: [0], options: { bootFile: 'bios.ipxe' } },
  ],
};

test('a boot ROM gets the file of its architecture from the next server', async () => {
  const lab = await openLab();
  const [machine, tftp] = await lab.netnsList(['m', 't']);
  const dhcp = await DhcpLab.open(settings, join(lab.dir, 'leases'), [machine, tftp]);
  const root = join(lab.dir, 'tftp');
  mkdirSync(root);
  writeFileSync(join(root, 'bios.ipxe'), `#!ipxe\necho booted \${net0/ip} \${filename}\n`);
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
  await qemu.waitFor(/booted 192\.168\.122\.100 bios\.ipxe/, 50_000);
  expect(dhcp.events).toEqual(['bound']);
});
