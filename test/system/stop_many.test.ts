// Ending a switch with many ports: soon, and all of it is taken down but what should stay.

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';

needs();

const PORTS = 500;

async function groupOf(
  where: { check(command: string[]): Promise<string> },
  device: string,
): Promise<string> {
  return (await where.check(['ip', '-d', 'link', 'show', 'dev', device])).match(/group (\S+)/)?.[1] ?? '';
}

test('500 ports in two namespaces end in about a second; persistent and strange interfaces stay', {
  timeout: 120_000,
}, async () => {
  const lab = await openLab();
  const [sw, host] = await lab.netnsList(['sw', 'host']);
  const many = Array.from({ length: PORTS }, (_, i) => [
    `m${i}`,
    { type: 'tap', netns: i % 2 === 0 ? undefined : host.name },
  ]);
  const ports = { ...Object.fromEntries(many), stay: { type: 'tap', persist: true } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await sw.ip('link set m0 name renamed', 'tuntap add stranger mode tap', 'link set stranger group 7');
  await host.ip('tuntap add m0 mode tap');

  const begun = performance.now();
  expect(await daemon.process.stop('SIGTERM', 30_000)).toBe(0);
  // Each for itself takes 20 ms, and with four threads 3.5 s in all; other tests make the machine slow.
  expect(performance.now() - begun).toBeLessThan(2500);
  for (const gone of ['renamed', 'm2', 'br0']) expect(await sw.hasLink(gone)).toBe(false);
  expect(await host.hasLink('m1')).toBe(false);
  expect(await host.hasLink('m0')).toBe(true);
  expect(await sw.hasLink('stay')).toBe(true);
  expect(await groupOf(sw, 'stay')).toBe('default');
  expect(await sw.hasLink('stranger')).toBe(true);
});
