// Two virtual machines on a switch inside this program, without rights: QEMU connects to a Unix socket for each, the switch
// gives the guests their addresses. It ends with them. After `npm run build`:
//
//   node dist/examples/qemu.js -kernel vmlinuz -initrd disk.img -append 'console=ttyS0 quiet'
//
//   vm1 --- QEMU -netdev stream --- lab0 --- QEMU -netdev stream --- vm2
//            10.9.0.11            DHCP server            10.9.0.12

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Switch, vmCard } from 'taploom';

const GUESTS = ['vm1', 'vm2'];
const ofGuest = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'taploom-qemu-'));

{
  await using lab = await Switch.open({
    version: 1,
    bridges: {
      lab0: {
        local: false,
        network: {
          mode: 'isolated',
          subnet: '10.9.0.0/24',
          dhcp: {
            hosts: {
              vm1: { port: 'vm1', address: '10.9.0.11' },
              vm2: { port: 'vm2', address: '10.9.0.12' },
            },
          },
        },
        ports: Object.fromEntries(
          GUESTS.map((name) => [name, { type: 'stream' as const, path: join(dir, `${name}.sock`) }]),
        ),
      },
    },
  });
  lab.on('event', ({ type, message }) => {
    if (type === 'port' || type === 'lease') console.log(`lab0: ${message}`);
  });

  const boot = (name: string): Promise<number | null> => {
    const args = ['-m', '192', '-nodefaults', '-nographic', '-serial', 'stdio', '-no-reboot'];
    const qemu = spawn('qemu-system-x86_64', [...args, ...ofGuest, ...vmCard(lab, name).qemuArgs()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: qemu.stdout }).on('line', (line) => console.log(`${name}: ${line.trim()}`));
    return new Promise((resolve, reject) => qemu.on('error', reject).on('exit', resolve));
  };
  await Promise.all(GUESTS.map(boot));

  for (const { name, counters } of lab.ports()) {
    const { receivedFrames, transmittedFrames } = counters;
    console.log(`${name}: received ${receivedFrames}, transmitted ${transmittedFrames}`);
  }
}
rmSync(dir, { recursive: true });
