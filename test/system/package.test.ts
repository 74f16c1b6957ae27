// Taploom as npm hands it on: packed from a tree in which nothing was built, installed with --global, then started.

import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { check } from '../support/process.ts';

needs('npm', 'make', 'cc');

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MODULES = join(ROOT, 'node_modules');
const NOT_IN_A_CLONE = /^(\.git|node_modules|dist|build|man)$/;
const VERSION = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;

test('npm pack in a fresh clone makes a package whose commands run where it is installed', {
  timeout: 240_000,
}, async () => {
  const lab = await openLab();
  const clone = join(lab.dir, 'clone');
  cpSync(ROOT, clone, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !NOT_IN_A_CLONE.test(relative(ROOT, path)),
  });
  // What is already compiled there would take a minute. By the times of files set-up sees that it is complete.
  symlinkSync(MODULES, join(clone, 'node_modules'));
  await check(['npm', 'pack', '--pack-destination', lab.dir], { cwd: clone, timeoutMs: 150_000 });
  const tarball = readdirSync(lab.dir).find((file) => file.endsWith('.tgz')) as string;

  const prefix = join(lab.dir, 'in stalled');
  const npm = ['npm', 'install', '--global', '--prefix', prefix, '--ignore-scripts', '--prefer-offline'];
  await check([...npm, join(lab.dir, tarball)], { timeoutMs: 60_000 });
  const installed = join(prefix, 'lib/node_modules/taploom');
  rmSync(join(installed, 'node_modules'), { recursive: true });
  symlinkSync(MODULES, join(installed, 'node_modules'));

  const command = (name: string) => join(prefix, 'bin', name);
  for (const name of ['taploom', 'taploomd', 'taploom-brctl', 'taploom-bridge']) {
    expect(await check([command(name), '--version'])).toContain(VERSION);
  }
  const host = await lab.netns('host');
  const socket = join(lab.dir, 'control');
  const daemon = host.spawn([command('taploomd'), '--socket', socket, '--metrics-address', 'off']);
  await daemon.waitFor(/is ready/); // the library was compiled for it
  expect(await check([join(installed, 'build/taploom-bridge-helper'), '--help'])).toMatch(/^usage:/);
  await host.check([command('taploom'), '--socket', socket, 'bridge', 'add', 'br0']);
  expect(await host.check(['ip', '-o', 'link', 'show', 'br0'])).toContain('br0');
});
