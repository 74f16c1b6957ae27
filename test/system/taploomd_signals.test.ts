// What a service manager does with the daemon: waits until it is ready, asks it to reload, ends it. And what it leaves
// behind when it ends: nothing.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ControlClient } from '../../src/control/client.ts';
import { type Lab, openLab } from '../support/lab.ts';
import type { Netns } from '../support/netns.ts';
import { runCommand } from '../support/process.ts';

const TAPLOOMD = fileURLToPath(new URL('../../dist/src/programs/taploomd.js', import.meta.url));
const CONFIG = 'version: 1\nbridges:\n  br0: { ports: { p1: { type: tap } } }\n';

// A service manager's end of sd_notify: prints what it is told, a line for each message.
const MANAGER = `
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print('bound', flush=True)
while True: print(manager.recv(4096).decode().replace(chr(10), ' '), flush=True)
`;

async function start(lab: Lab, where: Netns, more: string[] = []) {
  const file = join(lab.dir, 'switch.yaml');
  const socket = join(lab.dir, 'run', 'taploom.sock');
  const notify = join(lab.dir, 'notify');
  writeFileSync(file, CONFIG);
  const manager = lab.spawn(['python3', '-c', MANAGER, notify]);
  await manager.waitFor(/bound/);
  const args = ['--config', file, '--socket', socket, '--metrics-address', 'off', ...more];
  const daemon = where.spawn([process.execPath, TAPLOOMD, ...args], { env: { NOTIFY_SOCKET: notify } });
  await manager.waitFor(/READY=1/);
  return { file, socket, manager, daemon };
}

test('a service manager hears when the daemon is ready, reloads and stops', async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const { file, socket, manager, daemon } = await start(lab, where);
  expect(manager.stdout).toContain('READY=1 STATUS=Forwarding with 1 bridge and 2 ports');
  expect(await where.hasLink('p1')).toBe(true);

  writeFileSync(file, CONFIG.replace('p1', 'p2'));
  daemon.kill('SIGHUP');
  await manager.waitFor(/RELOADING=1 MONOTONIC_USEC=\d+\nREADY=1 STATUS=/);
  expect(await where.hasLink('p1')).toBe(false);
  expect(await where.hasLink('p2')).toBe(true);

  expect(await daemon.stop('SIGTERM')).toBe(0);
  await manager.waitFor(/STOPPING=1/);
  expect(await where.hasLink('p2')).toBe(false);
  expect(await where.hasLink('br0')).toBe(false);
  expect(existsSync(socket)).toBe(false);
});

test('a bad file at a reload is reported with all its problems, and the old configuration stays', async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const { file, socket, daemon } = await start(lab, where);
  writeFileSync(file, 'version: 1\nbridges:\n  br0:\n    ageing_time: soon\n    fdb_limit: 0\n');
  daemon.kill('SIGHUP');
  await daemon.waitFor(/:5: bridges\.br0\.fdb_limit/);
  expect(daemon.stderr).toMatch(/:4: bridges\.br0\.ageing_time: "soon" is not an ageing time/);
  const client = new ControlClient(socket);
  expect((await client.summary()).ports.map(({ name }) => name)).toContain('p1');
  client.close();
  expect(await daemon.stop('SIGINT')).toBe(0);
});

test('a signal during the start is obeyed', async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const file = join(lab.dir, 'switch.yaml');
  writeFileSync(file, CONFIG);
  const args = [
    '--config',
    file,
    '--socket',
    join(lab.dir, 's'),
    '--metrics-address',
    'off',
    '--log-level',
    'debug',
  ];
  const daemon = where.spawn([process.execPath, TAPLOOMD, ...args]);
  await daemon.waitFor(/add bridges\.br0/);
  expect(await daemon.stop('SIGTERM')).toBe(0);
  expect(await where.hasLink('br0')).toBe(false);
});

test('a start that cannot be is one clear message and exit code 1, a wrong command line is 2', async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const run = (...args: string[]) => where.run([process.execPath, TAPLOOMD, ...args]);
  const socket = ['--socket', join(lab.dir, 's')];
  const missing = await run(...socket, '--config', '/nowhere.yaml');
  expect(missing).toMatchObject({ code: 1, stdout: '' });
  expect(missing.stderr).toMatch(
    /fatal Cannot start: Cannot read the configuration \/nowhere\.yaml: ENOENT\n$/,
  );
  const other = where.spawn([process.execPath, TAPLOOMD, '--socket', join(lab.dir, 'other')]);
  await other.waitFor(/is ready/);
  expect(await run(...socket)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Cannot serve metrics at 127.0.0.1:9477: the address is in use'),
  });
  expect(existsSync(join(lab.dir, 's'))).toBe(false);
  for (const wrong of [
    ['--colour'],
    ['--metrics-address', 'here'],
    ['--log-level', 'loud'],
    ['--workers', '17'],
    ['extra'],
  ]) {
    expect(await run(...wrong)).toMatchObject({ code: 2, stdout: '' });
  }
  expect(await run('--version')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^taploomd \d+\.\d+\.\d+\n$/),
  });
});

test('a reader of taploom that goes away ends it quietly', async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const { socket } = await start(lab, where);
  const taploom = TAPLOOMD.replace('taploomd.js', 'taploom.js');
  const script = `"${process.execPath}" "${taploom}" --socket "${socket}" stats --watch --interval 0.1 | head -n 1`;
  const { code, stderr } = await runCommand(['sh', '-c', script]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('an error that nobody expected is logged and the switch goes on; one after another ends it, closed', async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const file = join(lab.dir, 'switch.yaml');
  writeFileSync(file, CONFIG);
  for (const fault of ['throw new Error("boom")', 'Promise.reject(new Error("boom"))']) {
    // Signals SIGUSR2 pull the fuse.
    const fuse = `data:text/javascript,process.on('SIGUSR2', () => { setTimeout(() => { ${fault} }) })`;
    const args = ['--config', file, '--socket', join(lab.dir, 's'), '--metrics-address', 'off'];
    const daemon = where.spawn([process.execPath, '--import', fuse, TAPLOOMD, ...args]);
    await daemon.waitFor(/is ready/);
    daemon.kill('SIGUSR2');
    await daemon.waitFor(/error An error that nobody expected; taploomd goes on\n +Error: boom/);
    expect(await where.hasLink('p1')).toBe(true);
    for (let n = 0; n < 40 && daemon.running; n++) {
      daemon.kill('SIGUSR2');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await daemon.exit(6000)).toBe(1);
    expect(daemon.stderr).toMatch(/fatal An error that nobody expected; taploomd ends\n +Error: boom/);
    expect(await where.hasLink('p1')).toBe(false);
  }
});
