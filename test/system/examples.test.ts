// The examples of the library as an embedder would run them. `library_embed.test.ts` runs the first.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { framesIn } from '../../src/wire/pcap_file.ts';
import {
  BUSYBOX,
  CARD_MODULES,
  guestKernel,
  insertModules,
  makeDisk,
  missingForGuests,
} from '../support/guest.ts';
import { runCommand } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const example = (name: string) => join(ROOT, `dist/examples/${name}.js`);

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'taploom-example-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('examples/simulation.ts heals its ring, says the same again, and writes what it says', {
  timeout: 120_000,
}, async () => {
  const dir = folder();
  const run = (name: string) =>
    runCommand([process.execPath, example('simulation'), join(dir, name)], { timeoutMs: 50_000 });
  const [first, second] = [await run('a'), await run('b')];
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout.match(/^without link \d: \d\.\d{3} ms to bob and back$/gm)).toHaveLength(4);
  expect(second).toEqual(first);
  const capture = readFileSync(join(dir, 'a'));
  expect(readFileSync(join(dir, 'b')).equals(capture)).toBe(true);
  expect([...framesIn(capture, 'a')].length).toBeGreaterThan(100);
});

/** Gets its address, waits for both, and ends. */
const INIT = `#!${BUSYBOX} sh
b=${BUSYBOX}
$b mount -t proc proc /proc
${insertModules(CARD_MODULES)}
$b ip link set lo up
$b ip link set eth0 up
$b udhcpc -i eth0 -n -q -f -s /lease && echo leased
for guest in 10.9.0.11 10.9.0.12; do
  until $b ping -c 1 -W 1 $guest > /dev/null; do :; done
  echo reached $guest
done
$b sleep 3
$b poweroff -f
`;
const LEASE = `#!${BUSYBOX} sh
[ "$1" != bound ] || ${BUSYBOX} ip addr add $ip/24 dev $interface
`;

test('examples/qemu.ts boots two guests, which get their addresses and reach each other', {
  timeout: 120_000,
}, async ({ skip }) => {
  const missing = missingForGuests();
  skip(missing !== undefined, missing);
  const disk = makeDisk(folder(), CARD_MODULES, INIT, (root) =>
    writeFileSync(join(root, 'lease'), LEASE, { mode: 0o755 }),
  );
  const system = ['-kernel', guestKernel(), '-initrd', disk, '-append', 'console=ttyS0 quiet panic=-1'];
  const command = [process.execPath, example('qemu'), '-accel', 'tcg', ...system];
  const { code, stdout, stderr } = await runCommand(command, { timeoutMs: 110_000, group: true });
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  for (const [name, address] of [
    ['vm1', '10.9.0.11'],
    ['vm2', '10.9.0.12'],
  ]) {
    expect(stdout).toMatch(new RegExp(`^lab0: .* on port ${name} has address ${address}$`, 'm'));
    for (const other of ['10.9.0.11', '10.9.0.12']) expect(stdout).toContain(`${name}: reached ${other}\n`);
    expect(stdout).toMatch(new RegExp(`^${name}: received [1-9]\\d*, transmitted [1-9]`, 'm'));
  }
});

test('the first program of docs/library.md prints a frame, without rights, and ends', async () => {
  const [, program] =
    /^```js\n([\s\S]*?)^```/m.exec(readFileSync(join(ROOT, 'docs/library.md'), 'utf8')) ?? [];
  // In a folder of the package its name means itself.
  const file = join(ROOT, 'build/first_program.mjs');
  writeFileSync(file, program);
  onTestFinished(() => rmSync(file));
  const withoutRights = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
  const { code, stdout, stderr } = await runCommand([...withoutRights, process.execPath, file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Uint8Array\(60\) \[\s*255, 255, 255, 255, 255, 255,\s+2,/);
});
