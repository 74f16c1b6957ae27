// Hooks of the daemon: only modules of the directory that it was started with, and what becomes of one is told.

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';

needs();

const COUNT = new URL('../support/hooks/count.mjs', import.meta.url).pathname;

test('frames of a TAP meet a hook of the directory; no other module is taken', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  cpSync(COUNT, join(lab.dir, 'count.mjs'));
  // The first byte behind the EtherType: 0x45 of IPv4, 0 of ARP.
  const hooks = [{ module: './count.mjs', options: { refuse: 0x45 } }];
  const port = (name: string) => ({ type: 'tap', netns: name });
  const config = (hooks: object[]) => ({
    version: 1,
    bridges: { br0: { local: false, ports: { t1: { ...port(h1.name), hooks }, t2: port(h2.name) } } },
  });
  const daemon = await Taploomd.start(lab, sw, config(hooks), { args: ['--hooks', lab.dir] });
  await h1.up('t1', '10.0.0.1/24');
  await h2.up('t2', '10.0.0.2/24');
  const ping = await h1.run(['ping', '-c', '2', '-W', '1', '10.0.0.2']);
  expect(ping.code).not.toBe(0);
  expect(await h1.check(['ip', 'neigh', 'show', '10.0.0.2'])).toMatch(/lladdr/); // ARP passed
  const shown = await daemon.cli('port', 'show', 'br0', 't1');
  expect(shown).toMatch(/hook \.\/count\.mjs +on/);
  expect(shown).toMatch(/receive dropped hook +[1-9]/);
  const elsewhere = daemon.apply(config([{ module: COUNT }]));
  await expect(elsewhere).rejects.toThrow(/this switch takes modules from nowhere else/);
});
